#include "reco/pedestals/find_pedestals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "lib/base/error.hpp"

namespace alisio::pedestals {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Showers at random times, pedestals every 1 / rate seconds, in the order of time.
struct Subrun {
  std::vector<double> time, intensity, concentration;
  std::vector<std::uint8_t> is_pedestal;

  Subrun(double rate, double jitter, std::size_t showers, double duration = 4) {
    constexpr double start = 1671136540.123;
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> flat(0, 1);
    struct Event {
      double time, intensity;
      bool pedestal;
    };
    std::vector<Event> events;
    for (std::size_t i = 0; i < showers; ++i)
      events.push_back({start + duration * flat(random), 50 + 500 * flat(random), false});
    for (double t = 0.0042; t < duration; t += 1 / rate)
      events.push_back({start + t + jitter * flat(random), nan, true});
    std::ranges::sort(events, {}, &Event::time);
    for (const Event& event : events) {
      time.push_back(event.time);
      intensity.push_back(event.intensity);
      concentration.push_back(0.1);
      is_pedestal.push_back(event.pedestal ? 1 : 0);
    }
  }
  [[nodiscard]] Events events() const { return {time, intensity, concentration}; }
  [[nodiscard]] std::size_t pedestals() const {
    return std::accumulate(is_pedestal.begin(), is_pedestal.end(), std::size_t{0});
  }
};

TEST(EvenlySpaced, FindsAllPedestalsAndFewOthers) {
  for (const double rate : {50.0, 100.0}) {
    const Subrun subrun(rate, 2e-6, 3000);
    const auto found = evenly_spaced(subrun.time, rate);
    std::size_t right = 0, wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      (subrun.is_pedestal[i] != 0 ? right : wrong) += found[i];
    EXPECT_EQ(right, subrun.pedestals()) << rate;
    EXPECT_LE(wrong, 5U) << rate;
  }
}

TEST(EvenlySpaced, FindsAPeriodThatIsNotTheExpectedOne) {
  const Subrun subrun(1 / (0.01 + 23e-7), 1e-6, 2000);
  const auto found = evenly_spaced(subrun.time, 100);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(subrun.is_pedestal[i] == 0 || found[i] == 1) << i;
}

TEST(EvenlySpaced, RefusesAnEmptySubrun) {
  EXPECT_THROW(static_cast<void>(evenly_spaced({}, 100)), Error);
}

TEST(FindPedestals, DropsTheBrightestAndOfEqualOnesTheLatest) {
  Subrun subrun(100, 1e-6, 1000);
  const auto even = evenly_spaced(subrun.time, 100);
  // One pedestal looks like a shower.
  const auto first =
      std::size_t(std::ranges::find(subrun.is_pedestal, 1) - subrun.is_pedestal.begin());
  subrun.intensity[first] = 1e4;
  const auto found = find_pedestals(subrun.events(), {});
  const auto count = [](const auto& mask) { return std::ranges::count(mask, 1); };
  EXPECT_EQ(count(found), count(even) - 10);
  EXPECT_EQ(found[first], 0);
  // The rest of the ten are showers in the window and the last pedestals.
  std::vector<std::size_t> dropped;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (even[i] != 0 && found[i] == 0 && i != first && subrun.is_pedestal[i] != 0)
      dropped.push_back(i);
  for (const std::size_t i : dropped)
    EXPECT_EQ(std::count(found.begin() + std::ptrdiff_t(i), found.end(), 1), 0);
}

TEST(FindPedestals, LeavesFlatFieldEventsOut) {
  Subrun subrun(100, 1e-6, 500);
  // A flat-field train as regular as the pedestals, and twice as many events in its window.
  const std::size_t n = subrun.time.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (subrun.is_pedestal[i] == 0) continue;
    for (int k = 0; k < 2; ++k) {
      subrun.time.push_back(subrun.time[i] + 0.003);
      subrun.intensity.push_back(1e5);
      subrun.concentration.push_back(0.001);
      subrun.is_pedestal.push_back(0);
    }
  }
  const auto found = find_pedestals(subrun.events(), {.brightest_dropped = 0});
  for (std::size_t i = n; i < found.size(); ++i) EXPECT_EQ(found[i], 0);
  EXPECT_GE(std::size_t(std::ranges::count(found, 1)), subrun.pedestals());
}

TEST(FindPedestals, FewerThanAreDroppedLeavesNone) {
  const Subrun subrun(100, 0, 0, 0.05);
  EXPECT_EQ(std::ranges::count(find_pedestals(subrun.events(), {}), 1), 0);
}

}  // namespace
}  // namespace alisio::pedestals
