#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Corrections of calibrated images by constants that follow the night: Cat-B.
namespace alisio::recalibrate {

/// The constants of one time interval. Arrays are [gain][pixel], flattened; gain 0 is high.
struct Interval {
  double time_min = 0;                      ///< UTC unix, s: the interval begins
  std::vector<double> dc_to_pe;             ///< factor on the Cat-A charge
  std::vector<double> pedestal_per_sample;  ///< p.e., of the Cat-A charge
  std::vector<double> time_correction;      ///< ns, added to the peak time
  std::vector<std::uint8_t> unusable_pixels;
};

/// Return the index of the interval in force at `time` (UTC unix, s): the last one that began
/// before it, the first one for earlier times.
/// @param time_min beginnings, increasing and not empty.
[[nodiscard]] std::size_t interval_at(std::span<const double> time_min, double time);

/// Correct one image: charge = (charge - pedestal_per_sample * window_width) * dc_to_pe and 0 for
/// unusable pixels, time += time_correction, each with the constants of the gain that the pixel was
/// read in. In float64, as the peers', so that cleaning and parameters see unrounded charges.
/// @param image, peak_time  [pixel], p.e. and ns
/// @param selected_gain     [pixel], 0 high, 1 low
/// @param window_width      samples that the charge was summed over
/// @param corrected_image, corrected_time [pixel], filled
/// @throws Error(bug) if the arrays differ in length.
void correct_image(std::span<const float> image, std::span<const float> peak_time,
                   std::span<const std::int8_t> selected_gain, const Interval& constants,
                   int window_width, std::span<double> corrected_image,
                   std::span<double> corrected_time);

/// Return the larger of the two gains' numbers of unusable pixels.
[[nodiscard]] std::size_t unusable_count(const Interval& constants);

}  // namespace alisio::recalibrate
