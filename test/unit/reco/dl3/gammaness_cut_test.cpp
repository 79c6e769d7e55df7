#include "reco/dl3/gammaness_cut.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace alisio::dl3 {
namespace {

using Rows = std::vector<std::size_t>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(GammanessCut, GlobalLeavesItsValueOut) {
  const GammanessCut cut{0.6, {}, {}};
  EXPECT_EQ(rows_above(cut, {0.6, 0.7, nan, 0.1, 0.9}, {1, 1, 1, 1, nan}, {0, 1, 2, 3, 4}),
            (Rows{1, 4}));
  EXPECT_EQ(rows_above(cut, {0.7, 0.7, 0.7}, {1, 1, 1}, {2}), (Rows{2}));
}

TEST(GammanessCut, BinsTakeTheirValueAndTheirLowerEdge) {
  const GammanessCut cut{std::nullopt, {0.1, 1, 10}, {0.5, 0.8}};
  const std::vector<double> energy{0.1, 0.99, 1, 1, 10, 0.05, nan};
  const std::vector<double> gammaness{0.5, 0.49, 0.5, 0.8, 1, 1, 1};
  EXPECT_EQ(rows_above(cut, gammaness, energy, {0, 1, 2, 3, 4, 5, 6}), (Rows{0, 3}));
}

}  // namespace
}  // namespace alisio::dl3
