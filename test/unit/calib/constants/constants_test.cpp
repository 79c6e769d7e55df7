#include "calib/constants/constants.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "calib/constants/interleaved.hpp"
#include "lib/base/error.hpp"
#include "lib/io/hdf5/file.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

CameraCalibration neutral(std::size_t n_pixels) {
  CameraCalibration out;
  const std::size_t channels = n_gains * n_pixels;
  out.row.calibration.dc_to_pe.assign(channels, 1);
  out.row.calibration.pedestal_per_sample.assign(channels, 0);
  out.row.calibration.time_correction.assign(channels, 0);
  out.row.calibration.n_pe.assign(channels, 0);
  out.row.calibration.unusable_pixels.assign(channels, 0);
  return out;
}

TEST(TimeCalibration, OfAnotherCameraIsRefusedWithBothShapes) {
  const fs::path path = fs::path(testing::TempDir()) / "time_calibration_of_another_camera.h5";
  {
    auto file = hdf5::File::create(path);
    file.write_array("/fan", std::vector<double>(2 * 3 * 4, 1.0), {2, 3, 4});
    file.write_array("/fbn", std::vector<double>(2 * 3 * 4, 2.0), {2, 3, 4});
    file.close();
  }
  const auto fits = read_time_calibration(path, 3);
  EXPECT_EQ(fits.n_harmonics, 4u);
  EXPECT_EQ(fits.fbn.size(), 24u);
  try {
    (void)read_time_calibration(path, 5);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    const std::string text = error.what();
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
    EXPECT_NE(text.find("2, 3, 4"), std::string::npos) << text;
    EXPECT_NE(text.find("2, 5, 4"), std::string::npos) << text;
  }
  fs::remove(path);
}

TEST(InterleavedStatistics, CloseASetWhenItIsFull) {
  constexpr std::size_t n_pixels = 50;
  InterleavedOptions options;
  options.sample_size = 4;
  InterleavedStatistics statistics(neutral(n_pixels), options, n_pixels);
  std::vector<float> charge(n_gains * n_pixels), time(charge.size());
  std::vector<std::uint8_t> broken(charge.size(), 0);
  broken[7] = 1;
  for (int e = 0; e < 4; ++e) {
    for (std::size_t c = 0; c < charge.size(); ++c) {
      charge[c] = float(10 + e) + float(c % 3) * 0.01F;
    }
    statistics.add_pedestal(charge, broken, 100.0 + e);
  }
  ASSERT_EQ(statistics.rows().size(), 2u);
  EXPECT_EQ(statistics.calibration_id(), 0);
  const auto& pedestal = statistics.rows()[1].pedestal;
  EXPECT_EQ(statistics.rows()[1].pedestal_id, 1);
  EXPECT_EQ(pedestal.n_events, 4);
  EXPECT_EQ(pedestal.sample_time, 101.5);
  EXPECT_EQ(pedestal.charge_median[0], 11.5);
  EXPECT_NEAR(pedestal.charge_std[0], std::sqrt(1.25), 1e-12);
  EXPECT_TRUE(std::isnan(pedestal.charge_median[7]));
  EXPECT_EQ(statistics.pedestal_failing()[7], 1);
  EXPECT_EQ(statistics.pedestal_failing()[8], 0);

  for (int e = 0; e < 4; ++e) {
    for (std::size_t c = 0; c < charge.size(); ++c) {
      charge[c] = 1000 + 20 * float((e * 7 + int(c)) % 5);
      time[c] = 15 + float(c % 2);
    }
    statistics.add_flatfield(charge, time, broken, 200.0 + e);
  }
  ASSERT_EQ(statistics.rows().size(), 3u);
  EXPECT_EQ(statistics.calibration_id(), 1);
  EXPECT_EQ(statistics.rows()[2].flatfield.n_events, 4);
  EXPECT_EQ(statistics.rows()[2].calibration.unusable_pixels[7], 1);
  statistics.finish();
  EXPECT_EQ(statistics.rows().size(), 3u) << "nothing was collected since";
}

TEST(InterleavedStatistics, FlatFieldsAloneGiveNoCalibration) {
  constexpr std::size_t n_pixels = 10;
  InterleavedStatistics statistics(neutral(n_pixels), {}, n_pixels);
  const std::vector<float> values(n_gains * n_pixels, 1.F);
  const std::vector<std::uint8_t> good(values.size(), 0);
  statistics.add_flatfield(values, values, good, 1.0);
  statistics.finish();
  EXPECT_EQ(statistics.rows().size(), 1u);
}

}  // namespace
}  // namespace alisio::calib
