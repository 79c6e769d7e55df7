#include "lib/daemon/schedule.hpp"

#include <gtest/gtest.h>

namespace alisio::daemon {
namespace {

using std::chrono::seconds;

const NightDate first{2024, 1, 14}, second{2024, 1, 15};
const Clock::time_point start{};

TEST(Schedule, NightsWithoutDataAreNeverDue) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "");
  schedule.wake(first);
  EXPECT_EQ(schedule.due(start), std::nullopt);
}

TEST(Schedule, TheLatestNightComesFirst) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "a");
  schedule.seen(second, "a");
  EXPECT_EQ(schedule.due(start), second);
  schedule.pass_begins(second);
  schedule.pass_ended(second, true, start);
  EXPECT_EQ(schedule.due(start), first);
}

TEST(Schedule, OpenNightsComeAgainAndDoneOnesWhenSomethingIsNew) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "a");
  schedule.pass_begins(first);
  schedule.pass_ended(first, false, start);
  EXPECT_EQ(schedule.due(start + seconds(599)), std::nullopt);
  EXPECT_EQ(schedule.due(start + seconds(600)), first);
  schedule.pass_begins(first);
  schedule.pass_ended(first, true, start);
  EXPECT_EQ(schedule.due(start + seconds(100000)), std::nullopt);
  schedule.wake(first);
  EXPECT_EQ(schedule.due(start), first);
  schedule.pass_begins(first);
  schedule.pass_ended(first, true, start);
  EXPECT_EQ(schedule.due(start), std::nullopt);
  schedule.seen(first, "b");
  EXPECT_EQ(schedule.due(start), first);
}

TEST(Schedule, WhatComesDuringAPassIsDueAfterIt) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "a");
  schedule.pass_begins(first);
  schedule.seen(first, "ab");
  schedule.pass_ended(first, true, start);
  EXPECT_EQ(schedule.due(start), first);
}

TEST(Schedule, NewsOfALaterNightGoFirst) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "a");
  schedule.seen(second, "");
  schedule.pass_begins(first);
  EXPECT_FALSE(schedule.news_after(first));
  schedule.seen(first, "ab");
  EXPECT_FALSE(schedule.news_after(first));
  schedule.seen(second, "a");
  EXPECT_TRUE(schedule.news_after(first));
  schedule.pass_begins(second);
  EXPECT_FALSE(schedule.news_after(first)) << "that it is not done is no news";
  EXPECT_FALSE(schedule.news_after(second));
}

TEST(Schedule, ForgetsNightsThatAreTooOld) {
  Schedule schedule(seconds(600));
  schedule.seen(first, "a");
  schedule.keep_only({second});
  EXPECT_EQ(schedule.due(start), std::nullopt);
}

}  // namespace
}  // namespace alisio::daemon
