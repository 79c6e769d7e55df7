#include "lib/sim/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alisio::sim {
namespace {

TEST(PortableMath, AgreesWithTheLibrary) {
  for (double x = -40; x < 40; x += 0.37) {
    EXPECT_NEAR(portable_exp(x) / std::exp(x), 1, 4e-15) << x;
    const double y = std::exp(x);
    EXPECT_NEAR(portable_log(y), std::log(y), 1e-15 * std::max(1.0, std::abs(x))) << y;
    EXPECT_NEAR(portable_sincos(x).sin, std::sin(x), 1e-14) << x;
    EXPECT_NEAR(portable_sincos(x).cos, std::cos(x), 1e-14) << x;
  }
  EXPECT_NEAR(portable_pow(0.7, -0.22), std::pow(0.7, -0.22), 1e-14);
  EXPECT_EQ(portable_exp(-1000), 0);
}

// Stored numbers: a change of the generator changes every night that anyone has simulated.
TEST(Random, GivesTheSameNumbersForEver) {
  Random random(1, Purpose::run, 11220, 7);
  EXPECT_EQ(random.bits(), 6399432559369087697U);
  EXPECT_EQ(random.bits(), 16433294227550582225U);
}

TEST(Random, DependsOnEveryWord) {
  const auto first = [](Random random) { return random.bits(); };
  const auto reference = first(Random(1, Purpose::run, 2, 3));
  EXPECT_EQ(first(Random(1, Purpose::run, 2, 3)), reference);
  EXPECT_NE(first(Random(2, Purpose::run, 2, 3)), reference);
  EXPECT_NE(first(Random(1, Purpose::cells, 2, 3)), reference);
  EXPECT_NE(first(Random(1, Purpose::run, 3, 3)), reference);
  EXPECT_NE(first(Random(1, Purpose::run, 2, 4)), reference);
}

template <typename Draw>
void expect_moments(Draw draw, double mean, double rms) {
  constexpr int n = 200'000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double got_mean = sum / n, got_rms = std::sqrt(squares / n - got_mean * got_mean);
  EXPECT_NEAR(got_mean, mean, 5 * rms / std::sqrt(n));
  EXPECT_NEAR(got_rms / rms, 1, 0.02);
}

TEST(Random, Distributions) {
  Random random(5, Purpose::tables);
  expect_moments([&] { return random.uniform(); }, 0.5, std::sqrt(1.0 / 12));
  expect_moments([&] { return random.normal(); }, 0, 1);
  expect_moments([&] { return random.exponential(3); }, 3, 3);
  expect_moments([&] { return random.poisson(0.4); }, 0.4, std::sqrt(0.4));
  expect_moments([&] { return random.poisson(12); }, 12, std::sqrt(12.0));
  expect_moments([&] { return random.poisson(75); }, 75, std::sqrt(75.0));
  for (const double shape : {4.5, 45.0}) {
    // The approximation is good to a permille in the mean, more than enough for photomultipliers.
    double sum = 0, squares = 0;
    constexpr int n = 200'000;
    for (int i = 0; i < n; ++i) {
      const double value = random.gamma_of_mean_1(shape);
      sum += value;
      squares += value * value;
    }
    EXPECT_NEAR(sum / n, 1, 0.005);
    EXPECT_NEAR((squares / n - sum / n * sum / n) * shape, 1, 0.03);
  }
}

}  // namespace
}  // namespace alisio::sim
