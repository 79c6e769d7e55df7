#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/measure/camera_calibration.hpp"
#include "calib/measure/charge_collector.hpp"
#include "lib/event/event_type.hpp"

namespace alisio::calib {

/// Measures Cat-B constants, the correction of Cat-A with time, in the calibrated waveforms of
/// interleaved events. Numbers as lstchain_create_cat_B_calibration_file gives them: charges come
/// from the waveforms, arrival times are those that were stored with them.
class CatBMeter {
 public:
  /// @param start          Cat-A; channels that it calls broken do not count
  /// @param quadratic_term as ChargeCollector's
  CatBMeter(const CameraCalibration& start, const ExtractionWindows& windows,
            CollectorOptions options, std::vector<double> quadratic_term);

  /// Add an event; other types than flat-fields and sky pedestals are left out.
  /// @param waveform  [gain][pixel][sample], p.e.
  /// @param peak_time [gain][pixel], ns
  /// @param missing   [gain][pixel], 1: the gain was not stored
  void add(EventType type, std::span<const float> waveform, std::span<const float> peak_time,
           std::span<const std::uint8_t> missing, double unix_s);

  [[nodiscard]] ChargeCollector& collector() { return collector_; }

 private:
  std::vector<std::uint8_t> broken_;
  ExtractionWindows windows_;
  ChargeCollector collector_;
  std::vector<float> charge_;
  std::vector<std::uint8_t> mask_;
};

}  // namespace alisio::calib
