#include "lib/night/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/report.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("alisio_process_{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  pid_t shell(const std::string& script) {
    return start_process("/bin/sh", {"-c", script}, log_file(), [](pid_t) {});
  }
  ProcessEnd wait(pid_t pid) {
    ProcessEnd end;
    for (int i = 0; i < 1000 && !has_ended(pid, end); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return end;
  }
  fs::path log_file() const { return folder_ / "logs" / "job.log"; }

  fs::path folder_;
};

TEST_F(ProcessTest, KeepsOutputAndExitCode) {
  EXPECT_EQ(wait(shell("echo one; echo two >&2; exit 5")).exit_code, 5);
  EXPECT_EQ(wait(shell("echo three")).exit_code, 0);
  EXPECT_EQ(read_text_file(log_file()), "one\ntwo\nthree\n");
  EXPECT_EQ(last_lines(log_file(), 1), "three");
  EXPECT_EQ(last_lines(log_file(), 2), "two\nthree");
  EXPECT_EQ(last_lines(log_file(), 9), "one\ntwo\nthree");
  EXPECT_EQ(last_lines(folder_ / "none", 9), "");
}

TEST_F(ProcessTest, NamesTheSignal) {
  const ProcessEnd end = wait(shell("kill -9 $$"));
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.exit_code, 128 + SIGKILL);
}

TEST_F(ProcessTest, AMissingProgramIsSaidInTheLog) {
  const pid_t pid = start_process(folder_ / "nothing", {}, log_file(), [](pid_t) {});
  EXPECT_EQ(wait(pid).exit_code, 127);
  EXPECT_NE(read_text_file(log_file()).find("cannot be executed"), std::string::npos);
}

TEST_F(ProcessTest, DoesNotRunWhatCouldNotBeRecorded) {
  pid_t seen = 0;
  EXPECT_THROW(
      static_cast<void>(start_process(
          "/bin/sh", {"-c", fmt::format("touch {}", (folder_ / "ran").string())}, log_file(),
          [&](pid_t pid) {
            seen = pid;
            throw std::runtime_error("no disk");
          })),
      std::runtime_error);
  EXPECT_EQ(process_start_time(seen), 0);
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(ProcessTest, DiesWithItsNight) {
  const fs::path pid_file = folder_ / "pid";
  const pid_t night = ::fork();
  if (night == 0) {
    const pid_t job = shell("sleep 60");
    std::ofstream(pid_file) << job << std::endl;
    ::pause();
    ::_exit(0);
  }
  pid_t job = 0;
  for (int i = 0; i < 500 && job == 0; ++i) {
    std::ifstream(pid_file) >> job;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_GT(job, 0);
  EXPECT_NE(process_start_time(job), 0);
  ::kill(night, SIGKILL);
  ::waitpid(night, nullptr, 0);
  bool gone = false;
  for (int i = 0; i < 500 && !gone; ++i) {
    gone = process_start_time(job) == 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(gone);
}

TEST_F(ProcessTest, EndsALeftProcessButNoStranger) {
  const pid_t job = shell("trap '' TERM; while :; do sleep 0.05; done");
  const std::int64_t start = process_start_time(job);
  ASSERT_NE(start, 0);
  end_left_process(job, start + 1, 0.1);
  EXPECT_EQ(process_start_time(job), start) << "another process with the same pid";
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  end_left_process(job, start, 0.1);
  EXPECT_EQ(process_start_time(job), 0);
  EXPECT_EQ(wait(job).signal, SIGKILL);
}

TEST_F(ProcessTest, RemovesOnlyItsOwnPartFiles) {
  for (const char* name : {".a.h5.part-ff-0-1", ".a.h5.part-ff-1-2", ".a.h5.part-ffa-0-1",
                           ".b.h5.part-ff-0-1", "a.h5"})
    std::ofstream(folder_ / name) << "x";
  EXPECT_EQ(remove_part_files({(folder_ / "a.h5").string()}, 0xff), 2);
  EXPECT_FALSE(fs::exists(folder_ / ".a.h5.part-ff-0-1"));
  EXPECT_TRUE(fs::exists(folder_ / ".a.h5.part-ffa-0-1"));
  EXPECT_TRUE(fs::exists(folder_ / ".b.h5.part-ff-0-1"));
  EXPECT_TRUE(fs::exists(folder_ / "a.h5"));
  EXPECT_EQ(remove_part_files({(folder_ / "a.h5").string()}, 0), 0);
}

TEST_F(ProcessTest, ALockIsHeldOnceAndEndsWithItsHolder) {
  const fs::path file = folder_ / "state" / "x.lock";
  {
    const NightLock first = NightLock::take(file);
    ASSERT_TRUE(first.holds());
    const NightLock second = NightLock::take(file);
    EXPECT_FALSE(second.holds());
    EXPECT_NE(second.holder().find(fmt::format("process {} on {}", ::getpid(), host_name())),
              std::string::npos)
        << second.holder();
    // A job does not inherit it.
    EXPECT_EQ(wait(shell("exit 0")).exit_code, 0);
  }
  const pid_t job = shell("sleep 60");
  EXPECT_TRUE(NightLock::take(file).holds());
  ::kill(job, SIGKILL);
  wait(job);
}

TEST_F(ProcessTest, AnotherProcessOfTheSameNumberHoldsNoLock) {
  const fs::path file = folder_ / "x.lock";
  EXPECT_EQ(lock_holder(file), "");
  // As a pass that was killed leaves it, whose number this process has got.
  std::ofstream(file) << fmt::format("process {} on {} since 2024-02-16T07:00:00 UTC\n", ::getpid(),
                                     host_name());
  EXPECT_EQ(lock_holder(file), "");
  {
    const NightLock lock = NightLock::take(file);
    EXPECT_TRUE(lock_holder(file).starts_with(fmt::format("process {} on ", ::getpid())));
  }
  EXPECT_EQ(lock_holder(file), "");
  EXPECT_EQ(fs::file_size(file), 0u);
  // Who looks on at that moment is waited for.
  const int looking = ::open(file.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(looking, LOCK_SH), 0);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::close(looking);
  });
  EXPECT_TRUE(NightLock::take(file).holds());
  later.join();
}

TEST_F(ProcessTest, ABrokenReportIsAnError) {
  const fs::path file = folder_ / "report.json";
  EXPECT_FALSE(read_report(file).has_value());
  std::ofstream(file) << "{\"activities\": [{\"stage\": \"r0_to_dl1\"";
  EXPECT_THROW(static_cast<void>(read_report(file)), Error);
  std::ofstream(file) << "{\"activities\": [{\"stage\": \"r0_to_dl1\"}]}";
  EXPECT_THROW(static_cast<void>(read_report(file)), Error);
}

}  // namespace
}  // namespace alisio::night
