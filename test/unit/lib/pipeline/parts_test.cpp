#include "lib/pipeline/parts.hpp"

#include <gtest/gtest.h>

namespace alisio::pipeline {
namespace {

TEST(Parts, OnlyADamagedProductMayBeReplacedUnseen) {
  const auto fails_as = [](ErrorKind kind) {
    return unless_damaged([kind]() -> int { throw Error(kind, "no", "product"); });
  };
  EXPECT_EQ(unless_damaged([] { return 3; }), 3);
  EXPECT_EQ(fails_as(ErrorKind::bad_input), std::nullopt);
  EXPECT_THROW(static_cast<void>(fails_as(ErrorKind::resource)), Error);
  EXPECT_THROW(static_cast<void>(fails_as(ErrorKind::missing_input)), Error);
}

TEST(Parts, AFileOfTheRunHoldsAllItsSubruns) {
  const Parts there = parts_in_names(std::vector<std::string>{"dl1_LST-1.Run00001.0003.h5"});
  ASSERT_EQ(there, (Parts{{1, 3}}));
  EXPECT_NO_THROW(
      refuse_loss("out", there, parts_in_names(std::vector<std::string>{"dl1_LST-1.Run00001.h5"})));
  EXPECT_THROW(refuse_loss("out", there, {{1, 2}}), Error);
  EXPECT_NO_THROW(refuse_loss("out", there, {{1, 2}}, {3}));
  EXPECT_THROW(refuse_loss("out", there, {{1, 2}}, {2}), Error);
}

}  // namespace
}  // namespace alisio::pipeline
