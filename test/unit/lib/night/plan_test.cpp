// Planning alone, over files that exist only as stamps and hashes.
#include "lib/night/plan.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lib/night/layout.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

/// A subrun's two jobs, or three with a job of constants before them.
class PlanTest : public testing::Test {
 protected:
  void SetUp() override {
    dl1_.key = {"r0_to_dl1", 7, 3};
    dl1_.inputs = {{"r0_subrun", "/r0/s1"},
                   {"drs4_pedestal", "/c/drs4"},
                   {"charge_calibration", "/c/charge"},
                   {"pointing", "/d/drive"}};
    dl1_.products = {{"dl1_subrun", "/p/dl1.h5"}};
    dl2_.key = {"dl1_to_dl2", 7, 3};
    dl2_.inputs = {{"dl1_subrun", "/p/dl1.h5"}, {"models", "/m/forest"}};
    dl2_.products = {{"dl2_subrun", "/p/dl2.h5"}};
    for (const char* path : {"/r0/s1", "/c/drs4", "/c/charge", "/d/drive", "/m/forest"})
      put(path, std::string("hash of ") + path);
    settings_.stages["r0_to_dl1"] = {1, R"({"tailcut":{"picture_thresh":8.0}})"};
    settings_.stages["dl1_to_dl2"] = {1, R"({"events_filters":{"r":[0,1]}})"};
    settings_.stages["cat_b"] = {1, "{}"};
  }

  /// Make a file, or change it.
  void put(const std::string& path, const std::string& sha256, const std::string& data = "") {
    disk_[path] = {.path = path,
                   .size = 1,
                   .mtime_ns = ++clock_,
                   .inode = 1,
                   .sha256 = sha256,
                   .data_hash = data};
  }

  struct Fates {
    Step dl1, dl2;
    bool in_one_pass = false;
  };

  NightPlan plan_of(const std::vector<Job>& jobs) {
    hashed_.clear();
    const FileAccess access{[this](const std::string& path) -> std::optional<FileStamp> {
                              const auto file = disk_.find(path);
                              if (file == disk_.end()) return std::nullopt;
                              FileStamp stamp = file->second;
                              stamp.sha256.clear();
                              stamp.data_hash.clear();
                              return stamp;
                            },
                            [this](const std::string& path) {
                              hashed_.push_back(path);
                              return hashes_of(disk_.at(path));
                            },
                            [this](const std::string&, const std::string&) { return part_; }};
    FileView files(state_, access);
    NightPlan plan;
    Verdicts verdicts;
    for (const Job& job : jobs) add_job(plan, job, settings_, state_, events_, files, verdicts);
    return plan;
  }

  Fates plan() {
    const NightPlan plan = plan_of({dl1_, dl2_});
    return {plan.jobs[0].step, plan.jobs[1].step, plan.goes_with_dl1(plan.jobs[1])};
  }

  void record(const Job& made) {
    const StageFacts& facts = settings_.stages.at(made.key.stage);
    JobRecord job;
    job.key = made.key;
    job.status = JobStatus::done;
    job.stage_version = facts.version;
    job.configuration = facts.configuration;
    job.attempts = 1;
    std::vector<std::pair<std::string, std::string>> hashes;
    const auto note = [&](const PortFile& file) {
      state_.files[file.path] = disk_.at(file.path);
      return JobFile{file.port, file.path, hashes_of(disk_.at(file.path))};
    };
    for (const PortFile& input : made.inputs) {
      job.inputs.push_back(note(input));
      hashes.emplace_back(input.port, job.inputs.back().hashes.deciding());
    }
    for (const PortFile& product : made.products) job.outputs.push_back(note(product));
    job.identity = stage::job_identity(made.key.stage, facts.version, facts.configuration, hashes);
    state_.jobs[job.key] = job;
  }

  /// As after a night that went well.
  void make_both() {
    put("/p/dl1.h5", "dl1 bytes", "dl1 data");
    put("/p/dl2.h5", "dl2 bytes", "dl2 data");
    record(dl1_);
    record(dl2_);
  }

  /// Let DL1 depend on a run summary.
  void add_run_summary() {
    put("/s/summary.ecsv", "one row");
    dl1_.inputs.push_back({"run_summary", "/s/summary.ecsv"});
    part_ = "rows 7 a";
  }

  /// Name in the record of DL1 what it took of its last input.
  JobRecord& take_part(const std::string& port) {
    JobRecord& job = state_.jobs.at(dl1_.key);
    EXPECT_EQ(job.inputs.back().port, port);
    job.inputs.back().hashes.data_hash = part_;
    std::vector<std::pair<std::string, std::string>> hashes;
    for (const JobFile& input : job.inputs)
      hashes.emplace_back(input.port, input.hashes.deciding());
    job.identity = stage::job_identity(dl1_.key.stage, 1, job.configuration, hashes);
    return job;
  }

  Job dl1_, dl2_;
  PlanSettings settings_;
  StateSnapshot state_;
  PassEvents events_;
  std::map<std::string, FileStamp> disk_;
  std::vector<std::string> hashed_;
  std::string part_ = "span 1 2 a";  ///< of the file that grows, as it is now
  std::int64_t clock_ = 0;
};

TEST_F(PlanTest, NothingIsHashedForWhatIsCurrent) {
  make_both();
  const Fates made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::done) << made.dl1.reason;
  EXPECT_EQ(made.dl2.status, StepStatus::done) << made.dl2.reason;
  EXPECT_TRUE(hashed_.empty());
}

TEST_F(PlanTest, AFreshSubrunIsMadeInOnePassUnread) {
  const Fates made = plan();
  EXPECT_TRUE(made.in_one_pass);
  EXPECT_EQ(made.dl1.reason, "never done");
  EXPECT_TRUE(hashed_.empty());
  put("/p/dl1.h5", "a stranger");
  EXPECT_EQ(plan().dl1.reason, "a file of that name is there, but no record of its making");
}

TEST_F(PlanTest, WhatAStageNamedItselfIsMissed) {
  make_both();
  put("/p/extra.svg", "extra bytes");
  Job recorded = dl2_;
  recorded.products.push_back({"plot", "/p/extra.svg"});
  record(recorded);
  EXPECT_EQ(plan().dl2.status, StepStatus::done);
  dl2_.self_named_ports = {"plot"};
  EXPECT_EQ(plan().dl2.status, StepStatus::done);
  disk_.erase("/p/extra.svg");
  EXPECT_EQ(plan().dl2.reason, "the product extra.svg is gone");
}

TEST_F(PlanTest, ANewStageVersionRunsAgain) {
  make_both();
  settings_.stages["dl1_to_dl2"].version = 2;
  Fates made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::done);
  EXPECT_EQ(made.dl2.status, StepStatus::to_run);
  EXPECT_EQ(made.dl2.reason, "dl1_to_dl2 is now version 2, was 1");
  settings_.stages["r0_to_dl1"].version = 2;
  EXPECT_TRUE(plan().in_one_pass);
  settings_.stages["dl1_to_dl2"].version = 1;
  made = plan();
  EXPECT_EQ(made.dl1.reason, "r0_to_dl1 is now version 2, was 1");
  EXPECT_EQ(made.dl2.status, StepStatus::waiting);
}

TEST_F(PlanTest, OnlyTheDataHashOfDl1CountsDownstream) {
  make_both();
  put("/p/dl1.h5", "other bytes", "dl1 data");
  record(dl1_);
  EXPECT_EQ(plan().dl2.status, StepStatus::done);
  put("/p/dl1.h5", "other bytes", "other data");
  record(dl1_);
  EXPECT_EQ(plan().dl2.status, StepStatus::to_run);
  EXPECT_EQ(plan().dl2.reason, "dl1_subrun changed: dl1.h5");
}

TEST_F(PlanTest, TheSameBytesAreTheSameInputHoweverTheirDataAreHashed) {
  make_both();
  put("/p/dl1.h5", "dl1 bytes", "dl1 data, hashed by another rule");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  EXPECT_EQ(plan().dl2.status, StepStatus::done) << plan().dl2.reason;
}

TEST_F(PlanTest, EqualConstantsElsewhereChangeNothing) {
  make_both();
  put("/c/new/drs4", "hash of /c/drs4");
  dl1_.inputs[1].path = "/c/new/drs4";
  EXPECT_EQ(plan().dl1.status, StepStatus::done);
  put("/c/new/drs4", "another hash");
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
  EXPECT_EQ(plan().dl1.reason, "another drs4_pedestal: drs4");
}

TEST_F(PlanTest, AnInputThatAppearsOrGoesCounts) {
  make_both();
  put("/d/target", "target");
  dl1_.inputs.push_back({"pointing_target", "/d/target"});
  EXPECT_EQ(plan().dl1.reason, "another pointing_target: target");
  dl1_.inputs.pop_back();
  put("/r0/s2", "second stream");
  dl1_.inputs.push_back({"r0_subrun", "/r0/s2"});
  record(dl1_);
  EXPECT_EQ(plan().dl1.status, StepStatus::done);
  dl1_.inputs.pop_back();
  EXPECT_EQ(plan().dl1.reason, "s2 is no longer an input");
}

TEST_F(PlanTest, TheConfigurationFileItselfDoesNotCount) {
  put("/cfg/a.yaml", "text with comments");
  make_both();
  state_.jobs.at({"r0_to_dl1", 7, 3})
      .inputs.push_back({"analysis_configuration", "/cfg/a.yaml", {"text with comments", ""}});
  put("/cfg/a.yaml", "other comments");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
}

TEST_F(PlanTest, ProductsStandWithoutTheirInputs) {
  make_both();
  disk_.erase("/r0/s1");
  EXPECT_EQ(plan().dl1.status, StepStatus::done);
  EXPECT_EQ(plan().dl1.reason, "as recorded; its inputs are no longer there");
  disk_.erase("/p/dl1.h5");
  const Fates made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::missing_input);
  EXPECT_EQ(made.dl1.reason, "r0_subrun /r0/s1 does not exist");
  EXPECT_EQ(made.dl2.status, StepStatus::done) << "DL2 itself is sound";
}

TEST_F(PlanTest, ObstaclesBlockWhatShouldRun) {
  dl1_.obstacle = "no charge calibration";
  Fates made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.reason, "its DL1 is not there: no charge calibration");
  dl1_.obstacle.clear();
  dl2_.obstacle = "no models";
  dl2_.inputs.pop_back();
  made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::to_run);
  EXPECT_EQ(made.dl2.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.reason, "no models");
}

TEST_F(PlanTest, WhatFailedForGoodWaitsForAChange) {
  make_both();
  JobRecord& job = state_.jobs.at({"r0_to_dl1", 7, 3});
  job.status = JobStatus::failed;
  job.exit_code = 5;
  job.message = "the tile is cut short";
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
  settings_.retry_failed = false;
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked);
  EXPECT_EQ(plan().dl1.reason, "failed 1 time: the tile is cut short");
  put("/r0/s1", "the mended file");
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
  put("/r0/s1", "hash of /r0/s1");
  job.exit_code = 6;
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run) << "a full disk may be empty by now";
  job.attempts = 3;
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked);
}

TEST_F(PlanTest, OfALogThatGrowsThePartThatWasTakenCounts) {
  make_both();
  take_part("pointing");
  put("/d/drive", "one line more");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  part_ = "span 1 2 b";
  EXPECT_EQ(plan().dl1.reason, "pointing changed: drive");
}

TEST_F(PlanTest, OfARunSummaryTheRowThatWasTakenCounts) {
  add_run_summary();
  make_both();
  take_part("run_summary");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  put("/s/summary.ecsv", "one row more");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  EXPECT_EQ(plan().dl2.status, StepStatus::done) << plan().dl2.reason;
  part_ = "rows 7 b";
  EXPECT_EQ(plan().dl1.reason, "run_summary changed: summary.ecsv");
  part_ = "rows 7 none";
  EXPECT_EQ(plan().dl1.reason, "run_summary changed: summary.ecsv");
  disk_.erase("/s/summary.ecsv");
  dl1_.inputs.pop_back();
  EXPECT_EQ(plan().dl1.reason, "as recorded; its inputs are no longer there");
}

TEST_F(PlanTest, ARunSummaryThatWasRecordedWholeCountsWhole) {
  add_run_summary();
  make_both();
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  put("/s/summary.ecsv", "one row more");
  EXPECT_EQ(plan().dl1.reason, "run_summary changed: summary.ecsv");
}

TEST_F(PlanTest, ARunSummaryIsAReasonToTryAgainIfTheRowChanged) {
  add_run_summary();
  make_both();
  JobRecord& job = take_part("run_summary");
  job.status = JobStatus::failed;
  job.exit_code = 5;
  job.message = "the tile is cut short, /r0/s1";
  settings_.retry_failed = false;
  put("/s/summary.ecsv", "one row more");
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked);
  part_ = "rows 7 b";
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
  job.inputs.back().hashes = {unread_mark(disk_.at("/s/summary.ecsv")), ""};
  put("/s/summary.ecsv", "and one more");
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked) << "it never came to read it";
  job.message = "is no table, /s/summary.ecsv";
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
}

TEST_F(PlanTest, ALogThatGrowsIsNoReasonToTryAgain) {
  make_both();
  JobRecord& job = state_.jobs.at(dl1_.key);
  job.status = JobStatus::failed;
  job.exit_code = 5;
  job.message = "the tile is cut short, /r0/s1";
  settings_.retry_failed = false;
  put("/d/drive", "one line more");
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked);
  job.message = "expected three numbers, /d/drive:7";
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
}

TEST_F(PlanTest, FailuresInARowCountUntilSomethingChanges) {
  JobRecord before, now;
  for (JobRecord* job : {&before, &now}) {
    job->status = JobStatus::failed;
    job->inputs = {{"r0_subrun", "/r0/s1", {"one", ""}}, {"pointing", "/d", {"unread 1 2 3", ""}}};
    job->ended_at = "2022-12-16T01:00:00";
  }
  before.attempts = 2;
  EXPECT_EQ(tries_in_a_row(nullptr, now, nullptr), 1);
  EXPECT_EQ(tries_in_a_row(&before, now, nullptr), 3);
  now.inputs[1].hashes.sha256 = "read this time";
  EXPECT_EQ(tries_in_a_row(&before, now, nullptr), 3);
  Decision redo;
  redo.at = "2022-12-16T00:00:00";
  EXPECT_EQ(tries_in_a_row(&before, now, &redo), 3);
  redo.at = "2022-12-16T02:00:00";
  EXPECT_EQ(tries_in_a_row(&before, now, &redo), 1);
  now.inputs[0].hashes.sha256 = "other";
  EXPECT_EQ(tries_in_a_row(&before, now, nullptr), 1);
  for (const JobStatus status : {JobStatus::done, JobStatus::interrupted}) {
    before.status = status;
    EXPECT_EQ(tries_in_a_row(&before, before, nullptr), 1);
  }
}

TEST_F(PlanTest, AProductionMovedElsewhereIsMadeThere) {
  make_both();
  dl2_.products[0].path = "/elsewhere/dl2.h5";
  EXPECT_EQ(plan().dl2.reason,
            "dl2.h5 was never made in this folder (what was moved here counts as not made)");
}

TEST_F(PlanTest, WhatAFailedJobDidNotReadIsNotHashed) {
  JobRecord job;
  job.key = dl1_.key;
  job.status = JobStatus::failed;
  job.exit_code = 4;
  job.attempts = 3;
  job.message = "drs4 does not exist";
  job.stage_version = 1;
  job.configuration = settings_.stages["r0_to_dl1"].configuration;
  for (const PortFile& input : dl1_.inputs)
    job.inputs.push_back({input.port, input.path, {unread_mark(disk_.at(input.path)), ""}});
  state_.jobs[job.key] = job;
  settings_.retry_failed = false;
  EXPECT_EQ(plan().dl1.status, StepStatus::blocked) << plan().dl1.reason;
  EXPECT_TRUE(hashed_.empty());
  put("/c/drs4", "hash of /c/drs4");
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run) << "touched: it may be another file by now";
}

TEST_F(PlanTest, ARunGoesOnWithoutALostSubrun) {
  Job lost = dl1_;
  lost.key.subrun = 4;
  lost.products = {{"dl1_subrun", "/p/dl1_4.h5"}, {"interleaved", "/p/interleaved_4.h5"}};
  lost.obstacle = "stream 1 is missing";
  dl1_.products.push_back({"interleaved", "/p/interleaved_3.h5"});
  Job cat_b;
  cat_b.key = {"cat_b", 7, whole_run};
  cat_b.inputs = {{"interleaved", "/p/interleaved_3.h5"},
                  {"interleaved", "/p/interleaved_4.h5"},
                  {"charge_calibration", "/c/charge"}};
  cat_b.products = {{"catb_calibration", "/c/cat_b.h5"}};
  NightPlan plan = plan_of({dl1_, lost, cat_b});
  EXPECT_EQ(plan.jobs[2].step.status, StepStatus::to_run) << plan.jobs[2].step.reason;
  ASSERT_EQ(plan.jobs[2].inputs.size(), 2u);
  EXPECT_EQ(plan.jobs[2].inputs[0].path, "/p/interleaved_3.h5");
  dl1_.obstacle = "no charge calibration";
  plan = plan_of({dl1_, lost, cat_b});
  EXPECT_EQ(plan.jobs[2].step.status, StepStatus::blocked);
  EXPECT_EQ(plan.jobs[2].step.reason, "its interleaved is not there: no charge calibration");
}

TEST_F(PlanTest, EqualDataOfAnotherProductionWillDo) {
  dl1_.shared = true;
  make_both();
  put("/p/dl1.h5", "made by another production", "dl1 data");
  EXPECT_EQ(plan().dl1.status, StepStatus::done) << plan().dl1.reason;
  put("/p/dl1.h5", "made by another production", "other data");
  EXPECT_EQ(plan().dl1.reason, "the product dl1.h5 was altered");
}

}  // namespace
}  // namespace alisio::night
