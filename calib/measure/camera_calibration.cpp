#include "calib/measure/camera_calibration.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/median.hpp"
#include "lib/sky/time.hpp"

namespace alisio::calib {

Pulse calibration_pulse(const float* samples, std::size_t n, bool pedestal,
                        const ExtractionWindows& windows) {
  if (pedestal)
    return sum_window(samples, n, std::size_t(windows.pedestal_peak), windows.pedestal,
                      windows.sampling_rate);
  return sum_window(samples, n, find_peak(samples, n), windows.flatfield, windows.sampling_rate);
}

CameraCalibrationMeter::CameraCalibrationMeter(const RawCamera& camera, std::size_t n_pixels,
                                               const TimeCalibration* time,
                                               const ExtractionWindows& windows,
                                               const CollectorOptions& options,
                                               std::vector<double> quadratic_term,
                                               std::size_t events_to_skip)
    : pixel_ids_(camera.pixel_ids),
      n_pixels_(n_pixels),
      events_to_skip_(events_to_skip),
      windows_(windows),
      shifts_(time, std::vector<double>(n_gains * n_pixels, 0.0), n_pixels),
      collector_(options, n_pixels, std::move(quadratic_term)),
      mask_(n_gains * n_pixels),
      shift_(n_gains * n_pixels) {}

void CameraCalibrationMeter::begin(const RawBlock& block) {
  events_.clear();
  wanted_.assign(block.events.size(), 0);
  for (std::size_t e = 0; e < block.events.size(); ++e) {
    const RawEvent& event = block.events[e];
    if (block.first_index + e < events_to_skip_ ||
        (event.type != EventType::flatfield && event.type != EventType::sky_pedestal))
      continue;
    if ((event.preprocessing & preprocessing::pe_calibration) != 0)
      throw Error(ErrorKind::bad_input,
                  "calibration events are in photo-electrons already: nothing can be calibrated",
                  {}, "give a calibration run that the event builder has not calibrated");
    events_.push_back(e);
    wanted_[e] = 1;
  }
  charge_.assign(events_.size() * n_gains * n_pixels_, 0.F);
  time_.assign(events_.size() * n_gains * n_pixels_, 0.F);
}

void CameraCalibrationMeter::add(const RawBlock& block, CorrectedBlock& waveforms,
                                 std::span<const std::uint16_t> pixels) {
  for (std::size_t k = 0; k < events_.size(); ++k) {
    const RawEvent& event = block.events[events_[k]];
    for (std::size_t g = 0; g < n_gains; ++g)
      for (const auto p : pixels) {
        if (event.n_gains == 1 &&
            std::size_t(waveforms.stored_gain[events_[k] * n_pixels_ + p]) != g)
          continue;
        const Pulse pulse =
            calibration_pulse(waveforms.waveform_of(events_[k], g, p), waveforms.n_samples,
                              event.type == EventType::sky_pedestal, windows_);
        charge_[(k * n_gains + g) * n_pixels_ + p] = pulse.charge;
        time_[(k * n_gains + g) * n_pixels_ + p] = pulse.peak_time;
      }
  }
}

void CameraCalibrationMeter::fill_shifts(const RawEvent& event,
                                         const std::uint16_t* first_capacitor) {
  const std::size_t n = n_pixels_, channels = n_gains * n;
  if (event.pixel_time_shift.empty()) {
    for (std::size_t c = 0; c < channels; ++c)
      shift_[c] = shifts_.of(c / n, c % n, first_capacitor[c]);
  } else {
    std::fill(shift_.begin(), shift_.end(), 0.0);
    for (std::size_t position = 0; position < pixel_ids_.size(); ++position) {
      const std::size_t row =
          event.stored_row.empty() ? position : std::size_t{event.stored_row[position]};
      if (row >= event.n_stored) continue;
      for (std::size_t g = 0; g < n_gains; ++g) {
        const std::size_t stored = event.n_gains == 1 ? 0 : g;
        shift_[g * n + pixel_ids_[position]] =
            double(float(event.pixel_time_shift[stored * event.n_stored + row]) / 100.F);
      }
    }
  }
  sorted_.clear();
  for (std::size_t c = 0; c < channels; ++c)
    if ((mask_[c] & masked::missing_gain) == 0) sorted_.push_back(shift_[c]);
  const double median = nan_median(sorted_);
  for (double& shift : shift_) shift -= median;
}

void CameraCalibrationMeter::end(const RawBlock& block, const CorrectedBlock& waveforms) {
  const std::size_t channels = n_gains * n_pixels_;
  for (std::size_t k = 0; k < events_.size(); ++k) {
    const std::size_t e = events_[k];
    const RawEvent& event = block.events[e];
    for (std::size_t g = 0; g < n_gains; ++g)
      for (std::size_t p = 0; p < n_pixels_; ++p) {
        const bool missing =
            event.n_gains == 1 && std::size_t(waveforms.stored_gain[e * n_pixels_ + p]) != g;
        mask_[g * n_pixels_ + p] =
            std::uint8_t((waveforms.broken[e * n_pixels_ + p] != 0 ? masked::broken : 0) |
                         (missing ? masked::missing_gain : 0));
      }
    const std::span<const float> charge(&charge_[k * channels], channels);
    const double unix_s = sky::tai_ns_to_unix_s(event.time_tai_ns);
    if (event.type == EventType::sky_pedestal) {
      collector_.add_pedestal(charge, mask_, unix_s);
      continue;
    }
    fill_shifts(event, &waveforms.first_capacitor[e * channels]);
    const std::span<float> time(&time_[k * channels], channels);
    for (std::size_t c = 0; c < channels; ++c)
      time[c] = static_cast<float>(double(time[c]) - shift_[c]);
    collector_.add_flatfield(charge, time, mask_, unix_s);
  }
}

}  // namespace alisio::calib
