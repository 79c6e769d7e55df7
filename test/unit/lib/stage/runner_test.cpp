#include "lib/stage/runner.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/stage/description.hpp"

namespace alisio::stage {
namespace {

namespace fs = std::filesystem;

/// Writes down what it is told, in order.
struct Listener : StageObserver {
  void started(const ActivityNote&) override { heard.emplace_back("started"); }
  void used(const ActivityNote&, const FileNote& file) override {
    heard.push_back("used " + file.port + (file.planned ? " planned" : ""));
    hashes.push_back(file.sha256);
    attributes = file.attributes;
  }
  void generated(const ActivityNote& activity, const FileNote& file) override {
    heard.push_back("generated " + file.port + (file.planned ? " planned" : ""));
    final_name_existed = fs::exists(file.path);
    attributes = file.attributes;
    identity = activity.identity;
  }
  void finished(const ActivityNote&, const OutcomeNote& note) override {
    heard.push_back(note.ok ? "done" : "failed: " + note.message);
    outcome = note;
  }
  std::vector<std::string> heard, hashes;
  std::string identity;
  std::map<std::string, std::string> attributes;  ///< of the last file
  bool final_name_existed = false;
  OutcomeNote outcome;
};

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("alisio_runner_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    write_file_atomically(folder_ / "in.txt", "input");
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] static ActivityNote activity() {
    ActivityNote note;
    note.stage = "dl1_to_dl2";
    note.configuration_json = "{}";
    return note;
  }
  std::int64_t make(StageRun& run) {
    run.use("dl1_subrun", folder_ / "in.txt");
    run.use("models", folder_ / "in.txt");
    PendingFile& file = run.create("dl2_subrun", folder_ / "out.txt");
    std::ofstream(file.path()) << "output";
    run.publish("dl2_subrun");
    return 5;
  }
  fs::path folder_;
  Listener listener_;
  KnownHashes known_;
};

TEST_F(RunnerTest, AnnouncesInOrderAndPublishesLast) {
  const StageResult result =
      run_stage(activity(), listener_, known_, [&](StageRun& run) { return make(run); });
  EXPECT_FALSE(result.error);
  EXPECT_EQ(listener_.heard, (std::vector<std::string>{"started", "used dl1_subrun", "used models",
                                                       "generated dl2_subrun", "done"}));
  EXPECT_FALSE(listener_.final_name_existed) << "the record comes before the name";
  EXPECT_EQ(read_text_file(folder_ / "out.txt"), "output");
  EXPECT_EQ(listener_.hashes[0], hash_text("input"));
  EXPECT_EQ(result.report["events"], 5);
  EXPECT_EQ(result.report["outputs"][0]["sha256"], hash_text("output"));
  EXPECT_EQ(listener_.identity,
            job_identity("dl1_to_dl2", description("dl1_to_dl2").version, "{}",
                         {{"models", hash_text("input")}, {"dl1_subrun", hash_text("input")}}));
}

TEST_F(RunnerTest, AFailureIsRecordedAndLeavesNothing) {
  const StageResult result =
      run_stage(activity(), listener_, known_, [&](StageRun& run) -> std::int64_t {
        run.use("dl1_subrun", folder_ / "in.txt");
        PendingFile& file = run.create("dl2_subrun", folder_ / "out.txt");
        std::ofstream(file.path()) << "half";
        throw Error(ErrorKind::bad_input, "cut short", "in.txt");
      });
  EXPECT_TRUE(result.error);
  EXPECT_EQ(listener_.heard,
            (std::vector<std::string>{"started", "used dl1_subrun", "failed: in.txt: cut short"}));
  EXPECT_EQ(listener_.outcome.exit_code, exit_code(ErrorKind::bad_input));
  EXPECT_EQ(result.report["status"], "failed");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "only the input is left";
}

TEST_F(RunnerTest, WhatTheSystemRefusesIsNoBug) {
  const auto code_of = [&](const auto& fail) {
    const StageResult result =
        run_stage(activity(), listener_, known_, [&](StageRun&) -> std::int64_t {
          fail();
          return 0;
        });
    EXPECT_THROW(std::rethrow_exception(result.error), Error);
    return listener_.outcome.exit_code;
  };
  EXPECT_EQ(code_of([] { throw std::bad_alloc(); }), exit_code(ErrorKind::resource));
  EXPECT_EQ(code_of([] {
              throw fs::filesystem_error("status", "/data",
                                         std::make_error_code(std::errc::permission_denied));
            }),
            exit_code(ErrorKind::resource));
  EXPECT_NE(listener_.outcome.message.find("/data: the system refuses it: Permission denied"),
            std::string::npos)
      << listener_.outcome.message;
  EXPECT_EQ(code_of([] { throw std::logic_error("x"); }), exit_code(ErrorKind::bug));
}

TEST_F(RunnerTest, AnEndThatCannotBeRecordedIsAFailure) {
  struct FullDisk : Listener {
    void finished(const ActivityNote&, const OutcomeNote&) override {
      throw Error(ErrorKind::resource, "the disk is full", "journal");
    }
  } full;
  const StageResult result =
      run_stage(activity(), full, known_, [&](StageRun& run) { return make(run); });
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.report["status"], "failed");
  EXPECT_EQ(result.report["exit_code"], exit_code(ErrorKind::resource));
  const StageResult failed = run_stage(activity(), full, known_, [&](StageRun&) -> std::int64_t {
    throw Error(ErrorKind::bad_input, "cut short", "in.txt");
  });
  EXPECT_EQ(failed.report["message"], "in.txt: cut short") << "the first failure counts";
}

TEST_F(RunnerTest, ADryRunPlansAbsentInputs) {
  ActivityNote note = activity();
  note.dry_run = true;
  const StageResult result = run_stage(note, listener_, known_, [&](StageRun& run) -> std::int64_t {
    run.use("dl1_subrun", folder_ / "absent.h5");
    run.plan_product("dl2_subrun", folder_ / "out.txt");
    return 0;
  });
  EXPECT_FALSE(result.error);
  EXPECT_EQ(listener_.heard, (std::vector<std::string>{"started", "used dl1_subrun planned",
                                                       "generated dl2_subrun planned", "done"}));
  EXPECT_FALSE(fs::exists(folder_ / "out.txt"));
}

TEST_F(RunnerTest, TellsWhyAFileWasChosenAndWhatAProductIsWorth) {
  const StageResult result = run_stage(activity(), listener_, known_, [&](StageRun& run) {
    run.annotate("models", "choice", "nearest");
    run.use("models", folder_ / "in.txt");
    run.used();
    EXPECT_EQ(listener_.attributes.at("choice"), "nearest");
    PendingFile& file = run.create("dl2_subrun", folder_ / "out.txt");
    std::ofstream(file.path()) << "output";
    run.publish("dl2_subrun", {{"quality", "passed"}});
    EXPECT_EQ(listener_.attributes.at("quality"), "passed");
    EXPECT_THROW(static_cast<void>(run.create("dl2_subrun", folder_ / "second.txt")), Error);
    EXPECT_THROW(run.publish("dl2_subrun"), Error) << "published already";
    return 1;
  });
  EXPECT_FALSE(result.error);
}

TEST_F(RunnerTest, HashesAheadTheFilesOfAPortInTheOrderOfTheirMaking) {
  ActivityNote note = activity();
  note.stage = "gain_select";
  const StageResult result = run_stage(note, listener_, known_, [&](StageRun& run) {
    run.use("r0_subrun", folder_ / "in.txt");
    EXPECT_THROW(run.hash_ahead("r0g_subrun"), Error) << "not made yet";
    for (const char* name : {"1.txt", "2.txt"})
      std::ofstream(run.create("r0g_subrun", folder_ / name).path()) << name;
    run.hash_ahead("r0g_subrun");
    run.hash_ahead("r0g_subrun");
    EXPECT_THROW(run.hash_ahead("r0g_subrun"), Error) << "both are under way";
    for (const char* name : {"1.txt", "2.txt"}) {
      const FileStamp stamp = run.publish("r0g_subrun");
      EXPECT_EQ(stamp.path, (folder_ / name).string());
      EXPECT_EQ(stamp.sha256, hash_stamp(folder_ / name).sha256);
    }
    return 1;
  });
  EXPECT_FALSE(result.error);
}

TEST_F(RunnerTest, LeavesNothingOfWhatWasHashedAheadByAStageThatFails) {
  for (const bool itself : {false, true}) {
    const StageResult result = run_stage(activity(), listener_, known_, [&](StageRun& run) {
      run.use("models", folder_ / "in.txt");
      std::ofstream(run.create("dl2_subrun", folder_ / "out.h5").path()) << "no HDF5 file";
      run.hash_ahead("dl2_subrun");
      if (itself) throw Error(ErrorKind::bad_input, "something else");
      run.publish("dl2_subrun");
      return 1;
    });
    EXPECT_TRUE(result.error);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "only the input is left";
  }
}

TEST_F(RunnerTest, PublishesTheFilesOfAPortInTheOrderOfTheirMaking) {
  ActivityNote note = activity();
  note.stage = "gain_select";
  const StageResult result = run_stage(note, listener_, known_, [&](StageRun& run) {
    run.use("r0_subrun", folder_ / "in.txt");
    for (const char* name : {"1.txt", "2.txt"})
      std::ofstream(run.create("r0g_subrun", folder_ / name).path()) << name;
    EXPECT_EQ(fs::path(run.publish("r0g_subrun").path).filename(), "1.txt");
    EXPECT_FALSE(fs::exists(folder_ / "2.txt"));
    EXPECT_EQ(fs::path(run.publish("r0g_subrun").path).filename(), "2.txt");
    return 1;
  });
  EXPECT_FALSE(result.error);
  EXPECT_EQ(read_text_file(folder_ / "2.txt"), "2.txt");
  EXPECT_EQ(result.report["outputs"].size(), 2U);
}

TEST_F(RunnerTest, RefusesPortsThatAreNotDeclared) {
  const StageResult result =
      run_stage(activity(), listener_, known_, [&](StageRun& run) -> std::int64_t {
        run.use("drs4_pedestal", folder_ / "in.txt");
        return 0;
      });
  EXPECT_TRUE(result.error);
}

TEST_F(RunnerTest, KnownHashesHoldWhileTheFileIsUnchanged) {
  FileStamp stamp = stat_stamp(folder_ / "in.txt");
  stamp.sha256 = "trusted";
  known_.add(stamp);
  EXPECT_EQ(known_.find(folder_ / "in.txt")->sha256, "trusted");
  write_file_atomically(folder_ / "in.txt", "other input");
  EXPECT_FALSE(known_.find(folder_ / "in.txt"));
}

TEST(JobIdentity, DependsOnEverythingButTheOrderOfInputs) {
  const std::string base = job_identity("a", 1, "{}", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(base, job_identity("a", 1, "{}", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(base, job_identity("b", 1, "{}", {{"x", "1"}, {"y", "2"}}));
  EXPECT_NE(base, job_identity("a", 2, "{}", {{"x", "1"}, {"y", "2"}}));
  EXPECT_NE(base, job_identity("a", 1, "{\"k\":1}", {{"x", "1"}, {"y", "2"}}));
  EXPECT_NE(base, job_identity("a", 1, "{}", {{"x", "2"}, {"y", "1"}}));
}

TEST_F(RunnerTest, AReportReplacesReportsOnly) {
  const fs::path report = folder_ / "report.json";
  const StageResult result =
      run_stage(activity(), listener_, known_, [&](StageRun& run) { return make(run); });
  refuse_no_report(report);
  write_report(report, {result.report});
  const std::string first = read_text_file(report);
  refuse_no_report(report);
  write_report(report, {result.report});
  EXPECT_EQ(read_text_file(report), first);
  write_file_atomically(report, "");
  refuse_no_report(report);

  for (const char* content : {"{", "{\"activity\": []}", "[\"activities\"]", "telescope: 1\n"}) {
    write_file_atomically(report, content);
    EXPECT_THROW(refuse_no_report(report), Error) << content;
  }
  for (const char* name : {"in.txt", "out.txt"}) {
    const std::string before = read_text_file(folder_ / name);
    try {
      write_report(folder_ / name, {result.report});
      FAIL() << name << " was replaced";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    }
    EXPECT_EQ(read_text_file(folder_ / name), before);
  }
}

}  // namespace
}  // namespace alisio::stage
