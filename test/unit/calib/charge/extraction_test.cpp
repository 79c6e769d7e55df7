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

TEST(ConvertAndExtract, AgreesWithItsScalarTwin) {
  std::mt19937 random(6);
  std::normal_distribution<float> noise(0, 30);
  for (int i = 0; i < 10000; ++i) {
    const std::size_t n = i % 10 == 0 ? 8 + random() % 40 : 36, n_channels = random() % 15;
    std::vector<std::vector<float>> samples(n_channels, std::vector<float>(n));
    std::vector<Channel> channels(n_channels);
    for (std::size_t c = 0; c < n_channels; ++c) {
      for (auto& s : samples[c]) s = noise(random);
      // Peaks at the ends and twice, and nothing positive at all.
      if (random() % 5 == 0) samples[c][random() % n] = samples[c][random() % n] = 500;
      if (random() % 7 == 0)
        for (auto& s : samples[c]) s = -1 - std::abs(s);
      channels[c] = {nullptr, double(noise(random)) / 7, random() % 11 == 0 ? 0 : 0.0129};
    }
    const Window window{int(random() % 10), int(random() % 6) - 1};
    std::vector<std::vector<float>> expected = samples;
    std::vector<Pulse> scalar(n_channels), pulses(n_channels);
    for (std::size_t c = 0; c < n_channels; ++c) channels[c].samples = expected[c].data();
    convert_and_extract_scalar(channels, n, window, 1.024, scalar);
    for (std::size_t c = 0; c < n_channels; ++c) channels[c].samples = samples[c].data();
    convert_and_extract(channels, n, window, 1.024, pulses);
    for (std::size_t c = 0; c < n_channels; ++c) {
      ASSERT_EQ(samples[c], expected[c]) << i;
      ASSERT_EQ(pulses[c].charge, scalar[c].charge) << i;
      ASSERT_EQ(pulses[c].peak_time, scalar[c].peak_time) << i;
    }
  }
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
