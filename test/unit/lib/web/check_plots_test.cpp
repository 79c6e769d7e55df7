// Drawings that are costly are made once.
#include "lib/web/check_plots.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace alisio::web {
namespace {

TEST(DrawingCache, MakesAndForgets) {
  DrawingCache cache(10);
  int made = 0;
  const auto text = [&](const char* key, std::size_t size) {
    return cache.get(key, [&] {
      ++made;
      return std::string(size, key[0]);
    });
  };
  EXPECT_EQ(text("a", 4), "aaaa");
  EXPECT_EQ(text("a", 4), "aaaa");
  EXPECT_EQ(made, 1);
  EXPECT_EQ(text("b", 4), "bbbb");
  EXPECT_EQ(text("a", 4), "aaaa");
  EXPECT_EQ(text("c", 4), "cccc");
  EXPECT_EQ(made, 3);
  static_cast<void>(text("a", 4));
  EXPECT_EQ(made, 3) << "what was asked for lately is kept";
  static_cast<void>(text("b", 4));
  EXPECT_EQ(made, 4) << "what was not, is made again";
  EXPECT_EQ(text("d", 100).size(), 100U) << "one too large is given all the same";
}

TEST(DrawingCache, KeepsNothingThatFailed) {
  DrawingCache cache(10);
  EXPECT_THROW(
      static_cast<void>(cache.get("a", []() -> std::string { throw std::runtime_error("torn"); })),
      std::runtime_error);
  EXPECT_EQ(cache.get("a", [] { return std::string("whole"); }), "whole");
}

TEST(CheckPlots, ASectionLoadsEachWhenItComesIntoView) {
  EXPECT_EQ(check_plots_html({}, "/x"), "");
  const std::string html =
      check_plots_html({{"rates", "Rates <of> events", false}}, "/nights/d/p/plot/7");
  EXPECT_NE(html.find("src=\"/nights/d/p/plot/7/rates.svg\""), std::string::npos) << html;
  EXPECT_NE(html.find("loading=\"lazy\""), std::string::npos);
  EXPECT_EQ(html.find("<of>"), std::string::npos);
}

}  // namespace
}  // namespace alisio::web
