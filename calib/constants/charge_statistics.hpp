#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/constants/values_by_channel.hpp"
#include "lib/event/monitoring.hpp"

/// What pedestal and flat-field events say of the camera: statistics of each channel, outliers,
/// and the constants that follow by the F-factor method. Pure functions, shared by the statistics
/// of r0_to_dl1, the camera calibration and Cat-B; numbers as lstchain's PedestalIntegrator,
/// FlasherFlatFieldCalculator and LSTCalibrationCalculator give them.
namespace alisio::calib {

/// Cuts and constants; the defaults are those of LST's r0_to_dl1 configuration.
struct StatisticsOptions {
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
  bool use_scaled_low_gain = false;  ///< take the low gain's constants from the high gain
  double gain_ratio = 1;             ///< that they are scaled by
};

/// Why a channel of an event is left out, in the masks of ChargeSample.
namespace masked {
inline constexpr std::uint8_t broken = 1, missing_gain = 2;
}

/// Charges of pedestal or flat-field events, and times of the latter.
class ChargeSample {
 public:
  ChargeSample(std::size_t n_pixels, bool with_times);

  /// Add an event. Arrays are [gain][pixel].
  /// @param charge 0 where the gain is missing: the medians of events count it, as the peers do;
  ///               what is not finite is left out of a channel's charges, not of its times
  /// @param time   ns; empty of samples without times
  /// @param mask   of namespace masked; 0: counts
  void add(std::span<const float> charge, std::span<const float> time,
           std::span<const std::uint8_t> mask, double unix_s);
  void clear();

  [[nodiscard]] std::size_t n_pixels() const { return n_pixels_; }
  [[nodiscard]] std::size_t n_events() const { return n_events_; }
  [[nodiscard]] double time_first() const { return time_first_; }  ///< UTC unix, s
  [[nodiscard]] double time_last() const { return time_last_; }
  /// Fraction of the low-gain values that were not stored.
  [[nodiscard]] double missing_low_gain() const;

  /// Put the charges of a channel that count, in the order of events.
  void charges_into(std::size_t channel, std::vector<double>& out) const;
  void times_into(std::size_t channel, std::vector<double>& out) const;
  /// Put charge over the camera median of the event, of the charges within `reach` of `centre`.
  void relative_charges_into(std::size_t channel, double centre, double reach,
                             std::vector<double>& out) const;

 private:
  std::size_t n_pixels_, n_events_ = 0, missing_low_gain_ = 0;
  bool with_times_;
  double time_first_ = 0, time_last_ = 0;
  ValuesByChannel charges_, times_;    ///< of [gain][pixel]; NaN: does not count
  std::vector<double> event_medians_;  ///< [event][gain]
  std::vector<double> sorted_;         ///< scratch of add
};

/// Fill the statistics and outliers of a sample of pedestals. @pre it has events.
void fill_pedestal(const ChargeSample& sample, const StatisticsOptions& options,
                   MonitoringRow::Pedestal& pedestal);
/// The same of flat-fields. @pre it has events and times.
void fill_flatfield(const ChargeSample& sample, const StatisticsOptions& options,
                    MonitoringRow::Flatfield& flatfield);

/// Channels that the outliers of a set exclude, [gain][pixel].
[[nodiscard]] std::vector<std::uint8_t> failing_pixels(const MonitoringRow::Pedestal& pedestal);
[[nodiscard]] std::vector<std::uint8_t> failing_pixels(const MonitoringRow::Flatfield& flatfield);

/// Compute the constants from the row's pedestals and flat-fields: gain by the F-factor method,
/// photo-electrons, unusable pixels. Unusable ones get the camera medians.
/// @param failing        [gain][pixel], 1: excluded by the outliers of either set
/// @param quadratic_term B of the systematics of the F-factor, [gain][pixel]; empty: 0
void fill_calibration(MonitoringRow& row, std::span<const std::uint8_t> failing,
                      const StatisticsOptions& options, std::span<const double> quadratic_term);

}  // namespace alisio::calib
