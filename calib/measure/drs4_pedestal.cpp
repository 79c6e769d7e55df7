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
using readout::pixels_per_module;

constexpr std::size_t channels_per_module = pixels_per_module * n_gains;
constexpr std::size_t n_spike_samples = 3;

/// Ticks after which a last readout plays no part any more, with room to spare.
constexpr std::uint64_t forget_ticks = std::uint64_t{1} << 24;
static_assert(double(forget_ticks) > drs4::longest_lapse_ms * readout::clock_ticks_per_ms);

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
  std::uint32_t now;
  bool correct_lapse;
  const std::uint32_t* last;
  std::size_t begin, end;  ///< samples that count
};

/// Convert and correct a readout, and add all its samples but those of spikes.
/// @param samples gets the corrected readout
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_readout(
    const Readout& r, const drs4::Spikes& spikes, drs4::LapseMemo& memo,
    const ChannelStatistics& to, float* samples) {
  if (r.scaled) {
    for (std::size_t s = 0; s < readout::n_samples; ++s) {
      samples[s] = float(r.raw[s]) / r.scale - r.offset;
    }
  } else {
    for (std::size_t s = 0; s < readout::n_samples; ++s) samples[s] = float(r.raw[s]);
  }
  if (r.correct_lapse) {
    drs4::subtract_time_lapse(samples, r.first_capacitor, r.now, r.last, memo);
  }
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
  const std::size_t cells = n_positions * n_gains * n_capacitors;
  mean_.resize(cells);
  squares_.resize(cells);
  counts_.resize(cells);
  last_readout_.resize(cells);
  base_.resize(module_count());
  previous_first_capacitor_.resize(n_positions * n_gains);
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

void Drs4PedestalMeter::move_base(std::size_t module, std::uint64_t now) {
  const std::uint64_t old = base_[module];
  const std::uint64_t base = now > forget_ticks ? now - forget_ticks : 1;
  const std::size_t per_module = channels_per_module * n_capacitors;
  std::uint32_t* const last = &last_readout_[module * per_module];
  for (std::size_t i = 0; i < per_module && old != 0; ++i) {
    if (last[i] == 0) continue;
    const std::uint64_t then = old + last[i] - 1;
    const bool keep = then >= base && then - base < std::numeric_limits<std::uint32_t>::max();
    last[i] = keep ? std::uint32_t(then - base + 1) : 0;
  }
  base_[module] = base;
}

void Drs4PedestalMeter::prefetch(const RawEvent& event, std::size_t module) const {
  // First capacitors are random: without this the loop waits for memory most of its time.
  constexpr std::size_t line = 64;
  const auto fetch = [](const auto* from, std::size_t items) {
    const auto* bytes = reinterpret_cast<const char*>(from);
    for (std::size_t b = 0; b < items * sizeof(*from); b += line) __builtin_prefetch(bytes + b, 1);
    __builtin_prefetch(bytes + items * sizeof(*from) - 1, 1);
  };
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t cell =
          event.first_capacitor[module * chips_per_module + readout::chip_of_pixel[g][k]] %
          n_capacitors;
      const std::size_t at = (position * n_gains + g) * n_capacitors + cell;
      const std::size_t n = std::min(readout::n_samples, n_capacitors - cell);
      fetch(&last_readout_[at], n);
      fetch(&mean_[at], n);
      fetch(&squares_[at], n);
      fetch(&counts_[at], n);
    }
  }
}

void Drs4PedestalMeter::add(const RawBlock& block, std::size_t module) {
  drs4::LapseMemo memo;
  const bool scaled = camera_.waveform_scale != 1.F || camera_.waveform_offset != 0.F;
  std::array<float, readout::n_samples> samples;

  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    if (e + 1 < block.events.size()) prefetch(block.events[e + 1], module);
    const std::uint64_t clock = event.module_clock[module];
    if (clock != 0 && (base_[module] == 0 || clock < base_[module] ||
                       clock - base_[module] >= std::numeric_limits<std::uint32_t>::max())) {
      move_base(module, clock);
    }
    const std::uint32_t now = clock == 0 ? 0 : std::uint32_t(clock - base_[module] + 1);
    const bool correct_lapse = (event.preprocessing & preprocessing::time_lapse) == 0;

    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t position = module * pixels_per_module + k;
      const std::uint8_t status = event.pixel_status[position];
      const std::size_t row =
          event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
      const bool stored =
          row < event.n_stored &&
          (status & (pixel_status::high_gain_stored | pixel_status::low_gain_stored)) != 0;
      for (std::size_t g = 0; g < n_gains; ++g) {
        const std::size_t channel = position * n_gains + g;
        const std::size_t cell =
            event.first_capacitor[module * chips_per_module + readout::chip_of_pixel[g][k]] %
            n_capacitors;
        const std::size_t previous = previous_first_capacitor_[channel];
        previous_first_capacitor_[channel] = std::uint16_t(cell);
        std::uint32_t* const last = &last_readout_[channel * n_capacitors];
        // A module whose clock is 0 sent no data, whatever its samples say.
        if (stored && now != 0) {
          const drs4::Spikes spikes = drs4::find_spikes(cell, previous);
          const std::size_t begin = options_.skip_front;
          const std::size_t end = readout::n_samples - options_.skip_end;
          add_readout({&event.waveform[(g * event.n_stored + row) * event.n_samples],
                       camera_.waveform_scale, camera_.waveform_offset, scaled, cell, now,
                       correct_lapse, last, begin, end},
                      spikes, memo,
                      {&mean_[channel * n_capacitors], &squares_[channel * n_capacitors],
                       &counts_[channel * n_capacitors]},
                      samples.data());
          for (std::size_t s = begin; spikes.n > 0 && s < end; ++s) {
            const int i = spike_sample(spikes, int(s));
            if (i < 0) continue;
            spikes_[module].push_back(
                {std::uint16_t(k * n_gains + g),
                 std::uint16_t((cell + s) % n_capacitors + n_capacitors * std::size_t(i)),
                 samples[s]});
          }
        }
        drs4::update_last_readout(k, cell, now, last);
      }
    }
  }
}

MeasuredDrs4Pedestal Drs4PedestalMeter::finish_module(std::size_t module, MeasuredDrs4Pedestal& out,
                                                      std::vector<float>& heights) const {
  MeasuredDrs4Pedestal odd;
  // Running means of spike samples, [capacitor + 4096 * sample].
  std::vector<double> spike_mean(n_spike_samples * n_capacitors);
  std::vector<std::uint16_t> spike_counts(n_spike_samples * n_capacitors);
  std::vector<std::vector<SpikeSample>> of_channel(channels_per_module);
  for (const SpikeSample& sample : spikes_[module]) of_channel[sample.channel].push_back(sample);

  for (std::size_t k = 0; k < pixels_per_module; ++k) {
    for (std::size_t g = 0; g < n_gains; ++g) {
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t from = (position * n_gains + g) * n_capacitors;
      const std::size_t channel = g * n_pixels_ + camera_.pixel_ids[position];
      const double* const mean = &mean_[from];
      const std::uint16_t* const counts = &counts_[from];
      std::int16_t* const out_mean = &out.baseline_mean[channel * n_capacitors];
      round_channel(mean, &squares_[from], counts, out_mean,
                    &out.baseline_std[channel * n_capacitors]);
      std::copy_n(counts, n_capacitors, &out.baseline_counts[channel * n_capacitors]);

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
          if (counts[c] == 0) out_mean[c] = usual;
        }
      }

      const auto& samples = of_channel[k * n_gains + g];
      for (const SpikeSample& sample : samples) {
        double& running = spike_mean[sample.place];
        running += (double(sample.value) - running) / double(++spike_counts[sample.place]);
      }
      for (std::size_t i = 0; i < n_spike_samples; ++i) {
        double weighted = 0, weights = 0;
        for (std::size_t c = 0; c < n_capacitors; ++c) {
          const std::size_t place = i * n_capacitors + c;
          if (spike_counts[place] == 0) continue;
          // Above an unknown baseline a spike has no height, and neither has the mean.
          const double base = counts[c] > 0 ? mean[c] : std::numeric_limits<double>::quiet_NaN();
          weighted += double(spike_counts[place]) * (spike_mean[place] - base);
          weights += double(spike_counts[place]);
        }
        heights[channel * n_spike_samples + i] = float(weighted / weights);
      }
      for (const SpikeSample& sample : samples) {
        spike_mean[sample.place] = 0;
        spike_counts[sample.place] = 0;
      }
    }
  }
  return odd;
}

MeasuredDrs4Pedestal Drs4PedestalMeter::finish(flow::ThreadPool& pool) {
  last_readout_ = {};
  const std::size_t channels = n_gains * n_pixels_;
  MeasuredDrs4Pedestal out;
  out.n_pixels = n_pixels_;
  out.baseline_subtracted = baseline_subtracted_;
  out.baseline_mean.resize(channels * n_capacitors);
  out.baseline_std.resize(channels * n_capacitors);
  out.baseline_counts.resize(channels * n_capacitors);
  std::vector<float> heights(channels * n_spike_samples, std::numeric_limits<float>::quiet_NaN());
  std::vector<MeasuredDrs4Pedestal> odd(module_count());
  pool.parallel_for(module_count(),
                    [&](std::size_t m) { odd[m] = finish_module(m, out, heights); });
  mean_ = {};
  squares_ = {};
  counts_ = {};
  spikes_ = {};
  out.missing_channels = channels - camera_.pixel_ids.size() * n_gains;
  for (const MeasuredDrs4Pedestal& module : odd) {
    out.missing_channels += module.missing_channels;
    out.empty_cells += module.empty_cells;
    out.single_cells += module.single_cells;
    out.negative_cells += module.negative_cells;
    out.small_cells += module.small_cells;
    out.large_cells += module.large_cells;
  }

  // The camera's mean of each sample, in single precision like the peers': the heights are.
  std::array<float, n_spike_samples> mean{};
  for (std::size_t i = 0; i < n_spike_samples; ++i) {
    float sum = 0;
    std::size_t known = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const float height = heights[c * n_spike_samples + i];
      if (std::isnan(height)) continue;
      sum += height;
      ++known;
    }
    mean[i] = known > 0 ? sum / float(known) : 0.F;
  }
  out.spike_height.resize(heights.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const float* const height = &heights[c * n_spike_samples];
    const bool unknown = std::any_of(height, height + n_spike_samples,
                                     [](float value) { return std::isnan(value); });
    out.unknown_spikes += unknown ? 1 : 0;
    for (std::size_t i = 0; i < n_spike_samples; ++i) {
      out.spike_height[c * n_spike_samples + i] = to_int16(double(unknown ? mean[i] : height[i]));
    }
  }
  return out;
}

}  // namespace alisio::calib
