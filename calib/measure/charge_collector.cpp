#include "calib/measure/charge_collector.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace alisio::calib {
namespace {

/// From this fraction on, the low gain counts as not stored.
constexpr double mostly = 0.9;

void note_broken(std::vector<std::uint8_t>& failing, std::span<const std::uint8_t> mask) {
  for (std::size_t c = 0; c < mask.size(); ++c) failing[c] = mask[c] & masked::broken;
}

}  // namespace

ChargeCollector::ChargeCollector(const CollectorOptions& options, std::size_t n_pixels,
                                 std::vector<double> quadratic_term)
    : options_(options),
      n_pixels_(n_pixels),
      quadratic_term_(std::move(quadratic_term)),
      pedestals_{ChargeSample(n_pixels, false)},
      flatfields_{ChargeSample(n_pixels, true)} {
  current_.hardware_failing_pixels.assign(n_gains * n_pixels, 0);
}

void ChargeCollector::add_pedestal(std::span<const float> charge,
                                   std::span<const std::uint8_t> mask, double unix_s) {
  ++pedestal_events_;
  note_broken(current_.hardware_failing_pixels, mask);
  ChargeSample& sample = pedestals_.sample;
  sample.add(charge, {}, mask, unix_s);
  if (sample.n_events() < options_.pedestal_sample_size &&
      sample.time_last() - sample.time_first() <= options_.pedestal_duration)
    return;
  close_pedestal();
  calibrate_if_ready();
}

void ChargeCollector::add_flatfield(std::span<const float> charge, std::span<const float> time,
                                    std::span<const std::uint8_t> mask, double unix_s) {
  ++flatfield_events_;
  note_broken(current_.hardware_failing_pixels, mask);
  ChargeSample& sample = flatfields_.sample;
  sample.add(charge, time, mask, unix_s);
  if (sample.n_events() < options_.flatfield_sample_size &&
      sample.time_last() - sample.time_first() <= options_.flatfield_duration)
    return;
  close_flatfield();
  calibrate_if_ready();
}

bool ChargeCollector::finish() {
  if (!rows_.empty()) return false;
  if (!pedestals_.ready && pedestals_.sample.n_events() > 0) close_pedestal();
  if (!flatfields_.ready && flatfields_.sample.n_events() > 0) close_flatfield();
  calibrate_if_ready();
  return !rows_.empty();
}

void ChargeCollector::close_pedestal() {
  fill_pedestal(pedestals_.sample, options_.statistics, current_.row.pedestal);
  current_.pedestal_failing_pixels = failing_pixels(current_.row.pedestal);
  pedestals_.missing_low_gain = pedestals_.sample.missing_low_gain();
  pedestals_.ready = true;
  pedestals_.sample.clear();
}

void ChargeCollector::close_flatfield() {
  fill_flatfield(flatfields_.sample, options_.statistics, current_.row.flatfield);
  current_.flatfield_failing_pixels = failing_pixels(current_.row.flatfield);
  flatfields_.missing_low_gain = flatfields_.sample.missing_low_gain();
  flatfields_.ready = true;
  flatfields_.sample.clear();
}

void ChargeCollector::calibrate_if_ready() {
  if (!pedestals_.ready || !flatfields_.ready) return;
  pedestals_.ready = flatfields_.ready = false;
  StatisticsOptions& statistics = options_.statistics;
  if (options_.expect_missing_low_gain && flatfields_.missing_low_gain > mostly)
    statistics.use_scaled_low_gain = true;
  CameraCalibration& c = current_;
  std::vector<std::uint8_t> failing(c.pedestal_failing_pixels);
  for (std::size_t i = 0; i < failing.size(); ++i) failing[i] |= c.flatfield_failing_pixels[i];
  fill_calibration(c.row, failing, statistics, quadratic_term_);
  const auto low = [&](auto& values) { return values.begin() + std::ptrdiff_t(n_pixels_); };
  if (options_.expect_missing_low_gain) {
    if (statistics.use_scaled_low_gain)
      std::fill(low(c.flatfield_failing_pixels), c.flatfield_failing_pixels.end(), std::uint8_t{0});
    if (pedestals_.missing_low_gain > mostly) {
      std::fill(low(c.pedestal_failing_pixels), c.pedestal_failing_pixels.end(), std::uint8_t{0});
      auto& pedestal = c.row.calibration.pedestal_per_sample;
      std::fill(low(pedestal), pedestal.end(), 0.0);
    }
  }
  // A gain without any usable pixel has no camera median: neutral constants, all of them unusable.
  MonitoringRow::Calibration& constants = c.row.calibration;
  for (std::vector<double>* column :
       {&constants.dc_to_pe, &constants.pedestal_per_sample, &constants.time_correction})
    for (double& value : *column)
      if (std::isnan(value)) value = 0;
  rows_.push_back(current_);
  ++c.row.calibration_id;
  ++c.row.pedestal_id;
  ++c.row.flatfield_id;
}

}  // namespace alisio::calib
