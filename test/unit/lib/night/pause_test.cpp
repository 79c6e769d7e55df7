// When processing makes room for the telescope.
#include "lib/night/pause.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <ctime>

#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

constexpr double midnight = 1671148800;  // 2022-12-16 00:00 UTC

Pause pause_in(const std::string& windows, int jobs) {
  return {config::parse_day_windows(windows).value(), jobs};
}

TEST(Pause, GoesPastMidnight) {
  const Pause pause = pause_in("18:00-07:00", 0);
  EXPECT_EQ(pause_text(pause, midnight).value_or(""),
            "no new job starts until 07:00 UTC (night.pause)");
  EXPECT_TRUE(pause_text(pause, midnight + 18 * 3600));
  EXPECT_FALSE(pause_text(pause, midnight + 18 * 3600 - 1));
  EXPECT_FALSE(pause_text(pause, midnight + 7 * 3600));
  EXPECT_FALSE(pause_text(pause_in("", 0), midnight));
  const Pause two = pause_in("01:00-02:00, 12:30-13:00", 2);
  EXPECT_FALSE(pause_text(two, midnight));
  EXPECT_EQ(pause_text(two, midnight + 12.6 * 3600).value_or(""),
            "at most 2 at a time until 13:00 UTC (night.pause)");
}

class PauseTest : public NightTest {
 protected:
  /// A pause that holds now, and for some time still.
  static std::string now() {
    const std::time_t hour = std::time(nullptr) / 3600 % 24;
    return fmt::format("\"{:02}:00-{:02}:00\"", (hour + 23) % 24, (hour + 2) % 24);
  }
};

TEST_F(PauseTest, APassStartsNothingAndReturns) {
  configure("night:\n  pause: " + now() + "\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  EXPECT_NE(out_.str().find("note: no new job starts until"), std::string::npos) << out_.str();
  EXPECT_NE(plan().find("note: no new job starts until"), std::string::npos);
}

TEST_F(PauseTest, SomeJobsMayRunMeanwhile) {
  configure("night:\n  jobs_while_observing: 1\n  pause: " + now() + "\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(calls().find("dl1_to_dl2 00102.0001"), std::string::npos);
}

TEST_F(PauseTest, WhoStaysWaitsAndCanBeStopped) {
  configure("night:\n  pause: " + now() + "\n");
  const pid_t waiting = run_apart();
  ASSERT_TRUE(wait_for([&] { return fs::exists(folder_ / "state/alisio.sqlite"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(waiting, SIGTERM);
  EXPECT_EQ(wait_exit(waiting), 130);
  EXPECT_EQ(calls(), "");
}

}  // namespace
}  // namespace alisio::night
