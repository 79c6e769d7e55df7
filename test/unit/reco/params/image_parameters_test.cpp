#include "reco/params/image_parameters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "lib/instrument/telescope.hpp"
#include "reco/params/pairwise_sum.hpp"
#include "reco/params/process_block.hpp"

namespace alisio::params {
namespace {

const instrument::Telescope& telescope() {
  static const auto loaded = instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
  return loaded;
}

class Parameters : public ::testing::Test {
 protected:
  Parameters()
      : image(telescope().geometry.n_pixels, 0.0F),
        time(telescope().geometry.n_pixels, 0.0F),
        scratch(telescope().geometry.n_pixels) {}

  ImageParameters compute(std::vector<std::uint16_t> selected) {
    std::ranges::sort(selected);
    return image_parameters(image, time, selected, telescope().geometry,
                            telescope().optics.equivalent_focal_length, scratch);
  }
  /// Pixels within `radius` (m) of a pixel.
  static std::vector<std::uint16_t> disc(std::size_t pixel, double radius) {
    const auto& g = telescope().geometry;
    std::vector<std::uint16_t> pixels;
    for (std::size_t i = 0; i < g.n_pixels; ++i) {
      if (std::hypot(g.x[i] - g.x[pixel], g.y[i] - g.y[pixel]) < radius) {
        pixels.push_back(static_cast<std::uint16_t>(i));
      }
    }
    return pixels;
  }

  std::vector<float> image, time;
  ParameterScratch scratch;
};

double degrees(double metres) {
  return std::atan(metres / telescope().optics.equivalent_focal_length) * 180 / std::numbers::pi;
}

TEST_F(Parameters, nothing_selected) {
  const auto p = compute({});
  EXPECT_EQ(p.n_pixels, 0);
  EXPECT_TRUE(std::isnan(p.intensity));
  EXPECT_TRUE(std::isnan(p.concentration_core));
}

TEST_F(Parameters, one_pixel_is_a_point) {
  image[700] = 12.5F;
  time[700] = 3;
  const auto p = compute({700});
  const auto& g = telescope().geometry;
  EXPECT_EQ(p.n_pixels, 1);
  EXPECT_EQ(p.intensity, 12.5);
  EXPECT_DOUBLE_EQ(p.log_intensity, std::log10(12.5));
  EXPECT_DOUBLE_EQ(p.x, g.x[700]);
  EXPECT_DOUBLE_EQ(p.y, g.y[700]);
  EXPECT_DOUBLE_EQ(p.r, std::hypot(g.x[700], g.y[700]));
  EXPECT_DOUBLE_EQ(p.phi, std::atan2(g.y[700], g.x[700]));
  EXPECT_EQ(p.length, 0);
  EXPECT_EQ(p.width, 0);
  for (const double undefined : {p.psi, p.skewness, p.kurtosis, p.length_uncertainty,
                                 p.width_uncertainty, p.time_gradient, p.intercept, p.wl}) {
    EXPECT_TRUE(std::isnan(undefined));
  }
  EXPECT_EQ(p.concentration_cog, 1);
  EXPECT_EQ(p.concentration_core, 0);
  EXPECT_EQ(p.concentration_pixel, 1);
  EXPECT_EQ(p.leakage_intensity_width_1, g.border_width_1[700] ? 1.0F : 0.0F);
}

TEST_F(Parameters, two_pixels_are_a_line) {
  const auto& g = telescope().geometry;
  const auto other = g.neighbours_of(700)[2];
  image[700] = 30;
  image[other] = 10;
  time[other] = 2;
  const auto p = compute({700, other});
  const double distance = std::hypot(g.x[700] - g.x[other], g.y[700] - g.y[other]);
  EXPECT_NEAR(p.length, degrees(distance * std::sqrt(0.75 * 0.25)), 1e-12);
  EXPECT_EQ(p.width, 0);
  EXPECT_EQ(p.wl, 0);
  EXPECT_TRUE(std::isnan(p.width_uncertainty));
  EXPECT_FALSE(std::isnan(p.length_uncertainty));
  EXPECT_TRUE(std::isnan(p.time_gradient));
  EXPECT_TRUE(std::isnan(p.intercept));
  EXPECT_EQ(p.concentration_core, 0);
  EXPECT_EQ(p.concentration_pixel, 0.75);
  const double axis = std::atan((g.y[other] - g.y[700]) / (g.x[other] - g.x[700]));
  EXPECT_NEAR(p.psi, axis, 1e-12);
}

TEST_F(Parameters, charges_zero_or_negative_leave_all_undefined) {
  for (const auto i : disc(700, 0.1)) image[i] = 0;
  EXPECT_TRUE(std::isnan(compute(disc(700, 0.1)).intensity));
  for (const auto i : disc(700, 0.1)) image[i] = 5;
  image[700] = -1;
  const auto p = compute(disc(700, 0.1));
  EXPECT_TRUE(std::isnan(p.intensity));
  EXPECT_GT(p.n_pixels, 1);
}

TEST_F(Parameters, a_gaussian_ellipse_gives_its_own_moments_back) {
  const auto& g = telescope().geometry;
  const double psi = 0.6, sigma_long = 0.2, sigma_short = 0.08, cx = 0.15, cy = -0.1;
  std::vector<std::uint16_t> all(g.n_pixels);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  for (const auto i : all) {
    const double dx = g.x[i] - cx, dy = g.y[i] - cy;
    const double u = dx * std::cos(psi) + dy * std::sin(psi);
    const double v = dy * std::cos(psi) - dx * std::sin(psi);
    image[i] = static_cast<float>(1000 * std::exp(-u * u / (2 * sigma_long * sigma_long) -
                                                  v * v / (2 * sigma_short * sigma_short)));
    time[i] = static_cast<float>(7.5 * u + 12);
  }
  const auto p = compute(all);
  EXPECT_NEAR(p.x, cx, 1e-3);
  EXPECT_NEAR(p.y, cy, 1e-3);
  EXPECT_NEAR(p.psi, psi, 1e-2);
  EXPECT_NEAR(p.length, degrees(sigma_long), 0.01 * degrees(sigma_long));
  EXPECT_NEAR(p.width, degrees(sigma_short), 0.01 * degrees(sigma_short));
  EXPECT_NEAR(p.kurtosis, 3, 0.1);
  EXPECT_NEAR(p.skewness, 0, 0.02);
  EXPECT_NEAR(p.time_gradient, 7.5, 0.02);
  EXPECT_NEAR(p.intercept, 12, 0.02);
  EXPECT_NEAR(p.concentration_core, 1 - std::exp(-0.5), 0.03);
  EXPECT_DOUBLE_EQ(p.leakage_pixels_width_1, 168.0 / 1855);
  EXPECT_DOUBLE_EQ(p.leakage_pixels_width_2, 330.0 / 1855);
  EXPECT_GT(p.leakage_intensity_width_2, p.leakage_intensity_width_1);
}

TEST_F(Parameters, psi_of_a_vertical_line_is_plus_half_pi) {
  auto geometry = telescope().geometry;
  for (std::size_t i = 0; i < 5; ++i) {
    geometry.x[i] = 0.5;
    geometry.y[i] = 0.1 * static_cast<double>(i);
    image[i] = 1;
  }
  const std::vector<std::uint16_t> selected{0, 1, 2, 3, 4};
  const auto p = image_parameters(image, time, selected, geometry, 28, scratch);
  EXPECT_EQ(p.psi, std::numbers::pi / 2);
  EXPECT_EQ(p.width, 0);
}

TEST_F(Parameters, time_fit_ignores_outliers) {
  std::vector<double> position, times;
  for (int i = 0; i < 40; ++i) {
    position.push_back(0.01 * i);
    times.push_back(i % 8 == 3 ? 100.0 + i : 2.5 * 0.01 * i + 4);
  }
  const auto fit = fit_time(position, times, scratch);
  EXPECT_NEAR(fit.slope, 2.5, 1e-10);
  EXPECT_NEAR(fit.intercept, 4, 1e-10);
}

/// The same algorithm in its plainest form: sort all residuals, take the first ones, fit.
TimeFit plain_fit(const std::vector<double>& x, const std::vector<double>& t,
                  ParameterScratch& scratch) {
  const auto n = x.size();
  const auto line = [&](const std::vector<std::size_t>& points) {
    double sx = 0, st = 0, sxx = 0, sxt = 0;
    const auto m = static_cast<double>(points.size());
    for (const auto i : points) sx += x[i], st += t[i], sxx += x[i] * x[i], sxt += x[i] * t[i];
    const double det = sxx * m - sx * sx;
    return det < 4.44e-16 ? TimeFit{}
                          : TimeFit{(m * sxt - sx * st) / det, (sxx * st - sx * sxt) / det};
  };
  const auto square = [&](const TimeFit& f, std::size_t i) {
    return std::pow(t[i] - (x[i] * f.slope + f.intercept), 2);
  };
  TimeFit best;
  double best_sum = INFINITY;
  for (const auto& start : scratch.starts(n)) {
    std::vector<std::size_t> points{start[0], start[1]};
    auto fit = line(points);
    if (std::isnan(fit.slope)) continue;
    double sum = square(fit, points[0]) + square(fit, points[1]);
    for (int step = 0; step < 20; ++step) {
      points.resize(n);
      std::iota(points.begin(), points.end(), std::size_t{0});
      std::ranges::stable_sort(points, {}, [&](std::size_t i) { return square(fit, i); });
      points.resize(static_cast<std::size_t>(0.85 * static_cast<double>(n)));
      fit = line(points);
      const double last = sum;
      sum = 0;
      for (const auto i : points) sum += square(fit, i);
      if (std::abs(last - sum) < 1e-12) break;
    }
    if (sum < best_sum) best_sum = sum, best = fit;
  }
  return best;
}

TEST_F(Parameters, time_fit_agrees_with_its_plain_form) {
  std::mt19937 generator(42);
  std::normal_distribution<double> gauss;
  for (const std::size_t n : {5u, 10u, 50u, 199u, 200u, 201u, 600u, 1855u}) {
    for (int trial = 0; trial < 10; ++trial) {
      std::vector<double> x(n), t(n);
      for (std::size_t i = 0; i < n; ++i) {
        x[i] = 0.3 * gauss(generator);
        t[i] = 8 * x[i] + 20 + gauss(generator) * (i % 6 == 0 ? 15 : 0.5);
        // Some points fall on each other, so that residuals are equal.
        if (trial % 2 == 1 && i >= 4) x[i] = x[i % 4 + i / 8 * 4 % i], t[i] = std::round(t[i]);
      }
      const auto expected = plain_fit(x, t, scratch), fit = fit_time(x, t, scratch);
      EXPECT_NEAR(fit.slope, expected.slope, 1e-9 * (1 + std::abs(expected.slope))) << n;
      EXPECT_NEAR(fit.intercept, expected.intercept, 1e-9 * (1 + std::abs(expected.intercept)));
    }
  }
}

TEST_F(Parameters, time_fit_is_undefined_without_extent_or_points) {
  EXPECT_TRUE(std::isnan(fit_time(std::vector<double>{}, std::vector<double>{}, scratch).slope));
  const std::vector<double> one{1}, two{0, 1}, same(6, 0.2), times{1, 2, 3, 4, 5, 6};
  EXPECT_TRUE(std::isnan(fit_time(one, one, scratch).slope));
  EXPECT_TRUE(std::isnan(fit_time(two, two, scratch).slope));
  EXPECT_TRUE(std::isnan(fit_time(same, times, scratch).slope));
  const std::vector<double> places{0, 1, 2, 3, 4, 5};
  std::vector<double> bad = times;
  bad[2] = std::nan("");
  EXPECT_TRUE(std::isnan(fit_time(places, bad, scratch).slope));
}

TEST_F(Parameters, time_fit_starts_are_those_of_five_shuffles_after_seed_zero) {
  for (const std::size_t n : {2u, 5u, 1855u}) {
    std::mt19937 generator(0);
    ParameterScratch::Starts expected{};
    for (auto& start : expected) {
      std::vector<std::uint16_t> p(n);
      std::iota(p.begin(), p.end(), std::uint16_t{0});
      for (std::size_t i = n - 1; i >= 1; --i) {
        std::uint32_t mask = 1;
        while (mask < i) mask = 2 * mask + 1;
        std::uint32_t j = 0;
        do j = static_cast<std::uint32_t>(generator()) & mask;
        while (j > i);
        std::swap(p[i], p[j]);
      }
      start = {p[0], p[1]};
    }
    EXPECT_EQ(scratch.starts(n), expected) << n;
    EXPECT_EQ(scratch.starts(n), expected) << "second time, " << n;
  }
}

TEST(PairwiseSum, is_exact_on_integers_and_close_on_fractions) {
  for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 127u, 128u, 129u, 136u, 1855u}) {
    EXPECT_EQ(pairwise_sum<float>(0, n, [](std::size_t i) { return static_cast<float>(i); }),
              static_cast<float>(n * (n - (n > 0)) / 2))
        << n;
  }
  const float tenth = 0.1F;
  EXPECT_NEAR(pairwise_sum<float>(0, 100000, [&](std::size_t) { return tenth; }), 10000.0, 2e-2);
}

TEST(PairwiseSum, rounds_in_the_order_of_eight_lanes) {
  // Beside 1 in a lane half an ulp is lost; in the other lanes it adds up and is seen.
  const float half_ulp = 0x1p-24F;
  std::vector<float> terms(16, half_ulp);
  terms[0] = 1;
  const auto term = [&](std::size_t i) { return terms[i]; };
  EXPECT_EQ(pairwise_sum<float>(0, 16, term), 1 + 14 * half_ulp);
  EXPECT_EQ(std::accumulate(terms.begin(), terms.end(), 0.0F), 1.0F);
}

TEST(ProcessBlock, fills_masks_and_parameters_of_its_range_only) {
  const auto& g = telescope().geometry;
  EventBlock block;
  block.reserve(3, g.n_pixels);
  block.size = 3;
  std::ranges::fill(block.image, 0.0F);
  std::ranges::fill(block.peak_time, 5.0F);
  std::ranges::fill(block.image_mask, std::uint8_t{9});
  for (auto& p : block.parameters) p.n_pixels = 77;
  for (const auto j : g.neighbours_of(400)) block.image_of(1)[j] = 20;
  block.image_of(1)[400] = 40;
  Scratch scratch(g.n_pixels);
  process_block(block, 0, 2, telescope(), {}, {}, scratch);
  EXPECT_EQ(block.parameters[0].n_pixels, -1);
  EXPECT_EQ(block.parameters[0].n_islands, -1);
  EXPECT_TRUE(std::isnan(block.parameters[0].intensity));
  EXPECT_EQ(std::ranges::count(block.image_mask_of(0), 0), 1855);
  EXPECT_EQ(block.parameters[1].n_pixels, 7);
  EXPECT_EQ(block.parameters[1].n_islands, 1);
  EXPECT_EQ(block.parameters[1].intensity, 160);
  EXPECT_EQ(std::ranges::count(block.image_mask_of(1), 1), 7);
  EXPECT_EQ(block.parameters[2].n_pixels, 77);
  EXPECT_EQ(std::ranges::count(block.image_mask_of(2), 9), 1855);
}

}  // namespace
}  // namespace alisio::params
