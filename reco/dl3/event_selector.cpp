#include "reco/dl3/event_selector.hpp"

#include <algorithm>
#include <cmath>

namespace alisio::dl3 {

EventRanges standard_event_ranges() {
  return {.ranges = {{"r", 0, 1},
                     {"wl", 0.01, 1},
                     {"leakage_intensity_width_2", 0, 1},
                     {"event_type", 32, 32}},
          .finite = {"intensity", "length", "width"}};
}

std::vector<std::string> columns_of(const EventRanges& selection) {
  std::vector<std::string> columns;
  const auto add = [&](const std::string& column) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end())
      columns.push_back(column);
  };
  for (const EventRange& range : selection.ranges) add(range.column);
  for (const std::string& column : selection.finite) add(column);
  return columns;
}

std::vector<std::size_t> rows_inside(const Events& events, const EventRanges& selection) {
  std::vector<char> kept(events.n, 1);
  for (const auto& [column, low, high] : selection.ranges) {
    const std::vector<double>& values = events.column(column);
    for (std::size_t row = 0; row < events.n; ++row)
      kept[row] &= static_cast<char>(values[row] >= low && values[row] <= high);
  }
  for (const std::string& column : selection.finite) {
    if (!events.has(column)) continue;
    const std::vector<double>& values = events.column(column);
    for (std::size_t row = 0; row < events.n; ++row)
      kept[row] &= static_cast<char>(std::isfinite(values[row]));
  }
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < events.n; ++row)
    if (kept[row] != 0) rows.push_back(row);
  return rows;
}

}  // namespace alisio::dl3
