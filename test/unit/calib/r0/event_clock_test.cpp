#include "calib/r0/event_clock.hpp"

#include <gtest/gtest.h>

namespace alisio::calib {
namespace {

constexpr std::uint64_t start = 1'671'141'640'000'000'000;

TriggerData ucts(std::uint64_t time, std::uint8_t type) {
  TriggerData trigger;
  trigger.has_tib = trigger.has_ucts = true;
  trigger.tib_type = 77;
  trigger.ucts_type = type;
  trigger.ucts_time_tai_ns = time;
  return trigger;
}

TEST(EventClock, CountsFromTheReferenceInBothDirections) {
  EventClock clock(ReferenceTime{start, combine_counters(10, 5), 0});
  TriggerData none;
  EXPECT_EQ(clock.next(combine_counters(12, 6), none).time_tai_ns,
            std::int64_t(start + 2'000'000'100));
  EXPECT_EQ(clock.next(combine_counters(9, 5), none).time_tai_ns,
            std::int64_t(start - 1'000'000'000));
}

TEST(EventClock, PutsUctsDataRightAfterLosses) {
  EventClock clock(ReferenceTime{start, 0, 0});
  // Events every 100 us with types 1, 2, 3 …; the UCTS data of events 2 and 6 are lost. From then
  // on events carry the data of their successors: first of the next one, then of the next but one.
  const auto time_of = [](std::uint64_t e) { return start + e * 100'000; };
  std::uint64_t ahead = 0;
  for (std::uint64_t e = 0; e < 12; ++e) {
    if (e == 2 || e == 5) ++ahead;
    auto trigger = ucts(time_of(e + ahead), std::uint8_t(1 + e + ahead));
    const auto result = clock.next(e * 100'000, trigger);
    EXPECT_EQ(result.time_tai_ns, std::int64_t(time_of(e)));
    const bool lost = e == 2 || e == 6;
    EXPECT_EQ(result.ucts_jump, lost) << e;
    EXPECT_EQ(trigger.ucts_type, lost ? 77 : 1 + e) << e;
    EXPECT_EQ(trigger.ucts_time_tai_ns, time_of(e)) << e;
  }
}

TEST(EventClock, LateUctsIsNoJump) {
  EventClock clock(ReferenceTime{start, 0, 0});
  auto late = ucts(start - 5000, 1);
  const auto result = clock.next(0, late);
  EXPECT_TRUE(result.ucts_behind);
  EXPECT_FALSE(result.ucts_jump);
  auto close = ucts(start + 1000, 1);
  EXPECT_FALSE(clock.next(0, close).ucts_jump);
}

TEST(EventType, FollowsFromTheTriggerBits) {
  EXPECT_EQ(event_type_of_bits(1), EventType::subarray);
  EXPECT_EQ(event_type_of_bits(3), EventType::subarray);
  EXPECT_EQ(event_type_of_bits(4), EventType::flatfield);
  EXPECT_EQ(event_type_of_bits(5), EventType::flatfield);
  EXPECT_EQ(event_type_of_bits(6), EventType::unknown);
  EXPECT_EQ(event_type_of_bits(32), EventType::sky_pedestal);
  EXPECT_EQ(event_type_of_bits(33), EventType::unknown);
  EXPECT_EQ(event_type_of_bits(8), EventType::single_pe);
  EXPECT_EQ(event_type_of_bits(0), EventType::unknown);
}

TEST(EventType, ComesFromTheDeviceThatIsPresent) {
  TriggerData trigger;
  EXPECT_EQ(event_type_of(trigger, TriggerSource::ucts), EventType::unknown);
  trigger = ucts(0, 32);
  trigger.tib_type = 1;
  EXPECT_EQ(event_type_of(trigger, TriggerSource::ucts), EventType::sky_pedestal);
  EXPECT_EQ(event_type_of(trigger, TriggerSource::tib), EventType::subarray);
  trigger.has_ucts = false;
  EXPECT_EQ(event_type_of(trigger, TriggerSource::ucts), EventType::subarray);
}

}  // namespace
}  // namespace alisio::calib
