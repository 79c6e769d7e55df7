#pragma once
#include <string>
#include <vector>

namespace alisio::plot {

/// The round numbers of an axis between two ends: steps of 1, 2 or 5 times a power of ten.
struct Ticks {
  double step = 1;
  std::vector<double> values;
};

/// @param n about how many; @pre high > low.
[[nodiscard]] Ticks round_ticks(double low, double high, int n);

/// Return a name with its unit, "charge (p.e.)"; the name alone if there is no unit.
[[nodiscard]] std::string labelled(const std::string& name, const std::string& unit);

}  // namespace alisio::plot
