#include "calib/drs4/corrector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "calib/drs4/correct_readout.hpp"
#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

using readout::chips_per_module;
using readout::pixels_per_module;

bool is_interleaved(const RawEvent& event) {
  return event.type == EventType::flatfield || event.type == EventType::sky_pedestal;
}

/// Of such events one gain a pixel is kept, and the low gain is only corrected where it is.
bool selects_gain(const RawEvent& event) {
  return event.n_gains == n_gains && !is_interleaved(event) &&
         (event.preprocessing & preprocessing::pe_calibration) == 0;
}

}  // namespace

void CorrectedBlock::reserve(std::size_t events, std::span<const std::uint16_t> pixels,
                             std::size_t samples) {
  n_pixels = pixels.size();
  n_samples = samples;
  group_samples_ = pixels_per_module * readout::n_samples;
  const std::size_t module_samples = events * n_gains * group_samples_;
  const std::size_t n_modules = (n_pixels + pixels_per_module - 1) / pixels_per_module;
  waveform_.resize(n_modules * module_samples);
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

void Drs4Corrector::fetch(const RawBlock& block, std::size_t module) const {
  // First capacitors are random, so no hardware sees these accesses coming, and prefetch
  // instructions are dropped where the address is not in the translation buffer. Plain loads, a
  // line each, overlap: the module's high-gain data are in the cache then.
  constexpr std::size_t line = 64;
  const auto load = [](const auto* from, std::size_t items) {
    const auto* const bytes = reinterpret_cast<const volatile char*>(from);
    for (std::size_t b = 0; b < items * sizeof(*from); b += line) static_cast<void>(bytes[b]);
  };
  for (const RawEvent& event : block.events) {
    if (event.stored_row.empty())
      load(&event.waveform[module * pixels_per_module * event.n_samples],
           pixels_per_module * event.n_samples);
  }
  // Fewer events read but a part of the rows.
  constexpr std::size_t most_of_a_row = 16;
  if (block.events.size() < most_of_a_row) return;
  for (const auto pixel : pixels_of(module))
    load(&pedestal_->baseline[pixel * Drs4Pedestal::row], Drs4Pedestal::row);
}

void Drs4Corrector::correct(const RawBlock& block, std::size_t module, CorrectedBlock& out,
                            std::span<const std::uint8_t> wanted) {
  fetch(block, module);
  const std::size_t first_position = module * pixels_per_module;
  drs4::ReadoutHistory& history = history_[module];
  if (!block.events.empty()) history.forget(block.events.front().module_clock[module]);
  constexpr std::size_t chips_per_gain = chips_per_module / n_gains;
  std::array<drs4::LapseBaselines, chips_per_gain> lapses;
  std::array<drs4::Spikes, chips_per_gain> spikes;

  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    const bool calibrated = (event.preprocessing & preprocessing::pe_calibration) != 0;
    const bool correct_lapse =
        !calibrated && (event.preprocessing & preprocessing::time_lapse) == 0;
    const bool correct_spikes = !calibrated && (event.preprocessing & preprocessing::spikes) == 0;
    const bool interleaved = is_interleaved(event) || options_.both_gains;
    const bool selects =
        options_.both_gains ? event.n_gains == n_gains && !calibrated : selects_gain(event);
    const std::uint64_t clock = event.module_clock[module];
    const std::span<const std::uint16_t> first_capacitors =
        event.first_capacitor.subspan(module * chips_per_module, chips_per_module);
    const bool is_wanted = wanted.empty() || wanted[e] != 0;
    // Where the high gain is chosen nobody reads the low one, which saves half of the work.
    std::array<bool, pixels_per_module> needs_gain;
    needs_gain.fill(is_wanted);

    for (std::size_t g = 0; g < n_gains; ++g) {
      std::array<bool, chips_per_gain> needs_chip{};
      for (std::size_t k = 0; k < pixels_per_module; ++k)
        needs_chip[readout::chip_of_pixel[g][k] % chips_per_gain] |= needs_gain[k];
      for (std::size_t c = 0; c < chips_per_gain; ++c) {
        const std::size_t chip = g * chips_per_gain + c,
                          cell = first_capacitors[chip] % n_capacitors;
        lapses[c].clear();
        if (!needs_chip[c]) continue;
        if (correct_spikes)
          spikes[c] =
              drs4::find_spikes(cell, previous_first_capacitor_[module * chips_per_module + chip]);
        else
          spikes[c] = {};
        if (correct_lapse) history.find(chip, cell, clock, 0, lapses[c]);
      }
      drs4::evaluate(lapses);
      for (std::size_t k = 0; k < pixels_per_module; ++k) {
        const std::size_t position = first_position + k;
        const std::size_t pixel = camera_.pixel_ids[position];
        const std::size_t channel = g * n_pixels_ + pixel;
        const std::size_t chip = readout::chip_of_pixel[g][k];
        const std::size_t cell = first_capacitors[chip] % n_capacitors;
        out.first_capacitor[e * n_gains * n_pixels_ + channel] = std::uint16_t(cell);

        const std::uint8_t status = event.pixel_status[position];
        const bool has_high = (status & pixel_status::high_gain_stored) != 0;
        const bool broken = !has_high && (status & pixel_status::low_gain_stored) == 0;
        const bool empty = broken || (status & pixel_status::dvr) == 0;
        if (g == 0) {
          out.broken[e * n_pixels_ + pixel] = broken ? 1 : 0;
          out.empty[e * n_pixels_ + pixel] = empty ? 1 : 0;
          out.stored_gain[e * n_pixels_ + pixel] = has_high ? 0 : 1;
          out.raw_above_threshold[e * n_pixels_ + pixel] = 0;
        }
        const std::size_t row =
            event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
        const bool in_file =
            row < event.n_stored && (event.n_gains == 2 || g == (has_high ? 0U : 1U));
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
        if (!needs_gain[k]) continue;
        bool above = false;
        if (empty || !in_file) {
          std::fill_n(kept, readout::n_kept_samples, 0.F);
        } else if (calibrated) {
          const std::size_t skip =
              event.n_samples == readout::n_samples ? readout::first_kept_sample : 0;
          for (std::size_t s = 0; s < readout::n_kept_samples; ++s) {
            kept[s] = float(raw[skip + s]) / camera_.waveform_scale - camera_.waveform_offset;
          }
        } else {
          drs4::LapseBaselines& lapse = lapses[chip % chips_per_gain];
          const drs4::Readout readout{raw,
                                      camera_.waveform_scale,
                                      camera_.waveform_offset,
                                      &pedestal_->baseline[channel * Drs4Pedestal::row + cell],
                                      lapse.empty() ? nullptr : lapse.of(k),
                                      spikes[chip % chips_per_gain],
                                      options_.spike_method == SpikeMethod::subtraction
                                          ? &pedestal_->spike_height[channel * 3]
                                          : nullptr,
                                      gain_threshold_.data()};
          float* const samples = kept - readout::first_kept_sample;
          auto corrected = drs4::correct_readout(readout, drs4::Lapse::approximate, samples);
          if (corrected == drs4::Corrected::needs_exact_lapse) {
            lapse.make_exact();
            corrected = drs4::correct_readout(readout, drs4::Lapse::exact, samples);
          }
          above = corrected == drs4::Corrected::above_threshold;
        }
        if (g == 0 && selects) {
          needs_gain[k] = above || options_.both_gains;
          out.selected_gain[e * n_pixels_ + pixel] = above ? 1 : 0;
        }
      }
    }
    for (std::size_t chip = 0; chip < chips_per_module; ++chip)
      previous_first_capacitor_[module * chips_per_module + chip] =
          std::uint16_t(first_capacitors[chip] % n_capacitors);
    // Events that are calibrated already are not noted (the peers' choice).
    if (!calibrated) history.add(first_capacitors, clock);
  }
}

}  // namespace alisio::calib
