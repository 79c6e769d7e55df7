#pragma once
#include <cstdint>
#include <vector>

namespace alisio {

/// One row of each of the three DL1 monitoring tables (calibration, pedestal, flatfield).
/// Arrays are [gain][pixel], flattened; gain 0 is high, 1 is low.
struct MonitoringRow {
  std::int64_t calibration_id = 0, pedestal_id = 0, flatfield_id = 0;

  struct Calibration {
    double time = 0, time_min = 0, time_max = 0;  ///< UTC unix, s
    std::vector<double> dc_to_pe, pedestal_per_sample, time_correction /* ns */, n_pe;
    std::vector<std::uint8_t> unusable_pixels;
  } calibration;

  struct Pedestal {
    std::int64_t n_events = 0;
    double sample_time = 0, sample_time_min = 0, sample_time_max = 0;  ///< UTC unix, s
    std::vector<double> charge_mean, charge_median, charge_std;        ///< ADC counts
    std::vector<std::uint8_t> charge_median_outliers, charge_std_outliers;
  } pedestal;

  struct Flatfield {
    double sample_time = 0, sample_time_min = 0, sample_time_max = 0;  ///< UTC unix, s
    std::int64_t n_events = 0;
    std::vector<double> charge_mean, charge_median, charge_std;  ///< ADC counts
    std::vector<double> time_mean, time_median, time_std;        ///< ns
    std::vector<double> relative_gain_mean, relative_gain_median, relative_gain_std;
    std::vector<double> relative_time_median;  ///< ns
    std::vector<std::uint8_t> charge_median_outliers, charge_std_outliers, time_median_outliers;
  } flatfield;
};

}  // namespace alisio
