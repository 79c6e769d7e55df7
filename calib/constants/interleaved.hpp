#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "calib/constants/charge_statistics.hpp"
#include "calib/constants/constants.hpp"
#include "lib/event/monitoring.hpp"

namespace alisio::calib {

/// Settings of the interleaved statistics; the defaults are those of LST's r0_to_dl1 configuration.
struct InterleavedOptions : StatisticsOptions {
  std::size_t sample_size = 10000;  ///< events of one set
  double sample_duration = 100000;  ///< s
};

/// Collects interleaved events in event order and closes sets when they are full, as lstchain's
/// LSTCalibrationCalculator does (F-factor method, charge and time outliers, unusable pixels).
class InterleavedStatistics {
 public:
  InterleavedStatistics(const CameraCalibration& start, const InterleavedOptions& options,
                        std::size_t n_pixels);

  /// Add one event; if it fills a set, the rows grow by one.
  /// @param charge [gain][pixel], ADC; @param mask [gain][pixel], as ChargeSample's
  void add_pedestal(std::span<const float> charge, std::span<const std::uint8_t> mask,
                    double unix_s);
  /// @param time [gain][pixel], ns, shifts applied
  void add_flatfield(std::span<const float> charge, std::span<const float> time,
                     std::span<const std::uint8_t> mask, double unix_s);
  /// Close what is left at the end of the file. Flat-fields need pedestals, of this end or of a
  /// closed set; without any they are dropped.
  void finish();

  /// All rows so far; row 0 is the calibration file's.
  [[nodiscard]] const std::vector<MonitoringRow>& rows() const { return rows_; }
  /// The number that events written now carry as calibration_id.
  [[nodiscard]] std::int64_t calibration_id() const { return rows_.back().calibration_id; }
  /// Which kinds of tables row i belongs to.
  struct Parts {
    bool pedestal = true, flatfield = true;
  };
  [[nodiscard]] const std::vector<Parts>& parts() const { return parts_; }
  /// Channels that the last closed sets call outliers, [gain][pixel].
  [[nodiscard]] const std::vector<std::uint8_t>& pedestal_failing() const {
    return pedestal_failing_;
  }
  [[nodiscard]] const std::vector<std::uint8_t>& flatfield_failing() const {
    return flatfield_failing_;
  }

 private:
  [[nodiscard]] bool is_full(const ChargeSample& sample) const;
  void close_pedestal(MonitoringRow& row);
  void close_flatfield(MonitoringRow& row);
  void calibrate(MonitoringRow& row) const;

  InterleavedOptions options_;
  std::size_t n_pixels_;
  std::vector<MonitoringRow> rows_;
  std::vector<Parts> parts_;
  ChargeSample pedestals_, flatfields_;
  std::vector<std::uint8_t> pedestal_failing_, flatfield_failing_;
};

}  // namespace alisio::calib
