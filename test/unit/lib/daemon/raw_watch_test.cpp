#include "lib/daemon/raw_watch.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "lib/daemon/supervisor.hpp"
#include "lib/night/growing.hpp"

namespace alisio::daemon {
namespace {

namespace fs = std::filesystem;

/// A FITS file of one header, whole or cut.
std::string fits_text(bool whole) {
  std::string text;
  const auto card = [&](const std::string& content) { text += fmt::format("{:<80}", content); };
  card("SIMPLE  =                    T");
  card("BITPIX  =                    8");
  card("NAXIS   =                    1");
  card("NAXIS1  =                 2880");
  card("END");
  text.resize(2880, ' ');
  text.resize(whole ? 5760 : 4000, '\0');
  return text;
}

class RawWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("alisio_raw_{}_{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "20240115");
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Write a subrun of two streams, of an age in seconds.
  void write(int run, int subrun, bool whole, double age_s) {
    for (int stream : {1, 2}) {
      const fs::path file = folder_ / "20240115" /
                            fmt::format("LST-1.{}.Run{:05}.{:04}.fits.fz", stream, run, subrun);
      std::ofstream(file) << fits_text(whole);
      fs::last_write_time(file, fs::file_time_type::clock::now() -
                                    std::chrono::milliseconds(std::int64_t(age_s * 1000)));
    }
  }
  std::string left_out(double settle_s) {
    night::Catalogue catalogue = night::find_runs(folder_, {}, 1, {2024, 1, 15});
    const night::Growing growing =
        night::leave_out_growing(catalogue, settle_s, static_cast<double>(std::time(nullptr)));
    taken_ = growing.runs;
    std::string text;
    for (const night::RunEntry& run : catalogue.runs)
      text += fmt::format("{}:{} ", run.run, run.subruns.size());
    return text;
  }

  fs::path folder_;
  std::set<int> taken_;  ///< runs of which more may come
};

TEST_F(RawWatchTest, TheLastSubrunMustBeWholeAndSettled) {
  write(1, 0, false, 0);
  write(1, 1, true, 0);
  EXPECT_EQ(left_out(60), "1:1 ") << "too young";
  write(1, 1, true, 70);
  EXPECT_EQ(left_out(60), "1:2 ");
  write(1, 1, false, 70);
  EXPECT_EQ(left_out(60), "1:1 ") << "cut";
  write(1, 1, false, 700);
  EXPECT_EQ(left_out(60), "1:2 ") << "nobody writes it any more: its job says what is wrong";
}

TEST_F(RawWatchTest, ALaterRunEndsTheOneBefore) {
  write(1, 0, true, 0);
  write(2, 0, true, 0);
  EXPECT_EQ(left_out(60), "1:1 2:0 ");
  write(1, 0, false, 0);
  EXPECT_EQ(left_out(60), "1:0 2:0 ") << "it may be on its way to here";
}

TEST_F(RawWatchTest, ARunIsOverWhenAnotherFollowsOrNothingMoreComes) {
  write(1, 0, true, 70);
  left_out(60);
  EXPECT_EQ(taken_, std::set<int>{1}) << "its files were copied to here just now";
  left_out(0);
  EXPECT_EQ(taken_, std::set<int>{});
  write(2, 0, true, 0);
  left_out(60);
  EXPECT_EQ(taken_, std::set<int>{2}) << "its only subrun is being written";
  write(1, 0, false, 0);
  left_out(60);
  EXPECT_EQ(taken_, (std::set<int>{1, 2}));
}

TEST_F(RawWatchTest, AClockThatIsBehindHoldsNothingUp) {
  write(1, 0, true, -5000);
  EXPECT_EQ(left_out(60), "1:1 ");
}

TEST_F(RawWatchTest, CompleteSubrunsAreNamed) {
  bool growing = false;
  EXPECT_EQ(complete_subruns(folder_, 1, {2024, 1, 16}, 60, growing), "");
  write(1, 0, true, 70);
  const std::string one = complete_subruns(folder_, 1, {2024, 1, 15}, 60, growing);
  EXPECT_NE(one, "");
  write(1, 1, false, 0);
  EXPECT_EQ(complete_subruns(folder_, 1, {2024, 1, 15}, 60, growing), one);
  EXPECT_TRUE(growing);
  write(1, 1, true, 70);
  EXPECT_NE(complete_subruns(folder_, 1, {2024, 1, 15}, 60, growing), one);
  const std::string open = complete_subruns(folder_, 1, {2024, 1, 15}, 60, growing);
  EXPECT_NE(complete_subruns(folder_, 1, {2024, 1, 15}, 0, growing), open) << "the run is over";
}

TEST_F(RawWatchTest, ChangesOfFoldersAreHeard) {
  FolderWatch watch;
  EXPECT_FALSE(watch.watch(folder_ / "none"));
  if (!watch.watch(folder_ / "20240115")) GTEST_SKIP() << "this disk tells nothing";
  EXPECT_TRUE(watch.watch(folder_ / "20240115"));
  EXPECT_FALSE(watch.changed());
  write(1, 0, true, 0);
  EXPECT_TRUE(watch.changed());
  EXPECT_FALSE(watch.changed());
}

TEST(Supervisor, NothingIsSentWhereThereIsNone) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(tell_supervisor("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
  EXPECT_FALSE(tell_supervisor("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(watchdog_period(), std::chrono::microseconds(1'500'000));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_period(), std::nullopt) << "meant for another process";
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("WATCHDOG_USEC", "never", 1);
  EXPECT_EQ(watchdog_period(), std::nullopt);
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

}  // namespace
}  // namespace alisio::daemon
