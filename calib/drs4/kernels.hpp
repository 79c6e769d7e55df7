#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "calib/drs4/readout.hpp"

/// The corrections of one readout (one pixel and gain, 40 samples) of the DRS4 ring buffers.
/// Inline, so that they are compiled for each instruction set that uses them.
namespace alisio::calib::drs4 {

/// Subtract the offset of each capacitor.
/// @param baseline of the first capacitor, in the pixel's row of Drs4Pedestal
inline void subtract_baseline(const float* samples, const std::int16_t* baseline, float* out) {
  for (std::size_t s = 0; s < readout::n_samples; ++s) out[s] = samples[s] - float(baseline[s]);
}
/// The same for stored values of the old format.
inline void subtract_baseline(const std::uint16_t* samples, const std::int16_t* baseline,
                              float* out) {
  for (std::size_t s = 0; s < readout::n_samples; ++s) {
    // Both fit in 16 bits, so the difference of integers is the difference of floats.
    out[s] = float(std::int32_t(samples[s]) - std::int32_t(baseline[s]));
  }
}

/// Places of spikes in a readout: at most two, at -2 … 39, in the order in which they are removed.
struct Spikes {
  std::array<int, 2> position{};
  std::size_t n = 0;
};

/// A readout that ended at an even capacitor of the first half of a channel leaves spikes of three
/// samples in the next one, at two places of each of the four channels.
[[nodiscard]] inline Spikes find_spikes(std::size_t first_capacitor,
                                        std::size_t previous_first_capacitor) {
  Spikes spikes;
  const std::size_t last =
      (previous_first_capacitor + readout::n_samples - 1) % n_channel_capacitors;
  const std::array<std::size_t, 2> bases{n_capacitors - last - 2, last};
  // One readout in fifty has spikes: asked at once, what is a matter of chance is no branch.
  const auto reaches = [&](std::size_t base) {
    return (base + n_capacitors + readout::n_spike_samples - 1 - first_capacitor) %
               n_channel_capacitors <
           readout::n_samples + readout::n_spike_samples - 1;
  };
  const unsigned leaves_spikes =
      static_cast<unsigned>(last % 2 == 0) & static_cast<unsigned>(last < n_channel_capacitors / 2);
  if ((leaves_spikes & (unsigned{reaches(bases[0])} | unsigned{reaches(bases[1])})) == 0) [[likely]]
    return spikes;
  std::array<std::size_t, 2> channel{};
  for (const std::size_t base : bases) {
    // Of the four channels exactly one can put a spike into the readout.
    const std::size_t offset = (base + n_capacitors - first_capacitor) % n_channel_capacitors;
    int position = int(offset);
    if (offset >= readout::n_samples) {
      if (offset < n_channel_capacitors - 2) continue;
      position -= int(n_channel_capacitors);
    }
    channel[spikes.n] = ((first_capacitor + n_capacitors + offset - base) / n_channel_capacitors +
                         (position < 0 ? 3 : 0)) %
                        4;
    spikes.position[spikes.n++] = position;
  }
  if (spikes.n == 2 && channel[1] < channel[0]) std::swap(spikes.position[0], spikes.position[1]);
  return spikes;
}

/// Draw a line over the two larger samples of each spike, with the peers' rounding: the samples
/// beside it lose their fractions first.
inline void interpolate_spikes(float* samples, const Spikes& spikes) {
  for (std::size_t k = 0; k < spikes.n; ++k) {
    const int s = spikes.position[k];
    if (s <= 2 || s >= int(readout::n_samples) - 2) continue;
    const int before = int(samples[s - 1]), after = int(samples[s + 2]);
    const double from = double(samples[s - 1]);
    samples[s] = float(from + 0.33 * (after - before));
    samples[s + 1] = float(from + 0.66 * (after - before));
  }
}

/// @param height the pixel's three of Drs4Pedestal
inline void subtract_spikes(float* samples, const Spikes& spikes, const std::int16_t* height) {
  for (std::size_t k = 0; k < spikes.n; ++k) {
    for (int i = 0; i < int(readout::n_spike_samples); ++i) {
      const int s = spikes.position[k] + i;
      if (s >= 0 && s < int(readout::n_samples)) samples[s] -= float(height[i]);
    }
  }
}

}  // namespace alisio::calib::drs4
