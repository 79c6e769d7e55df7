#include "calib/measure/drs4_pedestal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "calib/drs4/kernels.hpp"
#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

using readout::chips_per_module;
using readout::n_spike_samples;
using readout::pixels_per_module;

/// Levels of raw baselines beyond which something is odd, ADC counts (the peers' choice).
constexpr double odd_level = 25;

/// Statistics of one channel, [capacitor].
struct ChannelStatistics {
  double* mean;
  double* squares;
  std::uint16_t* counts;
};

/// Add n samples to the running means of as many capacitors.
inline void add_values(const float* samples, std::size_t n, std::size_t capacitor,
                       const ChannelStatistics& to) {
  double* const mean = to.mean + capacitor;
  double* const squares = to.squares + capacitor;
  std::uint16_t* const counts = to.counts + capacitor;
  for (std::size_t i = 0; i < n; ++i) {
    counts[i] = std::uint16_t(counts[i] + 1);
    const double value = double(samples[i]);
    const double before = value - mean[i];
    mean[i] += before / double(counts[i]);
    squares[i] += before * (value - mean[i]);
  }
}

/// Add samples [begin, end) of a readout, which may wrap around the ring.
inline void add_samples(const float* samples, std::size_t begin, std::size_t end,
                        std::size_t first_capacitor, const ChannelStatistics& to) {
  const std::size_t turn =
      std::clamp(n_capacitors - std::min(first_capacitor, n_capacitors), begin, end);
  add_values(samples + begin, turn - begin, first_capacitor + begin, to);
  if (turn < end) {
    add_values(samples + turn, end - turn, first_capacitor + turn - n_capacitors, to);
  }
}

/// All that one readout needs; gathered so that the loop is compiled as one function for each
/// instruction set.
struct Readout {
  const std::uint16_t* raw;
  float scale, offset;
  bool scaled;
  std::size_t first_capacitor;
  drs4::LapseBounds lapse;  ///< `low` is nullptr: no capacitor gained anything
  std::size_t begin, end;   ///< samples that count
};

/// Convert and correct a readout, and add all its samples but those of spikes.
/// @param samples gets the corrected readout
/// @return false, and nothing done, if the bounds of the lapse are too wide
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] bool add_readout(
    const Readout& r, const drs4::Spikes& spikes, const ChannelStatistics& to, float* samples) {
  if (r.scaled) {
    for (std::size_t s = 0; s < readout::n_samples; ++s) {
      samples[s] = float(r.raw[s]) / r.scale - r.offset;
    }
  } else {
    for (std::size_t s = 0; s < readout::n_samples; ++s) samples[s] = float(r.raw[s]);
  }
  if (r.lapse.low != nullptr && !drs4::subtract_lapse(samples, r.lapse)) return false;
  // The stretches between spikes.
  std::array<int, 2> at = spikes.position;
  if (spikes.n == 2 && at[1] < at[0]) std::swap(at[0], at[1]);
  std::size_t begin = r.begin;
  for (std::size_t k = 0; k < spikes.n; ++k) {
    const int end = std::clamp(at[k], int(begin), int(r.end));
    add_samples(samples, begin, std::size_t(end), r.first_capacitor, to);
    begin = std::size_t(std::clamp(at[k] + int(n_spike_samples), int(begin), int(r.end)));
  }
  add_samples(samples, begin, r.end, r.first_capacitor, to);
  return true;
}

/// Return the sample of a spike, 0 to 2, that sample s of a readout is; -1 if it is none. Where two
/// spikes overlap, the earlier sample of a spike decides.
int spike_sample(const drs4::Spikes& spikes, int s) {
  for (int i = 0; i < int(n_spike_samples); ++i) {
    for (std::size_t k = 0; k < spikes.n; ++k) {
      if (spikes.position[k] == s - i) return i;
    }
  }
  return -1;
}

std::int16_t to_int16(double value) {
  using Limits = std::numeric_limits<std::int16_t>;
  return std::int16_t(
      std::clamp(std::nearbyint(value), double(Limits::min()), double(Limits::max())));
}

/// Round the statistics of a channel, [capacitor].
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void round_channel(
    const double* from_mean, const double* squares, const std::uint16_t* counts, std::int16_t* mean,
    std::int16_t* std) {
  constexpr double most = std::numeric_limits<std::int16_t>::max();
  constexpr double least = std::numeric_limits<std::int16_t>::min();
  for (std::size_t c = 0; c < n_capacitors; ++c) {
    mean[c] = std::int16_t(std::min(most, std::max(least, std::nearbyint(from_mean[c]))));
    const int n = counts[c];
    const double spread = std::sqrt(squares[c] / double(std::max(1, n - 1)));
    std[c] = n > 1 ? std::int16_t(std::min(most, std::nearbyint(spread))) : std::int16_t{0};
  }
}

}  // namespace

OddCells& OddCells::operator+=(const OddCells& other) {
  missing_channels += other.missing_channels;
  empty_cells += other.empty_cells;
  single_cells += other.single_cells;
  negative_cells += other.negative_cells;
  small_cells += other.small_cells;
  large_cells += other.large_cells;
  return *this;
}

MeasuredDrs4Pedestal::MeasuredDrs4Pedestal(std::size_t n_pixels) : n_pixels_(n_pixels) {
  bytes_.resize((3 * cells() + channels() * n_spike_samples) * sizeof(std::int16_t));
}

Drs4Pedestal MeasuredDrs4Pedestal::constants() {
  Drs4Pedestal out;
  out.n_pixels = n_pixels_;
  out.baseline.resize(channels() * Drs4Pedestal::row);
  for (std::size_t channel = 0; channel < channels(); ++channel) {
    const std::int16_t* const from = &baseline_mean()[channel * n_capacitors];
    std::int16_t* const to = &out.baseline[channel * Drs4Pedestal::row];
    std::copy_n(from, n_capacitors, to);
    std::copy_n(from, Drs4Pedestal::padding, to + n_capacitors);
  }
  out.spike_height.assign(spike_height().begin(), spike_height().end());
  return out;
}

Drs4PedestalMeter::Drs4PedestalMeter(RawCamera camera, std::size_t n_pixels,
                                     const Drs4PedestalOptions& options)
    : camera_(std::move(camera)), n_pixels_(n_pixels), options_(options) {
  const std::size_t n_positions = module_count() * pixels_per_module;
  if (camera_.pixel_ids.size() != n_positions) {
    throw Error(ErrorKind::bad_input,
                fmt::format("the file has {} modules and {} pixels, expected {} pixels a module",
                            module_count(), camera_.pixel_ids.size(), pixels_per_module),
                fmt::format("run {}", camera_.run), "give a raw file of LST");
  }
  for (const auto pixel : camera_.pixel_ids) {
    if (pixel < n_pixels_) continue;
    throw Error(ErrorKind::bad_input,
                fmt::format("the file has pixel {}, the camera has {} pixels", pixel, n_pixels_),
                fmt::format("run {}", camera_.run), "give a raw file of this camera");
  }
  if (options_.skip_front + options_.skip_end >= readout::n_samples) {
    throw Error(ErrorKind::configuration,
                fmt::format("{} and {} of {} samples are left out: none remains",
                            options_.skip_front, options_.skip_end, readout::n_samples),
                "DRS4PedestalAndSpikeHeight", "lower skip_samples_front or skip_samples_end");
  }
  result_ = MeasuredDrs4Pedestal(n_pixels_);
  counts_ = result_.baseline_counts().data();
  mean_.resize(result_.cells());
  squares_.resize(result_.cells());
  history_.resize(module_count());
  previous_first_capacitor_.resize(module_count() * chips_per_module);
  spikes_.resize(module_count());
}

void Drs4PedestalMeter::begin(const RawBlock& block) {
  for (const RawEvent& event : block.events) {
    const auto refuse = [&](const std::string& what, const std::string& remedy) {
      throw Error(ErrorKind::bad_input, fmt::format("event {} {}", event.event_id, what),
                  fmt::format("run {}", camera_.run), remedy);
    };
    if ((event.preprocessing & preprocessing::pe_calibration) != 0) {
      refuse("is calibrated in photo-electrons: it shows no baseline", "give a DRS4 run");
    }
    if (event.n_gains != n_gains) {
      refuse("has one gain only", "give a run without gain selection");
    }
    if (event.n_samples != readout::n_samples) {
      refuse(fmt::format("has {} samples, expected {}", event.n_samples, readout::n_samples),
             "take the raw file of the event builder");
    }
    if (event.first_capacitor.size() < module_count() * chips_per_module) {
      refuse(fmt::format("has first capacitors of {} chips, expected {}",
                         event.first_capacitor.size(), module_count() * chips_per_module),
             "restore the file");
    }
    baseline_subtracted_ |= (event.preprocessing & preprocessing::baseline_subtraction) != 0;
  }
  events_ += block.events.size();
  if (events_ > most_events) {
    throw Error(ErrorKind::bad_input,
                fmt::format("more than {} events cannot be counted", most_events),
                fmt::format("run {}", camera_.run), "lower the number of events");
  }
}

void Drs4PedestalMeter::add(const RawBlock& block, std::size_t module) {
  if (block.events.empty()) return;
  history_[module].forget(block.events.front().module_clock[module]);
  for (const RawEvent& event : block.events)
    history_[module].add(event.first_capacitor.subspan(module * chips_per_module, chips_per_module),
                         event.module_clock[module]);
  for (std::size_t chip = 0; chip < chips_per_module; ++chip) add_chip(block, module, chip);
}

void Drs4PedestalMeter::add_chip(const RawBlock& block, std::size_t module, std::size_t chip) {
  // The pixels that the chip reads.
  std::size_t gain = 0, n = 0;
  std::array<std::size_t, pixels_per_module> pixel_in_module;
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      if (readout::chip_of_pixel[g][k] != chip) continue;
      gain = g;
      pixel_in_module[n++] = k;
    }
  }
  drs4::LapseBaselines lapse;
  const bool scaled = camera_.waveform_scale != 1.F || camera_.waveform_offset != 0.F;
  const std::size_t begin = options_.skip_front, end = readout::n_samples - options_.skip_end;
  std::array<float, readout::n_samples> samples;
  std::uint16_t& previous = previous_first_capacitor_[module * chips_per_module + chip];

  // First capacitors are random: without this the loop waits for memory most of its time.
  const auto prefetch = [&](const RawEvent& event) {
    const auto fetch = [](const auto* from, std::size_t items) {
      constexpr std::size_t line = 64;
      const auto* const bytes = reinterpret_cast<const char*>(from);
      for (std::size_t b = 0; b < items * sizeof(*from); b += line) __builtin_prefetch(bytes + b);
      __builtin_prefetch(bytes + items * sizeof(*from) - 1);
    };
    const std::size_t cell = event.first_capacitor[module * chips_per_module + chip] % n_capacitors;
    const std::size_t cells = std::min(readout::n_samples, n_capacitors - cell);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t position = module * pixels_per_module + pixel_in_module[i];
      const std::size_t at = (gain * n_pixels_ + camera_.pixel_ids[position]) * n_capacitors + cell;
      fetch(&mean_[at], cells);
      fetch(&squares_[at], cells);
      fetch(counts_ + at, cells);
      if (event.stored_row.empty()) {
        fetch(&event.waveform[(gain * event.n_stored + position) * event.n_samples],
              event.n_samples);
      }
    }
  };
  constexpr std::size_t ahead = 2;

  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    if (e + ahead < block.events.size()) prefetch(block.events[e + ahead]);
    const std::size_t cell = event.first_capacitor[module * chips_per_module + chip] % n_capacitors;
    const drs4::Spikes spikes = drs4::find_spikes(cell, previous);
    previous = std::uint16_t(cell);
    const std::uint64_t clock = event.module_clock[module];
    const bool correct_lapse = (event.preprocessing & preprocessing::time_lapse) == 0;
    if (correct_lapse) {
      const drs4::ReadoutHistory::Readout readout{chip, cell, &lapse};
      history_[module].find({&readout, 1}, clock, block.events.size() - e);
      drs4::evaluate_lapses({&lapse, 1});
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t k = pixel_in_module[i];
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t from = (gain * n_pixels_ + camera_.pixel_ids[position]) * n_capacitors;
      const std::uint8_t status = event.pixel_status[position];
      const std::size_t row =
          event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
      const bool stored =
          row < event.n_stored &&
          (status & (pixel_status::high_gain_stored | pixel_status::low_gain_stored)) != 0;
      // A module whose clock is 0 sent no data, whatever its samples say.
      if (stored && clock != 0) {
        const Readout readout{&event.waveform[(gain * event.n_stored + row) * event.n_samples],
                              camera_.waveform_scale,
                              camera_.waveform_offset,
                              scaled,
                              cell,
                              correct_lapse ? lapse.of(k) : drs4::LapseBounds{},
                              begin,
                              end};
        const ChannelStatistics to{&mean_[from], &squares_[from], counts_ + from};
        if (!add_readout(readout, spikes, to, samples.data())) {
          lapse.make_exact();
          static_cast<void>(add_readout(readout, spikes, to, samples.data()));
        }
        for (std::size_t s = begin; spikes.n > 0 && s < end; ++s) {
          const int sample = spike_sample(spikes, int(s));
          if (sample < 0) continue;
          spikes_[module].push_back(
              {std::uint16_t(k * n_gains + gain),
               std::uint16_t((cell + s) % n_capacitors + n_capacitors * std::size_t(sample)),
               samples[s]});
        }
      }
    }
  }
}

OddCells Drs4PedestalMeter::finish_module(std::size_t module, std::vector<float>& heights) {
  OddCells odd;
  // Running means of spike samples, [capacitor + 4096 * sample].
  std::vector<double> spike_mean(n_spike_samples * n_capacitors);
  std::vector<std::uint16_t> spike_counts(n_spike_samples * n_capacitors);
  std::array<std::vector<SpikeSample>, pixels_per_module * n_gains> of_channel;
  for (const SpikeSample& sample : spikes_[module]) of_channel[sample.channel].push_back(sample);

  for (std::size_t i = 0; i < of_channel.size(); ++i) {
    const std::size_t pixel = camera_.pixel_ids[module * pixels_per_module + i / n_gains];
    const std::size_t channel = (i % n_gains) * n_pixels_ + pixel;
    const double* const mean = &mean_[channel * n_capacitors];
    const std::uint16_t* const counts = counts_ + channel * n_capacitors;
    std::int16_t* const rounded = &result_.baseline_mean()[channel * n_capacitors];
    round_channel(mean, &squares_[channel * n_capacitors], counts, rounded,
                  &result_.baseline_std()[channel * n_capacitors]);

    std::size_t filled = 0;
    double sum = 0;
    for (std::size_t c = 0; c < n_capacitors; ++c) {
      if (counts[c] == 0) continue;
      ++filled;
      sum += mean[c];
      odd.single_cells += counts[c] == 1 ? 1 : 0;
      odd.negative_cells += mean[c] < 0 ? 1 : 0;
      odd.small_cells += mean[c] < odd_level ? 1 : 0;
      odd.large_cells += std::abs(mean[c]) > odd_level ? 1 : 0;
    }
    if (filled == 0) {
      ++odd.missing_channels;
    } else if (filled < n_capacitors) {
      odd.empty_cells += n_capacitors - filled;
      const std::int16_t usual = to_int16(sum / double(filled));
      for (std::size_t c = 0; c < n_capacitors; ++c) {
        if (counts[c] == 0) rounded[c] = usual;
      }
    }

    for (const SpikeSample& sample : of_channel[i]) {
      double& running = spike_mean[sample.place];
      running += (double(sample.value) - running) / double(++spike_counts[sample.place]);
    }
    for (std::size_t s = 0; s < n_spike_samples; ++s) {
      double weighted = 0, weights = 0;
      for (std::size_t c = 0; c < n_capacitors; ++c) {
        const std::size_t place = s * n_capacitors + c;
        if (spike_counts[place] == 0) continue;
        // Above an unknown baseline a spike has no height, and neither has the mean.
        const double base = counts[c] > 0 ? mean[c] : std::numeric_limits<double>::quiet_NaN();
        weighted += double(spike_counts[place]) * (spike_mean[place] - base);
        weights += double(spike_counts[place]);
      }
      heights[channel * n_spike_samples + s] = float(weighted / weights);
    }
    for (const SpikeSample& sample : of_channel[i]) {
      spike_mean[sample.place] = 0;
      spike_counts[sample.place] = 0;
    }
  }
  return odd;
}

MeasuredDrs4Pedestal Drs4PedestalMeter::finish(flow::ThreadPool& pool) {
  const std::size_t channels = n_gains * n_pixels_;
  std::vector<float> heights(channels * n_spike_samples, std::numeric_limits<float>::quiet_NaN());
  std::vector<OddCells> odd(module_count());
  pool.parallel_for(module_count(), [&](std::size_t m) { odd[m] = finish_module(m, heights); });
  mean_ = {};
  squares_ = {};
  spikes_ = {};
  result_.baseline_subtracted = baseline_subtracted_;
  result_.odd.missing_channels = channels - camera_.pixel_ids.size() * n_gains;
  for (const OddCells& module : odd) result_.odd += module;

  // The camera's mean of each sample, in single precision like the peers': the heights are.
  std::array<float, n_spike_samples> mean{};
  for (std::size_t s = 0; s < n_spike_samples; ++s) {
    float sum = 0;
    std::size_t known = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const float height = heights[c * n_spike_samples + s];
      if (std::isnan(height)) continue;
      sum += height;
      ++known;
    }
    mean[s] = known > 0 ? sum / float(known) : 0.F;
  }
  const std::span<std::int16_t> rounded = result_.spike_height();
  for (std::size_t c = 0; c < channels; ++c) {
    const float* const height = &heights[c * n_spike_samples];
    const bool unknown = std::any_of(height, height + n_spike_samples,
                                     [](float value) { return std::isnan(value); });
    result_.unknown_spikes += unknown ? 1 : 0;
    for (std::size_t s = 0; s < n_spike_samples; ++s) {
      rounded[c * n_spike_samples + s] = to_int16(double(unknown ? mean[s] : height[s]));
    }
  }
  return std::move(result_);
}

}  // namespace alisio::calib
