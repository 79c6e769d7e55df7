#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "calib/drs4/readout.hpp"
#include "calib/r0/r0_source.hpp"

namespace alisio::calib {

/// A small camera of two modules whose truth is known, and raw events of it. The electronics are
/// written out here as their definitions say, apart from the code that is tested.
struct SmallRun {
  static constexpr std::size_t n_modules = 2, n_pixels = n_modules * readout::pixels_per_module;
  static constexpr std::size_t n_samples = readout::n_samples;
  static constexpr int spike[3] = {46, 53, 24};

  RawCamera camera;
  std::vector<std::vector<std::uint16_t>> waveform, first_capacitor;
  std::vector<std::vector<std::uint64_t>> clock;
  std::vector<std::vector<std::uint8_t>> status;
  std::vector<RawEvent> events;

  SmallRun() {
    camera.run = 1;
    camera.n_samples = n_samples;
    for (std::size_t p = 0; p < n_pixels; ++p)
      camera.pixel_ids.push_back(std::uint16_t(n_pixels - 1 - p));  // not in read-out order
    camera.module_ids.resize(n_modules);
  }

  static std::size_t chip_of(std::size_t gain, std::size_t position) {
    return position / readout::pixels_per_module * readout::chips_per_module +
           readout::chip_of_pixel[gain][position % readout::pixels_per_module];
  }
  /// Return the true baseline of a capacitor.
  static int baseline(std::size_t gain, std::size_t position, std::size_t capacitor) {
    return int(380 + 7 * gain + position + capacitor % 31 + capacitor / 512);
  }

  /// Add an event: `fill(gain, position, sample)` gives what is added to the baseline.
  template <typename Fill>
  void add_event(std::mt19937& random, std::uint64_t ticks, const Fill& fill) {
    auto& cells = first_capacitor.emplace_back();
    for (std::size_t c = 0; c < n_modules * readout::chips_per_module; ++c)
      cells.push_back(std::uint16_t(random() % n_capacitors));
    clock.emplace_back(n_modules, ticks);
    status.emplace_back(n_pixels, std::uint8_t(0x0d));
    auto& samples = waveform.emplace_back();
    for (std::size_t g = 0; g < n_gains; ++g)
      for (std::size_t p = 0; p < n_pixels; ++p)
        for (std::size_t s = 0; s < n_samples; ++s)
          samples.push_back(std::uint16_t(
              baseline(g, p, (cells[chip_of(g, p)] + s) % n_capacitors) + fill(g, p, s)));
  }

  /// Point the events at what they hold. Call once, when all are there.
  void finish(EventType type) {
    events.resize(waveform.size());
    for (std::size_t e = 0; e < events.size(); ++e) {
      RawEvent& event = events[e];
      event.event_id = std::int64_t(e + 1);
      event.type = type;
      event.waveform = waveform[e];
      event.pixel_status = status[e];
      event.first_capacitor = first_capacitor[e];
      event.module_clock = clock[e];
      event.n_stored = n_pixels;
      event.n_samples = n_samples;
    }
  }
  [[nodiscard]] RawBlock block(std::size_t first, std::size_t n) const {
    RawBlock out;
    out.first_index = first;
    const std::size_t end = std::min(events.size(), first + n);
    out.events.assign(events.begin() + std::ptrdiff_t(first), events.begin() + std::ptrdiff_t(end));
    return out;
  }
};

/// Return where a readout has spikes, -2 … 39, tried place by place.
inline std::vector<int> spike_places(std::size_t first, std::size_t previous) {
  std::vector<int> out;
  const int last = int((previous + readout::n_samples - 1) % n_channel_capacitors);
  if (last % 2 != 0 || last >= int(n_channel_capacitors) / 2) return out;
  for (int s = -2; s < int(readout::n_samples); ++s) {
    const int capacitor = int((first + n_capacitors + std::size_t(s + 4096)) % n_capacitors);
    for (const int base : {last, int(n_capacitors) - last - 2})
      for (int channel = 0; channel < 4; ++channel)
        if ((base + channel * int(n_channel_capacitors)) % int(n_capacitors) == capacitor)
          out.push_back(s);
  }
  return out;
}

}  // namespace alisio::calib
