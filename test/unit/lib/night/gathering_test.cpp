// When failures are told: together, and not too often.
#include "lib/night/gathering.hpp"

#include <gtest/gtest.h>

namespace alisio::night {
namespace {

TEST(Gathering, OneIsToldWhenNoneFollows) {
  Gathering failures(30, 600);
  EXPECT_FALSE(failures.due(0, 1000));
  EXPECT_FALSE(failures.due(1, 1010));
  EXPECT_FALSE(failures.due(1, 1039));
  EXPECT_TRUE(failures.due(1, 1040));
  failures.told(1040);
  EXPECT_FALSE(failures.due(1, 2000)) << "once";
}

TEST(Gathering, AStormIsOneMessageAnInterval) {
  Gathering failures(30, 600);
  int messages = 0;
  for (int second = 0; second < 3000; ++second)
    if (failures.due(static_cast<std::size_t>(second) + 1, 10'000 + second)) {
      failures.told(10'000 + second);
      ++messages;
    }
  EXPECT_EQ(messages, 4);
}

TEST(Gathering, WhatFollowsAMessageWaits) {
  Gathering failures(30, 600);
  failures.told(1000);
  EXPECT_TRUE(failures.too_soon(1100));
  EXPECT_FALSE(failures.due(5, 1100));
  EXPECT_FALSE(failures.due(5, 1599));
  EXPECT_TRUE(failures.due(5, 1600));
}

TEST(Gathering, AClockThatWasPutBackSilencesNothing) {
  Gathering failures(30, 600);
  failures.told(50'000);
  EXPECT_FALSE(failures.too_soon(1000));
  EXPECT_FALSE(failures.due(1, 1000));
  EXPECT_TRUE(failures.due(1, 1030));
}

TEST(Gathering, FewerThanBeforeIsNoNews) {
  Gathering failures(0, 0);
  EXPECT_TRUE(failures.due(3, 10));
  failures.told(10);
  EXPECT_FALSE(failures.due(1, 20));
  EXPECT_TRUE(failures.due(2, 30));
}

}  // namespace
}  // namespace alisio::night
