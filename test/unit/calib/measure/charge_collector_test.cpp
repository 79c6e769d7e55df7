#include "calib/measure/charge_collector.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "calib/measure/cat_b.hpp"

namespace alisio::calib {
namespace {

constexpr std::size_t n_pixels = 100, channels = n_gains * n_pixels;

/// A camera of known gain under a flasher of known light.
struct Truth {
  double photoelectrons = 75;
  double excess_noise_factor_squared = 1.222;
  std::vector<double> gain = std::vector<double>(channels);  ///< ADC per p.e.
  double pedestal = -12, noise[2] = {70, 10};                ///< ADC
  double time = 18, time_jitter = 0.5;                       ///< ns

  Truth() {
    for (std::size_t c = 0; c < channels; ++c)
      gain[c] = (c < n_pixels ? 67.0 : 4.0) * (1 + 0.1 * std::sin(double(c)));
  }
};

class Flasher {
 public:
  explicit Flasher(const Truth& truth) : truth_(truth), charge(channels), time(channels) {}
  void pedestal() {
    std::normal_distribution<double> normal;
    for (std::size_t c = 0; c < channels; ++c)
      charge[c] = float(truth_.pedestal + truth_.noise[c / n_pixels] * normal(random_));
  }
  /// Multiplied photo-electrons: variance per photo-electron is F^2 - 1.
  void flatfield() {
    pedestal();
    std::normal_distribution<double> normal;
    std::poisson_distribution<int> light(truth_.photoelectrons);
    const double spread = std::sqrt(truth_.excess_noise_factor_squared - 1);
    for (std::size_t c = 0; c < channels; ++c) {
      const double n = light(random_);
      charge[c] += float(truth_.gain[c] * (n + spread * std::sqrt(n) * normal(random_)));
      time[c] = float(truth_.time + 0.01 * double(c % 7) + truth_.time_jitter * normal(random_));
    }
  }

 private:
  const Truth& truth_;
  std::mt19937 random_{20221215};

 public:
  std::vector<float> charge, time;
};

CollectorOptions of_size(std::size_t events) {
  CollectorOptions options;
  options.pedestal_sample_size = options.flatfield_sample_size = events;
  return options;
}

const std::vector<std::uint8_t> none_masked(channels, 0);

TEST(ChargeCollector, GainsAndPhotoElectronsComeBack) {
  constexpr std::size_t n_events = 2000;
  const Truth truth;
  Flasher flasher(truth);
  ChargeCollector collector(of_size(n_events), n_pixels, {});
  for (std::size_t e = 0; e < n_events; ++e) {
    flasher.flatfield();
    collector.add_flatfield(flasher.charge, flasher.time, none_masked, 100.0 + double(e));
    ASSERT_TRUE(collector.rows().empty());
    flasher.pedestal();
    collector.add_pedestal(flasher.charge, none_masked, 100.5 + double(e));
  }
  ASSERT_EQ(collector.rows().size(), 1u);
  const MonitoringRow& row = collector.rows().front().row;
  EXPECT_EQ(row.flatfield.n_events, std::int64_t(n_events));
  EXPECT_EQ(std::accumulate(row.calibration.unusable_pixels.begin(),
                            row.calibration.unusable_pixels.end(), 0),
            0);
  // The relative error of a standard deviation is 1/sqrt(2n), of a variance twice that.
  const double error = std::sqrt(2.0 / double(n_events));
  double mean_pull = 0, pull_squares = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const double signal = row.flatfield.charge_median[c] - row.pedestal.charge_median[c];
    const double pull = (row.calibration.n_pe[c] / truth.photoelectrons - 1) / error;
    EXPECT_LT(std::abs(pull), 5) << c;
    mean_pull += pull / double(channels);
    pull_squares += pull * pull / double(channels);
    EXPECT_NEAR(signal / row.calibration.n_pe[c] / truth.gain[c], 1, 5 * error) << c;
    EXPECT_NEAR(row.calibration.pedestal_per_sample[c] * 12, truth.pedestal,
                5 * 1.26 * truth.noise[c / n_pixels] / std::sqrt(double(n_events)))
        << c;
  }
  EXPECT_NEAR(mean_pull, 0, 0.5);
  EXPECT_GT(pull_squares, 0.5);
  EXPECT_LT(pull_squares, 2);
  // Flat-fielding: a pixel's signal times its factor is the camera's light.
  for (std::size_t c = 0; c < channels; ++c)
    EXPECT_NEAR(row.calibration.dc_to_pe[c] * truth.gain[c], 1, 0.03) << c;
  const double correction = row.calibration.time_correction[6] - row.calibration.time_correction[0];
  EXPECT_NEAR(correction, -0.06, 5 * 1.8 * truth.time_jitter / std::sqrt(double(n_events)));
}

TEST(ChargeCollector, TheQuadraticTermLowersTheGain) {
  constexpr std::size_t n_events = 300;
  const Truth truth;
  const auto gain_with = [&](double b) {
    Flasher flasher(truth);
    ChargeCollector collector(of_size(n_events), n_pixels, std::vector<double>(channels, b));
    for (std::size_t e = 0; e < n_events; ++e) {
      flasher.flatfield();
      collector.add_flatfield(flasher.charge, flasher.time, none_masked, 1.0);
      flasher.pedestal();
      collector.add_pedestal(flasher.charge, none_masked, 1.0);
    }
    const MonitoringRow& row = collector.rows().front().row;
    const double signal = row.flatfield.charge_median[3] - row.pedestal.charge_median[3];
    return std::pair(signal / row.calibration.n_pe[3], signal);
  };
  const auto [plain, signal] = gain_with(0);
  constexpr double b = 0.02;
  EXPECT_NEAR(gain_with(b).first, plain - b * b * signal / 1.222, 1e-9);
}

TEST(ChargeCollector, DeadPixelsAreUnusableAndGetTheCameraMedian) {
  const Truth truth;
  Flasher flasher(truth);
  ChargeCollector collector(of_size(200), n_pixels, {});
  std::vector<std::uint8_t> mask(channels, 0);
  mask[5] = mask[n_pixels + 5] = masked::broken;
  for (int e = 0; e < 200; ++e) {
    flasher.flatfield();
    flasher.charge[9] = 0;
    collector.add_flatfield(flasher.charge, flasher.time, mask, e);
    flasher.pedestal();
    flasher.charge[9] = 0;
    collector.add_pedestal(flasher.charge, mask, e);
  }
  ASSERT_EQ(collector.rows().size(), 1u);
  const CameraCalibration& made = collector.rows().front();
  EXPECT_EQ(made.hardware_failing_pixels[5], 1);
  EXPECT_EQ(made.hardware_failing_pixels[9], 0);
  for (const std::size_t dead : {std::size_t{5}, n_pixels + 5, std::size_t{9}}) {
    EXPECT_EQ(made.row.calibration.unusable_pixels[dead], 1) << dead;
    EXPECT_GT(made.row.calibration.dc_to_pe[dead], 0) << dead;
    EXPECT_EQ(made.row.calibration.time_correction[dead], 0) << dead;
  }
  EXPECT_EQ(made.row.calibration.unusable_pixels[6], 0);
}

TEST(ChargeCollector, AShortRunGivesWhatItHas) {
  const Truth truth;
  Flasher flasher(truth);
  ChargeCollector collector(of_size(1000), n_pixels, {});
  EXPECT_FALSE(collector.finish()) << "there is nothing";
  for (int e = 0; e < 50; ++e) {
    flasher.flatfield();
    collector.add_flatfield(flasher.charge, flasher.time, none_masked, e);
  }
  EXPECT_FALSE(collector.finish()) << "there are no pedestals";
  flasher.pedestal();
  collector.add_pedestal(flasher.charge, none_masked, 60);
  flasher.pedestal();
  collector.add_pedestal(flasher.charge, none_masked, 61);
  EXPECT_TRUE(collector.finish());
  EXPECT_EQ(collector.rows().front().row.flatfield.n_events, 50);
  EXPECT_EQ(collector.rows().front().row.pedestal.n_events, 2);
}

TEST(ChargeCollector, ARowForEachPairOfFullSamples) {
  const Truth truth;
  Flasher flasher(truth);
  ChargeCollector collector(of_size(20), n_pixels, {});
  for (int e = 0; e < 50; ++e) {
    flasher.flatfield();
    collector.add_flatfield(flasher.charge, flasher.time, none_masked, e);
    flasher.pedestal();
    collector.add_pedestal(flasher.charge, none_masked, e);
  }
  ASSERT_EQ(collector.rows().size(), 2u);
  EXPECT_EQ(collector.rows()[0].row.flatfield.sample_time_max, 19);
  EXPECT_EQ(collector.rows()[1].row.flatfield.sample_time_min, 20);
  EXPECT_FALSE(collector.finish()) << "ten events of each are left out";
}

TEST(CatBMeter, TakesTheLowGainFromTheHighGainIfItIsMissing) {
  CameraCalibration start;
  start.hardware_failing_pixels.assign(channels, 0);
  start.hardware_failing_pixels[7] = 1;
  CollectorOptions options = of_size(100);
  CatBMeter meter(start, {}, options, {});
  constexpr std::size_t n_samples = 36;
  std::vector<float> waveform(channels * n_samples), time(channels, 18.F);
  std::vector<std::uint8_t> missing(channels, 0);
  std::fill(missing.begin() + n_pixels, missing.end(), std::uint8_t{1});
  std::mt19937 random(3);
  std::normal_distribution<float> noise(0, 1), light(75, 9.5);
  for (int e = 0; e < 200; ++e) {
    for (std::size_t c = 0; c < n_pixels; ++c) {
      for (std::size_t s = 0; s < n_samples; ++s) waveform[c * n_samples + s] = noise(random) / 4;
      if (e % 2 == 0) waveform[c * n_samples + 18] += light(random);
    }
    meter.add(e % 2 == 0 ? EventType::flatfield : EventType::sky_pedestal, waveform, time, missing,
              e);
  }
  ASSERT_EQ(meter.collector().rows().size(), 1u);
  const CameraCalibration& made = meter.collector().rows().front();
  EXPECT_EQ(made.hardware_failing_pixels[7], 1);
  EXPECT_EQ(made.row.calibration.unusable_pixels[7], 1);
  EXPECT_TRUE(std::isnan(made.row.flatfield.charge_median[n_pixels + 3]));
  for (std::size_t p = 0; p < n_pixels; ++p) {
    EXPECT_EQ(made.row.calibration.dc_to_pe[n_pixels + p], made.row.calibration.dc_to_pe[p]);
    EXPECT_EQ(made.row.calibration.pedestal_per_sample[n_pixels + p], 0);
    EXPECT_EQ(made.flatfield_failing_pixels[n_pixels + p], 0);
    EXPECT_EQ(made.pedestal_failing_pixels[n_pixels + p], 0);
  }
}

}  // namespace
}  // namespace alisio::calib
