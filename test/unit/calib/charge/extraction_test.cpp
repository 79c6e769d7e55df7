#include "calib/charge/extraction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace alisio::calib {
namespace {

TEST(FindPeak, AgreesWithItsScalarTwin) {
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    const std::size_t n = 1 + random() % 48;
    std::vector<float> samples(n);
    // Few different values, so that the largest one often comes twice.
    for (auto& s : samples) s = float(int(random() % 9) - 4);
    ASSERT_EQ(find_peak(samples.data(), n), find_peak_scalar(samples.data(), n));
  }
}

TEST(FindPeak, TakesTheFirstOfEqualSamples) {
  std::vector<float> samples(36, 0.F);
  EXPECT_EQ(find_peak(samples.data(), 36), 0u);
  samples[33] = samples[35] = 1.F;
  EXPECT_EQ(find_peak(samples.data(), 36), 33u);
}

TEST(SumWindow, IsCutAtTheEnds) {
  std::vector<float> samples(36, 1.F);
  EXPECT_EQ(sum_window(samples.data(), 36, 18, {8, 4}, 1.0).charge, 8.F);
  EXPECT_EQ(sum_window(samples.data(), 36, 0, {8, 4}, 1.0).charge, 4.F);
  EXPECT_EQ(sum_window(samples.data(), 36, 35, {8, 4}, 1.0).charge, 5.F);
  for (const std::size_t peak : {0U, 3U, 18U, 35U})
    for (const int window : {1, 5, 8, 12})
      EXPECT_EQ(sum_charge(samples.data(), 36, peak, {window, 4}),
                sum_window(samples.data(), 36, peak, {window, 4}, 1.0).charge);
  EXPECT_EQ(sum_window(samples.data(), 36, 18, {8, 4}, 1.0).peak_time, 17.5F);
}

TEST(SumWindow, TimesAreWeightedByPositiveSamples) {
  std::vector<float> samples(36, -1.F);
  EXPECT_EQ(sum_window(samples.data(), 36, 7, {8, 4}, 1.0).peak_time, 7.F);
  EXPECT_EQ(sum_window(samples.data(), 36, 7, {8, 4}, 1.0).charge, -8.F);
  samples[10] = 1.F;
  samples[11] = 3.F;
  EXPECT_EQ(sum_window(samples.data(), 36, 11, {8, 4}, 1.0).peak_time, 10.75F);
  EXPECT_EQ(sum_window(samples.data(), 36, 11, {8, 4}, 2.0).peak_time, 5.375F);
}

TEST(ToPe, AgreesWithItsScalarTwin) {
  std::mt19937 random(7);
  std::normal_distribution<float> noise(0, 300);
  for (int i = 0; i < 1000; ++i) {
    const std::size_t n = i % 10 == 0 ? 8 + random() % 40 : 36;
    std::vector<float> samples(n), scalar(n), dispatched(n);
    for (auto& s : samples) s = noise(random);
    const Channel channel{samples.data(), double(noise(random)) / 7, 0.0129};
    to_pe_scalar(channel, n, scalar.data());
    to_pe(channel, n, dispatched.data());
    ASSERT_EQ(dispatched, scalar) << i;
    to_pe(channel, n, samples.data());
    ASSERT_EQ(samples, scalar) << i << ", in place";
  }
}

TEST(ExtractInPe, AgreesWithItsScalarTwin) {
  std::mt19937 random(6);
  std::normal_distribution<float> noise(0, 30);
  for (int i = 0; i < 20000; ++i) {
    const std::size_t n = i % 10 == 0 ? 8 + random() % 40 : 36, n_channels = random() % 15;
    std::vector<std::vector<float>> samples(n_channels, std::vector<float>(n));
    std::vector<Channel> channels(n_channels);
    for (std::size_t c = 0; c < n_channels; ++c) {
      for (auto& s : samples[c]) s = noise(random);
      // Peaks at the ends and twice, and nothing positive at all.
      if (random() % 5 == 0) samples[c][random() % n] = samples[c][random() % n] = 500;
      if (random() % 7 == 0)
        for (auto& s : samples[c]) s = -1 - std::abs(s);
      channels[c] = {samples[c].data(), double(noise(random)) / 7, random() % 11 == 0 ? 0 : 0.0129};
    }
    const Window window{int(random() % 10), int(random() % 6) - 1};
    std::vector<Pulse> scalar(n_channels), pulses(n_channels);
    extract_in_pe_scalar(channels, n, window, 1.024, scalar);
    extract_in_pe(channels, n, window, 1.024, pulses);
    for (std::size_t c = 0; c < n_channels; ++c) {
      ASSERT_EQ(pulses[c].charge, scalar[c].charge) << i;
      ASSERT_EQ(pulses[c].peak_time, scalar[c].peak_time) << i;
    }
  }
}

/// The peak is that of the samples in p.e.: of samples that conversion makes equal, the first.
TEST(ExtractInPe, FindsThePeakAmongNeighbouringNumbers) {
  std::mt19937 random(8);
  std::size_t made_equal = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<float> samples(36);
    const float level = std::ldexp(float(random() % 1000 + 1), int(random() % 24) - 12);
    // Steps of the last bits, upwards more often than not.
    for (std::size_t s = 0; s < samples.size(); ++s) {
      samples[s] = random() % 2 == 0 ? level : -level;
      for (std::size_t k = random() % 12; k > 0; --k)
        samples[s] = std::nextafter(samples[s], 1e30F);
    }
    const double pedestal =
        random() % 3 == 0 ? 0 : (double(random() % 2001) - 1000) * double(level) / 999;
    const double factors[] = {1, 0.0129, 1e-3 + double(random()) * 1e-12, -0.5, 1e-30, 1e30, 0};
    const Channel channel{samples.data(), pedestal, factors[random() % 7]};
    std::vector<float> in_pe(36);
    to_pe_scalar(channel, 36, in_pe.data());
    made_equal +=
        find_peak_scalar(in_pe.data(), 36) != find_peak_scalar(samples.data(), 36) ? 1 : 0;
    Pulse scalar, pulse;
    extract_in_pe_scalar({&channel, 1}, 36, {8, 4}, 1.024, {&scalar, 1});
    extract_in_pe({&channel, 1}, 36, {8, 4}, 1.024, {&pulse, 1});
    ASSERT_EQ(pulse.charge, scalar.charge) << i;
    ASSERT_EQ(pulse.peak_time, scalar.peak_time) << i;
  }
  EXPECT_GT(made_equal, 100U);
}

TEST(InterpolateInvalid, TakesTheMeanOfValidNeighbours) {
  instrument::CameraGeometry geometry;
  geometry.n_pixels = 4;  // a row
  geometry.neighbour_start = {0, 1, 3, 5, 6};
  geometry.neighbour = {1, 0, 2, 1, 3, 2};
  std::vector<float> image = {1, 50, 60, 7};
  interpolate_invalid(geometry, std::vector<std::uint8_t>{0, 1, 0, 0}, image);
  EXPECT_EQ(image, (std::vector<float>{1, 30.5F, 60, 7}));
  interpolate_invalid(geometry, std::vector<std::uint8_t>{1, 1, 0, 0}, image);
  EXPECT_EQ(image, (std::vector<float>{0, 60, 60, 7}));
}

}  // namespace
}  // namespace alisio::calib
