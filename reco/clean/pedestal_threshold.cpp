#include "reco/clean/pedestal_threshold.hpp"

#include <algorithm>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::clean {

std::vector<double> pedestal_picture_thresholds(const PedestalNoise& noise, double sigma,
                                                double floor, UnusableThreshold unusable) {
  const std::size_t n = noise.charge_mean.size();
  if (noise.charge_std.size() != n || noise.dc_to_pe.size() != n ||
      noise.unusable_pixels.size() != n)
    throw Error(ErrorKind::bug, "pedestal constants of different cameras", "pedestal thresholds");
  std::vector<double> thresholds(n);
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < n; ++i) {
    thresholds[i] = noise.charge_mean[i] * noise.dc_to_pe[i] +
                    sigma * (noise.charge_std[i] * noise.dc_to_pe[i]);
    if (thresholds[i] > largest) largest = thresholds[i];
  }
  const double replacement = unusable == UnusableThreshold::largest ? largest : floor;
  for (std::size_t i = 0; i < n; ++i) {
    if (noise.unusable_pixels[i] != 0) thresholds[i] = replacement;
    // Written so that NaN stays NaN.
    if (thresholds[i] < floor) thresholds[i] = floor;
  }
  return thresholds;
}

double fraction_above(std::span<const double> thresholds, double floor) {
  if (thresholds.empty()) return 0;
  return double(std::ranges::count_if(thresholds, [&](double t) { return t > floor; })) /
         double(thresholds.size());
}

}  // namespace alisio::clean
