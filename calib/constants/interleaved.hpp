#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "lib/event/monitoring.hpp"

namespace alisio::calib {

/// Settings of the interleaved statistics; the defaults are those of LST's r0_to_dl1 configuration.
struct InterleavedOptions {
  std::size_t sample_size = 10000;            ///< events of one set
  double sample_duration = 100000;            ///< s
  double pedestal_median_cut[2] = {-10, 10};  ///< in camera standard deviations
  double pedestal_std_cut[2] = {-10, 10};
  double flatfield_median_cut[2] = {-0.9, 2};  ///< in fractions of the camera median
  double flatfield_std_cut[2] = {-10, 10};
  double flatfield_time_cut[2] = {2, 38};  ///< ns
  double n_pe_cut[2] = {-5, 5};            ///< in expected standard deviations
  double squared_excess_noise_factor = 1.222;
  double relative_qe_dispersion = 0.07;
  int pedestal_window_width = 12;  ///< samples
  double max_sigma = 4;            ///< of the sigma clipping
  int clipping_iterations = 5;
};

/// Charges of interleaved pedestal or flat-field events since the last set was closed.
struct InterleavedSample {
  std::size_t n_events = 0;
  std::vector<float> charge;             ///< [event][gain][pixel], ADC
  std::vector<float> time;               ///< the same, ns; flat-field only
  std::vector<std::uint8_t> masked;      ///< 1: pixel not read out
  double time_first = 0, time_last = 0;  ///< UTC unix, s
};

/// Collects interleaved events in event order and closes sets when they are full, as lstchain's
/// LSTCalibrationCalculator does (F-factor method, charge and time outliers, unusable pixels).
class InterleavedStatistics {
 public:
  InterleavedStatistics(const CameraCalibration& start, const InterleavedOptions& options,
                        std::size_t n_pixels);

  /// Add one event; if it fills a set, the rows grow by one.
  /// @param charge [gain][pixel], ADC; @param broken [gain][pixel]
  void add_pedestal(std::span<const float> charge, std::span<const std::uint8_t> broken,
                    double unix_s);
  /// @param time [gain][pixel], ns, shifts applied
  void add_flatfield(std::span<const float> charge, std::span<const float> time,
                     std::span<const std::uint8_t> broken, double unix_s);
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
  void close_pedestal(MonitoringRow& row);
  void close_flatfield(MonitoringRow& row);
  void calibrate(MonitoringRow& row) const;

  InterleavedOptions options_;
  std::size_t n_pixels_;
  std::vector<MonitoringRow> rows_;
  std::vector<Parts> parts_;
  InterleavedSample pedestals_, flatfields_;
  std::vector<std::uint8_t> pedestal_failing_, flatfield_failing_;
};

}  // namespace alisio::calib
