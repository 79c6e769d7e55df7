#pragma once
#include <cstdint>
#include <span>

#include "calib/drs4/kernels.hpp"
#include "calib/drs4/time_lapse.hpp"

namespace alisio::calib::drs4 {

/// What the corrections of one readout (one pixel and gain, 40 samples) need.
struct Readout {
  const std::uint16_t* raw;
  const std::int16_t* baseline;  ///< of the first capacitor, ADC counts
  /// The same above `narrow_base`, read instead; nullptr: there is none.
  const std::uint8_t* narrow_baseline;
  std::int16_t narrow_base;          ///< ADC counts
  LapseBounds lapse;                 ///< `low` is nullptr: no capacitor gained anything
  const std::int16_t* spike_height;  ///< of the pixel, ADC counts; nullptr: interpolate
  Spikes spikes;
  float* samples;  ///< gets all 40, ADC counts
};

/// How samples are stored: value / scale - offset is ADC counts.
struct ReadoutScale {
  float scale = 1, offset = 0;
};

/// What became of some readouts, a bit for each.
struct CorrectedSet {
  unsigned above_threshold = 0;
  unsigned needs_exact_lapse = 0;  ///< the bounds are too wide, its samples of no use yet
};

/// Subtract baseline, time lapse and spikes, and say whether a sample is above the threshold.
/// @param readouts at most 32
/// @param gain_threshold [sample], of the gain selection, ADC counts
[[nodiscard]] CorrectedSet correct_readouts_scalar(
    std::span<const Readout> readouts, ReadoutScale scale,
    std::span<const float, readout::n_samples> gain_threshold);
/// The same, with the widest instructions of the machine.
[[nodiscard]] CorrectedSet correct_readouts(
    std::span<const Readout> readouts, ReadoutScale scale,
    std::span<const float, readout::n_samples> gain_threshold);

}  // namespace alisio::calib::drs4
