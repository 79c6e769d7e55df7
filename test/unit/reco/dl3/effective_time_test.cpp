#include "reco/dl3/effective_time.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace alisio::dl3 {
namespace {

struct Triggers {
  std::vector<double> times, deltas;
};

/// Poisson events of a rate, Hz, with a dead time, s, after each.
Triggers triggers(double rate, double dead, std::size_t n, double start = 0) {
  std::mt19937_64 random(4);
  std::exponential_distribution<double> wait(rate);
  Triggers out;
  double time = start;
  for (std::size_t i = 0; i < n; ++i) {
    const double delta = i == 0 ? 0 : dead + wait(random);
    time += delta;
    out.times.push_back(time);
    out.deltas.push_back(delta);
  }
  return out;
}

TEST(EffectiveTime, FindsRateAndDeadTime) {
  constexpr double rate = 8000, dead = 7e-6;
  const Triggers t = triggers(rate, dead, 200'000);
  const EffectiveTime found = effective_time(t.times, t.deltas);
  EXPECT_NEAR(found.dead_s, dead, 1e-8);
  EXPECT_NEAR(found.rate_hz, rate, 0.01 * rate);
  EXPECT_NEAR(found.elapsed_s, t.times.back(), 1e-6);
  EXPECT_NEAR(found.effective_s, t.times.back() / (1 + rate * dead), 0.002 * t.times.back());
}

TEST(EffectiveTime, LeavesOutBreaks) {
  Triggers t = triggers(8000, 7e-6, 1000);
  const EffectiveTime whole = effective_time(t.times, t.deltas);
  const double step = t.times[500] - t.times[499];
  for (std::size_t i = 500; i < t.times.size(); ++i) t.times[i] += 60;
  t.deltas[500] += 60;
  const EffectiveTime broken = effective_time(t.times, t.deltas);
  EXPECT_NEAR(broken.elapsed_s, whole.elapsed_s - step, 1e-9);
  const auto intervals = good_time_intervals(t.times);
  ASSERT_EQ(intervals.size(), 2U);
  EXPECT_EQ(intervals[0].start, t.times.front());
  EXPECT_EQ(intervals[0].stop, t.times[499]);
  EXPECT_EQ(intervals[1].start, t.times[500]);
  EXPECT_EQ(intervals[1].stop, t.times.back());
  EXPECT_NEAR(total_length(intervals), broken.elapsed_s, 1e-9);
}

TEST(EffectiveTime, NeverRunsBackwards) {
  const std::vector<double> times{5, 5.001, 4, 4.002, std::nan(""), 6}, deltas(times.size(), 0.001);
  EXPECT_NEAR(effective_time(times, deltas).elapsed_s, 0.003, 1e-9);
}

TEST(EffectiveTime, OfFewEventsIsNotMadeUp) {
  for (const std::vector<double>& times :
       {std::vector<double>{}, std::vector<double>{5}, std::vector<double>{5, 5.001}}) {
    const std::vector<double> deltas(times.size(), 0.001);
    const EffectiveTime found = effective_time(times, deltas);
    EXPECT_EQ(found.dead_s, 0) << times.size();
    EXPECT_EQ(found.rate_hz, 0);
    EXPECT_EQ(found.effective_s, found.elapsed_s);
    EXPECT_TRUE(std::isfinite(found.elapsed_s));
  }
  EXPECT_TRUE(good_time_intervals(std::vector<double>{}).empty());
  EXPECT_TRUE(good_time_intervals(std::vector<double>{5}).empty());
}

TEST(GoodTimeIntervals, LowRatesAreNoBreaks) {
  const Triggers t = triggers(200, 7e-6, 20'000);
  EXPECT_EQ(good_time_intervals(t.times).size(), 1U);
}

}  // namespace
}  // namespace alisio::dl3
