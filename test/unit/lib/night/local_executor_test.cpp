#include "lib/night/local_executor.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/night/slurm_task.hpp"
#include "lib/sqlite/database.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class LocalExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("alisio_executor_{}_{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  JobRequest request(const std::string& stage, int subrun, const std::string& script) const {
    JobRequest made;
    made.jobs = {{stage, 101, subrun}};
    made.arguments = {"-c", script};
    made.report_file = folder_ / fmt::format("report_{}", subrun);
    made.log_file = folder_ / fmt::format("log_{}", subrun);
    return made;
  }
  static std::vector<ExecutionEnd> wait(Executor& executor) {
    std::vector<ExecutionEnd> ends;
    for (int i = 0; i < 1000 && executor.under_way() > 0; ++i) {
      for (ExecutionEnd& end : executor.poll()) ends.push_back(std::move(end));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return ends;
  }

  fs::path folder_;
  NightKey night_{1, {2022, 12, 15}, "test"};
};

TEST_F(LocalExecutorTest, ProcessesAndMemoryAreBounded) {
  State state = State::open(folder_);
  LocalLimits limits;
  limits.processes = 3;
  limits.memory_bytes = 10;
  limits.memory_of_stage = [](const std::string& stage) { return stage == "large" ? 20U : 4U; };
  LocalExecutor executor(state, night_, "/bin/sh", limits);
  EXPECT_TRUE(executor.take(request("large", 0, "exit 0"))) << "one may always run";
  EXPECT_FALSE(executor.take(request("small", 1, "exit 0")));
  EXPECT_EQ(executor.launch().size(), 1u);
  EXPECT_EQ(wait(executor).size(), 1u);
  EXPECT_TRUE(executor.take(request("small", 1, "exit 0")));
  EXPECT_TRUE(executor.take(request("small", 2, "exit 3")));
  EXPECT_FALSE(executor.take(request("small", 3, "exit 0"))) << "12 are more than 10";
  EXPECT_EQ(executor.launch().size(), 2u);
  EXPECT_EQ(state.unfinished_processes(night_).size(), 3u);
  std::vector<ExecutionEnd> ends = wait(executor);
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_EQ(ends[0].end.exit_code + ends[1].end.exit_code, 3);
}

TEST_F(LocalExecutorTest, NoneStartsBesideAnotherOnALoadedMachine) {
  State state = State::open(folder_);
  double load = 0;
  LocalLimits limits;
  limits.processes = 8;
  limits.threads = 2;
  limits.most_load = 5;
  limits.load = [&] { return load; };
  LocalExecutor executor(state, night_, "/bin/sh", limits);
  load = 100;
  EXPECT_TRUE(executor.take(request("small", 0, "sleep 30"))) << "one may always run";
  EXPECT_FALSE(executor.take(request("small", 1, "exit 0")));
  EXPECT_EQ(executor.launch().size(), 1u);
  load = 0.5;
  EXPECT_TRUE(executor.take(request("small", 1, "exit 0"))) << "2 threads are not in the average";
  EXPECT_TRUE(executor.take(request("small", 2, "exit 0"))) << "4 are not";
  EXPECT_FALSE(executor.take(request("small", 3, "exit 0"))) << "6 are more than 5";
  EXPECT_EQ(executor.launch().size(), 2u);
  static_cast<void>(executor.stop());
}

TEST_F(LocalExecutorTest, NothingRunsThatTheStateDoesNotKnow) {
  State state = State::open(folder_);
  {
    sqlite::Database other(folder_ / "alisio.sqlite", sqlite::OpenMode::create);
    other.run("DROP TABLE process");
  }
  LocalExecutor executor(state, night_, "/bin/sh", {.processes = 2});
  ASSERT_TRUE(executor.take(request("a", 0, "touch " + (folder_ / "ran").string())));
  EXPECT_THROW(static_cast<void>(executor.launch()), Error);
  EXPECT_EQ(executor.under_way(), 0u);
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(LocalExecutorTest, WhatIsStoppedSaysSo) {
  State state = State::open(folder_);
  LocalExecutor executor(state, night_, "/bin/sh", {.processes = 2});
  ASSERT_TRUE(executor.take(request("a", 0, "sleep 30")));
  ASSERT_EQ(executor.launch().size(), 1u);
  const std::vector<ExecutionEnd> ends = executor.stop();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].fate, Fate::stopped);
  EXPECT_EQ(executor.under_way(), 0u);
}

TEST_F(LocalExecutorTest, JobsInSlurmAreNotTakenForLeftOnes) {
  State state = State::open(folder_);
  LocalExecutor executor(state, night_, "/bin/sh", {.processes = 2, .slurm_folder = folder_});
  ProcessRecord there;
  there.jobs = {{"a", 101, 0}};
  there.submission = "alisio_x";
  there.scheduler_job = "12";
  EXPECT_THROW(static_cast<void>(executor.recover({there})), Error) << "Slurm may be doing it";
  there.scheduler_job = "";
  EXPECT_EQ(executor.recover({there}).ended.at(0).fate, Fate::displaced) << "it never got there";

  const JobRequest job = request("a", 0, "exit 0");
  const fs::path tasks = folder_ / "alisio_x.json";
  write_task_file(tasks, {.program = "/bin/sh",
                          .submission = {.name = "alisio_x", .indices = {0, 1}},
                          .tasks = {{job}, {job}}});
  there.scheduler_job = "12";
  EXPECT_EQ(executor.recover({there}).ended.at(0).fate, Fate::displaced) << "it has not begun";
  EXPECT_EQ(run_task(tasks, 0, "12_0"), 1) << "and Slurm does it no more";
  EXPECT_EQ(run_task(tasks, 1, "12_1"), 0);
  there.task = 1;
  EXPECT_THROW(static_cast<void>(executor.recover({there})), Error) << "that one has begun";
}

}  // namespace
}  // namespace alisio::night
