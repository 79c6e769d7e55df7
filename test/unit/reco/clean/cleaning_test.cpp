#include "reco/clean/cleaning.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "lib/base/error.hpp"
#include "lib/instrument/telescope.hpp"

namespace alisio::clean {
namespace {

/// One image of LSTCam, empty but for what a test puts in.
class Cleaning : public ::testing::Test {
 protected:
  static const instrument::CameraGeometry& geometry() {
    static const auto telescope =
        instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
    return telescope.geometry;
  }
  Cleaning()
      : image(geometry().n_pixels, 0.0F),
        time(geometry().n_pixels, 10.0F),
        mask(geometry().n_pixels, 7),
        scratch(geometry().n_pixels) {
    options.dynamic_cleaning.apply = false;
  }

  /// The k-th neighbour of a pixel.
  static std::uint16_t near(std::size_t pixel, std::size_t k = 0) {
    return geometry().neighbours_of(pixel)[k];
  }
  /// A triangle of pixels that touch each other.
  static std::vector<std::uint16_t> triangle(std::uint16_t pixel) {
    for (const auto a : geometry().neighbours_of(pixel)) {
      for (const auto b : geometry().neighbours_of(a)) {
        const auto around = geometry().neighbours_of(pixel);
        if (std::ranges::find(around, b) != around.end()) return {pixel, a, b};
      }
    }
    return {};
  }
  CleaningCounts clean() {
    return clean_image(image, time, geometry(), options, thresholds, mask, scratch);
  }
  [[nodiscard]] std::set<std::size_t> kept() const {
    std::set<std::size_t> pixels;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      EXPECT_LE(mask[i], 1);
      if (mask[i]) pixels.insert(i);
    }
    EXPECT_TRUE(std::ranges::is_sorted(scratch.selected));
    EXPECT_EQ(pixels, (std::set<std::size_t>(scratch.selected.begin(), scratch.selected.end())));
    return pixels;
  }

  std::vector<float> image, time;
  std::vector<std::uint8_t> mask;
  std::vector<double> thresholds;
  CleaningOptions options;
  CleaningScratch scratch;
};

using Pixels = std::set<std::size_t>;

TEST_F(Cleaning, an_empty_image_counts_minus_one) {
  const auto counts = clean();
  EXPECT_EQ(counts.n_pixels, -1);
  EXPECT_EQ(counts.n_islands, -1);
  EXPECT_EQ(kept(), Pixels{});
}

TEST_F(Cleaning, one_bright_pixel_is_dropped_unless_isolated_ones_are_kept) {
  image[500] = 1000;
  EXPECT_EQ(clean().n_pixels, -1);
  options.keep_isolated_pixels = true;
  options.delta_time.reset();
  EXPECT_EQ(clean().n_pixels, 1);
  EXPECT_EQ(kept(), Pixels{500});
}

TEST_F(Cleaning, thresholds_include_their_value) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 8;
  EXPECT_EQ(clean().n_pixels, 3);
  image[three[1]] = std::nextafter(8.0F, 0.0F);
  EXPECT_EQ(clean().n_pixels, -1) << "two pixels above have one neighbour above each";
}

TEST_F(Cleaning, boundary_pixels_touch_the_picture) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 8;
  Pixels expected(three.begin(), three.end());
  for (const auto i : three) {
    for (const auto j : geometry().neighbours_of(i)) {
      image[j] = std::max(image[j], 4.0F);
      expected.insert(j);
    }
  }
  image[0] = 4;  // far away
  clean();
  EXPECT_EQ(kept(), expected);
}

TEST_F(Cleaning, a_picture_pixel_needs_a_neighbour_above_the_boundary) {
  options.min_number_picture_neighbors = 0;
  image[500] = 10;
  EXPECT_EQ(clean().n_pixels, -1);
  image[near(500)] = 4;
  clean();
  EXPECT_EQ(kept(), (Pixels{500, near(500)}));
}

TEST_F(Cleaning, picture_thresholds_per_pixel_replace_the_scalar) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 9;
  thresholds.assign(geometry().n_pixels, 8.0);
  EXPECT_EQ(clean().n_pixels, 3);
  thresholds[500] = 9.0000001;  // not a float32
  EXPECT_EQ(clean().n_pixels, -1);
}

TEST_F(Cleaning, nan_charges_are_never_selected) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 300;
  image[near(three[2], 5)] = std::numeric_limits<float>::quiet_NaN();
  options.dynamic_cleaning.apply = true;
  clean();
  EXPECT_EQ(kept(), Pixels(three.begin(), three.end()));
}

TEST_F(Cleaning, time_cut_is_strict_and_not_repeated) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 20;
  time[three[0]] = 10;
  time[three[1]] = 11.5F;
  time[three[2]] = 13.5F;
  auto counts = clean();
  EXPECT_EQ(kept(), (Pixels{three[0], three[1]}));
  EXPECT_EQ(counts.n_pixels, 2);
  EXPECT_EQ(counts.n_islands, 1);
  time[three[1]] = 14;
  time[three[2]] = 18;
  counts = clean();
  EXPECT_EQ(counts.n_pixels, 0) << "emptied after the thresholds";
  EXPECT_EQ(counts.n_islands, 0);
  options.delta_time.reset();
  EXPECT_EQ(clean().n_pixels, 3);
}

TEST_F(Cleaning, time_cut_ignores_pixels_outside_the_mask) {
  const auto three = triangle(500);
  for (const auto i : three) image[i] = 20;
  for (std::size_t k = 0; k < 3; ++k) time[three[k]] = 100.0F + 10.0F * static_cast<float>(k);
  for (const auto j : geometry().neighbours_of(500)) {
    if (std::ranges::find(three, j) == three.end()) time[j] = time[500];
  }
  EXPECT_EQ(clean().n_pixels, 0);
}

TEST_F(Cleaning, dynamic_cut_depends_on_the_three_brightest_of_the_camera) {
  options.dynamic_cleaning.apply = true;
  const auto three = triangle(500);
  image[three[0]] = 400;
  image[three[1]] = 400;
  image[three[2]] = 8;
  // Brightest of the camera: 400, 400 and a lone pixel far away that cleaning drops.
  image[0] = 1;
  EXPECT_EQ(clean().n_pixels, 2) << "mean 269.3, cut at 8.08";
  image[three[1]] = 390;
  EXPECT_EQ(clean().n_pixels, 3) << "mean 266, below 267";
  image[0] = 400;
  EXPECT_EQ(clean().n_pixels, 2) << "mean 396.7, cut at 11.9";
}

TEST_F(Cleaning, islands_are_counted_before_the_main_one_is_chosen) {
  Pixels large, small;
  for (const auto i : triangle(900)) small.insert(i);
  for (const auto i : triangle(0)) large.insert(i);
  for (const auto j : geometry().neighbours_of(0)) large.insert(j);
  for (const auto i : large) image[i] = 20;
  for (const auto i : small) image[i] = 100;
  auto counts = clean();
  EXPECT_EQ(counts.n_islands, 2);
  EXPECT_EQ(counts.n_pixels, 10);
  options.use_only_main_island = true;
  counts = clean();
  EXPECT_EQ(counts.n_islands, 2);
  EXPECT_EQ(kept(), large);
}

TEST_F(Cleaning, of_islands_of_equal_size_the_one_with_the_lowest_pixel_is_kept) {
  const auto first = triangle(5), second = triangle(1500);
  for (const auto i : first) image[i] = 20;
  for (const auto i : second) image[i] = 100;
  options.use_only_main_island = true;
  clean();
  const auto lowest = std::min(std::ranges::min(first), std::ranges::min(second));
  EXPECT_TRUE(kept().contains(lowest));
  EXPECT_EQ(kept().size(), 3u);
}

TEST_F(Cleaning, scratch_keeps_nothing_from_image_to_image) {
  std::ranges::fill(image, 50.0F);
  EXPECT_EQ(clean().n_pixels, 1855);
  EXPECT_EQ(kept().size(), 1855u);
  std::ranges::fill(image, 0.0F);
  EXPECT_EQ(clean().n_pixels, -1);
  EXPECT_EQ(kept(), Pixels{});
  for (const auto i : triangle(500)) image[i] = 20;
  EXPECT_EQ(clean().n_pixels, 3);
}

TEST_F(Cleaning, an_image_of_another_camera_is_a_bug) {
  image.resize(1854);
  EXPECT_THROW(clean(), Error);
}

}  // namespace
}  // namespace alisio::clean
