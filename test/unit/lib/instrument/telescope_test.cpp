#include "lib/instrument/telescope.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>

#include "lib/base/error.hpp"

namespace alisio::instrument {
namespace {
namespace fs = std::filesystem;

const fs::path cfg = fs::path(ALISIO_SOURCE_DIR) / "cfg";

/// A folder of its own with a copy of LSTCam's data, to be damaged.
class Damaged : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("alisio_instrument_" +
               std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
    fs::create_directories(folder_ / "camera");
    fs::copy(cfg / "camera" / "LSTCam", camera(), fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] fs::path camera() const { return folder_ / "camera" / "LSTCam"; }

  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::ifstream in(camera() / file);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    std::ofstream(camera() / file) << text;
  }

  [[nodiscard]] std::string message(ErrorKind kind) const {
    try {
      (void)load_telescope(folder_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }

  fs::path folder_;
};

TEST(Telescope, has_the_numbers_of_lst_1) {
  const auto telescope = load_telescope(cfg);
  EXPECT_EQ(telescope.tel_id, 1);
  EXPECT_EQ(telescope.description, "LST_LST_LSTCam");
  EXPECT_EQ(telescope.subarray, "LST-1 subarray");
  EXPECT_EQ(telescope.optics.equivalent_focal_length, 28.0);
  EXPECT_EQ(telescope.optics.effective_focal_length, 29.30565);
  EXPECT_EQ(telescope.readout.sampling_rate, 0x1.0624dd2f1a9fbp+0);
  EXPECT_EQ(telescope.readout.n_samples, 40u);
  ASSERT_EQ(telescope.readout.reference_pulse_shape.size(), 2u);
  EXPECT_EQ(telescope.readout.reference_pulse_time.size(), 1640u);
  EXPECT_EQ(telescope.readout.reference_pulse_shape[1].size(), 1640u);
  EXPECT_EQ(telescope.readout.reference_pulse_shape[1][0], -0.003890991);
  EXPECT_EQ(telescope.geometry.pixel_rotation_deg, 100.893);
  EXPECT_NEAR(telescope.geometry.pixel_width, 0.0499989, 1e-7);
}

TEST(Telescope, neighbours_and_borders_of_lstcam) {
  const auto geometry = load_telescope(cfg).geometry;
  ASSERT_EQ(geometry.n_pixels, 1855u);
  std::map<std::size_t, int> pixels_with;
  for (std::size_t i = 0; i < geometry.n_pixels; ++i) {
    const auto near = geometry.neighbours_of(i);
    ++pixels_with[near.size()];
    EXPECT_TRUE(std::ranges::is_sorted(near));
    for (const auto j : near) {
      const auto back = geometry.neighbours_of(j);
      EXPECT_TRUE(std::ranges::find(back, i) != back.end()) << i << " " << j;
    }
  }
  EXPECT_EQ(pixels_with, (std::map<std::size_t, int>{{3, 60}, {4, 54}, {5, 54}, {6, 1687}}));
  EXPECT_EQ(std::ranges::count(geometry.border_width_1, 1), 168);
  EXPECT_EQ(std::ranges::count(geometry.border_width_2, 1), 330);
}

TEST(Geometry, seven_hexagons) {
  CameraGeometry geometry;
  geometry.x = {0};
  geometry.y = {0};
  for (int k = 0; k < 6; ++k) {
    geometry.x.push_back(std::cos(k * std::numbers::pi / 3));
    geometry.y.push_back(std::sin(k * std::numbers::pi / 3));
  }
  geometry.area.assign(7, std::sqrt(3.0) / 2);
  complete_geometry(geometry, "test");
  EXPECT_NEAR(geometry.pixel_width, 1, 1e-12);
  EXPECT_EQ(geometry.neighbours_of(0).size(), 6u);
  for (std::size_t i = 1; i < 7; ++i) EXPECT_EQ(geometry.neighbours_of(i).size(), 3u);
  EXPECT_EQ(geometry.border_width_1, (std::vector<std::uint8_t>{0, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(geometry.border_width_2, (std::vector<std::uint8_t>(7, 1)));
}

TEST(Geometry, refuses_pixels_on_top_of_each_other) {
  CameraGeometry geometry;
  geometry.x = {0, 1, 1};
  geometry.y = {0, 0, 0};
  geometry.area.assign(3, 1);
  EXPECT_THROW(complete_geometry(geometry, "test"), Error);
}

TEST(Telescope, unknown_camera_names_the_known_ones) {
  try {
    (void)load_telescope(cfg, "NectarCam");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    EXPECT_NE(std::string(error.what()).find("LSTCam"), std::string::npos) << error.what();
  }
}

TEST(Telescope, unknown_telescope_is_missing_input) {
  try {
    (void)load_telescope(cfg, "LSTCam", 999);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
  }
}

TEST_F(Damaged, a_word_for_a_number_is_reported_with_its_line) {
  replace("geometry.ecsv", "\n1 -0.0377964", "\n1 -0.03x7964");
  EXPECT_NE(message(ErrorKind::bad_input).find("geometry.ecsv:19"), std::string::npos);
}

TEST_F(Damaged, a_short_row_is_reported_with_its_line) {
  replace("readout.ecsv", "\n0.0 ", "\n");
  EXPECT_NE(message(ErrorKind::bad_input).find("readout.ecsv:19"), std::string::npos);
}

TEST_F(Damaged, a_missing_quantity_is_named) {
  replace("telescope_001.ecsv", "equivalent_focal_length", "equivalent_length");
  EXPECT_NE(message(ErrorKind::bad_input).find("equivalent_focal_length"), std::string::npos);
}

TEST_F(Damaged, another_unit_is_refused) {
  replace("telescope_001.ecsv", "28.0 m", "28.0 cm");
  EXPECT_NE(message(ErrorKind::bad_input).find("cm"), std::string::npos);
}

TEST_F(Damaged, data_of_another_camera_are_refused) {
  replace("geometry.ecsv", "CAM_ID: LSTCam", "CAM_ID: OtherCam");
  EXPECT_NE(message(ErrorKind::bad_input).find("OtherCam"), std::string::npos);
}

TEST_F(Damaged, a_lost_pixel_is_noticed) {
  replace("geometry.ecsv", "\n0 0.0 0.0 0.0021649681944033382", "");
  EXPECT_NE(message(ErrorKind::bad_input).find("1854"), std::string::npos);
}

TEST_F(Damaged, an_absent_file_is_missing_input) {
  fs::remove(camera() / "readout.ecsv");
  EXPECT_NE(message(ErrorKind::missing_input).find("readout.ecsv"), std::string::npos);
}

}  // namespace
}  // namespace alisio::instrument
