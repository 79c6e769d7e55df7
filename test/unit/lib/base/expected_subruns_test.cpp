#include "lib/base/expected_subruns.hpp"

#include <gtest/gtest.h>

namespace alisio {
namespace {

using Numbers = std::vector<int>;

TEST(ExpectedSubruns, AreMissingIfNeitherThereNorLeftOut) {
  EXPECT_EQ(ExpectedSubruns().missing({}), Numbers());
  EXPECT_EQ(ExpectedSubruns().missing({0, 3}), (Numbers{1, 2}));
  EXPECT_EQ(ExpectedSubruns{.number = 5}.missing({0, 3}), (Numbers{1, 2, 4}));
  EXPECT_EQ((ExpectedSubruns{.number = 5, .left_out = {2, 4}}.missing({0, 3})), Numbers{1});
  EXPECT_EQ(ExpectedSubruns{.number = 2}.missing({}), (Numbers{0, 1}));
}

TEST(ExpectedSubruns, AreToldAsRanges) {
  EXPECT_EQ(ranges_of({}), "");
  EXPECT_EQ(ranges_of({0, 1, 2, 3, 7}), "0-3, 7");
  EXPECT_EQ(ranges_of({4}), "4");
}

}  // namespace
}  // namespace alisio
