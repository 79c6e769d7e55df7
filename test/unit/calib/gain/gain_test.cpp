#include "calib/gain/gain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace alisio::calib {
namespace {

void convert_default(float* s, std::size_t n, double p, double d) {
  convert_to_pe(s, n, p, d);
}
[[gnu::target("avx2")]] void convert_avx2(float* s, std::size_t n, double p, double d) {
  convert_to_pe(s, n, p, d);
}
[[gnu::target("avx512f,avx512vl,avx512dq,avx512bw")]] void convert_avx512(float* s, std::size_t n,
                                                                          double p, double d) {
  convert_to_pe(s, n, p, d);
}

/// Whatever the instruction set, both steps round to float.
TEST(ConvertToPe, RoundsAfterEachStepOnEveryInstructionSet) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> value(-100, 4000);
  for (int i = 0; i < 500; ++i) {
    const double pedestal = value(random) / 1000, factor = value(random) / 4e4;
    std::vector<float> samples(36), expected;
    for (auto& s : samples) s = float(value(random));
    for (const float s : samples) {
      const volatile float signal = float(double(s) - pedestal);
      expected.push_back(float(double(signal) * factor));
    }
    auto check = [&](auto* convert) {
      auto converted = samples;
      convert(converted.data(), converted.size(), pedestal, factor);
      ASSERT_EQ(converted, expected);
    };
    check(convert_default);
    if (__builtin_cpu_supports("avx2")) check(convert_avx2);
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      check(convert_avx512);
    }
  }
}

TEST(GainSelection, NeedsASampleAboveTheThreshold) {
  std::vector<float> samples(36, 3500.F);
  EXPECT_FALSE(is_above(samples.data(), samples.size(), 3500.F));
  samples[35] = 3500.5F;
  EXPECT_TRUE(is_above(samples.data(), samples.size(), 3500.F));
}

TEST(TimeShifts, AreTheFourierSeriesMinusTheTimeCorrection) {
  TimeCalibration calibration;
  calibration.n_harmonics = 4;
  const std::size_t n_pixels = 3;
  for (std::size_t i = 0; i < n_gains * n_pixels * 4; ++i) {
    calibration.fan.push_back(0.1 * double(i % 7));
    calibration.fbn.push_back(-0.05 * double(i % 5));
  }
  const std::vector<double> correction = {0.5, -1, 0, 2, 0.25, 1};
  const TimeShifts shifts(&calibration, correction, n_pixels);
  for (const std::size_t cell : {0u, 17u, 1023u, 1024u, 4095u}) {
    for (std::size_t c = 0; c < n_gains * n_pixels; ++c) {
      double expected = -correction[c];
      for (std::size_t h = 1; h < 4; ++h) {
        const double phase = 2 * std::numbers::pi * double(h) * double(cell % 1024) / 1024;
        expected += calibration.fan[c * 4 + h] * std::cos(phase) +
                    calibration.fbn[c * 4 + h] * std::sin(phase);
      }
      EXPECT_NEAR(shifts.of(c / n_pixels, c % n_pixels, cell), expected, 1e-13);
    }
  }
  const TimeShifts none(nullptr, correction, n_pixels);
  EXPECT_EQ(none.of(1, 0, 77), -2.0);
}

}  // namespace
}  // namespace alisio::calib
