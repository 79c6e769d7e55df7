#include "calib/constants/interleaved.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace alisio::calib {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Median as numpy defines it; `values` is reordered. NaN if there are none.
double median(std::vector<double>& values) {
  if (values.empty()) return nan;
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

struct MeanStd {
  double mean = nan, std = nan;
};

MeanStd mean_std(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0;
  for (const double v : values) sum += v;
  const double mean = sum / double(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / double(values.size()))};
}

/// Remove values farther than `max_sigma` standard deviations from the mean, again and again until
/// nothing changes or the iterations are used up (astropy's sigma_clip with the mean as centre).
MeanStd sigma_clip(std::vector<double>& values, double max_sigma, int iterations) {
  MeanStd stats = mean_std(values);
  for (int i = 0; i < iterations; ++i) {
    const double low = stats.mean - stats.std * max_sigma,
                 high = stats.mean + stats.std * max_sigma;
    const auto clipped =
        std::remove_if(values.begin(), values.end(), [&](double v) { return v < low || v > high; });
    if (clipped == values.end()) break;
    values.erase(clipped, values.end());
    stats = mean_std(values);
  }
  return stats;
}

/// Median and standard deviation over the camera of the pixels that are not NaN and not masked.
struct CameraStats {
  double median = nan, std = nan;
};

CameraStats camera_stats(const double* values, std::size_t n,
                         const std::uint8_t* masked = nullptr) {
  std::vector<double> good;
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isnan(values[i]) && (masked == nullptr || masked[i] == 0)) good.push_back(values[i]);
  CameraStats stats;
  stats.std = mean_std(good).std;
  stats.median = median(good);
  return stats;
}

void add_event(InterleavedSample& sample, std::span<const float> charge,
               std::span<const std::uint8_t> broken, double unix_s) {
  if (sample.n_events == 0) sample.time_first = unix_s;
  sample.time_last = unix_s;
  sample.charge.insert(sample.charge.end(), charge.begin(), charge.end());
  sample.masked.insert(sample.masked.end(), broken.begin(), broken.end());
  ++sample.n_events;
}

bool is_full(const InterleavedSample& sample, const InterleavedOptions& options) {
  return sample.n_events >= options.sample_size ||
         sample.time_last - sample.time_first > options.sample_duration;
}

/// Clipped statistics of every channel of a sample.
struct ChargeStats {
  std::vector<double> mean, median, std;
  std::vector<std::uint8_t> median_outliers, std_outliers;
};

ChargeStats charge_stats(const InterleavedSample& sample, std::size_t n_pixels,
                         const InterleavedOptions& options) {
  const std::size_t channels = n_gains * n_pixels;
  ChargeStats out;
  out.mean.assign(channels, nan);
  out.median.assign(channels, nan);
  out.std.assign(channels, nan);
  std::vector<double> values;
  for (std::size_t c = 0; c < channels; ++c) {
    values.clear();
    for (std::size_t e = 0; e < sample.n_events; ++e)
      if (sample.masked[e * channels + c] == 0)
        values.push_back(double(sample.charge[e * channels + c]));
    const MeanStd stats = sigma_clip(values, options.max_sigma, options.clipping_iterations);
    out.mean[c] = stats.mean;
    out.std[c] = stats.std;
    out.median[c] = median(values);
  }
  return out;
}

/// 1 where `value - centre` lies outside [low, high], and where it is NaN.
std::vector<std::uint8_t> outside(const std::vector<double>& values, std::size_t gain,
                                  std::size_t n, double centre, double low, double high) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double deviation = values[gain * n + i] - centre;
    out[i] = !(deviation >= low && deviation <= high);
  }
  return out;
}

void append(std::vector<std::uint8_t>& to, const std::vector<std::uint8_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

InterleavedStatistics::InterleavedStatistics(const CameraCalibration& start,
                                             const InterleavedOptions& options,
                                             std::size_t n_pixels)
    : options_(options),
      n_pixels_(n_pixels),
      rows_{start.row},
      parts_{{}},
      pedestal_failing_(n_gains * n_pixels, 0),
      flatfield_failing_(n_gains * n_pixels, 0) {}

void InterleavedStatistics::add_pedestal(std::span<const float> charge,
                                         std::span<const std::uint8_t> broken, double unix_s) {
  add_event(pedestals_, charge, broken, unix_s);
  if (!is_full(pedestals_, options_)) return;
  MonitoringRow row = rows_.back();
  close_pedestal(row);
  rows_.push_back(std::move(row));
  parts_.push_back({.pedestal = true, .flatfield = false});
}

void InterleavedStatistics::add_flatfield(std::span<const float> charge,
                                          std::span<const float> time,
                                          std::span<const std::uint8_t> broken, double unix_s) {
  add_event(flatfields_, charge, broken, unix_s);
  flatfields_.time.insert(flatfields_.time.end(), time.begin(), time.end());
  if (!is_full(flatfields_, options_)) return;
  MonitoringRow row = rows_.back();
  close_flatfield(row);
  calibrate(row);
  rows_.push_back(std::move(row));
  parts_.push_back({.pedestal = false, .flatfield = true});
}

void InterleavedStatistics::finish() {
  const bool with_pedestal = pedestals_.n_events > 0;
  const bool with_flatfield =
      flatfields_.n_events > 0 && (with_pedestal || rows_.back().pedestal_id > 0);
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
  const std::size_t n = n_pixels_;
  ChargeStats stats = charge_stats(pedestals_, n, options_);
  MonitoringRow::Pedestal& p = row.pedestal;
  p.n_events = std::int64_t(pedestals_.n_events);
  p.sample_time_min = pedestals_.time_first;
  p.sample_time_max = pedestals_.time_last;
  p.sample_time = p.sample_time_min + (p.sample_time_max - p.sample_time_min) / 2;
  for (std::size_t gain = 0; gain < n_gains; ++gain) {
    const CameraStats medians = camera_stats(&stats.median[gain * n], n);
    const CameraStats deviations = camera_stats(&stats.std[gain * n], n);
    append(stats.median_outliers, outside(stats.median, gain, n, medians.median,
                                          options_.pedestal_median_cut[0] * medians.std,
                                          options_.pedestal_median_cut[1] * medians.std));
    append(stats.std_outliers, outside(stats.std, gain, n, deviations.median,
                                       options_.pedestal_std_cut[0] * deviations.std,
                                       options_.pedestal_std_cut[1] * deviations.std));
  }
  for (std::size_t c = 0; c < n_gains * n; ++c)
    pedestal_failing_[c] = std::uint8_t(stats.median_outliers[c] | stats.std_outliers[c]);
  p.charge_mean = std::move(stats.mean);
  p.charge_median = std::move(stats.median);
  p.charge_std = std::move(stats.std);
  p.charge_median_outliers = std::move(stats.median_outliers);
  p.charge_std_outliers = std::move(stats.std_outliers);
  ++row.pedestal_id;
  pedestals_ = {};
}

void InterleavedStatistics::close_flatfield(MonitoringRow& row) {
  const std::size_t n = n_pixels_, channels = n_gains * n;
  const InterleavedSample& sample = flatfields_;
  ChargeStats stats = charge_stats(sample, n, options_);
  MonitoringRow::Flatfield& f = row.flatfield;
  f.n_events = std::int64_t(sample.n_events);
  f.sample_time_min = sample.time_first;
  f.sample_time_max = sample.time_last;
  f.sample_time = f.sample_time_min + (f.sample_time_max - f.sample_time_min) / 2;

  std::vector<double> event_median(sample.n_events * n_gains);
  std::vector<double> values;
  for (std::size_t e = 0; e < sample.n_events; ++e)
    for (std::size_t gain = 0; gain < n_gains; ++gain) {
      values.clear();
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = e * channels + gain * n + i;
        if (sample.masked[at] == 0) values.push_back(double(sample.charge[at]));
      }
      event_median[e * n_gains + gain] = median(values);
    }

  for (std::vector<double>* column :
       {&f.time_mean, &f.time_median, &f.time_std, &f.relative_gain_mean, &f.relative_gain_median,
        &f.relative_gain_std, &f.relative_time_median})
    column->assign(channels, nan);
  std::vector<double> times;
  for (std::size_t c = 0; c < channels; ++c) {
    values.clear();
    times.clear();
    for (std::size_t e = 0; e < sample.n_events; ++e) {
      const std::size_t at = e * channels + c;
      if (sample.masked[at] != 0) continue;
      times.push_back(double(sample.time[at]));
      const double charge = double(sample.charge[at]);
      if (std::abs(charge - stats.mean[c]) <= options_.max_sigma * stats.std[c])
        values.push_back(charge / event_median[e * n_gains + c / n]);
    }
    const MeanStd gain_stats = mean_std(values), time_stats = mean_std(times);
    f.relative_gain_mean[c] = gain_stats.mean;
    f.relative_gain_std[c] = gain_stats.std;
    f.relative_gain_median[c] = median(values);
    f.time_mean[c] = time_stats.mean;
    f.time_std[c] = time_stats.std;
    f.time_median[c] = median(times);
  }

  f.time_median_outliers.clear();
  for (std::size_t gain = 0; gain < n_gains; ++gain) {
    const CameraStats medians = camera_stats(&stats.median[gain * n], n);
    const CameraStats deviations = camera_stats(&stats.std[gain * n], n);
    append(stats.median_outliers, outside(stats.median, gain, n, medians.median,
                                          options_.flatfield_median_cut[0] * medians.median,
                                          options_.flatfield_median_cut[1] * medians.median));
    append(stats.std_outliers, outside(stats.std, gain, n, deviations.median,
                                       options_.flatfield_std_cut[0] * deviations.std,
                                       options_.flatfield_std_cut[1] * deviations.std));
    append(f.time_median_outliers,
           outside(f.time_median, gain, n, 0.0, options_.flatfield_time_cut[0],
                   options_.flatfield_time_cut[1]));
    const double camera_median = camera_stats(&f.time_median[gain * n], n).median;
    for (std::size_t i = 0; i < n; ++i)
      f.relative_time_median[gain * n + i] = f.time_median[gain * n + i] - camera_median;
  }
  for (std::size_t c = 0; c < channels; ++c)
    flatfield_failing_[c] =
        std::uint8_t(stats.median_outliers[c] | stats.std_outliers[c] | f.time_median_outliers[c]);
  f.charge_mean = std::move(stats.mean);
  f.charge_median = std::move(stats.median);
  f.charge_std = std::move(stats.std);
  f.charge_median_outliers = std::move(stats.median_outliers);
  f.charge_std_outliers = std::move(stats.std_outliers);
  ++row.flatfield_id;
  ++row.calibration_id;
  flatfields_ = {};
}

void InterleavedStatistics::calibrate(MonitoringRow& row) const {
  const std::size_t n = n_pixels_;
  const MonitoringRow::Pedestal& p = row.pedestal;
  const MonitoringRow::Flatfield& f = row.flatfield;
  MonitoringRow::Calibration& c = row.calibration;
  c.time = f.sample_time;
  c.time_min = f.sample_time_min;
  c.time_max = f.sample_time_max;
  // Noise of the calibration itself, fitted by LST on a scan of filters: linear and quadratic
  // terms, high and low gain, as a / sqrt(n_events) + b.
  constexpr double linear[2][2] = {{1.79717813, 0.0231544}, {1.72458305, -1.62036639e-3}};
  constexpr double quadratic[2][2] = {{4.99670969e-4, 2.49034290e-5}, {0.00142218, 0.0001207}};
  for (std::size_t gain = 0; gain < n_gains; ++gain) {
    std::vector<double> good;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = gain * n + i;
      const double signal = f.charge_median[at] - p.charge_median[at];
      const double excess =
          f.charge_std[at] * f.charge_std[at] - p.charge_std[at] * p.charge_std[at];
      const double denominator = options_.squared_excess_noise_factor * signal;
      const double gain_value = denominator != 0 ? excess / denominator : 0.0;
      c.n_pe[at] = gain_value != 0 ? signal / gain_value : 0.0;
      c.unusable_pixels[at] = std::uint8_t(pedestal_failing_[at] | flatfield_failing_[at]);
      if (c.unusable_pixels[at] == 0) good.push_back(c.n_pe[at]);
    }
    const double n_pe_median = median(good);
    const double root = std::sqrt(double(f.n_events));
    const double a = (linear[gain][0] / root + linear[gain][1]) * n_pe_median;
    const double b = (quadratic[gain][0] / root + quadratic[gain][1]) * n_pe_median * n_pe_median;
    const double qe = options_.relative_qe_dispersion * n_pe_median;
    const double expected_std =
        std::sqrt(n_pe_median / double(f.n_events) + qe * qe + a * a + b * b);

    std::vector<double> good_dc_to_pe, good_pedestal;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = gain * n + i;
      const double signal = f.charge_median[at] - p.charge_median[at];
      c.dc_to_pe[at] = signal != 0 ? n_pe_median / signal : 0.0;
      c.pedestal_per_sample[at] = p.charge_median[at] / options_.pedestal_window_width;
      c.time_correction[at] = -f.relative_time_median[at];
      const double deviation = c.n_pe[at] - n_pe_median;
      if (!(deviation >= options_.n_pe_cut[0] * expected_std &&
            deviation <= options_.n_pe_cut[1] * expected_std))
        c.unusable_pixels[at] = 1;
      if (c.unusable_pixels[at] == 0) {
        good_dc_to_pe.push_back(c.dc_to_pe[at]);
        good_pedestal.push_back(c.pedestal_per_sample[at]);
      }
    }
    const double median_dc_to_pe = median(good_dc_to_pe), median_pedestal = median(good_pedestal);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = gain * n + i;
      if (c.unusable_pixels[at] != 0) {
        c.dc_to_pe[at] = median_dc_to_pe;
        c.pedestal_per_sample[at] = median_pedestal;
        c.time_correction[at] = 0;
      }
      if (std::isinf(c.dc_to_pe[at])) c.dc_to_pe[at] = 0;
    }
  }
}

}  // namespace alisio::calib
