// Planning alone, over files that exist only as stamps and hashes.
#include "lib/night/plan.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

class PlanTest : public testing::Test {
 protected:
  void SetUp() override {
    task_.run = 7;
    task_.subrun = 3;
    task_.dl1_inputs = {{"r0_subrun", "/r0/s1"},
                        {"drs4_pedestal", "/c/drs4"},
                        {"charge_calibration", "/c/charge"},
                        {"pointing", "/d/drive"}};
    task_.dl2_inputs = {{"models", "/m/forest"}};
    task_.dl1_file = "/p/dl1.h5";
    task_.dl2_file = "/p/dl2.h5";
    for (const char* path : {"/r0/s1", "/c/drs4", "/c/charge", "/d/drive", "/m/forest"})
      put(path, std::string("hash of ") + path);
    settings_.r0_to_dl1 = {1, R"({"tailcut":{"picture_thresh":8.0}})"};
    settings_.dl1_to_dl2 = {1, R"({"events_filters":{"r":[0,1]}})"};
  }

  /// Make a file, or change it.
  void put(const std::string& path, const std::string& sha256, const std::string& data = "") {
    disk_[path] = {FileStamp{1, ++clock_, 1}, FileHashes{sha256, data}};
  }

  SubrunPlan plan() {
    hashed_.clear();
    const FileAccess access{[this](const std::string& path) -> std::optional<FileStamp> {
                              const auto file = disk_.find(path);
                              if (file == disk_.end()) return std::nullopt;
                              return file->second.first;
                            },
                            [this](const std::string& path) {
                              hashed_.push_back(path);
                              return disk_.at(path).second;
                            }};
    std::vector<FileRecord> rehashed;
    return plan_subrun(task_, state_, settings_, access, rehashed);
  }

  void record(const std::string& stage, const StageFacts& facts, std::vector<PortFile> inputs,
              const PortFile& output) {
    JobRecord job;
    job.key = {stage, 7, 3};
    job.status = JobStatus::done;
    job.stage_version = facts.version;
    job.configuration = facts.configuration;
    job.attempts = 1;
    std::vector<std::pair<std::string, std::string>> hashes;
    const auto note = [&](const PortFile& file) {
      const auto& [stamp, content] = disk_.at(file.path);
      state_.files[file.path] = {file.path, stamp, content};
      return JobFile{file.port, file.path, content};
    };
    for (const PortFile& input : inputs) {
      job.inputs.push_back(note(input));
      hashes.emplace_back(input.port, job.inputs.back().hashes.deciding());
    }
    job.outputs.push_back(note(output));
    job.identity = stage::job_identity(stage, facts.version, facts.configuration, hashes);
    state_.jobs[job.key] = job;
  }

  /// As after a night that went well.
  void make_both() {
    put(task_.dl1_file, "dl1 bytes", "dl1 data");
    put(task_.dl2_file, "dl2 bytes", "dl2 data");
    record("r0_to_dl1", settings_.r0_to_dl1, task_.dl1_inputs, {"dl1_subrun", task_.dl1_file});
    record("dl1_to_dl2", settings_.dl1_to_dl2,
           {{"models", "/m/forest"}, {"dl1_subrun", task_.dl1_file}},
           {"dl2_subrun", task_.dl2_file});
  }

  SubrunTask task_;
  PlanSettings settings_;
  StateSnapshot state_;
  std::map<std::string, std::pair<FileStamp, FileHashes>> disk_;
  std::vector<std::string> hashed_;
  std::int64_t clock_ = 0;
};

TEST_F(PlanTest, NothingIsHashedForWhatIsCurrent) {
  make_both();
  const SubrunPlan made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::done) << made.dl1.reason;
  EXPECT_EQ(made.dl2.status, StepStatus::done) << made.dl2.reason;
  EXPECT_TRUE(hashed_.empty());
}

TEST_F(PlanTest, AFreshSubrunIsMadeInOnePassUnread) {
  const SubrunPlan made = plan();
  EXPECT_TRUE(made.in_one_pass());
  EXPECT_EQ(made.dl1.reason, "never done");
  EXPECT_TRUE(hashed_.empty());
  put(task_.dl1_file, "a stranger");
  EXPECT_EQ(plan().dl1.reason, "a file of that name is there, but no record of its making");
}

TEST_F(PlanTest, ANewStageVersionRunsAgain) {
  make_both();
  settings_.dl1_to_dl2.version = 2;
  SubrunPlan made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::done);
  EXPECT_EQ(made.dl2.status, StepStatus::to_run);
  EXPECT_EQ(made.dl2.reason, "dl1_to_dl2 is now version 2, was 1");
  settings_.r0_to_dl1.version = 2;
  EXPECT_TRUE(plan().in_one_pass());
  settings_.dl1_to_dl2.version = 1;
  made = plan();
  EXPECT_EQ(made.dl1.reason, "r0_to_dl1 is now version 2, was 1");
  EXPECT_EQ(made.dl2.status, StepStatus::waiting);
}

TEST_F(PlanTest, OnlyTheDataHashOfDl1CountsDownstream) {
  make_both();
  put(task_.dl1_file, "other bytes", "dl1 data");
  record("r0_to_dl1", settings_.r0_to_dl1, task_.dl1_inputs, {"dl1_subrun", task_.dl1_file});
  EXPECT_EQ(plan().dl2.status, StepStatus::done);
  put(task_.dl1_file, "other bytes", "other data");
  record("r0_to_dl1", settings_.r0_to_dl1, task_.dl1_inputs, {"dl1_subrun", task_.dl1_file});
  EXPECT_EQ(plan().dl2.status, StepStatus::to_run);
  EXPECT_EQ(plan().dl2.reason, "dl1_subrun changed: dl1.h5");
}

TEST_F(PlanTest, EqualConstantsElsewhereChangeNothing) {
  make_both();
  put("/c/new/drs4", "hash of /c/drs4");
  task_.dl1_inputs[1].path = "/c/new/drs4";
  EXPECT_EQ(plan().dl1.status, StepStatus::done);
  put("/c/new/drs4", "another hash");
  EXPECT_EQ(plan().dl1.status, StepStatus::to_run);
  EXPECT_EQ(plan().dl1.reason, "another drs4_pedestal: drs4");
}

TEST_F(PlanTest, AnInputThatAppearsOrGoesCounts) {
  make_both();
  put("/d/target", "target");
  task_.dl1_inputs.push_back({"pointing_target", "/d/target"});
  EXPECT_EQ(plan().dl1.reason, "another pointing_target: target");
  task_.dl1_inputs.pop_back();
  put("/r0/s2", "second stream");
  task_.dl1_inputs.push_back({"r0_subrun", "/r0/s2"});
  record("r0_to_dl1", settings_.r0_to_dl1, task_.dl1_inputs, {"dl1_subrun", task_.dl1_file});
  EXPECT_EQ(plan().dl1.status, StepStatus::done);
  task_.dl1_inputs.pop_back();
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
  disk_.erase(task_.dl1_file);
  const SubrunPlan made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::missing_input);
  EXPECT_EQ(made.dl1.reason, "r0_subrun /r0/s1 does not exist");
  EXPECT_EQ(made.dl2.status, StepStatus::done) << "DL2 itself is sound";
}

TEST_F(PlanTest, ObstaclesBlockWhatShouldRun) {
  task_.dl1_obstacle = "no charge calibration";
  SubrunPlan made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.reason, "its DL1 file is not there: no charge calibration");
  task_.dl1_obstacle.clear();
  task_.dl2_obstacle = "no models";
  task_.dl2_inputs.clear();
  made = plan();
  EXPECT_EQ(made.dl1.status, StepStatus::to_run);
  EXPECT_EQ(made.dl2.status, StepStatus::blocked);
  EXPECT_EQ(made.dl2.reason, "no models");
  task_.dl2_obstacle.clear();
  settings_.dl2 = false;
  EXPECT_EQ(plan().dl2.status, StepStatus::not_wanted);
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

TEST_F(PlanTest, AProductionMovedElsewhereIsMadeThere) {
  make_both();
  task_.dl2_file = "/elsewhere/dl2.h5";
  EXPECT_EQ(plan().dl2.reason, "dl2.h5 was never made in this folder");
}

}  // namespace
}  // namespace alisio::night
