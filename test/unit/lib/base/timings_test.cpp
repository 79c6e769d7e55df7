#include "lib/base/timings.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace alisio {
namespace {

using namespace std::chrono_literals;

TEST(Timings, AddUpOverCallsAndThreads) {
  Timings timings;
  timings.add("decode", 10ms);
  std::jthread([&] { timings.add("write", 1ms); });
  std::jthread([&] { timings.add("decode", 20ms); });
  const auto parts = timings.parts();
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].name, "decode");
  EXPECT_EQ(parts[0].calls, 2);
  EXPECT_DOUBLE_EQ(parts[0].seconds, 0.03);
  EXPECT_EQ(parts[1].name, "write");
}

TEST(Timings, AreTakenFromConstructionToEnd) {
  Timings timings;
  {
    const TimedPart part(&timings, "sleep"), nobody(nullptr, "unmeasured");
    std::this_thread::sleep_for(2ms);
  }
  ASSERT_EQ(timings.parts().size(), 1U);
  EXPECT_GE(timings.parts()[0].seconds, 0.002);
}

TEST(Timings, TableGivesSharesAndTimesAnEvent) {
  const std::string table = timings_table({{"decode", 4, 0.5}}, 2.0, 1000);
  EXPECT_NE(table.find("25.0%"), std::string::npos) << table;
  EXPECT_NE(table.find("500.0"), std::string::npos) << table;
  // A job without events has no time an event.
  EXPECT_NE(timings_table({{"decode", 4, 0.5}}, 0, 0).find(" - "), std::string::npos);
}

}  // namespace
}  // namespace alisio
