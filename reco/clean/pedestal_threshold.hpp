#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace alisio::clean {

/// The noise of a camera as interleaved or calibration-run pedestals tell it, high gain.
struct PedestalNoise {
  std::span<const double> charge_mean;            ///< [pixel], ADC counts in the window
  std::span<const double> charge_std;             ///< [pixel], ADC counts in the window
  std::span<const double> dc_to_pe;               ///< [pixel], p.e. per ADC count
  std::span<const std::uint8_t> unusable_pixels;  ///< [pixel], 1 for a pixel not to be trusted
};

/// What an unusable pixel's threshold is.
enum class UnusableThreshold {
  largest,  ///< the largest of the camera, before the floor: it is not to start an image
  floor     ///< the floor: its charge is zero anyway
};

/// Return one picture threshold per pixel, p.e.: dc_to_pe * (mean + sigma * std), and not below
/// `floor`. Noisy pixels (stars) so need more charge. NaN constants give NaN: a pixel that never
/// passes. (lstchain's get_threshold_from_dl1_file, and its Cat-B counterpart in lstchain_dl1ab.)
/// @param sigma number of standard deviations above the mean.
/// @param floor picture threshold of quiet pixels, p.e.
/// @throws Error(bug) if the arrays differ in length.
[[nodiscard]] std::vector<double> pedestal_picture_thresholds(const PedestalNoise& noise,
                                                              double sigma, double floor,
                                                              UnusableThreshold unusable);

/// Return the fraction of pixels whose threshold is above `floor`.
[[nodiscard]] double fraction_above(std::span<const double> thresholds, double floor);

}  // namespace alisio::clean
