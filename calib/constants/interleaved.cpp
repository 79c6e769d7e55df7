#include "calib/constants/interleaved.hpp"

#include <algorithm>

namespace alisio::calib {

InterleavedStatistics::InterleavedStatistics(const CameraCalibration& start,
                                             const InterleavedOptions& options,
                                             std::size_t n_pixels)
    : options_(options),
      n_pixels_(n_pixels),
      rows_{start.row},
      parts_{{}},
      pedestals_(n_pixels, false),
      flatfields_(n_pixels, true),
      pedestal_failing_(n_gains * n_pixels, 0),
      flatfield_failing_(n_gains * n_pixels, 0) {}

bool InterleavedStatistics::is_full(const ChargeSample& sample) const {
  return sample.n_events() >= options_.sample_size ||
         sample.time_last() - sample.time_first() > options_.sample_duration;
}

void InterleavedStatistics::add_pedestal(std::span<const float> charge,
                                         std::span<const std::uint8_t> mask, double unix_s) {
  pedestals_.add(charge, {}, mask, unix_s);
  if (!is_full(pedestals_)) return;
  MonitoringRow row = rows_.back();
  close_pedestal(row);
  rows_.push_back(std::move(row));
  parts_.push_back({.pedestal = true, .flatfield = false});
}

void InterleavedStatistics::add_flatfield(std::span<const float> charge,
                                          std::span<const float> time,
                                          std::span<const std::uint8_t> mask, double unix_s) {
  flatfields_.add(charge, time, mask, unix_s);
  if (!is_full(flatfields_)) return;
  MonitoringRow row = rows_.back();
  close_flatfield(row);
  calibrate(row);
  rows_.push_back(std::move(row));
  parts_.push_back({.pedestal = false, .flatfield = true});
}

void InterleavedStatistics::finish() {
  const bool with_pedestal = pedestals_.n_events() > 0;
  const bool with_flatfield =
      flatfields_.n_events() > 0 && (with_pedestal || rows_.back().pedestal_id > 0);
  if (!with_pedestal && !with_flatfield) return;
  MonitoringRow row = rows_.back();
  if (with_pedestal) close_pedestal(row);
  if (with_flatfield) {
    close_flatfield(row);
    calibrate(row);
  }
  rows_.push_back(std::move(row));
  parts_.push_back({.pedestal = with_pedestal, .flatfield = with_flatfield});
}

void InterleavedStatistics::close_pedestal(MonitoringRow& row) {
  fill_pedestal(pedestals_, options_, row.pedestal);
  pedestal_failing_ = failing_pixels(row.pedestal);
  ++row.pedestal_id;
  pedestals_.clear();
}

void InterleavedStatistics::close_flatfield(MonitoringRow& row) {
  fill_flatfield(flatfields_, options_, row.flatfield);
  flatfield_failing_ = failing_pixels(row.flatfield);
  ++row.flatfield_id;
  ++row.calibration_id;
  flatfields_.clear();
}

void InterleavedStatistics::calibrate(MonitoringRow& row) const {
  std::vector<std::uint8_t> failing(pedestal_failing_);
  for (std::size_t c = 0; c < failing.size(); ++c) failing[c] |= flatfield_failing_[c];
  fill_calibration(row, failing, options_, {});
}

}  // namespace alisio::calib
