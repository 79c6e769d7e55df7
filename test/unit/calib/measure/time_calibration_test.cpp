#include "calib/measure/time_calibration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

namespace alisio::calib {
namespace {

constexpr std::size_t n_pixels = 4, n_samples = 36, n_events = 4096;
constexpr double sampling_rate = 1.024;

/// The delay that is put in, ns.
double delay(std::size_t gain, std::size_t pixel, std::size_t cell) {
  const double phase = 2 * std::numbers::pi * double(cell % n_channel_capacitors) / 1024;
  return 0.4 * std::cos(phase + double(pixel)) + (gain == 0 ? 0.2 : 0.1) * std::sin(3 * phase);
}

constexpr std::uint16_t all_pixels[] = {0, 1, 2, 3};

/// Pulses whose centre of gravity is delayed as above; every first capacitor comes equally often.
struct Pulses {
  RawBlock raw;
  CorrectedBlock waveforms;

  explicit Pulses(std::size_t first, std::size_t n) {
    raw.events.resize(n);
    waveforms.reserve(n, all_pixels, n_samples);
    waveforms.broken.assign(n * n_pixels, 0);
    for (std::size_t e = 0; e < n; ++e) {
      raw.events[e].type = EventType::flatfield;
      for (std::size_t g = 0; g < n_gains; ++g) {
        for (std::size_t p = 0; p < n_pixels; ++p) {
          const std::size_t channel = (e * n_gains + g) * n_pixels + p;
          const std::size_t cell = ((first + e) * 5 + 31 * p) % n_capacitors;
          waveforms.first_capacitor[channel] = std::uint16_t(cell);
          const double peak = 17 + delay(g, p, cell) * sampling_rate;
          for (std::size_t s = 0; s < n_samples; ++s) {
            const double x = (double(s) - peak) / 2;
            waveforms.waveform_of(e, g, p)[s] = float(300 * std::exp(-x * x / 2));
          }
        }
      }
    }
  }
};

MeasuredTimeCalibration measure(const std::function<void(Pulses&)>& spoil = [](Pulses&) {}) {
  TimeCalibrationMeter meter(n_pixels, {});
  for (std::size_t first = 0; first < n_events; first += 256) {
    Pulses pulses(first, 256);
    spoil(pulses);
    meter.begin(pulses.raw);
    meter.add(pulses.raw, pulses.waveforms, all_pixels);
  }
  return meter.finish();
}

double curve(const MeasuredTimeCalibration& t, std::size_t channel, double cell) {
  double out = 0;
  for (std::size_t h = 1; h < t.n_harmonics; ++h) {
    const double phase = 2 * std::numbers::pi * double(h) * cell / 1024;
    out += t.curve.fan[channel * t.n_harmonics + h] * std::cos(phase) +
           t.curve.fbn[channel * t.n_harmonics + h] * std::sin(phase);
  }
  return out;
}

TEST(TimeCalibration, FindsTheDelays) {
  const MeasuredTimeCalibration t = measure();
  EXPECT_EQ(t.events, n_events);
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t p = 0; p < n_pixels; ++p) {
      const std::size_t channel = g * n_pixels + p;
      EXPECT_EQ(t.flags[channel], MeasuredTimeCalibration::complete);
      EXPECT_EQ(t.counts[channel], n_events);
      EXPECT_EQ(t.empty_bins[channel], 0);
      // The window of 12 samples cuts the pulse's tails a little differently as it moves.
      EXPECT_NEAR(t.curve.fan[channel * t.n_harmonics] / 2, 17 / sampling_rate, 0.02);
      for (std::size_t cell = 0; cell < 1024; cell += 37)
        EXPECT_NEAR(curve(t, channel, double(cell)), delay(g, p, cell), 0.03) << g << p << cell;
    }
  }
}

TEST(TimeCalibration, TakesFlatFieldsOnly) {
  const MeasuredTimeCalibration t = measure([](Pulses& pulses) {
    for (std::size_t e = 0; e < pulses.raw.events.size(); e += 2) {
      pulses.raw.events[e].type = EventType::sky_pedestal;
      for (std::size_t g = 0; g < n_gains; ++g)
        for (std::size_t p = 0; p < n_pixels; ++p)
          std::fill_n(pulses.waveforms.waveform_of(e, g, p), n_samples, 1e4F);
    }
  });
  EXPECT_EQ(t.events, n_events / 2);
  EXPECT_EQ(t.counts[0], n_events / 2);
  EXPECT_NEAR(t.curve.fan[0] / 2, 17 / sampling_rate, 0.02);
}

TEST(TimeCalibration, FlagsDeadPixelsAndGoesOn) {
  const MeasuredTimeCalibration whole = measure();
  const MeasuredTimeCalibration t = measure([](Pulses& pulses) {
    for (std::size_t e = 0; e < pulses.raw.events.size(); ++e) {
      std::fill_n(pulses.waveforms.waveform_of(e, 0, 1), n_samples, 0.F);
      pulses.waveforms.broken[e * n_pixels + 2] = 1;
    }
  });
  for (const std::size_t channel : {1U, 2U, 6U}) {
    EXPECT_EQ(t.flags[channel], MeasuredTimeCalibration::dead);
    EXPECT_EQ(t.counts[channel], 0U);
    EXPECT_EQ(t.empty_bins[channel], MeasuredTimeCalibration::n_bins);
    EXPECT_EQ(curve(t, channel, 100), 0);
    EXPECT_NEAR(t.curve.fan[channel * t.n_harmonics] / 2, 17 / sampling_rate, 0.02);
  }
  for (const std::size_t channel : {0U, 3U, 4U, 5U, 7U})
    for (std::size_t h = 0; h < t.n_harmonics; ++h) {
      EXPECT_EQ(t.curve.fan[channel * t.n_harmonics + h],
                whole.curve.fan[channel * t.n_harmonics + h]);
    }
}

TEST(TimeCalibration, InterpolatesEmptyBins) {
  const auto without = [](std::size_t begin, std::size_t end) {
    return [begin, end](Pulses& pulses) {
      for (std::size_t c = 0; c < pulses.waveforms.first_capacitor.size(); ++c) {
        const std::size_t cell = pulses.waveforms.first_capacitor[c] % n_channel_capacitors;
        if (cell < begin || cell >= end) continue;
        const std::size_t event = c / (n_gains * n_pixels);
        std::fill_n(pulses.waveforms.waveform_of(event, c / n_pixels % n_gains, c % n_pixels),
                    n_samples, 0.F);
      }
    };
  };
  // Three bins around the end of the ring, and one in it.
  const MeasuredTimeCalibration few = measure([&](Pulses& pulses) {
    without(1016, 1024)(pulses);
    without(0, 16)(pulses);
    without(512, 520)(pulses);
  });
  for (std::size_t channel = 0; channel < n_gains * n_pixels; ++channel) {
    EXPECT_EQ(few.flags[channel], MeasuredTimeCalibration::interpolated);
    EXPECT_EQ(few.empty_bins[channel], 4);
    for (std::size_t cell = 0; cell < 1024; cell += 37)
      EXPECT_NEAR(curve(few, channel, double(cell)),
                  delay(channel / n_pixels, channel % n_pixels, cell), 0.04);
  }
  const MeasuredTimeCalibration most = measure(without(0, 600));
  EXPECT_EQ(most.flags[0], MeasuredTimeCalibration::flat);
  EXPECT_EQ(curve(most, 0, 100), 0);
  EXPECT_GT(most.curve.fan[0], 0);
}

TEST(TimeCalibration, DoesNotDependOnTheOrderOfPixels) {
  TimeCalibrationMeter one(n_pixels, {}), other(n_pixels, {});
  const Pulses pulses(0, n_events);
  one.add(pulses.raw, pulses.waveforms, all_pixels);
  for (const std::uint16_t pixel : {3, 1, 0, 2})
    other.add(pulses.raw, pulses.waveforms, {&pixel, 1});
  EXPECT_EQ(one.finish().curve.fan, other.finish().curve.fan);
  EXPECT_EQ(one.finish().curve.fbn, other.finish().curve.fbn);
}

TEST(TimeCalibration, IgnoresFaintPulses) {
  const MeasuredTimeCalibration t = measure([](Pulses& pulses) {
    for (std::size_t e = 0; e < pulses.raw.events.size(); ++e)
      for (std::size_t s = 0; s < n_samples; ++s) pulses.waveforms.waveform_of(e, 1, 3)[s] = 10;
  });
  EXPECT_EQ(t.flags[n_pixels + 3], MeasuredTimeCalibration::dead) << "12 samples of 10 are 120";
}

}  // namespace
}  // namespace alisio::calib
