#pragma once
#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "calib/drs4/readout.hpp"

/// The corrections of one readout (one pixel and gain, 40 samples) of the DRS4 ring buffers.
/// Inline, so that they are compiled for each instruction set that uses them.
namespace alisio::calib::drs4 {

/// Baseline that a capacitor gained since it was read out last, ADC counts (law measured at 20 °C).
/// @param ms since the last readout
[[nodiscard]] inline double time_lapse_baseline(double ms) {
  return 32.99 * std::pow(ms, -0.22) - 11.9;
}
/// Capacitors read out longer ago need no correction.
inline constexpr double longest_lapse_ms = 100;

/// Remembers baselines by elapsed clock ticks: the channels of a module are read out together, so
/// the same few values come back for all of them.
class LapseMemo {
 public:
  [[nodiscard]] double baseline(std::uint32_t ticks) {
    const std::size_t slot = (ticks ^ (ticks >> 9)) % size;
    if (key_[slot] != ticks) {
      key_[slot] = ticks;
      value_[slot] = time_lapse_baseline(double(ticks) / readout::clock_ticks_per_ms);
    }
    return value_[slot];
  }

 private:
  static constexpr std::size_t size = 512;
  std::array<std::uint32_t, size> key_{};  ///< 0 is never asked for
  std::array<double, size> value_{};
};

/// Subtract the offset of each capacitor.
/// @param baseline the pixel's row of Drs4Pedestal
inline void subtract_baseline(const float* samples, std::size_t first_capacitor,
                              const std::int16_t* baseline, float* out) {
  const std::int16_t* from = baseline + first_capacitor;
  for (std::size_t s = 0; s < readout::n_samples; ++s) out[s] = samples[s] - float(from[s]);
}
/// The same for stored values of the old format.
inline void subtract_baseline(const std::uint16_t* samples, std::size_t first_capacitor,
                              const std::int16_t* baseline, float* out) {
  const std::int16_t* from = baseline + first_capacitor;
  for (std::size_t s = 0; s < readout::n_samples; ++s) {
    // Both fit in 16 bits, so the difference of integers is the difference of floats.
    out[s] = float(std::int32_t(samples[s]) - std::int32_t(from[s]));
  }
}

/// Return a mask whose bit s says that capacitors s and s + 1 of a readout were read out last at
/// different times.
/// @param last of 41 capacitors; the value of the last one does not matter
[[nodiscard]] inline std::uint64_t find_changes(const std::uint32_t* last) {
  const auto equal_16 = [](const std::uint32_t* at) {
    const auto equal_4 = [](const std::uint32_t* from) {
      return _mm_cmpeq_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)),
                             _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 1)));
    };
    return std::uint64_t(unsigned(
        _mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(equal_4(at), equal_4(at + 4)),
                                          _mm_packs_epi32(equal_4(at + 8), equal_4(at + 12))))));
  };
  static_assert(readout::n_samples == 40, "the masks below are for 40 samples");
  const std::uint64_t equal =
      equal_16(last) | equal_16(last + 16) << 16 | equal_16(last + 24) << 24;
  return ~equal & ((std::uint64_t{1} << (readout::n_samples - 1)) - 1);
}

/// Subtract what capacitors gained since their last readout.
/// @param last the pixel's last readouts [capacitor], clock ticks, 0 if there is none
/// @param now  ticks on the same scale
inline void subtract_time_lapse(float* samples, std::size_t first_capacitor, std::uint32_t now,
                                const std::uint32_t* last, LapseMemo& memo) {
  constexpr std::size_t n = readout::n_samples;
  std::array<std::uint32_t, n + 1> around;
  const std::uint32_t* window = last + first_capacitor;
  if (first_capacitor + n + 1 > n_capacitors) {
    for (std::size_t s = 0; s < n; ++s) around[s] = last[(first_capacitor + s) % n_capacitors];
    around[n] = 0;
    window = around.data();
  }
  const auto baseline_of = [&](std::uint32_t then) {
    constexpr auto longest = std::uint32_t(longest_lapse_ms * readout::clock_ticks_per_ms);
    // A clock that stands still or runs back gives no elapsed time.
    const bool applies = then > 0 && then < now && now - then < longest;
    return applies ? memo.baseline(now - then) : 0.0;
  };
  // Neighbours were mostly read out together, so there are few different baselines. Each is written
  // to the end of the readout and the next one over it: a fixed number of stores costs less than
  // the right one.
  std::array<double, 2 * n> baseline;
  std::fill_n(baseline.begin(), n, baseline_of(window[0]));
  for (std::uint64_t changes = find_changes(window); changes != 0; changes &= changes - 1) {
    const auto s = std::size_t(__builtin_ctzll(changes)) + 1;
    std::fill_n(baseline.begin() + std::ptrdiff_t(s), n, baseline_of(window[s]));
  }
  for (std::size_t s = 0; s < n; ++s) samples[s] = float(double(samples[s]) - baseline[s]);
}

/// Note the readout of 40 capacitors and, for every other pixel of a module, of those that the
/// chip reads besides when the region of interest is in its last quarter.
inline void update_last_readout(std::size_t pixel_in_module, std::size_t first_capacitor,
                                std::uint32_t now, std::uint32_t* last) {
  const auto mark = [&](std::size_t begin, std::size_t n) {
    for (std::size_t c = 0; c < n; ++c) last[(begin + c) % n_capacitors] = now;
  };
  if (first_capacitor + readout::n_samples <= n_capacitors) {
    std::fill_n(last + first_capacitor, readout::n_samples, now);
  } else {
    mark(first_capacitor, readout::n_samples);
  }
  if (pixel_in_module % 2 != 0) return;
  constexpr std::size_t extra = 12;
  const std::size_t in_channel = first_capacitor % n_channel_capacitors;
  if (in_channel <= 767) return;
  mark(first_capacitor + n_channel_capacitors, std::min(extra, n_channel_capacitors - in_channel));
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
  if (last % 2 != 0 || last >= n_channel_capacitors / 2) return spikes;
  std::array<std::size_t, 2> channel{};
  for (const std::size_t base : {n_capacitors - last - 2, last}) {
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
    for (int i = 0; i < 3; ++i) {
      const int s = spikes.position[k] + i;
      if (s >= 0 && s < int(readout::n_samples)) samples[s] -= float(height[i]);
    }
  }
}

}  // namespace alisio::calib::drs4
