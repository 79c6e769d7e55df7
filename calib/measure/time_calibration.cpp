#include "calib/measure/time_calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "lib/base/median.hpp"

namespace alisio::calib {
namespace {

constexpr std::size_t n_bins = MeasuredTimeCalibration::n_bins;
constexpr std::size_t n_harmonics = MeasuredTimeCalibration::n_harmonics;
constexpr std::size_t bin_width = n_channel_capacitors / n_bins;
/// Part of the bins that must have pulses for a curve to be told.
constexpr double least_filled = 0.5;

/// Cosine and sine of each harmonic at the centre of each bin.
struct Waves {
  std::array<double, n_harmonics * n_bins> cosine, sine;
  Waves() {
    for (std::size_t n = 0; n < n_harmonics; ++n) {
      for (std::size_t i = 0; i < n_bins; ++i) {
        const double place = (double(i) + 0.5) * double(bin_width) / double(n_channel_capacitors);
        const double phase = 2 * std::numbers::pi * double(n) * place;
        cosine[n * n_bins + i] = std::cos(phase);
        sine[n * n_bins + i] = std::sin(phase);
      }
    }
  }
};

/// Expand the mean time per bin into a Fourier series.
void expand(const Waves& waves, const std::array<double, n_bins>& time, double* fan, double* fbn) {
  for (std::size_t n = 0; n < n_harmonics; ++n) {
    double cosine = 0, sine = 0;
    for (std::size_t i = 0; i < n_bins; ++i) {
      cosine += time[i] * waves.cosine[n * n_bins + i];
      sine += time[i] * waves.sine[n * n_bins + i];
    }
    fan[n] = 2.0 / double(n_bins) * cosine;
    fbn[n] = 2.0 / double(n_bins) * sine;
  }
}

/// Fill empty bins on the straight line between the nearest filled ones, around the ring.
void interpolate(std::array<double, n_bins>& time, const std::uint32_t* entries) {
  for (std::size_t i = 0; i < n_bins; ++i) {
    if (entries[i] > 0) continue;
    std::size_t before = 1, after = 1;
    while (entries[(i + n_bins - before) % n_bins] == 0) ++before;
    while (entries[(i + after) % n_bins] == 0) ++after;
    time[i] = (time[(i + n_bins - before) % n_bins] * double(after) +
               time[(i + after) % n_bins] * double(before)) /
              double(before + after);
  }
}

}  // namespace

TimeCalibrationMeter::TimeCalibrationMeter(std::size_t n_pixels,
                                           const TimeCalibrationOptions& options)
    : n_pixels_(n_pixels),
      options_(options),
      sum_(n_gains * n_pixels * n_bins),
      entries_(n_gains * n_pixels * n_bins) {}

void TimeCalibrationMeter::begin(const RawBlock& block) {
  events_ += std::size_t(
      std::count_if(block.events.begin(), block.events.end(),
                    [](const RawEvent& event) { return event.type == EventType::flatfield; }));
}

void TimeCalibrationMeter::add(const RawBlock& block, const CorrectedBlock& waveforms,
                               std::span<const std::uint16_t> pixels) {
  for (std::size_t e = 0; e < block.events.size(); ++e) {
    if (block.events[e].type != EventType::flatfield) continue;
    for (const std::size_t pixel : pixels) {
      if (waveforms.broken[e * n_pixels_ + pixel] != 0) continue;
      for (std::size_t g = 0; g < n_gains; ++g) {
        const std::size_t channel = g * n_pixels_ + pixel;
        const float* const samples = waveforms.waveform_of(e, g, pixel);
        const Pulse pulse =
            sum_window(samples, waveforms.n_samples, find_peak(samples, waveforms.n_samples),
                       options_.window, options_.sampling_rate);
        if (!(double(pulse.charge) > options_.minimum_charge)) continue;
        const std::size_t cell = waveforms.first_capacitor[e * n_gains * n_pixels_ + channel];
        const std::size_t bin = channel * n_bins + cell % n_channel_capacitors / bin_width;
        sum_[bin] += double(pulse.peak_time);
        ++entries_[bin];
      }
    }
  }
}

MeasuredTimeCalibration TimeCalibrationMeter::finish() const {
  const std::size_t channels = n_gains * n_pixels_;
  const Waves waves;
  MeasuredTimeCalibration out;
  out.events = events_;
  out.curve.n_harmonics = n_harmonics;
  out.curve.fan.assign(channels * n_harmonics, 0.0);
  out.curve.fbn.assign(channels * n_harmonics, 0.0);
  out.flags.assign(channels, MeasuredTimeCalibration::complete);
  out.counts.assign(channels, 0);
  out.empty_bins.assign(channels, 0);
  for (std::size_t g = 0; g < n_gains; ++g) {
    std::vector<double> mean_times;
    for (std::size_t channel = g * n_pixels_; channel < (g + 1) * n_pixels_; ++channel) {
      const std::uint32_t* const entries = &entries_[channel * n_bins];
      std::array<double, n_bins> time{};
      std::size_t filled = 0;
      double sum = 0;
      for (std::size_t i = 0; i < n_bins; ++i) {
        if (entries[i] == 0) continue;
        ++filled;
        out.counts[channel] += entries[i];
        time[i] = sum_[channel * n_bins + i] / double(entries[i]);
        sum += sum_[channel * n_bins + i];
      }
      out.empty_bins[channel] = std::uint16_t(n_bins - filled);
      if (filled == 0) {
        out.flags[channel] = MeasuredTimeCalibration::dead;
        continue;
      }
      double* const fan = &out.curve.fan[channel * n_harmonics];
      if (double(filled) < least_filled * double(n_bins)) {
        out.flags[channel] = MeasuredTimeCalibration::flat;
        fan[0] = 2 * sum / double(out.counts[channel]);
        continue;
      }
      if (filled < n_bins) {
        out.flags[channel] = MeasuredTimeCalibration::interpolated;
        interpolate(time, entries);
      }
      expand(waves, time, fan, &out.curve.fbn[channel * n_harmonics]);
      mean_times.push_back(fan[0]);
    }
    const double usual = mean_times.empty() ? 0 : upper_median(std::move(mean_times));
    for (std::size_t channel = g * n_pixels_; channel < (g + 1) * n_pixels_; ++channel) {
      if (out.flags[channel] == MeasuredTimeCalibration::dead) {
        out.curve.fan[channel * n_harmonics] = usual;
      }
    }
  }
  return out;
}

}  // namespace alisio::calib
