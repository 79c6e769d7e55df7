#include "reco/dl3/event_cut.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace alisio::dl3 {
namespace {

using Rows = std::vector<std::size_t>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(EventCut, OneValueCutsItselfAway) {
  const EventCut cut{.global = 0.6, .by_energy = {}};
  const std::vector<double> values{0.6, 0.7, nan, 0.1, 0.9}, energies{1, 1, 1, 1, nan};
  EXPECT_EQ(rows_above(cut, values, energies), (Rows{1, 4}));
  EXPECT_EQ(rows_below(cut, values, energies), (Rows{3}));
}

TEST(EventCut, BinsTakeTheirValueAndTheirLowerEdge) {
  const EventCut cut{.global = std::nullopt,
                     .by_energy = {.energy = {0.1, 1, 10}, .n_events = {}, .cut = {0.5, 0.8}}};
  const std::vector<double> energies{0.1, 0.99, 1, 1, 10, 0.05, nan};
  const std::vector<double> values{0.5, 0.49, 0.5, 0.8, 1, 1, 1};
  EXPECT_EQ(rows_above(cut, values, energies), (Rows{0, 3}));
  EXPECT_EQ(rows_below(cut, values, energies), (Rows{0, 1, 2, 3}));
}

}  // namespace
}  // namespace alisio::dl3
