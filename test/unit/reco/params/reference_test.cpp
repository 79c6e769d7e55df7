// Cleaning and parameters of the peers' DL1 files, recomputed from the images in them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>

#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"
#include "reco/params/process_block.hpp"

namespace alisio::params {
namespace {
namespace fs = std::filesystem;

fs::path reference_folder() {
  const char* shared = std::getenv("ALISIO_SHARED");
  return fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") / "data" /
         "reference";
}

/// One column: how to get ours, and the largest difference allowed (specification of DL1, 12).
struct Check {
  const char* name;
  std::function<double(const ImageParameters&)> ours;
  double relative, absolute;
  double few_pixels = 0;  ///< absolute, for images of at most 4 pixels
  int min_pixels = 0;     ///< smaller images are not compared
  double period = 0;
};

const std::vector<Check>& checks() {
  using P = ImageParameters;
  constexpr double pi = std::numbers::pi;
  static const std::vector<Check> all{
      {"intensity", [](const P& p) { return p.intensity; }, 1e-9, 1e-12},
      {"log_intensity", [](const P& p) { return p.log_intensity; }, 1e-9, 1e-12},
      {"x", [](const P& p) { return p.x; }, 1e-9, 1e-12},
      {"y", [](const P& p) { return p.y; }, 1e-9, 1e-12},
      {"r", [](const P& p) { return p.r; }, 1e-9, 1e-12},
      {"phi", [](const P& p) { return p.phi; }, 1e-9, 1e-12, 0, 0, 2 * pi},
      {"length", [](const P& p) { return p.length; }, 1e-9, 1e-12},
      {"length_uncertainty", [](const P& p) { return p.length_uncertainty; }, 1e-9, 1e-12},
      {"width", [](const P& p) { return p.width; }, 1e-9, 1e-12, 1e-8},
      {"width_uncertainty", [](const P& p) { return p.width_uncertainty; }, 1e-9, 1e-12, 1e-8},
      {"psi", [](const P& p) { return p.psi; }, 1e-9, 1e-12, 0, 0, pi},
      {"skewness", [](const P& p) { return p.skewness; }, 1e-9, 1e-12},
      {"kurtosis", [](const P& p) { return p.kurtosis; }, 1e-9, 1e-12},
      {"time_gradient", [](const P& p) { return p.time_gradient; }, 1e-6, 1e-9, 0, 4},
      {"intercept", [](const P& p) { return p.intercept; }, 1e-6, 1e-9, 0, 4},
      {"leakage_intensity_width_1", [](const P& p) { return p.leakage_intensity_width_1; }, 1e-6,
       0},
      {"leakage_intensity_width_2", [](const P& p) { return p.leakage_intensity_width_2; }, 1e-6,
       0},
      {"leakage_pixels_width_1", [](const P& p) { return p.leakage_pixels_width_1; }, 0, 0},
      {"leakage_pixels_width_2", [](const P& p) { return p.leakage_pixels_width_2; }, 0, 0},
      {"concentration_cog", [](const P& p) { return p.concentration_cog; }, 1e-6, 0},
      {"concentration_core", [](const P& p) { return p.concentration_core; }, 1e-6, 0},
      {"concentration_pixel", [](const P& p) { return p.concentration_pixel; }, 1e-6, 0},
      {"wl", [](const P& p) { return p.wl; }, 1e-9, 1e-12, 1e-7},
      {"n_pixels", [](const P& p) { return static_cast<double>(p.n_pixels); }, 0, 0},
      {"n_islands", [](const P& p) { return static_cast<double>(p.n_islands); }, 0, 0},
  };
  return all;
}

struct Input {
  EventBlock block;
  std::vector<std::uint8_t> mask;
  hdf5::Rows parameters;
};

Input read_dl1(const fs::path& path) {
  const auto file = hdf5::File::open(path);
  const auto images = hdf5::TableReader(file, "/dl1/event/telescope/image/LST_LSTCam").read_all();
  Input in;
  in.parameters = hdf5::TableReader(file, "/dl1/event/telescope/parameters/LST_LSTCam").read_all();
  const auto image = images.arrays<float>("image"), time = images.arrays<float>("peak_time");
  in.mask = images.arrays<std::uint8_t>("image_mask");
  in.block.reserve(images.size(), image.size() / images.size());
  in.block.size = images.size();
  std::ranges::copy(image, in.block.image.begin());
  std::ranges::copy(time, in.block.peak_time.begin());
  return in;
}

void expect_equal(const Input& in, const std::string& file) {
  const auto& block = in.block;
  ASSERT_EQ(in.parameters.size(), block.size);
  std::size_t wrong_pixels = 0;
  for (std::size_t i = 0; i < in.mask.size(); ++i)
    wrong_pixels += in.mask[i] != block.image_mask[i];
  EXPECT_EQ(wrong_pixels, 0u) << file;

  const auto n_pixels = in.parameters.column<double>("n_pixels");
  for (const auto& check : checks()) {
    const auto theirs = in.parameters.column<double>(check.name);
    double largest = 0;
    for (std::size_t i = 0; i < block.size; ++i) {
      const double ours = check.ours(block.parameters[i]);
      if (std::isnan(ours) || std::isnan(theirs[i])) {
        EXPECT_EQ(std::isnan(ours), std::isnan(theirs[i])) << file << " " << check.name << " " << i;
        continue;
      }
      if (n_pixels[i] < check.min_pixels && n_pixels[i] > 0) continue;
      double difference = std::abs(ours - theirs[i]);
      if (check.period > 0) difference = std::min(difference, std::abs(check.period - difference));
      largest = std::max(largest, difference);
      double allowed = check.absolute + check.relative * std::abs(theirs[i]);
      if (n_pixels[i] <= 4) allowed = std::max(allowed, check.few_pixels);
      EXPECT_LE(difference, allowed)
          << file << " " << check.name << " row " << i << " of " << n_pixels[i]
          << " pixels: " << ours << ", reference " << theirs[i];
    }
    ::testing::Test::RecordProperty(check.name, fmt::format("{:.1e}", largest));
  }
}

class Reference : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!fs::is_directory(reference_folder())) GTEST_SKIP() << "no sample data";
  }
  instrument::Telescope telescope =
      instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
};

TEST_P(Reference, masks_counts_and_parameters_are_the_peers) {
  auto in = read_dl1(reference_folder() / GetParam());
  ASSERT_EQ(in.block.n_pixels, telescope.geometry.n_pixels);
  Scratch scratch(in.block.n_pixels);
  process_block(in.block, 0, in.block.size, telescope, {}, {}, scratch);
  expect_equal(in, GetParam());
}

/// Of a simulated night, from test/peers/make_reference_data.py.
TEST(SimulatedReference, masks_counts_and_parameters_are_the_peers) {
  const auto telescope = instrument::load_telescope(ALISIO_SOURCE_DIR "/cfg");
  const char* const file = ALISIO_SOURCE_DIR "/test/data/lstchain/dl1_LST-1.Run11220.0000.h5";
  auto in = read_dl1(file);
  ASSERT_EQ(in.block.n_pixels, telescope.geometry.n_pixels);
  Scratch scratch(in.block.n_pixels);
  process_block(in.block, 0, in.block.size, telescope, {}, {}, scratch);
  expect_equal(in, file);
}

INSTANTIATE_TEST_SUITE_P(Files, Reference,
                         ::testing::Values("images/dl1_LST-1.Run03002.0000.h5",
                                           "dl1/dl1_LST-1.Run11220.0000.h5",
                                           "dl1/dl1_LST-1.Run11220.0001.h5",
                                           "dl1_r1v1/dl1_LST-1.Run17000.0000.h5"));

using PedestalThresholds = Reference;

/// A second cleaning takes thresholds from the pedestals of the first file (specification, 3.3).
TEST_P(PedestalThresholds, masks_counts_and_parameters_are_the_peers) {
  auto in = read_dl1(reference_folder() / GetParam());
  const auto n = in.block.n_pixels;
  const auto file = hdf5::File::open(reference_folder() / "images/dl1_LST-1.Run03002.0000.h5");
  const std::string monitoring = "/dl1/event/telescope/monitoring/";
  const auto pedestal = hdf5::TableReader(file, monitoring + "pedestal").read_all();
  const auto calibration = hdf5::TableReader(file, monitoring + "calibration").read_all();
  const std::size_t row = pedestal.size() > 1 ? 1 : 0;
  const auto mean = pedestal.arrays<double>("charge_mean");
  const auto std_deviation = pedestal.arrays<double>("charge_std");
  const auto dc_to_pe = calibration.arrays<double>("dc_to_pe");
  const auto unusable = calibration.arrays<std::uint8_t>("unusable_pixels");
  const auto calibration_row =
      static_cast<std::size_t>(pedestal.column<std::int64_t>("calibration_id")[row]);
  const clean::CleaningOptions options;
  std::vector<double> thresholds(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = row * 2 * n + i;
    thresholds[i] = dc_to_pe[k] * (mean[k] + 2.5 * std_deviation[k]);
  }
  const double largest = std::ranges::max(thresholds);
  for (std::size_t i = 0; i < n; ++i) {
    if (unusable[calibration_row * 2 * n + i]) thresholds[i] = largest;
    thresholds[i] = std::max(thresholds[i], options.picture_thresh);
  }
  EXPECT_GT(std::ranges::count_if(thresholds, [](double t) { return t > 8; }), 0);
  Scratch scratch(n);
  process_block(in.block, 0, in.block.size, telescope, options, thresholds, scratch);
  expect_equal(in, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Files, PedestalThresholds,
                         ::testing::Values("images/dl1ab/dl1_LST-1.Run03002.0000.h5"));

}  // namespace
}  // namespace alisio::params
