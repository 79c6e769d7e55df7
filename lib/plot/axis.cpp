#include "lib/plot/axis.hpp"

#include <cmath>

namespace alisio::plot {

Ticks round_ticks(double low, double high, int n) {
  const double raw = (high - low) / n, power = std::pow(10, std::floor(std::log10(raw)));
  Ticks ticks{10 * power, {}};
  for (const double factor : {5.0, 2.0, 1.0})
    if (raw <= factor * power) ticks.step = factor * power;
  const double slack = 1e-9 * (high - low);
  for (double k = std::ceil((low - slack) / ticks.step); k * ticks.step <= high + slack; ++k)
    ticks.values.push_back(k == 0 ? 0 : k * ticks.step);
  return ticks;
}

std::string labelled(const std::string& name, const std::string& unit) {
  return unit.empty() ? name : name + " (" + unit + ")";
}

}  // namespace alisio::plot
