#pragma once
#include <cstdint>

#include "calib/drs4/kernels.hpp"

namespace alisio::calib::drs4 {

/// What the corrections of one readout (one pixel and gain, 40 samples) need.
struct Readout {
  const std::uint16_t* raw;
  float scale, offset;           ///< of stored values: value / scale - offset is ADC counts
  const std::int16_t* baseline;  ///< of the first capacitor, ADC counts
  const double* lapse;           ///< [sample], ADC counts; nullptr: no capacitor gained anything
  Spikes spikes;
  const std::int16_t* spike_height;  ///< of the pixel, ADC counts; nullptr: interpolate
  const float* gain_threshold;       ///< [sample], of the gain selection, ADC counts
};

enum class Corrected { below_threshold, above_threshold, needs_exact_lapse };

/// Whether `Readout::lapse` is within time_lapse_uncertainty, or exact.
enum class Lapse { approximate, exact };

/// Subtract baseline, time lapse and spikes, and say whether a sample is above the threshold.
/// @param samples gets all 40, ADC counts; of no use if the exact lapse is needed
[[nodiscard]] Corrected correct_readout_scalar(const Readout& readout, Lapse lapse, float* samples);
/// The same, with the widest instructions of the machine.
[[nodiscard]] Corrected correct_readout(const Readout& readout, Lapse lapse, float* samples);

}  // namespace alisio::calib::drs4
