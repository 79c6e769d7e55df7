#include "lib/plot/camera_svg.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/instrument/telescope.hpp"

namespace alisio::plot {
namespace {

const instrument::CameraGeometry& geometry() {
  static const auto telescope = instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
  return telescope.geometry;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

std::vector<double> ramp() {
  std::vector<double> values(geometry().n_pixels);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  return values;
}

/// Place on the page of a pixel with this hover text.
std::pair<double, double> place(const std::string& svg, int pixel) {
  const std::regex use("x=\"([-0-9.]+)\" y=\"([-0-9.]+)\" fill=\"#[0-9a-f]{6}\"><title>pixel " +
                       std::to_string(pixel) + ":");
  std::smatch match;
  EXPECT_TRUE(std::regex_search(svg, match, use)) << pixel;
  return {std::stod(match[1]), std::stod(match[2])};
}

TEST(CameraSvg, draws_every_pixel_once_with_its_value) {
  CameraDisplay display;
  display.title = "charge <b> & \"time\"";
  display.quantity = "charge";
  display.unit = "p.e.";
  const auto svg = camera_svg(geometry(), ramp(), display);
  EXPECT_EQ(count(svg, "<use "), 1855u);
  EXPECT_NE(svg.find("<title>pixel 1234: 1234 p.e.</title>"), std::string::npos);
  EXPECT_NE(svg.find("charge &lt;b&gt; &amp; &quot;time&quot;"), std::string::npos);
  EXPECT_NE(svg.find("charge (p.e.)"), std::string::npos);
  EXPECT_NE(svg.find(">1500</text>"), std::string::npos) << "a round label of the scale";
  EXPECT_EQ(svg, camera_svg(geometry(), ramp(), display)) << "same arguments, same text";
}

TEST(CameraSvg, orientation_is_that_of_the_engineering_frame) {
  const auto& g = geometry();
  const auto svg = camera_svg(g, ramp(), {});
  const auto extreme = [&](const std::vector<double>& v) {
    return static_cast<int>(std::ranges::max_element(v) - v.begin());
  };
  const auto centre = place(svg, 0);
  // x' = -y to the right, y' = -x upwards: largest y is leftmost, largest x lowest.
  EXPECT_LT(place(svg, extreme(g.y)).first, centre.first - 200);
  EXPECT_GT(place(svg, extreme(g.x)).second, centre.second + 200);
}

TEST(CameraSvg, nan_is_grey_and_does_not_move_the_scale) {
  auto values = ramp();
  values[3] = std::nan("");
  values[4] = INFINITY;
  const auto svg = camera_svg(geometry(), values, {});
  EXPECT_NE(svg.find("#c8c8c8\"><title>pixel 3: no value"), std::string::npos);
  EXPECT_NE(svg.find("#c8c8c8\"><title>pixel 4: no value"), std::string::npos);
  EXPECT_NE(svg.find("#fde725\"><title>pixel 1854:"), std::string::npos) << "brightest at the top";
  EXPECT_NE(svg.find("#440154\"><title>pixel 0:"), std::string::npos) << "lowest at the bottom";
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(CameraSvg, constant_or_absent_values_have_a_scale_too) {
  const std::vector<double> same(geometry().n_pixels, 5.0), none(geometry().n_pixels, NAN);
  for (const auto& values : {same, none}) {
    const auto svg = camera_svg(geometry(), values, {});
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
  }
}

TEST(CameraSvg, limits_given_are_kept) {
  CameraDisplay display;
  display.minimum = 1000;
  display.maximum = 1100;
  const auto svg = camera_svg(geometry(), ramp(), display);
  EXPECT_NE(svg.find("#440154\"><title>pixel 1000:"), std::string::npos);
  EXPECT_NE(svg.find("#fde725\"><title>pixel 1100:"), std::string::npos);
  EXPECT_NE(svg.find("#fde725\"><title>pixel 1500:"), std::string::npos);
}

TEST(CameraSvg, outlines_the_mask) {
  std::vector<std::uint8_t> mask(geometry().n_pixels, 0);
  mask[10] = mask[20] = 1;
  EXPECT_EQ(count(camera_svg(geometry(), ramp(), {}, mask), "<use "), 1857u);
}

TEST(CameraSvg, wrong_size_is_a_bug) {
  EXPECT_THROW((void)camera_svg(geometry(), std::vector<double>(3), {}), Error);
}

}  // namespace
}  // namespace alisio::plot
