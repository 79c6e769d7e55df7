#include "reco/muon/ring_kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

namespace alisio::muon::kernels {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

// What the kernels have to give, one value at a time.

double chord_of(double cosine, double sine, double x, double y, const Disk& mirror,
                const Disk& hole) {
  const double along = x * cosine - y * sine, across = y * cosine + x * sine;
  const double square = across * across;
  const double in_mirror = mirror.radius * mirror.radius - square;
  const double in_hole = hole.radius * hole.radius - square;
  const double half_mirror = std::sqrt(in_mirror > 0 ? in_mirror : 0);
  const double half_hole = std::sqrt(in_hole > 0 ? in_hole : 0);
  return mirror.half * half_mirror + mirror.middle * along -
         (hole.half * half_hole + hole.middle * along);
}

struct Value {
  double value, slope;
};

Value half_erf_at(const HalfErf& table, double x) {
  const double place = std::abs(x) * HalfErf::per_unit;
  if (!(place < double(HalfErf::entries - 1))) return {std::copysign(0.5, x), 0};
  const auto k = static_cast<std::size_t>(place);
  const double t = place - double(k);
  const double* a = table.data() + 2 * k;
  const double rise = a[2] - a[0];
  const double second = 3 * rise - 2 * a[1] - a[3], third = a[1] + a[3] - 2 * rise;
  return {std::copysign(a[0] + t * (a[1] + t * (second + t * third)), x),
          (a[1] + t * (2 * second + t * 3 * third)) * HalfErf::per_unit};
}

double sum_of(const double (&part)[lanes]) {
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

struct Output {
  explicit Output(std::size_t n) {
    for (auto* terms : {&metres, &expected, &by_expected, &information}) terms->assign(n, 0);
    products.assign((n / lanes + rows_per_product - 1) / rows_per_product, 1);
  }
  std::vector<double> metres, expected, by_expected, information, products;
  PixelSums sums;
};

Output plain_sums(const Pixels& pixels, const double* chord, double scale) {
  Output out(pixels.n);
  double squares[lanes] = {}, gradient[lanes] = {}, curvature[lanes] = {}, least[lanes];
  std::fill_n(least, lanes, infinity);
  double product[lanes];
  for (std::size_t i = 0; i < pixels.n; ++i) {
    const std::size_t k = i % lanes;
    if (i % (lanes * rows_per_product) == 0) std::fill_n(product, lanes, 1.0);
    const double low = chord[pixels.node[i]], high = chord[pixels.node[i] + 1];
    out.metres[i] = low + pixels.fraction[i] * (high - low);
    const double expected = scale * pixels.across[i] * out.metres[i];
    const double v = pedestal_variance + variance_per_pe * expected;
    const double off = pixels.charge[i] - expected, inverse = 1 / v;
    out.expected[i] = expected;
    out.by_expected[i] =
        inverse * (0.5 * variance_per_pe - off - 0.5 * variance_per_pe * off * off * inverse);
    out.information[i] = inverse + 0.5 * variance_per_pe * variance_per_pe * inverse * inverse;
    squares[k] += off * off * inverse;
    gradient[k] += out.by_expected[i] * expected;
    curvature[k] += out.information[i] * expected * expected;
    least[k] = v < least[k] ? v : least[k];
    product[k] *= v;
    out.products[i / (lanes * rows_per_product)] =
        ((product[0] * product[1]) * (product[2] * product[3])) *
        ((product[4] * product[5]) * (product[6] * product[7]));
  }
  out.sums = {sum_of(squares), *std::min_element(least, least + lanes), sum_of(gradient),
              sum_of(curvature)};
  return out;
}

/// The same bits; one NaN is as good as another.
void expect_same(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE((std::isnan(a[i]) && std::isnan(b[i])) ||
                std::bit_cast<std::uint64_t>(a[i]) == std::bit_cast<std::uint64_t>(b[i]))
        << i << ": " << a[i] << ", " << b[i];
}

std::vector<double> values_of(const PixelSums& sums) {
  return {sums.squares, sums.smallest, sums.gradient, sums.information};
}

TEST(RingKernels, FillTheChordsThatAreThere) {
  constexpr std::size_t n = 216;
  constexpr double step = 2 * std::numbers::pi / (n - 1), mirror = 11.1, hole = 0.308;
  std::vector<double> cosine, sine;
  for (std::size_t k = 0; k < n; ++k) {
    cosine.push_back(std::cos(double(k) * step - std::numbers::pi));
    sine.push_back(std::sin(double(k) * step - std::numbers::pi));
  }
  for (const double impact : {0.0, 1e-300, 0.1, hole, std::nextafter(hole, 1.0), 0.4, 1.0, 5.0,
                              mirror, 11.5, 40.0, 1e6, 1e200, infinity, nan}) {
    for (const double phi : {0.0, 0.3, 1.6, 3.0, -2.0}) {
      const double x = impact * std::cos(phi), y = impact * std::sin(phi);
      const Disk outer(mirror, impact), inner(hole, impact);
      std::vector<double> plain;
      for (std::size_t k = 0; k < n; ++k)
        plain.push_back(chord_of(cosine[k], sine[k], x, y, outer, inner));
      for (const Kernels& kernels : available()) {
        std::vector<double> chord(n);
        kernels.fill_chords({n, cosine.data(), sine.data(), step}, x, y, outer, inner,
                            chord.data());
        expect_same(chord, plain);
      }
    }
  }
}

TEST(RingKernels, SpreadTheLightAlike) {
  const HalfErf table;
  EXPECT_NEAR(half_erf_at(table, 0.3).value, 0.5 * std::erf(0.3), 4e-11);
  std::vector<double> radial{0.0,  -0.0, 1e-3,       -1e-3,    infinity, -infinity, nan,   1e300,
                             0.02, 6,    6.0 + 1e-9, 6 - 1e-9, -6,       6.01,      -5e-4, 768};
  std::mt19937 random(3);
  std::normal_distribution<double> normal(0, 0.002);
  while (radial.size() < 400) radial.push_back(normal(random));
  for (const double inverse_width : {1.0, 700.0, 1e5, 1e-300, infinity, nan, 0.0}) {
    for (const double half_pixel : {0.00085, 0.0}) {
      std::vector<double> share, by_width;
      for (const double r : radial) {
        const double outer = (r + half_pixel) * inverse_width;
        const double inner = (r - half_pixel) * inverse_width;
        const Value above = half_erf_at(table, outer), below = half_erf_at(table, inner);
        share.push_back(above.value - below.value);
        by_width.push_back(-(outer * above.slope - inner * below.slope));
      }
      for (const Kernels& kernels : available()) {
        std::vector<double> a(radial.size()), b(radial.size());
        kernels.spread(radial.size(), radial.data(), half_pixel, inverse_width, table,
                       {a.data(), b.data()});
        expect_same(a, share);
        expect_same(b, by_width);
      }
    }
  }
}

TEST(RingKernels, SumThePixelsAlike) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal(0, 1);
  const std::vector<double> odd{0.0, -0.0, 1e300, -1e300, infinity, -infinity, nan, 1e-310};
  for (const std::size_t n : {0, 8, 24, 32, 40, 368}) {
    for (const bool hostile : {false, true}) {
      std::vector<double> chord(210), charge(n), fraction(n), across(n);
      std::vector<std::int32_t> node(n);
      const auto any = [&] {
        return hostile && random() % 50 == 0 ? odd[random() % odd.size()] : normal(random);
      };
      for (double& value : chord) value = 11 + any();
      for (std::size_t i = 0; i < n; ++i) {
        node[i] = std::int32_t(random() % (chord.size() - 1));
        charge[i] = 5 * any();
        fraction[i] = std::abs(any());
        across[i] = 0.1 * any();
      }
      const Pixels pixels{n, charge.data(), node.data(), fraction.data(), across.data()};
      for (const double scale : {0.0, 1e-3, 0.6, 100.0, nan}) {
        const Output plain = plain_sums(pixels, chord.data(), scale);
        for (const Kernels& kernels : available()) {
          Output all(n), value(n), change(n);
          all.sums = kernels.sum_and_keep(
              pixels, chord.data(), scale, all.metres.data(), all.products.data(),
              {all.expected.data(), all.by_expected.data(), all.information.data()});
          expect_same(values_of(all.sums), values_of(plain.sums));
          expect_same(all.metres, plain.metres);
          expect_same(all.products, plain.products);
          expect_same(all.expected, plain.expected);
          expect_same(all.by_expected, plain.by_expected);
          expect_same(all.information, plain.information);
          change.sums = kernels.sum(pixels, chord.data(), scale, change.metres.data(),
                                    change.products.data());
          expect_same(values_of(change.sums), values_of(plain.sums));
          expect_same(change.metres, plain.metres);
          expect_same(change.products, plain.products);
          value.sums = kernels.sum_value(pixels, plain.metres.data(), scale, value.products.data());
          expect_same({value.sums.squares, value.sums.smallest},
                      {plain.sums.squares, plain.sums.smallest});
          expect_same(value.products, plain.products);
          kernels.interpolate(pixels, chord.data(), value.metres.data());
          expect_same(value.metres, plain.metres);
        }
      }
    }
  }
}

}  // namespace
}  // namespace alisio::muon::kernels
