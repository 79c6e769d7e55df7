#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/constants/charge_statistics.hpp"
#include "calib/constants/constants.hpp"

namespace alisio::calib {

/// Settings of a charge calibration; the defaults are those of LST's on-site Cat-A calibration.
struct CollectorOptions {
  StatisticsOptions statistics;
  std::size_t pedestal_sample_size = 10000, flatfield_sample_size = 10000;  ///< events
  double pedestal_duration = 100000, flatfield_duration = 100000;           ///< s
  /// Of events that mostly lack the low gain, take its constants from the high gain (Cat-B).
  bool expect_missing_low_gain = false;
};

/// Collects pedestal and flat-field events in their order, and makes a calibration whenever a
/// sample of each has been closed since the last one, as the tools of lstchain for Cat-A and Cat-B
/// do. Of a sample that is closed again before the other one is, the later set counts.
class ChargeCollector {
 public:
  /// @param quadratic_term B of the systematics of the F-factor, [gain][pixel]; empty: 0
  ChargeCollector(const CollectorOptions& options, std::size_t n_pixels,
                  std::vector<double> quadratic_term);

  /// Add an event. Arrays are [gain][pixel]; `mask` as ChargeSample's.
  void add_pedestal(std::span<const float> charge, std::span<const std::uint8_t> mask,
                    double unix_s);
  /// @param time ns, shifts applied
  void add_flatfield(std::span<const float> charge, std::span<const float> time,
                     std::span<const std::uint8_t> mask, double unix_s);
  /// Make a calibration of what has been collected, if no other was made and there are events of
  /// both kinds. @return whether one was made.
  bool finish();

  /// Calibrations so far. hardware_failing_pixels are those that the last event's mask called
  /// broken.
  [[nodiscard]] const std::vector<CameraCalibration>& rows() const { return rows_; }
  /// Events so far, used or not.
  [[nodiscard]] std::size_t pedestal_events() const { return pedestal_events_; }
  [[nodiscard]] std::size_t flatfield_events() const { return flatfield_events_; }

 private:
  /// A kind of events and how its last set went.
  struct Kind {
    ChargeSample sample;
    bool ready = false;           ///< closed since the last calibration
    double missing_low_gain = 0;  ///< fraction, in the last closed set
  };
  void close_pedestal();
  void close_flatfield();
  void calibrate_if_ready();

  CollectorOptions options_;
  std::size_t n_pixels_, pedestal_events_ = 0, flatfield_events_ = 0;
  std::vector<double> quadratic_term_;
  Kind pedestals_, flatfields_;
  CameraCalibration current_;
  std::vector<CameraCalibration> rows_;
};

}  // namespace alisio::calib
