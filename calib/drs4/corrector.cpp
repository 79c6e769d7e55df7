#include "calib/drs4/corrector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "calib/drs4/kernels.hpp"
#include "calib/drs4/threshold.hpp"
#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

using readout::chips_per_module;
using readout::pixels_per_module;

/// Ticks after which a last readout plays no part any more, with room to spare.
constexpr std::uint64_t forget_ticks = std::uint64_t{1} << 24;
static_assert(double(forget_ticks) > drs4::longest_lapse_ms * readout::clock_ticks_per_ms);

/// All that one readout needs; gathered so that the loop is compiled as one function for each
/// instruction set.
struct Readout {
  const std::uint16_t* raw;
  float scale, offset;
  bool scaled;
  std::size_t first_capacitor;
  const std::int16_t* baseline;
  std::uint32_t now;
  bool correct_lapse;
  const std::uint32_t* last;
  drs4::Spikes spikes;
  const std::int16_t* spike_height;  ///< nullptr: interpolate
  float gain_threshold;
};

/// Return whether a kept sample is above the threshold of the gain selection.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] bool correct_readout(
    const Readout& r, drs4::LapseMemo& memo, float* kept) {
  float samples[readout::n_samples];
  if (r.scaled) {
    std::array<float, readout::n_samples> physical;
    for (std::size_t s = 0; s < readout::n_samples; ++s) {
      physical[s] = float(r.raw[s]) / r.scale - r.offset;
    }
    drs4::subtract_baseline(physical.data(), r.first_capacitor, r.baseline, samples);
  } else {
    drs4::subtract_baseline(r.raw, r.first_capacitor, r.baseline, samples);
  }
  if (r.correct_lapse) {
    drs4::subtract_time_lapse(samples, r.first_capacitor, r.now, r.last, memo);
  }
  if (r.spike_height != nullptr) {
    drs4::subtract_spikes(samples, r.spikes, r.spike_height);
  } else {
    drs4::interpolate_spikes(samples, r.spikes);
  }
  std::memcpy(kept, samples + readout::first_kept_sample, readout::n_kept_samples * sizeof(float));
  return is_above(samples + readout::first_kept_sample, readout::n_kept_samples, r.gain_threshold);
}

bool is_interleaved(const RawEvent& event) {
  return event.type == EventType::flatfield || event.type == EventType::sky_pedestal;
}

/// Of such events one gain a pixel is kept, and the low gain is only corrected where it is.
bool selects_gain(const RawEvent& event) {
  return event.n_gains == n_gains && !is_interleaved(event) &&
         (event.preprocessing & preprocessing::pe_calibration) == 0;
}

}  // namespace

void CorrectedBlock::reserve(std::size_t events, std::size_t pixels, std::size_t samples) {
  n_pixels = pixels;
  n_samples = samples;
  waveform.resize(events * n_gains * pixels * samples);
  first_capacitor.resize(events * n_gains * pixels);
  broken.resize(events * pixels);
  stored_gain.resize(events * pixels);
  raw_above_threshold.resize(events * pixels);
  selected_gain.resize(events * pixels);
}

Drs4Corrector::Drs4Corrector(std::shared_ptr<const Drs4Pedestal> pedestal, const RawCamera& camera,
                             const Drs4Options& options)
    : pedestal_(std::move(pedestal)),
      camera_(camera),
      options_(options),
      n_pixels_(pedestal_->n_pixels),
      n_modules_(camera.module_ids.size()) {
  static_assert(Drs4Pedestal::padding >= readout::n_samples);
  const auto wrong = [&](const std::string& what) {
    return Error(ErrorKind::bad_input, what, fmt::format("run {}", camera.run),
                 "constants and data must be of the same camera");
  };
  if (camera.pixel_ids.size() != n_modules_ * pixels_per_module) {
    throw wrong(
        fmt::format("the file has {} pixels in {} modules", camera.pixel_ids.size(), n_modules_));
  }
  std::vector<std::uint8_t> present(n_pixels_, 0);
  for (const auto pixel : camera.pixel_ids) {
    if (pixel >= n_pixels_ || present[pixel] != 0) {
      throw wrong(
          fmt::format("pixel {} of the file's read-out map is unknown or there twice", pixel));
    }
    present[pixel] = 1;
  }
  for (std::size_t p = 0; p < n_pixels_; ++p) {
    if (present[p] == 0) missing_pixels_.push_back(std::uint16_t(p));
  }
  last_readout_.assign(camera.pixel_ids.size() * n_gains * n_capacitors, 0);
  previous_first_capacitor_.assign(camera.pixel_ids.size() * n_gains, 0);
  base_.assign(n_modules_, 0);
}

std::span<const std::uint16_t> Drs4Corrector::pixels_of(std::size_t module) const {
  return {&camera_.pixel_ids[module * pixels_per_module], pixels_per_module};
}

void Drs4Corrector::prepare(const RawBlock& block, CorrectedBlock& out) const {
  out.reserve(block.events.size(), n_pixels_, readout::n_kept_samples);
  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    const bool calibrated = (event.preprocessing & preprocessing::pe_calibration) != 0;
    const bool whole = event.n_samples == readout::n_samples;
    if (!whole && !(calibrated && event.n_samples == readout::n_kept_samples)) {
      throw Error(ErrorKind::bad_input,
                  fmt::format("event {} has {} samples; DRS4 corrections need {}", event.event_id,
                              event.n_samples, readout::n_samples),
                  fmt::format("run {}", camera_.run), "take the raw file of the event builder");
    }
    if (event.first_capacitor.size() < n_modules_ * chips_per_module) {
      throw Error(
          ErrorKind::bad_input,
          fmt::format("event {} has first capacitors of {} chips, expected {}", event.event_id,
                      event.first_capacitor.size(), n_modules_ * chips_per_module),
          fmt::format("run {}", camera_.run), "restore the file");
    }
    for (const auto pixel : missing_pixels_) {
      for (std::size_t g = 0; g < n_gains; ++g) {
        std::fill_n(out.waveform_of(e, g, pixel), out.n_samples, 0.F);
        out.first_capacitor[(e * n_gains + g) * n_pixels_ + pixel] = 0;
      }
      out.broken[e * n_pixels_ + pixel] = 1;
      // Pixels without status count as low gain where one gain is stored (the peers' choice).
      out.stored_gain[e * n_pixels_ + pixel] = 1;
      out.selected_gain[e * n_pixels_ + pixel] = 0;
      // The old format stands for missing samples with the largest value, the new one with 0.
      out.raw_above_threshold[e * n_pixels_ + pixel] = camera_.r1v1 ? 0 : 1;
    }
  }
}

void Drs4Corrector::move_base(std::size_t module, std::uint64_t now) {
  const std::uint64_t old = base_[module];
  const std::uint64_t base = now > forget_ticks ? now - forget_ticks : 1;
  const std::size_t per_module = pixels_per_module * n_gains * n_capacitors;
  std::uint32_t* const last = &last_readout_[module * per_module];
  for (std::size_t i = 0; i < per_module; ++i) {
    if (last[i] == 0) continue;
    const std::uint64_t then = old + last[i] - 1;
    const bool keep = then >= base && then - base < std::numeric_limits<std::uint32_t>::max();
    last[i] = keep ? std::uint32_t(then - base + 1) : 0;
  }
  base_[module] = base;
}

void Drs4Corrector::prefetch(const RawEvent& event, std::size_t module) const {
  // First capacitors are random, so no hardware sees these accesses coming: without this the loop
  // waits for memory most of its time.
  constexpr std::size_t line = 64;
  const auto fetch = [](const auto* from, std::size_t items) {
    const auto* bytes = reinterpret_cast<const char*>(from);
    for (std::size_t b = 0; b < items * sizeof(*from); b += line) __builtin_prefetch(bytes + b);
    __builtin_prefetch(bytes + items * sizeof(*from) - 1);
  };
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t cell =
          event.first_capacitor[module * chips_per_module + readout::chip_of_pixel[g][k]] %
          n_capacitors;
      const std::size_t channel = g * n_pixels_ + camera_.pixel_ids[position];
      if (g == 0 || options_.both_gains || !selects_gain(event)) {
        fetch(&pedestal_->baseline[channel * Drs4Pedestal::row + cell], readout::n_samples);
      }
      fetch(&last_readout_[(position * n_gains + g) * n_capacitors + cell],
            std::min(readout::n_samples, n_capacitors - cell));
    }
    if (event.stored_row.empty() && event.n_gains == n_gains &&
        (g == 0 || options_.both_gains || !selects_gain(event))) {
      fetch(&event.waveform[(g * event.n_stored + module * pixels_per_module) * event.n_samples],
            pixels_per_module * event.n_samples);
    }
  }
}

void Drs4Corrector::correct(const RawBlock& block, std::size_t module, CorrectedBlock& out,
                            std::span<const std::uint8_t> wanted) {
  drs4::LapseMemo memo;
  const std::size_t first_position = module * pixels_per_module;

  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    if (e + 1 < block.events.size()) prefetch(block.events[e + 1], module);
    const bool calibrated = (event.preprocessing & preprocessing::pe_calibration) != 0;
    const bool correct_lapse =
        !calibrated && (event.preprocessing & preprocessing::time_lapse) == 0;
    const bool correct_spikes = !calibrated && (event.preprocessing & preprocessing::spikes) == 0;
    const bool interleaved = is_interleaved(event) || options_.both_gains;
    const bool selects =
        options_.both_gains ? event.n_gains == n_gains && !calibrated : selects_gain(event);

    const std::uint64_t clock = event.module_clock[module];
    if (clock != 0 && (base_[module] == 0 || clock < base_[module] ||
                       clock - base_[module] >= std::numeric_limits<std::uint32_t>::max())) {
      move_base(module, clock);
    }
    const std::uint32_t now = clock == 0 ? 0 : std::uint32_t(clock - base_[module] + 1);

    const bool is_wanted = wanted.empty() || wanted[e] != 0;
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      bool needs_gain = is_wanted;
      for (std::size_t g = 0; g < n_gains; ++g) {
        const std::size_t position = first_position + k;
        const std::size_t pixel = camera_.pixel_ids[position];
        const std::size_t channel = g * n_pixels_ + pixel;
        const std::size_t cell =
            event.first_capacitor[module * chips_per_module + readout::chip_of_pixel[g][k]] %
            n_capacitors;
        out.first_capacitor[e * n_gains * n_pixels_ + channel] = std::uint16_t(cell);
        std::uint16_t& previous = previous_first_capacitor_[position * n_gains + g];
        const std::size_t previous_cell = previous;
        previous = std::uint16_t(cell);

        const std::uint8_t status = event.pixel_status[position];
        const bool has_high = (status & pixel_status::high_gain_stored) != 0;
        const bool broken = !has_high && (status & pixel_status::low_gain_stored) == 0;
        if (g == 0) {
          out.broken[e * n_pixels_ + pixel] = broken ? 1 : 0;
          out.stored_gain[e * n_pixels_ + pixel] = has_high ? 0 : 1;
          out.raw_above_threshold[e * n_pixels_ + pixel] = 0;
        }
        const bool removed = (status & pixel_status::dvr) == 0;
        const std::size_t row =
            event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
        const bool in_file =
            row < event.n_stored && (event.n_gains == 2 || g == (has_high ? 0U : 1U));
        std::uint32_t* const last = &last_readout_[(position * n_gains + g) * n_capacitors];
        float* const kept = out.waveform_of(e, g, pixel);
        const std::uint16_t* const raw =
            in_file ? &event.waveform[((event.n_gains == 2 ? g * event.n_stored : 0) + row) *
                                      event.n_samples]
                    : nullptr;
        if (interleaved && g == 0 && in_file) {
          bool above = false;
          for (std::size_t s = 0; s < event.n_samples; ++s) {
            above |= float(raw[s]) > options_.gain_threshold;
          }
          out.raw_above_threshold[e * n_pixels_ + pixel] = above ? 1 : 0;
        }
        bool above = false;
        if (!needs_gain) {
          // The high gain was chosen, or the event is not wanted: nobody reads this one, which
          // saves a third of the memory traffic.
        } else if (broken || removed || !in_file) {
          std::fill_n(kept, readout::n_kept_samples, 0.F);
        } else if (calibrated) {
          const std::size_t skip =
              event.n_samples == readout::n_samples ? readout::first_kept_sample : 0;
          for (std::size_t s = 0; s < readout::n_kept_samples; ++s) {
            kept[s] = float(raw[skip + s]) / camera_.waveform_scale - camera_.waveform_offset;
          }
        } else {
          const bool scaled = camera_.waveform_scale != 1.F || camera_.waveform_offset != 0.F;
          above = correct_readout(
              {raw, camera_.waveform_scale, camera_.waveform_offset, scaled, cell,
               &pedestal_->baseline[channel * Drs4Pedestal::row], now, correct_lapse, last,
               correct_spikes ? drs4::find_spikes(cell, previous_cell) : drs4::Spikes{},
               options_.spike_method == SpikeMethod::subtraction
                   ? &pedestal_->spike_height[channel * 3]
                   : nullptr,
               options_.gain_threshold},
              memo, kept);
        }
        if (g == 0 && selects && is_wanted) {
          needs_gain = above || options_.both_gains;
          out.selected_gain[e * n_pixels_ + pixel] = above ? 1 : 0;
        }
        // Events that are calibrated already do not touch the last readouts (the peers' choice).
        if (!calibrated) drs4::update_last_readout(k, cell, now, last);
      }
    }
  }
}

}  // namespace alisio::calib
