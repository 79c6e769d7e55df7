#include "lib/report/page.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "lib/base/error.hpp"
#include "lib/base/markup.hpp"
#include "lib/report/address.hpp"
#include "lib/report/assets.hpp"

namespace alisio::report {
namespace {

instrument::CameraGeometry three_pixels() {
  instrument::CameraGeometry geometry;
  geometry.name = "Small";
  geometry.n_pixels = 3;
  geometry.pix_id = {0, 1, 2};
  geometry.x = {0, 0.05, -0.05};
  geometry.y = {0, 0.1, 0.25};
  geometry.area = {0.002, 0.002, 0.002};
  geometry.pixel_width = 0.05;
  return geometry;
}

/// The numbers of a page as its script reads them.
nlohmann::json numbers_of(const std::string& html) {
  const std::string begin = R"(<script type="application/json" id="numbers">)";
  const std::size_t from = html.find(begin) + begin.size();
  return nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(Page, EscapesWhatMeansSomethingInHtml) {
  EXPECT_EQ(markup_escaped("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(markup_escaped(std::string("a\x01z\n")), "a z\n");
}

TEST(Page, NoTextGetsOutOfItsPlace) {
  const std::string evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
  Page page(evil, evil);
  const std::size_t camera = page.add_camera(three_pixels());
  page.begin_section(evil, evil, true, Light::bad, true);
  page.heading(evil, evil);
  page.paragraph(evil);
  page.notice(evil);
  page.list({evil});
  page.links({{evil, evil}});
  Cell cell = text_cell(evil, evil);
  cell.hint = evil;
  page.add(Table{.title = evil, .columns = {evil}, .below = {evil}, .rows = {{cell}}});
  Axis axis;
  axis.label = axis.unit = evil;
  page.add(LinePlot{.title = evil,
                    .note = evil,
                    .x = axis,
                    .y = axis,
                    .curves = {{.name = evil, .x = {1}, .y = {2}, .labels = {evil}}},
                    .bands = {{evil, 0, 1}}});
  page.add(Histogram{.title = evil,
                     .note = evil,
                     .x = axis,
                     .y = axis,
                     .edges = {0, 1},
                     .contents = {{.name = evil, .values = {3}}}});
  page.add(
      CameraMap{.title = evil, .note = evil, .value = axis, .camera = camera, .values = {1, 2, 3}});
  page.end_section();
  const std::string html = page.html(evil);
  EXPECT_EQ(count_of(html, "<script"), 2U);
  EXPECT_EQ(count_of(html, "</script>"), 2U);
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(numbers_of(html)["plots"][0]["curves"][0]["labels"][0], evil);
}

TEST(Page, InvalidUtf8DoesNotEndThePage) {
  Page page("t");
  page.add(Histogram{.title = "bad \xff text",
                     .x = {},
                     .y = {},
                     .edges = {0, 1},
                     .contents = {{.name = "a", .values = {1}}}});
  EXPECT_NO_THROW(static_cast<void>(numbers_of(page.html(""))));
}

TEST(Page, NeedsNothingFromOutside) {
  Page page("t");
  page.add_camera(three_pixels());
  const std::string html = page.html("f");
  const std::regex outside(
      R"((src|href)\s*=\s*["'](https?:)?//|@import|url\((?!#)|fetch\(|XMLHttpRequest)");
  EXPECT_FALSE(std::regex_search(html, outside));
  EXPECT_NE(html.find("<meta charset=\"utf-8\">"), std::string::npos);
  EXPECT_NE(html.find(page_style()), std::string::npos);
  EXPECT_NE(html.find(page_script()), std::string::npos);
}

TEST(Page, EqualNumbersAreStoredOnce) {
  Page page("t");
  const std::size_t camera = page.add_camera(three_pixels());
  const std::size_t before = numbers_of(page.html(""))["arrays"].size();
  const CameraMap map{.title = "a", .value = {}, .camera = camera, .values = {1.5, 2.5, 3.5}};
  page.add(map);
  page.add(map);
  const nlohmann::json numbers = numbers_of(page.html(""));
  EXPECT_EQ(numbers["arrays"].size(), before + 1);
  EXPECT_EQ(numbers["plots"][0]["values"], numbers["plots"][1]["values"]);
  EXPECT_EQ(numbers["cameras"].size(), 1U);
}

TEST(Page, RefusesArraysThatDoNotFit) {
  Page page("t");
  EXPECT_THROW(page.add(Histogram{.title = "h",
                                  .x = {},
                                  .y = {},
                                  .edges = {0, 1},
                                  .contents = {{.name = "a", .values = {1, 2}}}}),
               Error);
  EXPECT_THROW(page.add(LinePlot{
                   .title = "l", .x = {}, .y = {}, .curves = {{.name = "a", .x = {1}, .y = {}}}}),
               Error);
  EXPECT_THROW(page.add(CameraMap{.title = "c", .value = {}, .camera = 0, .values = {}}), Error);
  EXPECT_THROW(page.add(Table{.title = "t", .columns = {"a", "b"}, .rows = {{text_cell("x")}}}),
               Error);
  EXPECT_THROW(page.end_section(), Error);
  page.begin_section("s", "s");
  EXPECT_THROW(static_cast<void>(page.html("")), Error);
}

TEST(Page, LightsAreSaidInWords) {
  Page page("t");
  page.add(Table{.title = "t",
                 .columns = {"a"},
                 .rows = {{light_cell(Light::bad)},
                          {light_cell(Light::good, "7 Hz")},
                          {light_cell(Light::unknown)}}});
  const std::string html = page.html("");
  EXPECT_NE(html.find("</span> bad</span>"), std::string::npos);
  EXPECT_NE(html.find("</span> 7 Hz</span>"), std::string::npos);
  EXPECT_NE(html.find("</span> not measured</span>"), std::string::npos);
}

TEST(Page, LightOfGates) {
  EXPECT_EQ(light_of(make_gate("a", 1, "", {0, 2})), Light::good);
  EXPECT_EQ(light_of(make_gate("a", 3, "", {0, 2})), Light::bad);
  EXPECT_EQ(light_of(make_gate("a", std::nan(""), "", {0, 2})), Light::unknown);
  using enum Light;
  EXPECT_EQ(worst(std::array{good, unknown}), good);
  EXPECT_EQ(worst(std::array{good, attention, unknown}), attention);
  EXPECT_EQ(worst(std::array{bad, attention, good}), bad);
  EXPECT_EQ(worst(std::array<Light, 0>{}), unknown);
}

TEST(Page, NumbersInCells) {
  EXPECT_EQ(number_cell(7402.34, 1).text, "7402.3");
  EXPECT_EQ(number_cell(std::nan("")).text, "–");
  EXPECT_TRUE(number_cell(1).number);
}

TEST(Address, IsRelativeAndEncoded) {
  EXPECT_EQ(relative_address("/data/DL1/20221215/a b#1.h5", "/data/DL1/20221215"), "a%20b%231.h5");
  EXPECT_EQ(relative_address("/data/DL2/x.h5", "/data/DL1/20221215"), "../../DL2/x.h5");
  EXPECT_EQ(file_address("/data/a?b.html"), "file:///data/a%3Fb.html");
}

}  // namespace
}  // namespace alisio::report
