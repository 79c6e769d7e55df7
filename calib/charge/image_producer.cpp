#include "calib/charge/image_producer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "calib/drs4/readout.hpp"
#include "lib/base/error.hpp"
#include "lib/base/median.hpp"
#include "lib/flow/ordered_pipeline.hpp"
#include "lib/sky/time.hpp"

namespace alisio::calib {
namespace {

bool is_interleaved(EventType type) {
  return type == EventType::flatfield || type == EventType::sky_pedestal;
}

bool is_calibrated(const RawEvent& event) {
  return (event.preprocessing & preprocessing::pe_calibration) != 0;
}

}  // namespace

ImageProducer::ImageProducer(R0Source& source, CalibrationConstants constants,
                             const instrument::CameraGeometry& geometry, double sampling_rate,
                             const CalibrationOptions& options)
    : source_(&source),
      constants_(std::move(constants)),
      geometry_(&geometry),
      sampling_rate_(sampling_rate),
      options_(options),
      charge_scale_{static_cast<float>(options.charge_scale_high_gain),
                    static_cast<float>(options.charge_scale_low_gain)},
      drs4_(constants_.drs4_pedestal, source.camera(),
            Drs4Options{options.gain_selection_threshold, options.spike_method,
                        options.flatfield_heuristic.has_value()}),
      shifts_(constants_.time.get(), constants_.camera->row.calibration.time_correction,
              geometry.n_pixels),
      statistics_(*constants_.camera, options.interleaved, geometry.n_pixels) {
  const std::size_t channels = n_gains * geometry.n_pixels;
  if (constants_.drs4_pedestal->n_pixels != geometry.n_pixels ||
      constants_.camera->row.calibration.dc_to_pe.size() != channels) {
    throw Error(ErrorKind::bad_input, "the constants do not have the pixels of the camera", {},
                "give the constants of this camera");
  }
  counters_.nan_constants = constants_.camera->nan_pixels;
  // The peers start with the status in the calibration file, and replace it after the first event.
  auto first = std::make_shared<std::vector<std::uint8_t>>(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    (*first)[c] = std::uint8_t(constants_.camera->hardware_failing_pixels[c] |
                               constants_.camera->pedestal_failing_pixels[c] |
                               constants_.camera->flatfield_failing_pixels[c]);
  }
  first_failing_ = std::move(first);
  masked_.resize(channels);
  shift_.resize(channels);
  sorted_.resize(channels);
}

void ImageProducer::remove_median(std::span<double> shift, std::vector<double>& sorted) const {
  std::copy(shift.begin(), shift.end(), sorted.begin());
  const double median = nan_median({sorted.data(), shift.size()});
  for (double& value : shift) value -= median;
}

void ImageProducer::extract_interleaved(WorkBlock& block,
                                        std::span<const std::uint16_t> pixels) const {
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  for (std::size_t k = 0; k < block.interleaved_.size(); ++k) {
    const std::size_t e = block.interleaved_[k];
    const bool pedestal = block.raw.events[e].type == EventType::sky_pedestal;
    for (std::size_t g = 0; g < n_gains; ++g) {
      for (const auto p : pixels) {
        const float* samples = block.waveforms.waveform_of(e, g, p);
        const Pulse pulse =
            pedestal ? sum_window(samples, n_samples, std::size_t(options_.pedestal_peak),
                                  options_.pedestal_window, sampling_rate_)
                     : sum_window(samples, n_samples, find_peak(samples, n_samples),
                                  options_.flatfield_window, sampling_rate_);
        block.charge_[(k * n_gains + g) * n + p] = pulse.charge;
        block.time_[(k * n_gains + g) * n + p] = pulse.peak_time;
      }
    }
  }
}

std::size_t ImageProducer::selected_gain(const WorkBlock& block, std::size_t e,
                                         std::size_t p) const {
  const std::size_t n = geometry_->n_pixels;
  const RawEvent& event = block.raw.events[e];
  if (event.n_gains == 1) return std::size_t(block.waveforms.stored_gain[e * n + p]);
  if (is_calibrated(event)) {
    // The samples are p.e., and so the threshold has to be.
    const auto& row = constants_.camera->row.calibration;
    const auto threshold = static_cast<float>(
        (options_.gain_selection_threshold - row.pedestal_per_sample[p]) * row.dc_to_pe[p]);
    return is_above(block.waveforms.waveform_of(e, 0, p), block.waveforms.n_samples, threshold) ? 1
                                                                                                : 0;
  }
  if (is_interleaved(event.type)) return block.waveforms.raw_above_threshold[e * n + p];
  return std::size_t(block.waveforms.selected_gain[e * n + p]);
}

void ImageProducer::extract_images(WorkBlock& block, std::span<const std::uint16_t> pixels) const {
  constexpr std::size_t most = readout::pixels_per_module;
  std::size_t interleaved = 0;
  for (std::size_t e = 0; e < block.raw.events.size(); ++e) {
    float* times = nullptr;
    if (interleaved < block.interleaved_.size() && block.interleaved_[interleaved] == e) {
      if (options_.keep_interleaved_times && block.raw.events[e].n_gains == n_gains)
        times = &block.interleaved_times[interleaved * n_gains * geometry_->n_pixels];
      ++interleaved;
    }
    for (std::size_t k = 0; k < pixels.size(); k += most)
      extract_image(block, e, pixels.subspan(k, std::min(most, pixels.size() - k)), times);
  }
}

void ImageProducer::extract_image(WorkBlock& block, std::size_t e,
                                  std::span<const std::uint16_t> pixels, float* times) const {
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  const RawEvent& event = block.raw.events[e];
  const double scale[n_gains] = {charge_scale(event, 0), charge_scale(event, 1)};
  constexpr std::size_t most = readout::pixels_per_module;
  std::array<std::size_t, most> gain;
  // Those of the selected gains first.
  std::array<Channel, n_gains * most> channels;
  std::array<Pulse, n_gains * most> pulses;
  for (std::size_t k = 0; k < pixels.size(); ++k) {
    gain[k] = selected_gain(block, e, pixels[k]);
    channels[k] = channel_of(block, e, gain[k], pixels[k]);
  }
  std::size_t n_channels = pixels.size();
  if (event.n_gains == n_gains && is_interleaved(event.type))
    for (std::size_t k = 0; k < pixels.size(); ++k)
      channels[n_channels++] = channel_of(block, e, 1 - gain[k], pixels[k]);
  extract_in_pe(std::span(channels).first(n_channels), n_samples, options_.window, sampling_rate_,
                pulses);
  for (std::size_t k = 0; k < pixels.size(); ++k) {
    const std::size_t p = pixels[k];
    block.events.selected_gain[e * n + p] = std::int8_t(gain[k]);
    block.events.image[e * n + p] = static_cast<float>(double(pulses[k].charge) * scale[gain[k]]);
    block.events.peak_time[e * n + p] = pulses[k].peak_time;
  }
  if (!is_interleaved(event.type)) return;
  for (std::size_t c = 0; c < n_channels; ++c) {
    const std::size_t k = c % pixels.size(), g = c < pixels.size() ? gain[k] : 1 - gain[k];
    to_pe(channels[c], n_samples, block.waveforms.waveform_of(e, g, pixels[k]));
    if (times != nullptr) times[g * n + pixels[k]] = pulses[c].peak_time;
  }
}

Channel ImageProducer::channel_of(const WorkBlock& block, std::size_t e, std::size_t g,
                                  std::size_t p) const {
  const std::size_t n = geometry_->n_pixels;
  const float* const samples = block.waveforms.waveform_of(e, g, p);
  // p.e. already, or 0 before and after.
  if (block.waveforms.empty[e * n + p] != 0 || is_calibrated(block.raw.events[e]))
    return {samples, 0, 1};
  const auto& row = constants_.camera->row.calibration;
  return {samples, row.pedestal_per_sample[g * n + p], row.dc_to_pe[g * n + p]};
}

void ImageProducer::add_interleaved(WorkBlock& block, std::size_t k) {
  const std::size_t n = geometry_->n_pixels, channels = n_gains * n;
  const std::size_t e = block.interleaved_[k];
  const RawEvent& event = block.raw.events[e];
  const bool is_first = block.raw.first_index + e == 0;
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t p = 0; p < n; ++p) {
      const bool broken = is_first ? constants_.camera->hardware_failing_pixels[g * n + p] != 0
                                   : block.waveforms.broken[e * n + p] != 0;
      const bool missing =
          event.n_gains == 1 && std::size_t(block.waveforms.stored_gain[e * n + p]) != g;
      masked_[g * n + p] = broken || missing ? 1 : 0;
    }
  }
  const std::span<const float> charge(&block.charge_[k * channels], channels);
  const double time = block.events.time_unix_s[e];
  if (event.type == EventType::sky_pedestal) {
    statistics_.add_pedestal(charge, masked_, time);
    return;
  }
  const std::span<float> peak_time(&block.time_[k * channels], channels);
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t p = 0; p < n; ++p) {
      shift_[g * n + p] =
          shifts_.of(g, p, block.waveforms.first_capacitor[e * channels + g * n + p]);
    }
  }
  remove_median(shift_, sorted_);
  for (std::size_t c = 0; c < channels; ++c) {
    peak_time[c] = static_cast<float>(double(peak_time[c]) - shift_[c]);
  }
  statistics_.add_flatfield(charge, peak_time, masked_, time);
}

void ImageProducer::fill_header(WorkBlock& block, std::size_t e) {
  const RawEvent& event = block.raw.events[e];
  EventBlock& out = block.events;
  out.event_id[e] = event.event_id;
  out.time_tai_ns[e] = event.time_tai_ns;
  out.time_unix_s[e] = sky::tai_ns_to_unix_s(event.time_tai_ns);
  out.event_type[e] = event.type;
  out.tib_trigger_type[e] = event.trigger.tib_type;
  out.ucts_trigger_type[e] = event.trigger.ucts_type;
  out.ucts_jump[e] = event.ucts_jump ? 1 : 0;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  text::Pointing pointing{nan, nan};
  if (constants_.drive_log) {
    pointing = text::pointing_at(*constants_.drive_log, out.time_unix_s[e]);
    counters_.outside_drive_log += std::isnan(pointing.altitude) ? 1 : 0;
  }
  out.alt_tel[e] = pointing.altitude;
  out.az_tel[e] = pointing.azimuth;
}

void ImageProducer::tag_flatfield(WorkBlock& block, std::size_t e) {
  RawEvent& event = block.raw.events[e];
  if (is_calibrated(event)) return;
  const FlatfieldHeuristic& heuristic = *options_.flatfield_heuristic;
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  std::size_t in_range = 0;
  for (std::size_t p = 0; p < n; ++p) {
    const std::size_t gain =
        event.n_gains == 1 ? std::size_t(block.waveforms.stored_gain[e * n + p]) : 0;
    const float* const samples = block.waveforms.waveform_of(e, gain, p);
    const double sum = std::accumulate(samples, samples + n_samples, 0.0);
    in_range += sum >= heuristic.min_adc && sum <= heuristic.max_adc ? 1 : 0;
  }
  if (double(in_range) >= heuristic.min_pixel_fraction * double(n)) {
    // A flat-field calibrates both gains or none.
    const bool both = event.n_gains == n_gains;
    counters_.made_flatfield += both && event.type != EventType::flatfield ? 1 : 0;
    counters_.made_unknown += both ? 0 : 1;
    event.type = both ? EventType::flatfield : EventType::unknown;
  } else if (event.type == EventType::flatfield) {
    event.type = EventType::unknown;
    ++counters_.made_unknown;
  }
  block.events.event_type[e] = event.type;
}

bool ImageProducer::next(WorkBlock& block, flow::ThreadPool& pool) {
  const std::size_t n = geometry_->n_pixels, channels = n_gains * n;
  if (!source_->next_block(block.raw, pool)) return false;
  const std::size_t n_events = block.raw.events.size();
  if (block.events.capacity < n_events || block.events.n_pixels != n) {
    block.events.reserve(n_events, n);
  }
  block.events.sequence = next_sequence_++;
  block.events.size = n_events;
  counters_.events += n_events;

  for (std::size_t e = 0; e < n_events; ++e) fill_header(block, e);
  drs4_.prepare(block.raw, block.waveforms);
  // The heuristic needs whole corrected events before it is known which are interleaved.
  if (options_.flatfield_heuristic) {
    pool.parallel_for(drs4_.module_count(), [&](std::size_t module) {
      drs4_.correct(block.raw, module, block.waveforms);
    });
    for (std::size_t e = 0; e < n_events; ++e) tag_flatfield(block, e);
  }
  block.interleaved_.clear();
  for (std::size_t e = 0; e < n_events; ++e) {
    if (!is_interleaved(block.raw.events[e].type)) continue;
    block.interleaved_.push_back(e);
    counters_.one_gain_interleaved += block.raw.events[e].n_gains == 1 ? 1 : 0;
  }
  block.charge_.assign(block.interleaved_.size() * channels, 0.F);
  block.time_.assign(block.interleaved_.size() * channels, 0.F);
  if (options_.keep_interleaved_times)
    block.interleaved_times.resize(block.interleaved_.size() * channels);

  pool.parallel_for(drs4_.module_count(), [&](std::size_t module) {
    if (!options_.flatfield_heuristic) {
      const TimedPart timed(options_.timings, "correct DRS4");
      drs4_.correct(block.raw, module, block.waveforms);
    }
    const TimedPart timed(options_.timings, "gain and charge");
    extract_interleaved(block, drs4_.pixels_of(module));
    extract_images(block, drs4_.pixels_of(module));
  });
  extract_images(block, drs4_.missing_pixels());

  const TimedPart timed(options_.timings, "interleaved statistics");
  block.failing_.assign(n_events, nullptr);
  std::size_t k = 0;
  for (std::size_t e = 0; e < n_events; ++e) {
    if (k < block.interleaved_.size() && block.interleaved_[k] == e) add_interleaved(block, k++);
    if (statistics_.rows().size() != failing_of_rows_) {
      auto failing = std::make_shared<std::vector<std::uint8_t>>(channels);
      for (std::size_t c = 0; c < channels; ++c) {
        (*failing)[c] =
            std::uint8_t(statistics_.pedestal_failing()[c] | statistics_.flatfield_failing()[c]);
      }
      failing_ = std::move(failing);
      failing_of_rows_ = statistics_.rows().size();
    }
    block.failing_[e] = block.raw.first_index + e == 0 ? first_failing_ : failing_;
    block.events.calibration_id[e] = statistics_.calibration_id();
  }
  return true;
}

void ImageProducer::calibrate(WorkBlock& block) const {
  const std::size_t n = geometry_->n_pixels, channels = n_gains * n;
  block.shift_.resize(channels);
  block.sorted_.resize(channels);
  block.invalid_.resize(n);
  const std::vector<std::uint16_t>& pixel_ids = source_->camera().pixel_ids;

  std::size_t next_interleaved = 0;
  for (std::size_t e = 0; e < block.raw.events.size(); ++e) {
    const RawEvent& event = block.raw.events[e];
    const auto selected = block.events.selected_gain_of(e);
    const auto image = block.events.image_of(e);
    const auto peak_time = block.events.peak_time_of(e);
    const bool two_gain_shifts = event.n_gains == 2 && is_interleaved(event.type);

    // Time shifts: of both gains if the event is kept in both, else of the selected gain.
    const std::uint16_t* const cells = &block.waveforms.first_capacitor[e * channels];
    const std::span<double> shift(block.shift_.data(), two_gain_shifts ? channels : n);
    if (!event.pixel_time_shift.empty()) {
      std::fill(shift.begin(), shift.end(), 0.0);
      for (std::size_t position = 0; position < pixel_ids.size(); ++position) {
        const std::size_t row =
            event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
        if (row >= event.n_stored) continue;
        const std::size_t pixel = pixel_ids[position];
        const auto in_ns = [&](std::size_t gain) {
          return double(float(event.pixel_time_shift[gain * event.n_stored + row]) / 100.F);
        };
        if (two_gain_shifts) {
          for (std::size_t g = 0; g < n_gains; ++g) shift[g * n + pixel] = in_ns(g);
        } else {
          shift[pixel] = in_ns(event.n_gains == 2 ? std::size_t(selected[pixel]) : 0);
        }
      }
    } else if (two_gain_shifts) {
      for (std::size_t c = 0; c < channels; ++c) shift[c] = shifts_.of(c / n, c % n, cells[c]);
    } else {
      for (std::size_t p = 0; p < n; ++p) {
        const auto g = std::size_t(selected[p]);
        shift[p] = shifts_.of(g, p, cells[g * n + p]);
      }
    }
    remove_median(shift, block.sorted_);

    for (std::size_t p = 0; p < n; ++p) {
      const double aligned =
          double(peak_time[p]) - shift[two_gain_shifts ? std::size_t(selected[p]) * n + p : p];
      peak_time[p] = static_cast<float>(aligned);
    }

    if (mark_invalid(block, e, block.invalid_)) {
      interpolate_invalid(*geometry_, block.invalid_, image);
      interpolate_invalid(*geometry_, block.invalid_, peak_time);
    }
    if (options_.keep_interleaved_times && next_interleaved < block.interleaved_.size() &&
        block.interleaved_[next_interleaved] == e) {
      keep_times(block, next_interleaved, shift);
      ++next_interleaved;
    }
  }
}

bool ImageProducer::mark_invalid(const WorkBlock& block, std::size_t e,
                                 std::span<std::uint8_t> invalid) const {
  const std::size_t n = geometry_->n_pixels;
  const bool is_first = block.raw.first_index + e == 0;
  const std::vector<std::uint8_t>* const failing = block.failing_[e].get();
  const std::int8_t* const selected = &block.events.selected_gain[e * n];
  bool any = false;
  for (std::size_t p = 0; p < n; ++p) {
    const bool broken = !is_first && block.waveforms.broken[e * n + p] != 0;
    const bool fails = failing != nullptr && (*failing)[std::size_t(selected[p]) * n + p] != 0;
    invalid[p] = broken || fails ? 1 : 0;
    any |= broken || fails;
  }
  return any;
}

double ImageProducer::charge_scale(const RawEvent& event, std::size_t gain) const {
  // The peers hold the factors in float when they calibrate, in double when the event builder has
  // done it.
  if (!is_calibrated(event)) return double(charge_scale_[gain]);
  return gain == 0 ? options_.charge_scale_high_gain : options_.charge_scale_low_gain;
}

void ImageProducer::waveforms_in_pe(const WorkBlock& block, std::size_t e,
                                    std::vector<float>& waveforms) const {
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  const std::int8_t* const selected = &block.events.selected_gain[e * n];
  const bool converted = is_interleaved(block.raw.events[e].type);
  waveforms.resize(n * n_samples);
  // Neighbours lie apart, by modules, and no event stays in the cache.
  constexpr std::size_t ahead = 12, per_line = 64 / sizeof(float);
  for (std::size_t p = 0; p < n; ++p) {
    if (p + ahead < n) {
      const float* const later =
          block.waveforms.waveform_of(e, std::size_t(selected[p + ahead]), p + ahead);
      for (std::size_t s = 0; s < n_samples; s += per_line) __builtin_prefetch(later + s);
    }
    const auto g = std::size_t(selected[p]);
    if (converted)
      std::copy_n(block.waveforms.waveform_of(e, g, p), n_samples, &waveforms[p * n_samples]);
    else
      to_pe(channel_of(block, e, g, p), n_samples, &waveforms[p * n_samples]);
  }
}

void ImageProducer::sum_in_common_window(const WorkBlock& block, std::size_t e,
                                         std::span<const float> waveforms, Window window,
                                         std::span<const std::uint8_t> dark,
                                         std::span<float> image) const {
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  const std::int8_t* const selected = &block.events.selected_gain[e * n];
  std::vector<std::uint8_t> invalid(n);
  const bool any = mark_invalid(block, e, invalid);
  std::vector<float> sum(n_samples, 0.F);
  for (std::size_t p = 0; p < n; ++p) {
    if (invalid[p] != 0 || dark[p] != 0) continue;
    const float* const samples = &waveforms[p * n_samples];
    for (std::size_t s = 0; s < n_samples; ++s) sum[s] += samples[s];
  }
  const std::size_t peak = find_peak(sum.data(), n_samples);
  const RawEvent& event = block.raw.events[e];
  const double scale[n_gains] = {charge_scale(event, 0), charge_scale(event, 1)};
  for (std::size_t p = 0; p < n; ++p) {
    if (dark[p] != 0) {
      image[p] = 0;
      continue;
    }
    const float charge = sum_charge(&waveforms[p * n_samples], n_samples, peak, window);
    image[p] = static_cast<float>(double(charge) * scale[std::size_t(selected[p])]);
  }
  if (!any) return;
  interpolate_invalid(*geometry_, invalid, image);
  for (std::size_t p = 0; p < n; ++p)
    if (dark[p] != 0) image[p] = 0;
}

std::array<std::size_t, n_gains> ImageProducer::stacked_peaks(
    const WorkBlock& block, std::size_t e, std::span<const float> waveforms,
    std::span<const std::uint8_t> marked) const {
  const std::size_t n = geometry_->n_pixels, n_samples = block.waveforms.n_samples;
  std::array<std::size_t, n_gains> peaks{};
  std::vector<float> sum(n_samples);
  for (std::size_t g = 0; g < n_gains; ++g) {
    std::fill(sum.begin(), sum.end(), 0.F);
    for (std::size_t p = 0; p < n; ++p) {
      if (marked[p] == 0 || std::size_t(block.events.selected_gain[e * n + p]) != g) continue;
      const float* const samples = &waveforms[p * n_samples];
      for (std::size_t s = 0; s < n_samples; ++s) sum[s] += samples[s];
    }
    peaks[g] = find_peak(sum.data(), n_samples);
  }
  return peaks;
}

void ImageProducer::keep_times(WorkBlock& block, std::size_t k,
                               std::span<const double> shift) const {
  const std::size_t n = geometry_->n_pixels, e = block.interleaved_[k];
  const std::span<float> times(&block.interleaved_times[k * n_gains * n], n_gains * n);
  if (block.raw.events[e].n_gains == 1) {
    std::fill(times.begin(), times.end(), std::numeric_limits<float>::quiet_NaN());
    const auto selected = block.events.selected_gain_of(e);
    const auto peak_time = block.events.peak_time_of(e);
    for (std::size_t p = 0; p < n; ++p) times[std::size_t(selected[p]) * n + p] = peak_time[p];
    return;
  }
  const bool is_first = block.raw.first_index + e == 0;
  const std::vector<std::uint8_t>* const failing = block.failing_[e].get();
  for (std::size_t g = 0; g < n_gains; ++g) {
    bool any = false;
    for (std::size_t p = 0; p < n; ++p) {
      float& time = times[g * n + p];
      time = static_cast<float>(double(time) - shift[g * n + p]);
      const bool broken = !is_first && block.waveforms.broken[e * n + p] != 0;
      const bool fails = failing != nullptr && (*failing)[g * n + p] != 0;
      block.invalid_[p] = broken || fails ? 1 : 0;
      any |= broken || fails;
    }
    if (any) interpolate_invalid(*geometry_, block.invalid_, times.subspan(g * n, n));
  }
}

void ImageProducer::run(flow::ThreadPool& pool, const std::function<void(WorkBlock&)>& process,
                        const std::function<void(WorkBlock&)>& consume) {
  std::vector<WorkBlock> blocks(pool.threads() == 1 ? 1 : std::size_t(pool.threads()) + 1);
  const flow::Stages<WorkBlock> stages{[&](WorkBlock& block) { return next(block, pool); },
                                       [&](WorkBlock& block) {
                                         {
                                           const TimedPart timed(options_.timings, "align times");
                                           calibrate(block);
                                         }
                                         process(block);
                                       },
                                       consume};
  flow::run_ordered(pool, blocks, stages);
  finish();
}

}  // namespace alisio::calib
