#include "reco/dl3/cuts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Cuts, PercentilesLieBetweenRanks) {
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 50), 2.5);
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 90), 3.7);
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 100), 4);
  EXPECT_DOUBLE_EQ(percentile({nan, 7, nan}, 20), 7);
  EXPECT_TRUE(std::isnan(percentile({nan}, 20)));
  EXPECT_TRUE(std::isnan(percentile({}, 20)));
}

/// Ten bins of one event each would be too few: bins of 0, 3, 1, 1, 3, 2 events.
TEST(Cuts, BinsWithFewEventsBorrowFromTheirNeighbours) {
  const Edges energy{0, 1, 2, 3, 4, 5, 6};
  const std::vector<double> energies{1.5, 1.5, 1.5, 2.5, 3.5, 4.5, 4.5, 4.5, 5.5, 5.5};
  const std::vector<double> values{0.1, 0.2, 0.3, 0.9, 0.9, 0.5, 0.6, 0.7, 0.9, 0.9};
  const BinnedCut cut =
      find_cut(values, energies, energy, {.percent = 50, .least = 0, .most = 1, .fill = 1}, 3);
  EXPECT_EQ(cut.n_events, (std::vector<std::int64_t>{0, 3, 1, 1, 3, 2}));
  EXPECT_DOUBLE_EQ(cut.cut[0], 0.2);  // below the first bin with enough
  EXPECT_DOUBLE_EQ(cut.cut[1], 0.2);
  EXPECT_DOUBLE_EQ(cut.cut[2], 0.6);  // of 0.2 and its other neighbour's fill
  EXPECT_DOUBLE_EQ(cut.cut[3], 0.8);  // of the fill and 0.6
  EXPECT_DOUBLE_EQ(cut.cut[4], 0.6);
  EXPECT_DOUBLE_EQ(cut.cut[5], 0.6);  // above the last bin with enough
}

TEST(Cuts, StayWithinTheirLimits) {
  const std::vector<double> energies{1, 1, 1}, values{0.01, 0.02, 0.99};
  const QuantileCut low{.percent = 0, .least = 0.1, .most = 0.95, .fill = 1};
  EXPECT_EQ(find_cut(values, energies, {0, 2}, low, 1).cut[0], 0.1);
  QuantileCut high = low;
  high.percent = 100;
  EXPECT_EQ(find_cut(values, energies, {0, 2}, high, 1).cut[0], 0.95);
}

TEST(Cuts, ABinHoldsItsLowerEdgeAndItsCut) {
  const BinnedCut cut{.energy = {1, 2, 3}, .n_events = {1, 1}, .cut = {0.5, 0.8}};
  EXPECT_TRUE(cut.keeps_above(1, 0.5));
  EXPECT_FALSE(cut.keeps_above(2, 0.5));
  EXPECT_TRUE(cut.keeps_below(2, 0.8));
  EXPECT_FALSE(cut.keeps_below(1, 0.8));
  EXPECT_FALSE(cut.keeps_above(3, 1));    // outside the bins
  EXPECT_FALSE(cut.keeps_below(0.5, 0));  // outside the bins
  EXPECT_FALSE(cut.keeps_above(nan, 1));
  EXPECT_FALSE(cut.keeps_above(1, nan));
}

TEST(Cuts, NeedEventsSomewhere) {
  const std::vector<double> one{1};
  try {
    (void)find_cut(one, one, {0, 2}, {.percent = 50, .least = 0, .most = 1, .fill = 1}, 100);
    FAIL() << "a cut was found from one event";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(error.remedy().find("min_event_p_en_bin"), std::string::npos);
  }
}

}  // namespace
}  // namespace alisio::dl3
