#include "calib/constants/charge_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "calib/constants/constants.hpp"
#include "lib/base/median.hpp"

namespace alisio::calib {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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
  stats.median = nan_median(good);
  return stats;
}

/// Clipped statistics of every channel of a sample.
struct ChargeStats {
  std::vector<double> mean, median, std;
};

ChargeStats charge_stats(const ChargeSample& sample, const StatisticsOptions& options) {
  const std::size_t channels = n_gains * sample.n_pixels();
  ChargeStats out{std::vector<double>(channels), std::vector<double>(channels),
                  std::vector<double>(channels)};
  std::vector<double> values;
  for (std::size_t c = 0; c < channels; ++c) {
    sample.charges_into(c, values);
    const MeanStd stats = sigma_clip(values, options.max_sigma, options.clipping_iterations);
    out.mean[c] = stats.mean;
    out.std[c] = stats.std;
    out.median[c] = nan_median(values);
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

std::vector<std::uint8_t> either(const std::vector<std::uint8_t>& a,
                                 const std::vector<std::uint8_t>& b) {
  std::vector<std::uint8_t> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = std::uint8_t(a[i] | b[i]);
  return out;
}

}  // namespace

ChargeSample::ChargeSample(std::size_t n_pixels, bool with_times)
    : n_pixels_(n_pixels),
      with_times_(with_times),
      charges_(n_gains * n_pixels),
      times_(n_gains * n_pixels) {}

void ChargeSample::add(std::span<const float> charge, std::span<const float> time,
                       std::span<const std::uint8_t> mask, double unix_s) {
  if (n_events_ == 0) time_first_ = unix_s;
  time_last_ = unix_s;
  charges_.add(charge, mask);
  if (with_times_) {
    times_.add(time, mask);
    for (std::size_t gain = 0; gain < n_gains; ++gain) {
      sorted_.clear();
      for (std::size_t c = gain * n_pixels_; c < (gain + 1) * n_pixels_; ++c)
        if ((mask[c] & masked::broken) == 0 && !std::isnan(charge[c]))
          sorted_.push_back(double(charge[c]));
      event_medians_.push_back(nan_median(sorted_));
    }
  }
  missing_low_gain_ += std::size_t(
      std::count_if(mask.begin() + std::ptrdiff_t(n_pixels_), mask.end(),
                    [](std::uint8_t flags) { return (flags & masked::missing_gain) != 0; }));
  ++n_events_;
}

void ChargeSample::clear() {
  n_events_ = missing_low_gain_ = 0;
  event_medians_.clear();
  charges_.clear();
  times_.clear();
}

double ChargeSample::missing_low_gain() const {
  return n_events_ == 0 ? 0 : double(missing_low_gain_) / double(n_events_ * n_pixels_);
}

void ChargeSample::charges_into(std::size_t channel, std::vector<double>& out) const {
  out.clear();
  charges_.for_each(channel, [&](float value) {
    if (std::isfinite(value)) out.push_back(double(value));
  });
}

void ChargeSample::times_into(std::size_t channel, std::vector<double>& out) const {
  out.clear();
  times_.for_each(channel, [&](float value) {
    if (!std::isnan(value)) out.push_back(double(value));
  });
}

void ChargeSample::relative_charges_into(std::size_t channel, double centre, double reach,
                                         std::vector<double>& out) const {
  out.clear();
  std::size_t event = 0;
  charges_.for_each(channel, [&](float value) {
    if (std::abs(double(value) - centre) <= reach)
      out.push_back(double(value) / event_medians_[event * n_gains + channel / n_pixels_]);
    ++event;
  });
}

void fill_pedestal(const ChargeSample& sample, const StatisticsOptions& options,
                   MonitoringRow::Pedestal& p) {
  const std::size_t n = sample.n_pixels();
  ChargeStats stats = charge_stats(sample, options);
  p.n_events = std::int64_t(sample.n_events());
  p.sample_time_min = sample.time_first();
  p.sample_time_max = sample.time_last();
  p.sample_time = p.sample_time_min + (p.sample_time_max - p.sample_time_min) / 2;
  p.charge_median_outliers.clear();
  p.charge_std_outliers.clear();
  for (std::size_t gain = 0; gain < n_gains; ++gain) {
    const CameraStats medians = camera_stats(&stats.median[gain * n], n);
    const CameraStats deviations = camera_stats(&stats.std[gain * n], n);
    append(p.charge_median_outliers, outside(stats.median, gain, n, medians.median,
                                             options.pedestal_median_cut[0] * medians.std,
                                             options.pedestal_median_cut[1] * medians.std));
    append(p.charge_std_outliers, outside(stats.std, gain, n, deviations.median,
                                          options.pedestal_std_cut[0] * deviations.std,
                                          options.pedestal_std_cut[1] * deviations.std));
  }
  p.charge_mean = std::move(stats.mean);
  p.charge_median = std::move(stats.median);
  p.charge_std = std::move(stats.std);
}

void fill_flatfield(const ChargeSample& sample, const StatisticsOptions& options,
                    MonitoringRow::Flatfield& f) {
  const std::size_t n = sample.n_pixels(), channels = n_gains * n;
  ChargeStats stats = charge_stats(sample, options);
  f.n_events = std::int64_t(sample.n_events());
  f.sample_time_min = sample.time_first();
  f.sample_time_max = sample.time_last();
  f.sample_time = f.sample_time_min + (f.sample_time_max - f.sample_time_min) / 2;

  for (std::vector<double>* column :
       {&f.time_mean, &f.time_median, &f.time_std, &f.relative_gain_mean, &f.relative_gain_median,
        &f.relative_gain_std, &f.relative_time_median})
    column->assign(channels, nan);
  std::vector<double> values;
  for (std::size_t c = 0; c < channels; ++c) {
    sample.relative_charges_into(c, stats.mean[c], options.max_sigma * stats.std[c], values);
    const MeanStd gain_stats = mean_std(values);
    f.relative_gain_mean[c] = gain_stats.mean;
    f.relative_gain_std[c] = gain_stats.std;
    f.relative_gain_median[c] = nan_median(values);
    sample.times_into(c, values);
    const MeanStd time_stats = mean_std(values);
    f.time_mean[c] = time_stats.mean;
    f.time_std[c] = time_stats.std;
    f.time_median[c] = nan_median(values);
  }

  f.charge_median_outliers.clear();
  f.charge_std_outliers.clear();
  f.time_median_outliers.clear();
  for (std::size_t gain = 0; gain < n_gains; ++gain) {
    const CameraStats medians = camera_stats(&stats.median[gain * n], n);
    const CameraStats deviations = camera_stats(&stats.std[gain * n], n);
    append(f.charge_median_outliers, outside(stats.median, gain, n, medians.median,
                                             options.flatfield_median_cut[0] * medians.median,
                                             options.flatfield_median_cut[1] * medians.median));
    append(f.charge_std_outliers, outside(stats.std, gain, n, deviations.median,
                                          options.flatfield_std_cut[0] * deviations.std,
                                          options.flatfield_std_cut[1] * deviations.std));
    append(f.time_median_outliers,
           outside(f.time_median, gain, n, 0.0, options.flatfield_time_cut[0],
                   options.flatfield_time_cut[1]));
    const double camera_median = camera_stats(&f.time_median[gain * n], n).median;
    for (std::size_t i = 0; i < n; ++i)
      f.relative_time_median[gain * n + i] = f.time_median[gain * n + i] - camera_median;
  }
  f.charge_mean = std::move(stats.mean);
  f.charge_median = std::move(stats.median);
  f.charge_std = std::move(stats.std);
}

std::vector<std::uint8_t> failing_pixels(const MonitoringRow::Pedestal& p) {
  return either(p.charge_median_outliers, p.charge_std_outliers);
}

std::vector<std::uint8_t> failing_pixels(const MonitoringRow::Flatfield& f) {
  return either(either(f.charge_median_outliers, f.charge_std_outliers), f.time_median_outliers);
}

void fill_calibration(MonitoringRow& row, std::span<const std::uint8_t> failing,
                      const StatisticsOptions& options, std::span<const double> quadratic_term) {
  const std::size_t n = failing.size() / n_gains;
  const MonitoringRow::Pedestal& p = row.pedestal;
  const MonitoringRow::Flatfield& f = row.flatfield;
  MonitoringRow::Calibration& c = row.calibration;
  for (std::vector<double>* column :
       {&c.dc_to_pe, &c.pedestal_per_sample, &c.time_correction, &c.n_pe})
    column->resize(n_gains * n);
  c.unusable_pixels.resize(n_gains * n);
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
      const double denominator = options.squared_excess_noise_factor * signal;
      double gain_value = denominator != 0 ? excess / denominator : 0.0;
      if (!quadratic_term.empty())
        gain_value -=
            quadratic_term[at] * quadratic_term[at] * signal / options.squared_excess_noise_factor;
      c.n_pe[at] = gain_value != 0 ? signal / gain_value : 0.0;
      c.unusable_pixels[at] = failing[at];
      if (c.unusable_pixels[at] == 0) good.push_back(c.n_pe[at]);
    }
    const double n_pe_median = nan_median(good);
    const double root = std::sqrt(double(f.n_events));
    const double a = (linear[gain][0] / root + linear[gain][1]) * n_pe_median;
    const double b = (quadratic[gain][0] / root + quadratic[gain][1]) * n_pe_median * n_pe_median;
    const double qe = options.relative_qe_dispersion * n_pe_median;
    const double expected_std =
        std::sqrt(n_pe_median / double(f.n_events) + qe * qe + a * a + b * b);

    std::vector<double> good_dc_to_pe, good_pedestal;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = gain * n + i;
      const double signal = f.charge_median[at] - p.charge_median[at];
      c.dc_to_pe[at] = signal != 0 ? n_pe_median / signal : 0.0;
      c.pedestal_per_sample[at] = p.charge_median[at] / options.pedestal_window_width;
      c.time_correction[at] = -f.relative_time_median[at];
      const double deviation = c.n_pe[at] - n_pe_median;
      if (!(deviation >= options.n_pe_cut[0] * expected_std &&
            deviation <= options.n_pe_cut[1] * expected_std))
        c.unusable_pixels[at] = 1;
      if (c.unusable_pixels[at] == 0) {
        good_dc_to_pe.push_back(c.dc_to_pe[at]);
        good_pedestal.push_back(c.pedestal_per_sample[at]);
      }
    }
    const double median_dc_to_pe = nan_median(good_dc_to_pe),
                 median_pedestal = nan_median(good_pedestal);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = gain * n + i;
      if (c.unusable_pixels[at] != 0) {
        c.dc_to_pe[at] = median_dc_to_pe;
        c.pedestal_per_sample[at] = median_pedestal;
        c.time_correction[at] = 0;
      }
    }
  }
  if (options.use_scaled_low_gain) {
    for (std::size_t i = 0; i < n; ++i) {
      c.unusable_pixels[n + i] = c.unusable_pixels[i];
      c.dc_to_pe[n + i] = c.dc_to_pe[i] * options.gain_ratio;
      c.time_correction[n + i] = c.time_correction[i];
    }
  }
  for (double& factor : c.dc_to_pe)
    if (std::isinf(factor)) factor = 0;
}

}  // namespace alisio::calib
