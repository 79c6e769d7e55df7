#include "calib/drs4/corrector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "calib/drs4/fetch_lines.hpp"
#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

using readout::chips_per_module;
using readout::pixels_per_module;

bool is_interleaved(const RawEvent& event) {
  return event.type == EventType::flatfield || event.type == EventType::sky_pedestal;
}

/// A bit for each pixel of a module.
constexpr unsigned all_pixels_of_module = (1U << pixels_per_module) - 1;

bool is_broken(std::uint8_t status) {
  return (status & (pixel_status::high_gain_stored | pixel_status::low_gain_stored)) == 0;
}

bool is_empty(std::uint8_t status) {
  return is_broken(status) || (status & pixel_status::dvr) == 0;
}

/// Return a bit for each chip of a gain that reads out some of these pixels of a module.
constexpr unsigned chips_of(unsigned pixels) {
  unsigned chips = 0;
  for (std::size_t k = 0; k < pixels_per_module; ++k)
    chips |= (pixels >> k & 1U) << readout::chip_of_pixel[0][k];
  return chips;
}

}  // namespace

void CorrectedBlock::reserve(std::size_t events, std::span<const std::uint16_t> pixels,
                             std::size_t samples) {
  n_pixels = pixels.size();
  n_samples = samples;
  group_samples_ = pixels_per_module * readout::n_samples;
  const std::size_t module_samples = events * group_samples_;
  const std::size_t n_modules = (n_pixels + pixels_per_module - 1) / pixels_per_module;
  gain_samples_ = n_modules * module_samples;
  waveform_.resize(n_gains * gain_samples_);
  first_sample_.resize(n_pixels);
  for (std::size_t i = 0; i < n_pixels; ++i)
    first_sample_[pixels[i]] = i / pixels_per_module * module_samples +
                               i % pixels_per_module * readout::n_samples +
                               readout::first_kept_sample;
  first_capacitor.resize(events * n_gains * n_pixels);
  broken.resize(events * n_pixels);
  empty.resize(events * n_pixels);
  stored_gain.resize(events * n_pixels);
  raw_above_threshold.resize(events * n_pixels);
  selected_gain.resize(events * n_pixels);
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
  all_pixels_ = camera.pixel_ids;
  for (std::size_t p = 0; p < n_pixels_; ++p) {
    if (present[p] == 0) all_pixels_.push_back(std::uint16_t(p));
  }
  narrow_baselines_ = drs4::NarrowBaselines(*pedestal_, camera_.pixel_ids);
  gain_threshold_.fill(std::numeric_limits<float>::infinity());
  std::fill_n(gain_threshold_.begin() + readout::first_kept_sample, readout::n_kept_samples,
              options.gain_threshold);
  history_.resize(n_modules_);
  previous_first_capacitor_.assign(n_modules_ * chips_per_module, 0);
}

std::span<const std::uint16_t> Drs4Corrector::pixels_of(std::size_t module) const {
  return {&camera_.pixel_ids[module * pixels_per_module], pixels_per_module};
}

void Drs4Corrector::prepare(const RawBlock& block, CorrectedBlock& out) const {
  out.reserve(block.events.size(), all_pixels_, readout::n_kept_samples);
  for (std::size_t e = 0; e < block.events.size(); ++e) {
    check(block.events[e]);
    note_status(block.events[e], e, out);
    for (const auto pixel : missing_pixels()) {
      for (std::size_t g = 0; g < n_gains; ++g) {
        std::fill_n(out.waveform_of(e, g, pixel), out.n_samples, 0.F);
        out.first_capacitor[(e * n_gains + g) * n_pixels_ + pixel] = 0;
      }
      out.broken[e * n_pixels_ + pixel] = 1;
      out.empty[e * n_pixels_ + pixel] = 1;
      // Pixels without status count as low gain where one gain is stored (the peers' choice).
      out.stored_gain[e * n_pixels_ + pixel] = 1;
      out.selected_gain[e * n_pixels_ + pixel] = 0;
      // The old format stands for missing samples with the largest value, the new one with 0.
      out.raw_above_threshold[e * n_pixels_ + pixel] = camera_.r1v1 ? 0 : 1;
    }
  }
}

void Drs4Corrector::check(const RawEvent& event) const {
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
}

void Drs4Corrector::note_status(const RawEvent& event, std::size_t e, CorrectedBlock& out) const {
  // A row of each table stays in the cache here; the modules would visit it all over.
  std::uint8_t* const broken = &out.broken[e * n_pixels_];
  std::uint8_t* const empty = &out.empty[e * n_pixels_];
  std::int8_t* const stored_gain = &out.stored_gain[e * n_pixels_];
  std::uint16_t* const cells[n_gains] = {&out.first_capacitor[e * n_gains * n_pixels_],
                                         &out.first_capacitor[(e * n_gains + 1) * n_pixels_]};
  for (std::size_t module = 0; module < n_modules_; ++module) {
    const std::uint16_t* const chips = &event.first_capacitor[module * chips_per_module];
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t pixel = camera_.pixel_ids[position];
      const std::uint8_t status = event.pixel_status[position];
      broken[pixel] = is_broken(status) ? 1 : 0;
      empty[pixel] = is_empty(status) ? 1 : 0;
      stored_gain[pixel] = (status & pixel_status::high_gain_stored) != 0 ? 0 : 1;
      for (std::size_t g = 0; g < n_gains; ++g)
        cells[g][pixel] = std::uint16_t(chips[readout::chip_of_pixel[g][k]] % n_capacitors);
    }
  }
  std::fill_n(&out.raw_above_threshold[e * n_pixels_], n_pixels_, std::uint8_t{0});
}

void Drs4Corrector::fetch(const RawBlock& block, std::size_t module) const {
  // First capacitors are random, so no hardware sees these accesses coming.
  for (const RawEvent& event : block.events) {
    if (!event.stored_row.empty()) continue;
    const std::size_t n_fetched = event.n_gains == n_gains && wants_both_gains(event) ? n_gains : 1;
    for (std::size_t g = 0; g < n_fetched; ++g)
      drs4::fetch_lines(
          &event.waveform[(g * event.n_stored + module * pixels_per_module) * event.n_samples],
          pixels_per_module * event.n_samples);
    if (n_fetched < n_gains) continue;
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t channel = n_pixels_ + camera_.pixel_ids[module * pixels_per_module + k];
      const std::size_t chip = module * chips_per_module + readout::chip_of_pixel[1][k];
      drs4::fetch_lines(
          &pedestal_
               ->baseline[channel * Drs4Pedestal::row + event.first_capacitor[chip] % n_capacitors],
          readout::n_samples);
    }
  }
  history_[module].fetch();
  // Fewer events read but a part of the rows.
  constexpr std::size_t most_of_a_row = 16;
  if (block.events.size() < most_of_a_row) return;
  const std::span<const std::uint8_t> rows = narrow_baselines_.of_module(module);
  drs4::fetch_lines(rows.data(), rows.size());
}

bool Drs4Corrector::wants_both_gains(const RawEvent& event) const {
  return options_.both_gains || is_interleaved(event);
}

void Drs4Corrector::correct(const RawBlock& block, std::size_t module, CorrectedBlock& out,
                            std::span<const std::uint8_t> wanted) {
  fetch(block, module);
  drs4::ReadoutHistory& history = history_[module];
  if (!block.events.empty()) history.forget(block.events.front().module_clock[module]);
  const ModuleReadouts common = readouts_of(module);
  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    const std::span<const std::uint16_t> first_capacitors =
        event.first_capacitor.subspan(module * chips_per_module, chips_per_module);
    const bool calibrated = (event.preprocessing & preprocessing::pe_calibration) != 0;
    if (wanted.empty() || wanted[e] != 0) {
      if (calibrated)
        copy_calibrated(event, e, module, out);
      else
        correct_event(event, e, module, common, out);
    }
    for (std::size_t chip = 0; chip < chips_per_module; ++chip)
      previous_first_capacitor_[module * chips_per_module + chip] =
          std::uint16_t(first_capacitors[chip] % n_capacitors);
    // Events that are calibrated already are not noted (the peers' choice).
    if (!calibrated) history.add(first_capacitors, event.module_clock[module]);
  }
}

const std::uint16_t* Drs4Corrector::raw_samples(const RawEvent& event, std::size_t position,
                                                std::size_t gain) const {
  const std::size_t row =
      event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
  if (row >= event.n_stored) return nullptr;
  if (event.n_gains == n_gains)
    return &event.waveform[(gain * event.n_stored + row) * event.n_samples];
  const bool has_high = (event.pixel_status[position] & pixel_status::high_gain_stored) != 0;
  return gain == (has_high ? 0U : 1U) ? &event.waveform[row * event.n_samples] : nullptr;
}

void Drs4Corrector::note_raw_above_threshold(const RawEvent& event, std::size_t e,
                                             std::size_t module, CorrectedBlock& out) const {
  for (std::size_t k = 0; k < pixels_per_module; ++k) {
    const std::size_t position = module * pixels_per_module + k;
    const std::uint16_t* const raw = raw_samples(event, position, 0);
    if (raw == nullptr) continue;
    int above = 0;
    for (std::size_t s = 0; s < event.n_samples; ++s)
      above |= float(raw[s]) > options_.gain_threshold ? 1 : 0;
    out.raw_above_threshold[e * n_pixels_ + camera_.pixel_ids[position]] = std::uint8_t(above);
  }
}

void Drs4Corrector::copy_calibrated(const RawEvent& event, std::size_t e, std::size_t module,
                                    CorrectedBlock& out) const {
  if (wants_both_gains(event)) note_raw_above_threshold(event, e, module, out);
  const std::size_t skip = event.n_samples == readout::n_samples ? readout::first_kept_sample : 0;
  for (std::size_t k = 0; k < pixels_per_module; ++k) {
    const std::size_t position = module * pixels_per_module + k;
    const std::size_t pixel = camera_.pixel_ids[position];
    for (std::size_t g = 0; g < n_gains; ++g) {
      const std::uint16_t* const raw = raw_samples(event, position, g);
      float* const kept = out.waveform_of(e, g, pixel);
      if (raw == nullptr || out.empty[e * n_pixels_ + pixel] != 0) {
        std::fill_n(kept, readout::n_kept_samples, 0.F);
        continue;
      }
      for (std::size_t s = 0; s < readout::n_kept_samples; ++s)
        kept[s] = float(raw[skip + s]) / camera_.waveform_scale - camera_.waveform_offset;
    }
  }
}

void Drs4Corrector::find_lapses_and_spikes(const RawEvent& event, std::size_t module,
                                           std::size_t gain, unsigned chips,
                                           ChipCorrections& out) const {
  const bool correct_lapse = (event.preprocessing & preprocessing::time_lapse) == 0;
  const bool correct_spikes = (event.preprocessing & preprocessing::spikes) == 0;
  std::array<drs4::ReadoutHistory::Readout, chips_per_gain> readouts;
  std::size_t n = 0;
  for (std::size_t c = 0; c < chips_per_gain; ++c) {
    out.lapses[c].clear();
    out.spikes[c] = {};
    if ((chips >> c & 1U) == 0) continue;
    const std::size_t chip = gain * chips_per_gain + c;
    const std::size_t cell = event.first_capacitor[module * chips_per_module + chip] % n_capacitors;
    if (correct_spikes)
      out.spikes[c] =
          drs4::find_spikes(cell, previous_first_capacitor_[module * chips_per_module + chip]);
    if (correct_lapse) readouts[n++] = {chip, cell, &out.lapses[c]};
  }
  history_[module].find(std::span(readouts).first(n), event.module_clock[module], 0);
  drs4::evaluate_lapses(out.lapses);
}

Drs4Corrector::ModuleReadouts Drs4Corrector::readouts_of(std::size_t module) const {
  ModuleReadouts readouts;
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t k = 0; k < pixels_per_module; ++k) {
      const std::size_t position = module * pixels_per_module + k;
      const std::size_t channel = g * n_pixels_ + camera_.pixel_ids[position];
      readouts[g][k] = {
          .raw = nullptr,
          .baseline = &pedestal_->baseline[channel * Drs4Pedestal::row],
          .narrow_baseline = g == 0 ? narrow_baselines_.row_of(position) : nullptr,
          .narrow_base = narrow_baselines_.base_of(position),
          .lapse = {},
          .spike_height = options_.spike_method == SpikeMethod::subtraction
                              ? &pedestal_->spike_height[channel * readout::n_spike_samples]
                              : nullptr,
          .spikes = {},
          .samples = nullptr,
      };
    }
  }
  return readouts;
}

void Drs4Corrector::correct_event(const RawEvent& event, std::size_t e, std::size_t module,
                                  const ModuleReadouts& common, CorrectedBlock& out) const {
  const bool both = wants_both_gains(event);
  const bool selects = event.n_gains == n_gains && (options_.both_gains || !is_interleaved(event));
  if (both) note_raw_above_threshold(event, e, module, out);
  // Where the high gain is chosen nobody reads the low one, which saves half of the work.
  unsigned needed = all_pixels_of_module;
  for (std::size_t g = 0; g < n_gains && needed != 0; ++g) {
    const unsigned above = correct_gain(event, e, module, g, needed, common, out);
    if (g > 0 || !selects) continue;
    for (std::size_t k = 0; k < pixels_per_module; ++k)
      out.selected_gain[e * n_pixels_ + camera_.pixel_ids[module * pixels_per_module + k]] =
          std::int8_t(above >> k & 1U);
    if (!options_.both_gains) needed = above;
  }
}

unsigned Drs4Corrector::correct_gain(const RawEvent& event, std::size_t e, std::size_t module,
                                     std::size_t gain, unsigned needed,
                                     const ModuleReadouts& common, CorrectedBlock& out) const {
  ChipCorrections chips;
  find_lapses_and_spikes(event, module, gain, chips_of(needed), chips);
  const drs4::ReadoutScale scale{camera_.waveform_scale, camera_.waveform_offset};
  std::array<drs4::Readout, pixels_per_module> readouts;
  std::array<std::size_t, pixels_per_module> pixel_of;
  std::size_t n = 0;
  // Not from the rows of `out`: in pixel order, those of a module lie in as many lines of cache.
  const std::uint16_t* const first_capacitor = &event.first_capacitor[module * chips_per_module];
  const std::size_t first_position = module * pixels_per_module;
  float* const samples = out.all_samples_of_module(e, gain, camera_.pixel_ids[first_position]);
  for (std::size_t k = 0; k < pixels_per_module; ++k) {
    if ((needed >> k & 1U) == 0) continue;
    const std::size_t position = first_position + k;
    float* const own_samples = samples + k * readout::n_samples;
    const std::uint16_t* const raw = raw_samples(event, position, gain);
    if (raw == nullptr || is_empty(event.pixel_status[position])) {
      std::fill_n(own_samples + readout::first_kept_sample, readout::n_kept_samples, 0.F);
      continue;
    }
    const std::size_t chip = readout::chip_of_pixel[gain][k] % chips_per_gain;
    const std::size_t cell = first_capacitor[readout::chip_of_pixel[gain][k]] % n_capacitors;
    pixel_of[n] = k;
    drs4::Readout& of_pixel = readouts[n++];
    of_pixel = common[gain][k];
    of_pixel.raw = raw;
    of_pixel.baseline += cell;
    if (of_pixel.narrow_baseline != nullptr) of_pixel.narrow_baseline += cell;
    of_pixel.lapse = chips.lapses[chip].of(k);
    of_pixel.spikes = chips.spikes[chip];
    of_pixel.samples = own_samples;
  }
  const std::span<const drs4::Readout> some(readouts.data(), n);
  const drs4::CorrectedSet done = drs4::correct_readouts(some, scale, gain_threshold_);
  unsigned above = 0;
  for (std::size_t i = 0; i < n; ++i) {
    unsigned is_above = done.above_threshold >> i & 1U;
    if ((done.needs_exact_lapse >> i & 1U) != 0) [[unlikely]] {
      // In place: what of() points to becomes exact.
      chips.lapses[readout::chip_of_pixel[gain][pixel_of[i]] % chips_per_gain].make_exact();
      is_above = drs4::correct_readouts(some.subspan(i, 1), scale, gain_threshold_).above_threshold;
    }
    above |= is_above << pixel_of[i];
  }
  return above;
}

}  // namespace alisio::calib
