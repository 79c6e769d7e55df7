#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "calib/drs4/threshold.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio::calib {

/// Turn ADC counts into p.e., in place. Each of the two steps is computed in double and rounded to
/// float, as numpy does for double constants applied in place to float samples.
inline void convert_to_pe(float* samples, std::size_t n, double pedestal_per_sample,
                          double dc_to_pe) {
  // Two loops, so that the rounding in between passes through memory: GCC 12 folds a vector's way
  // from double to float and back.
  for (std::size_t s = 0; s < n; ++s) {
    samples[s] = static_cast<float>(double(samples[s]) - pedestal_per_sample);
  }
  for (std::size_t s = 0; s < n; ++s) {
    samples[s] = static_cast<float>(double(samples[s]) * dc_to_pe);
  }
}

/// Time shifts against the first capacitor: the Fourier series of the DRS4 sampling delays minus
/// the time correction of the flat field, tabulated once.
class TimeShifts {
 public:
  /// @param drs4 nullptr: no sampling delays
  /// @param time_correction [gain][pixel], ns; subtracted
  TimeShifts(const TimeCalibration* drs4, std::span<const double> time_correction,
             std::size_t n_pixels);

  /// Return the shift, ns, before the median of the event is removed.
  [[nodiscard]] double of(std::size_t gain, std::size_t pixel, std::size_t first_capacitor) const {
    const std::size_t channel = gain * n_pixels_ + pixel;
    return has_drs4_
               ? table_[channel * n_channel_capacitors + first_capacitor % n_channel_capacitors]
               : table_[channel];
  }

 private:
  std::size_t n_pixels_;
  bool has_drs4_;
  LargeVector<double> table_;  ///< [gain][pixel] and, with delays, [capacitor of the channel]
};

}  // namespace alisio::calib
