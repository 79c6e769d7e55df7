// Time per camera event (1855 pixels, two gains where both are corrected) of the calibration
// kernels, one thread, on waveforms of 40 samples with a pulse in noise.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "calib/charge/extraction.hpp"
#include "calib/drs4/correct_readout.hpp"
#include "calib/drs4/readout.hpp"
#include "calib/drs4/readout_history.hpp"

namespace alisio::calib {
namespace {

constexpr std::size_t n_pixels = 1855, n_samples = readout::n_samples;
constexpr double sampling_rate_ghz = 1.024;

/// [pixel][sample]
std::vector<float> waveforms() {
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0, 6);
  std::uniform_real_distribution<float> height(0, 200), place(8, 30);
  std::vector<float> out(n_pixels * n_samples);
  for (std::size_t pixel = 0; pixel < n_pixels; ++pixel) {
    const float h = height(random), at = place(random);
    for (std::size_t s = 0; s < n_samples; ++s) {
      const float t = (static_cast<float>(s) - at) / 1.5F;
      out[pixel * n_samples + s] = h * std::exp(-0.5F * t * t) + noise(random);
    }
  }
  return out;
}

void count_events(benchmark::State& state) {
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

template <std::size_t (*find)(const float*, std::size_t)>
void find_peaks(benchmark::State& state) {
  const std::vector<float> samples = waveforms();
  for (auto _ : state)
    for (std::size_t pixel = 0; pixel < n_pixels; ++pixel)
      benchmark::DoNotOptimize(find(&samples[pixel * n_samples], n_samples));
  count_events(state);
}

template <void (*extract)(std::span<const Channel>, std::size_t, Window, double, std::span<Pulse>)>
void extract_charges(benchmark::State& state) {
  const std::vector<float> samples = waveforms();
  std::vector<Channel> channels;
  for (std::size_t pixel = 0; pixel < n_pixels; ++pixel)
    channels.push_back({&samples[pixel * n_samples], 0.5, 0.0129});
  std::array<Pulse, readout::pixels_per_module> pulses;
  for (auto _ : state) {
    for (std::size_t pixel = 0; pixel < n_pixels; pixel += pulses.size()) {
      extract(std::span(channels).subspan(pixel, pulses.size()), readout::n_kept_samples, Window{},
              sampling_rate_ghz, pulses);
      benchmark::DoNotOptimize(pulses.data());
    }
  }
  count_events(state);
}

/// All corrections of one gain of all pixels; each sample gained something since its last readout.
template <drs4::CorrectedSet (*correct)(std::span<const drs4::Readout>, drs4::ReadoutScale,
                                        std::span<const float, n_samples>)>
void correct_readouts(benchmark::State& state) {
  constexpr std::size_t row = n_capacitors + n_samples;
  std::mt19937 random(2);
  std::vector<std::uint8_t> baseline(n_pixels * row);
  for (auto& value : baseline) value = static_cast<std::uint8_t>(random() % 100);
  const std::vector<std::uint16_t> raw(n_pixels * n_samples, 400);
  const std::vector<double> low(n_samples, 1.25), high(n_samples, 1.25 + 1e-12);
  std::array<float, n_samples> threshold;
  threshold.fill(3500);
  const std::int16_t spike_height[3] = {30, 60, 20};
  std::vector<float> out(raw.size());
  std::vector<drs4::Readout> readouts;
  for (std::size_t pixel = 0; pixel < n_pixels; ++pixel)
    readouts.push_back({&raw[pixel * n_samples],
                        nullptr,
                        &baseline[pixel * row + random() % n_capacitors],
                        250,
                        {low.data(), high.data()},
                        spike_height,
                        {},
                        &out[pixel * n_samples]});
  for (auto _ : state) {
    for (std::size_t pixel = 0; pixel < n_pixels; pixel += readout::pixels_per_module)
      benchmark::DoNotOptimize(
          correct(std::span(readouts).subspan(pixel, readout::pixels_per_module), {}, threshold));
    benchmark::DoNotOptimize(out.data());
  }
  count_events(state);
}

/// The time lapses of one gain of all chips, with 100 ms of earlier readouts at a rate in Hz.
void find_time_lapses(benchmark::State& state) {
  constexpr std::size_t n_modules = n_pixels / readout::pixels_per_module;
  const std::int64_t rate = state.range(0);
  const auto ticks_between =
      std::uint64_t(1000 * readout::clock_ticks_per_ms) / std::uint64_t(rate);
  std::mt19937 random(3);
  const auto chips = [&random] {
    std::array<std::uint16_t, readout::chips_per_module> first;
    for (auto& capacitor : first) capacitor = static_cast<std::uint16_t>(random() % n_capacitors);
    return first;
  };
  std::vector<drs4::ReadoutHistory> history(n_modules);
  std::uint64_t clock = 1;
  for (std::int64_t event = 0; event < rate / 10; ++event, clock += ticks_between)
    for (auto& module : history) module.add(chips(), clock);
  // Of many events, which no branch predictor learns by heart.
  constexpr std::size_t n_events = 32;
  std::vector<std::array<std::uint16_t, readout::chips_per_module>> first(n_events * n_modules);
  for (auto& module : first) module = chips();
  std::size_t event = 0;
  std::array<drs4::LapseBaselines, readout::chips_per_module / n_gains> lapses;
  std::array<drs4::ReadoutHistory::Readout, lapses.size()> readouts;
  for (auto _ : state) {
    for (std::size_t module = 0; module < n_modules; ++module) {
      for (std::size_t chip = 0; chip < lapses.size(); ++chip)
        readouts[chip] = {chip, first[event * n_modules + module][chip], &lapses[chip]};
      history[module].find(readouts, clock, 0);
      drs4::evaluate_lapses(lapses);
      benchmark::DoNotOptimize(lapses.data());
    }
    event = (event + 1) % n_events;
  }
  count_events(state);
}

BENCHMARK(find_time_lapses)->Arg(1500)->Arg(7000)->Unit(benchmark::kMicrosecond);
BENCHMARK(correct_readouts<drs4::correct_readouts_scalar>)
    ->Name("correct_readouts/scalar")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(correct_readouts<drs4::correct_readouts>)
    ->Name("correct_readouts/dispatched")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(extract_charges<extract_in_pe_scalar>)
    ->Name("extract_charges/scalar")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(extract_charges<extract_in_pe>)
    ->Name("extract_charges/dispatched")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(find_peaks<find_peak_scalar>)->Name("find_peaks/scalar")->Unit(benchmark::kMicrosecond);
BENCHMARK(find_peaks<find_peak>)->Name("find_peaks/dispatched")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace alisio::calib

BENCHMARK_MAIN();
