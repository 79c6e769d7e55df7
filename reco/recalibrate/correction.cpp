#include "reco/recalibrate/correction.hpp"

#include <algorithm>

#include "lib/base/error.hpp"

namespace alisio::recalibrate {

std::size_t interval_at(std::span<const double> time_min, double time) {
  const auto after = std::ranges::lower_bound(time_min, time);
  return after == time_min.begin() ? 0 : std::size_t(after - time_min.begin()) - 1;
}

void correct_image(std::span<const float> image, std::span<const float> peak_time,
                   std::span<const std::int8_t> selected_gain, const Interval& constants,
                   int window_width, std::span<double> corrected_image,
                   std::span<double> corrected_time) {
  const std::size_t n = image.size();
  if (peak_time.size() != n || selected_gain.size() != n || corrected_image.size() != n ||
      corrected_time.size() != n || constants.dc_to_pe.size() != 2 * n ||
      constants.pedestal_per_sample.size() != 2 * n || constants.time_correction.size() != 2 * n ||
      constants.unusable_pixels.size() != 2 * n)
    throw Error(ErrorKind::bug, "image and constants of different cameras", "Cat-B correction");
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = (selected_gain[i] != 0 ? n : 0) + i;
    const double pedestal = constants.pedestal_per_sample[at] * window_width;
    corrected_image[i] = constants.unusable_pixels[at] != 0
                             ? 0.0
                             : (double(image[i]) - pedestal) * constants.dc_to_pe[at];
    corrected_time[i] = double(peak_time[i]) + constants.time_correction[at];
  }
}

std::size_t unusable_count(const Interval& constants) {
  const auto& flags = constants.unusable_pixels;
  const auto middle = flags.begin() + std::ptrdiff_t(flags.size() / 2);
  const auto count = [](auto first, auto last) {
    return std::size_t(std::count_if(first, last, [](std::uint8_t flag) { return flag != 0; }));
  };
  return std::max(count(flags.begin(), middle), count(middle, flags.end()));
}

}  // namespace alisio::recalibrate
