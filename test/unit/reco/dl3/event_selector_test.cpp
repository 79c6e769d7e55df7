#include "reco/dl3/event_selector.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "lib/base/error.hpp"

namespace {

using namespace alisio;
using namespace alisio::dl3;
using Rows = std::vector<std::size_t>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Events table(const std::map<std::string, std::vector<double>>& columns) {
  return {.columns = columns, .n = columns.begin()->second.size()};
}

TEST(EventSelector, IncludesBothEndsAndNeverNan) {
  const Events events = table({{"r", {-0.1, 0, 0.5, 1, 1.1, nan, infinity}}});
  EXPECT_EQ(rows_inside(events, {.ranges = {{"r", 0, 1}}, .finite = {}}), (Rows{1, 2, 3}));
  EXPECT_EQ(rows_inside(events, {.ranges = {{"r", 0, infinity}}, .finite = {}}),
            (Rows{1, 2, 3, 4, 6}));
}

TEST(EventSelector, WantsEveryRange) {
  const Events events = table({{"r", {0.5, 0.5, 2}}, {"event_type", {32, 2, 32}}});
  EXPECT_EQ(rows_inside(events, {.ranges = {{"r", 0, 1}, {"event_type", 32, 32}}, .finite = {}}),
            (Rows{0}));
}

TEST(EventSelector, TakesInfinityForNotFinite) {
  const Events events = table({{"width", {1, nan, infinity, -infinity}}});
  EXPECT_EQ(rows_inside(events, {.ranges = {}, .finite = {"width"}}), (Rows{0}));
}

TEST(EventSelector, LooksAtFiniteColumnsOnlyWhereThereAreSuch) {
  const Events events = table({{"width", {1, 2}}});
  EXPECT_EQ(rows_inside(events, {.ranges = {}, .finite = {"width", "length"}}), (Rows{0, 1}));
}

TEST(EventSelector, NamesTheColumnThatIsMissing) {
  const Events events = table({{"width", {1, 2}}});
  try {
    (void)rows_inside(events, {.ranges = {{"wl", 0, 1}}, .finite = {}});
    FAIL() << "a table without the column was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(error.problem().find("wl"), std::string::npos);
  }
}

TEST(EventSelector, KeepsNothingOfNothing) {
  EXPECT_TRUE(rows_inside(table({{"r", {}}}), {.ranges = {{"r", 0, 1}}, .finite = {}}).empty());
}

TEST(EventSelector, TellsTheColumnsOfTheDefaultsOnce) {
  EventRanges selection = standard_event_ranges();
  EXPECT_EQ(columns_of(selection),
            (std::vector<std::string>{"r", "wl", "leakage_intensity_width_2", "event_type",
                                      "intensity", "length", "width"}));
  selection.ranges.push_back({"intensity", 50, infinity});
  EXPECT_EQ(columns_of(selection).size(), 7u);
}

TEST(EventSelector, KeepsAStandardShowerAndDropsWhatIsNone) {
  const Events events = table({{"r", {0.5, 0.5, 0.5}},
                               {"wl", {0.3, 0.009, 0.3}},
                               {"leakage_intensity_width_2", {0, 0, 0}},
                               {"event_type", {32, 32, 0}},
                               {"intensity", {100, 100, 100}},
                               {"length", {0.1, 0.1, 0.1}},
                               {"width", {0.05, 0.05, 0.05}}});
  EXPECT_EQ(rows_inside(events, standard_event_ranges()), (Rows{0}));
}

}  // namespace
