// A night from end to end, its jobs done by a stand-in program (fake_stage.cpp).
#include "lib/night/night.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/version.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/kept_configuration.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/tree_owner.hpp"
#include "lib/sqlite/database.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

constexpr const char* everything =
    "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001; "
    "r0_to_dl1 00101.0000; r0_to_dl1 00101.0001; r0_to_dl1 00102.0000; r0_to_dl1 00102.0001";

TEST_F(NightTest, MakesEverythingOnceAndThenNothing) {
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), everything);
  for (const int number : {101, 102})
    for (const int subrun : {0, 1}) {
      EXPECT_TRUE(fs::exists(product("dl1", number, subrun)));
      EXPECT_TRUE(fs::exists(product("dl2", number, subrun)));
    }
  EXPECT_NE(out_.str().find("00101  DATA      2        2 done         2 done     200  6.0 s\n"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("00090  DRS4"), std::string::npos);
  ASSERT_EQ(merges_.size(), 5u);
  EXPECT_EQ(merges_[4].run, whole_night) << "the night comes last: it names the others";
  EXPECT_EQ(merges_[4].stage, "");
  EXPECT_EQ(merges_[4].output_folder, folder_ / "DL1/20221215/test_v00/log");
  EXPECT_EQ(merges_[4].document_folders,
            (std::vector<fs::path>{folder_ / "DL1/20221215/test_v00/log",
                                   folder_ / "DL2/20221215/test_v00/log"}));
  EXPECT_EQ(merges_[0].output_folder, folder_ / "DL1/20221215/test_v00/log");
  EXPECT_EQ(merges_[0].link_folder, folder_ / "DL2/20221215/test_v00/log");
  EXPECT_EQ(part_files(), 0);

  merges_.clear();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
  EXPECT_NE(out_.str().find("Nothing to do: 8 jobs are done"), std::string::npos) << out_.str();
  EXPECT_TRUE(merges_.empty());
  EXPECT_NE(plan().find("nothing to run"), std::string::npos);
}

TEST_F(NightTest, PlanChangesNothingAndSaysWhy) {
  const std::string text = plan();
  EXPECT_NE(text.find("0000-0001  r0_to_dl1  to run: never done"), std::string::npos) << text;
  EXPECT_NE(text.find("dl1_to_dl2 to run: never done (in one pass with DL1)"), std::string::npos);
  EXPECT_NE(
      text.find("drs4_pedestal.Run00090.0000.h5 (nearest at or before run 00101, of this night)"),
      std::string::npos);
  EXPECT_NE(text.find("4 jobs to run"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "state"));
  EXPECT_FALSE(fs::exists(folder_ / "DL1"));
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, RemakesExactlyADeletedProduct) {
  ASSERT_EQ(run(), 0);
  calls();
  fs::remove(product("dl2", 101, 1));
  EXPECT_NE(plan().find("0001  dl1_to_dl2 to run: the product dl2_LST-1.Run00101.0001.h5 is gone"),
            std::string::npos)
      << plan();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0001");
  // The same data come back under another activity: DL2 stays.
  const auto dl2_before = fs::last_write_time(product("dl2", 102, 0));
  fs::remove(product("dl1", 102, 0));
  EXPECT_NE(plan().find("dl1_to_dl2 waiting: made again if the data of DL1 change"),
            std::string::npos)
      << plan();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "r0_to_dl1 00102.0000");
  EXPECT_EQ(fs::last_write_time(product("dl2", 102, 0)), dl2_before);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, RemakesAnAlteredProduct) {
  ASSERT_EQ(run(), 0);
  calls();
  write(product("dl1", 101, 0), "something else\n");
  EXPECT_NE(plan().find("the product dl1_LST-1.Run00101.0000.h5 was altered"), std::string::npos);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000");
}

TEST_F(NightTest, ADamagedFileConcernsItsJobsOnly) {
  services_.hash = [](const fs::path& path) {
    const std::string content = read_text_file(path);
    if (content == "damaged") throw Error(ErrorKind::bad_input, "DATASUM differs", path.string());
    return FileHashes{hash_text(content), ""};
  };
  ASSERT_EQ(run(), 0);
  calls();
  write(raw(101, 0, 3), "damaged");
  write(product("dl2", 102, 0), "damaged");
  order("r0_to_dl1_00101.0000", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "dl1_to_dl2 00102.0000; r0_to_dl1 00101.0000");
}

TEST_F(NightTest, TouchedFilesAreHashedAndFoundUnchanged) {
  ASSERT_EQ(run(), 0);
  calls();
  int hashed = 0;
  services_.hash = [&](const fs::path& path) {
    ++hashed;
    return FileHashes{hash_file(path), ""};
  };
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(hashed, 0);
  for (const fs::path& file : {product("dl1", 101, 0), raw(101, 0, 2)})
    fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(5));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(hashed, 2);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(hashed, 2);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, ChangedInputRemakesDownstreamIfItsDataChange) {
  ASSERT_EQ(run(), 0);
  calls();
  write(raw(101, 0, 3), "other raw data");
  EXPECT_NE(plan().find("r0_subrun changed: LST-1.3.Run00101.0000.fits.fz"), std::string::npos)
      << plan();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; r0_to_dl1 00101.0000");
  // Constants change, but this stage's data do not: DL1 is made again, DL2 is not.
  write(folder_ / "calibration/time_calibration.Run00091.0000.h5", "better");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "r0_to_dl1 00101.0000; r0_to_dl1 00101.0001; r0_to_dl1 00102.0000; r0_to_dl1 "
            "00102.0001");
  write(folder_ / "models.forest", "other forest");
  EXPECT_NE(plan().find("models changed: models.forest"), std::string::npos);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; dl1_to_dl2 00102.0000; dl1_to_dl2 "
            "00102.0001");
}

TEST_F(NightTest, ChangedConfigurationIsNamed) {
  ASSERT_EQ(run(), 0);
  calls();
  configure("night:\n  jobs: 7\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "") << "a key that no stage reads";
  configure("tailcut:\n  picture_thresh: 9\n");
  EXPECT_NE(plan().find("configuration changed: tailcut.picture_thresh is now 9.0, was 8.0"),
            std::string::npos)
      << plan();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls().substr(0, 9), "r0_to_dl1");
}

TEST_F(NightTest, AFailingSubrunFailsAlone) {
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001; r0_to_dl1 "
            "00101.0000; r0_to_dl1 00101.0001; r0_to_dl1 00102.0000; r0_to_dl1 00102.0001");
  EXPECT_NE(out_.str().find("1 done, 1 failed"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("00101.0001 r0_to_dl1: told to fail ["), std::string::npos);
  EXPECT_NE(read_text_file(folder_ / "DL1/20221215/test_v00/log/jobs/r0_to_dl1_00101.0001.log")
                .find("told to fail with 5"),
            std::string::npos);
  // A cron pass leaves it alone; a person's run tries again.
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  options_.pass = false;
  EXPECT_NE(plan().find("r0_to_dl1  to run: failed before: told to fail"), std::string::npos);
  fs::remove(control_ / "r0_to_dl1_00101.0001");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0001; r0_to_dl1 00101.0001");
}

TEST_F(NightTest, AFailureOfDl2KeepsDl1) {
  order("dl1_to_dl2_00102.0000", "fail 5");
  EXPECT_EQ(run(), 7);
  calls();
  fs::remove(control_ / "dl1_to_dl2_00102.0000");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00102.0000");
}

TEST_F(NightTest, WantOfResourcesIsTriedAgain) {
  order("r0_to_dl1_00101.0000", "fail-once 6");
  EXPECT_EQ(run(), 0) << out_.str();
  order("r0_to_dl1_00101.0000", "fail 6");
  fs::remove(product("dl1", 101, 0));
  calls();
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000; r0_to_dl1 00101.0000");
}

TEST_F(NightTest, AKilledJobLeavesNothingAndIsTriedAgain) {
  order("r0_to_dl1_00101.0000", "die");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("killed by signal 9"), std::string::npos) << out_.str();
  EXPECT_EQ(part_files(), 0);
  EXPECT_FALSE(fs::exists(product("dl1", 101, 0)));
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  calls();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; r0_to_dl1 00101.0000");
}

TEST_F(NightTest, AJobWithoutReportHasFailed) {
  order("dl1_to_dl2_00101.0000", "mute");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("no report"), std::string::npos) << out_.str();
}

TEST_F(NightTest, AJobWhoseLogCannotBeWrittenSaysSo) {
  order("dl1_to_dl2_00101.0000", "mute");
  write(folder_ / "DL1/20221215/test_v00/log/jobs", "a file where the folder is to be");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("what it said is lost"), std::string::npos) << out_.str();
}

TEST_F(NightTest, AJobWhoseLogCannotBeLookedForIsRecordedAllTheSame) {
  order("dl1_to_dl2_00101.0000", "mute");
  const fs::path logs = folder_ / "DL1/20221215/test_v00/log/jobs";
  fs::create_directories(logs.parent_path());
  fs::create_directory_symlink(logs, logs);
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("what it said is lost"), std::string::npos) << out_.str();
}

TEST_F(NightTest, GoesOnAfterBeingKilledInTheMiddle) {
  order("r0_to_dl1_00102.0000", "sleep 30");
  // Like a file of somebody else's: not ours to remove.
  const fs::path foreign = folder_ / "DL1/20221215/test_v00/.dl1_LST-1.Run00102.0000.h5.part-1-0-0";
  write(foreign, "foreign");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] {
    return part_files() == 2 && fs::exists(product("dl2", 101, 0)) &&
           fs::exists(product("dl2", 101, 1)) && fs::exists(product("dl2", 102, 1));
  }));
  ::kill(night, SIGKILL);
  EXPECT_EQ(wait_exit(night), 128 + SIGKILL);
  fs::remove(control_ / "r0_to_dl1_00102.0000");
  calls();
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string done_later = calls();
  EXPECT_NE(done_later.find("r0_to_dl1 00102.0000"), std::string::npos) << done_later;
  EXPECT_NE(done_later.find("dl1_to_dl2 00102.0000"), std::string::npos) << done_later;
  EXPECT_EQ(done_later.find("00101.0000"), std::string::npos) << done_later;
  EXPECT_EQ(part_files(), 1);
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(NightTest, SurvivesBeingKilledAtAnyInstant) {
  for (const int number : {101, 102})
    for (const int subrun : {0, 1})
      order(fmt::format("r0_to_dl1_{:05}.{:04}", number, subrun), "sleep 0.02");
  options_.jobs = 2;
  int killed = 0;
  for (int delay_ms = 1; delay_ms < 60; delay_ms += 7) {
    const pid_t night = run_apart();
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    ::kill(night, SIGKILL);
    killed += wait_exit(night) == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_GT(killed, 3);
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(part_files(), 0);
  calls();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, TakesOverTheReportOfAJobThatOutlivedItsNight) {
  order("r0_to_dl1_00101.0000", "fail 5");
  ASSERT_EQ(run(), 7);
  calls();
  // As if the night had died between the job's end and its own note of it.
  const NightKey key{1, options_.date, "test_v00"};
  State state = State::open(folder_ / "state");
  ProcessRecord process;
  process.jobs = {{"r0_to_dl1", 101, 0}};
  process.host = "elsewhere";
  process.report_file = folder_ / "state/left.json";
  state.process_starts(key, process);
  const fs::path dl1 = product("dl1", 101, 0);
  write(dl1, "made by hand\n");
  const FileStamp stamp = *stamp_of(dl1);
  write(process.report_file, json{{"journal", ""},
                                  {"activities",
                                   {{{"stage", "r0_to_dl1"},
                                     {"stage_version", 1},
                                     {"status", "done"},
                                     {"activity_id", "x"},
                                     {"identity", "not the right one"},
                                     {"inputs", json::array()},
                                     {"outputs",
                                      {{{"port", "dl1_subrun"},
                                        {"path", dl1.string()},
                                        {"size", stamp.size},
                                        {"mtime_ns", stamp.mtime_ns},
                                        {"inode", stamp.inode},
                                        {"sha256", hash_file(dl1)}}}}}}}}
                                 .dump());
  EXPECT_EQ(run(), 7);
  EXPECT_FALSE(fs::exists(process.report_file));
  EXPECT_TRUE(state.unfinished_processes(key).empty());
}

TEST_F(NightTest, StopsItsJobsWhenToldAndGoesOnLater) {
  order("r0_to_dl1_00101.0000", "sleep 30");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
  ::kill(night, SIGTERM);
  EXPECT_EQ(wait_exit(night), 130);
  EXPECT_EQ(part_files(), 0);
  for (const StepRecord& step :
       State::open_read_only(folder_ / "state")->steps({1, options_.date, "test_v00"}))
    EXPECT_NE(step.status, "running") << job_name(step.key);
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  // On a busy machine the next subrun was under way as well, and they share a line.
  const std::regex interrupted("0000(-0001)?  r0_to_dl1  to run: the last try was interrupted");
  EXPECT_TRUE(std::regex_search(plan(), interrupted)) << plan();
  EXPECT_EQ(run(), 0);
}

TEST_F(NightTest, TwoNightsDoNotRunAtOnce) {
  order("r0_to_dl1_00101.0000", "sleep 30");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
  try {
    run();
    ADD_FAILURE() << "the night ran twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_NE(std::string(error.what()).find(fmt::format("process {} on ", night)),
              std::string::npos)
        << error.what();
  }
  options_.pass = true;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(out_.str(), "");
  options_.pass = false;
  options_.prod_id = "other_v00";
  options_.runs = {102};
  EXPECT_EQ(run(), 0) << "another production of the night is free";
  ::kill(night, SIGTERM);
  wait_exit(night);
}

TEST_F(NightTest, ProductionsLiveSideBySide) {
  ASSERT_EQ(run(), 0);
  calls();
  options_.prod_id = "test_v01";
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), everything);
  EXPECT_TRUE(fs::exists(product("dl2", 101, 0)));
  EXPECT_TRUE(fs::exists(product("dl2", 101, 0, "test_v01")));
  options_.prod_id = "../elsewhere";
  EXPECT_THROW(run(), Error);
}

TEST_F(NightTest, ANightGoesOnAsItWasBegun) {
  options_.prod_id.clear();
  options_.pass = true;
  configure("prod_id: v0.1.0_v00\n");
  ASSERT_EQ(run(), 0);
  calls();
  configure("prod_id: v0.2.0_v00\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "") << "another version of the program makes nothing again";
  EXPECT_FALSE(fs::exists(folder_ / "DL1/20221215/v0.2.0_v00"));
  options_.pass = false;
  try {
    run();
    ADD_FAILURE() << "it was guessed which is meant";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("--prod-id v0.2.0_v00"), std::string::npos)
        << error.what();
  }
  options_.prod_id = "v0.2.0_v00";
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), everything) << "by hand it does";
  options_.prod_id.clear();
  fs::remove(product("dl2", 101, 0, "v0.2.0_v00"));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000") << "the configured one, which it has now";
}

TEST_F(NightTest, MissingFilesAreSaid) {
  fs::remove(raw(101, 1, 1));
  fs::remove(folder_ / "calibration/calibration_filters_52.Run00091.0000.h5");
  write(folder_ / "calibration/calibration_filters_52.Run00102.0000.h5", "charge");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001; r0_to_dl1 00102.0000; r0_to_dl1 "
            "00102.0001");
  EXPECT_NE(out_.str().find("00101.0000 r0_to_dl1: no charge calibration at or before run 00101"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(plan().find("missing input: stream 1 of subrun 00101.0001 does not exist"),
            std::string::npos)
      << plan();
  fs::remove_all(folder_ / "R0");
  try {
    run();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
  }
}

TEST_F(NightTest, ADoneSubrunOutlivesItsRawFiles) {
  ASSERT_EQ(run(), 0);
  calls();
  for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(101, 1, stream));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  EXPECT_NE(out_.str().find("run 00101 has 1 subrun, the run summary says 2"), std::string::npos);
  fs::remove(product("dl1", 101, 1));
  EXPECT_EQ(run(), 7);
  EXPECT_NE(
      out_.str().find("00101.0001 r0_to_dl1: the raw files of subrun 00101.0001 are no longer"),
      std::string::npos)
      << out_.str();
}

TEST_F(NightTest, WithoutDl2OnlyDl1IsMade) {
  options_.dl2 = false;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "r0_to_dl1 00101.0000; r0_to_dl1 00101.0001; r0_to_dl1 00102.0000; r0_to_dl1 "
            "00102.0001");
  EXPECT_EQ(merges_.size(), 3u) << "two runs and the night";
  options_.dl2 = true;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; dl1_to_dl2 00102.0000; dl1_to_dl2 "
            "00102.0001");
}

TEST_F(NightTest, RunsCanBeChosen) {
  options_.runs = {102};
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001; r0_to_dl1 00102.0000; r0_to_dl1 "
            "00102.0001");
  options_.runs = {7};
  EXPECT_THROW(run(), Error);
}

TEST_F(NightTest, AFailedMergeIsNotForgotten) {
  const auto merge = services_.merge;
  services_.merge = [](const MergeJob&) { throw Error(ErrorKind::resource, "the disk is full"); };
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("provenance of run 00101 (r0_to_dl1) could not be merged: the disk"),
            std::string::npos)
      << out_.str();
  services_.merge = merge;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(merges_.size(), 5u);
  fs::remove(folder_ / "DL2/20221215/test_v00/log/dl1_to_dl2_00101_prov.json");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(merges_.size(), 7u) << "the run, and the night that names its document";
}

/// A night of nothing but raw files: DRS4 run 80, calibration runs 91 and 105, data runs 101, 102.
class RawNightTest : public NightTest {
 protected:
  void SetUp() override {
    NightTest::SetUp();
    fs::remove_all(folder_ / "calibration");
    fs::remove_all(folder_ / "summary");
    for (const int run : {80, 91, 105})
      for (int stream = 1; stream <= 4; ++stream)
        write(raw(run, 0, stream), fmt::format("raw {} {}", run, stream));
    write(control_ / "run_summary.content", summary("PEDCALIB"));
    write(
        control_ / "find_tailcuts.content",
        R"({"tailcuts_clean_with_pedestal_threshold":{"picture_thresh":10,"boundary_thresh":5}})");
    services_.probe = [](const fs::path& file) {
      const std::string name = file.filename().string();
      return FileKind{
          name.find("Run00080") != std::string::npos ? "DRS4"
          : name.find("Run00091") != std::string::npos || name.find("Run00105") != std::string::npos
              ? "PEDCALIB"
              : "DATA",
          ""};
    };
  }

  static std::string summary(const std::string& type_of_105) {
    return "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: run_id, datatype: int64}\n"
           "# - {name: n_subruns, datatype: int64}\n# - {name: run_type, datatype: string}\n"
           "# delimiter: ','\nrun_id,n_subruns,run_type\n"
           "80,1,DRS4\n91,1,PEDCALIB\n101,2,DATA\n102,2,DATA\n105,1," +
           type_of_105 + "\n";
  }

  fs::path constants(const std::string& kind, const std::string& name) const {
    return folder_ / "calibration/Cat-A" / kind / "20221215" / version_tag() / name;
  }
  std::string notes() {
    std::ifstream in(control_ / "notes");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    fs::remove(control_ / "notes");
    return text;
  }
};

constexpr const char* all_data =
    "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001";

TEST_F(RawNightTest, MakesItsConstantsFirst) {
  EXPECT_NE(plan().find("camera_calibration to run: never done"), std::string::npos) << plan();
  EXPECT_NE(plan().find("of this night, made first)"), std::string::npos) << plan();
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  EXPECT_NE(made.find("camera_calibration 00091; camera_calibration 00105; dl1_to_dl2"),
            std::string::npos)
      << made;
  EXPECT_NE(made.find("run_summary night; time_calibration 00091; time_calibration 00105"),
            std::string::npos)
      << made;
  EXPECT_NE(made.find(all_data), std::string::npos) << made;
  EXPECT_TRUE(fs::exists(constants("drs4_baseline", "drs4_pedestal.Run00080.0000.h5")));
  EXPECT_TRUE(fs::exists(constants("calibration", "calibration_filters_52.Run00105.0000.h5")));
  EXPECT_TRUE(fs::exists(folder_ / "summary/RunSummary_20221215.ecsv"));
  EXPECT_NE(notes().find("r0_to_dl1 00101.0000 charge_calibration=nearest at or before run 00101, "
                         "of this night"),
            std::string::npos);
  EXPECT_NE(out_.str().find("00091  PEDCALIB  1        made"), std::string::npos) << out_.str();
  // Documents of the calibration runs, whose journals the data runs' documents go back to.
  std::string merged;
  for (const MergeJob& job : merges_) merged += fmt::format("{} {}; ", job.stage, job.run);
  EXPECT_NE(merged.find("camera_calibration 91"), std::string::npos) << merged;
  const auto data = std::find_if(merges_.begin(), merges_.end(), [](const MergeJob& job) {
    return job.stage == "r0_to_dl1" && job.run == 101;
  });
  ASSERT_NE(data, merges_.end());
  EXPECT_GE(data->journal_folders.size(), 4u);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(RawNightTest, TypesComeFromTheRunSummary) {
  write(control_ / "run_summary.content", summary("DATA"));
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  EXPECT_EQ(made.find("camera_calibration 00105"), std::string::npos) << made;
  EXPECT_NE(made.find("r0_to_dl1 00105.0000"), std::string::npos) << made;
}

TEST_F(RawNightTest, ARunSummaryIsMadeAgainWhenRunsAreAdded) {
  ASSERT_EQ(run(), 0) << out_.str();
  calls();
  for (int stream = 1; stream <= 4; ++stream) write(raw(102, 2, stream), "one more");
  std::string more = summary("PEDCALIB");
  more.replace(more.find("102,2"), 5, "102,3");
  write(control_ / "run_summary.content", more);
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  EXPECT_NE(made.find("run_summary night"), std::string::npos) << made;
  EXPECT_NE(made.find("r0_to_dl1 00102.0002"), std::string::npos) << made;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(RawNightTest, WithoutRunSummaryGuessesServe) {
  order("run_summary_night", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(calls().find(all_data), std::string::npos);
  EXPECT_NE(out_.str().find("night run_summary: told to fail"), std::string::npos) << out_.str();
  configure("steps:\n  run_summary: false\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_FALSE(fs::exists(folder_ / "summary"));
}

TEST_F(RawNightTest, AFailedCalibrationIsPassedOver) {
  write(folder_ /
            "calibration/Cat-A/calibration/20221213/v0.1/"
            "calibration_filters_52.Run00070.0000.h5",
        "charge");
  order("camera_calibration_00091", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(calls().find(all_data), std::string::npos);
  EXPECT_NE(notes().find("r0_to_dl1 00101.0000 charge_calibration=nearest at or before run 00101, "
                         "2 nights earlier; passed over: run 00091 (told to fail)"),
            std::string::npos);
  EXPECT_NE(out_.str().find("00091 camera_calibration: told to fail ["), std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("run 00101 uses the charge calibration of run 00070"),
            std::string::npos)
      << out_.str();
  // A pass of cron leaves it so; when it can be made, it serves.
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  options_.pass = false;
  fs::remove(control_ / "camera_calibration_00091");
  EXPECT_EQ(run(), 0);
  EXPECT_NE(calls().find("camera_calibration 00091"), std::string::npos);
  EXPECT_NE(notes().find("of this night"), std::string::npos);
}

TEST_F(RawNightTest, ALaterCalibrationServesIfThereIsNoOther) {
  order("camera_calibration_00091", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(notes().find("charge_calibration=first after run 00101, of this night: there is none "
                         "before it; passed over: run 00091 (told to fail)"),
            std::string::npos);
}

TEST_F(RawNightTest, ConstantsThatFailTheirGatesAreNotUsed) {
  services_.check_constants = [](const std::string&, const fs::path& file,
                                 const config::Configuration&, const ExpectedSubruns&) {
    if (file.string().find("filters_52.Run00091") == std::string::npos) return Verdict{};
    return Verdict{false, "unusable_pixels 0.43 (at most 0.1)"};
  };
  EXPECT_EQ(run(), 0) << out_.str();
  calls();
  EXPECT_NE(notes().find("passed over: run 00091 (unusable_pixels 0.43 (at most 0.1))"),
            std::string::npos);
  EXPECT_NE(out_.str().find("charge calibration of run 00091 fails its checks: unusable_pixels "
                            "0.43 (at most 0.1); not used (--accept 91 uses it)"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("00091  PEDCALIB  1        gates failed"), std::string::npos)
      << out_.str();
  options_.accepted = {91};
  EXPECT_EQ(run(), 0);
  EXPECT_NE(calls().find("r0_to_dl1 00101.0000"), std::string::npos);
  EXPECT_NE(notes().find("accepted in spite of unusable_pixels"), std::string::npos);
}

TEST_F(RawNightTest, NobodyIsToldToAcceptConstantsThatCannotBeRead) {
  services_.check_constants = [](const std::string&, const fs::path& file,
                                 const config::Configuration&, const ExpectedSubruns&) {
    if (file.string().find("filters_52.Run00091") == std::string::npos) return Verdict{};
    throw Error(ErrorKind::bad_input, "is cut short", file.string());
  };
  options_.accepted = {91};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(out_.str().find("charge calibration of run 00091 cannot be read and is not used"),
            std::string::npos)
      << out_.str();
  EXPECT_EQ(out_.str().find("--accept"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("00091  PEDCALIB  1        not readable"), std::string::npos)
      << out_.str();
  EXPECT_EQ(notes().find("accepted in spite of"), std::string::npos);
}

TEST_F(RawNightTest, ANightOfCalibrationRunsAlone) {
  for (const int number : {101, 102})
    for (const int subrun : {0, 1})
      for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(number, subrun, stream));
  const std::regex data_run("[0-9]+,2,DATA\n");
  write(control_ / "run_summary.content", std::regex_replace(summary("PEDCALIB"), data_run, ""));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(),
            "camera_calibration 00091; camera_calibration 00105; drs4_pedestal 00080; run_summary "
            "night; time_calibration 00091; time_calibration 00105");
}

TEST_F(RawNightTest, OnlyTheConstantsThatAreNeededAreMadeForARun) {
  options_.runs = {101};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(),
            "camera_calibration 00091; dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; drs4_pedestal "
            "00080; r0_to_dl1 00101.0000; r0_to_dl1 00101.0001; run_summary night; "
            "time_calibration 00091");
}

TEST_F(RawNightTest, AnotherProductionTakesTheConstantsAsTheyAre) {
  ASSERT_EQ(run(), 0);
  calls();
  options_.prod_id = "test_v01";
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), everything);
  EXPECT_NE(out_.str().find("00091  PEDCALIB  1        as found"), std::string::npos) << out_.str();
}

TEST_F(RawNightTest, OtherSettingsDoNotChangeWhatAnotherProductionUses) {
  ASSERT_EQ(run(), 0);
  options_.prod_id = "test_v01";
  ASSERT_EQ(run(), 0) << out_.str();
  calls();
  const fs::path file = constants("calibration", "calibration_filters_52.Run00091.0000.h5");
  const std::string content = read_text_file(file);
  options_.prod_id = "test_v00";
  configure(
      "camera_calibration:\n  LSTCalibrationCalculator:\n    squared_excess_noise_factor: 1.5\n");
  try {
    run();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_NE(std::string(error.what()).find("production test_v01 uses"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(calls(), "");
  EXPECT_EQ(read_text_file(file), content);
  options_.redo = Redo{.stage = "camera_calibration", .reason = "F factor", .author = "crew"};
  run();
  EXPECT_NE(calls().find("camera_calibration 00091"), std::string::npos) << out_.str();
}

TEST_F(RawNightTest, TwoProductionsDoNotMakeTheirConstantsAtOnce) {
  order("drs4_pedestal_00080", "sleep 30");
  const pid_t other = run_apart();
  ASSERT_TRUE(wait_for([&] { return fs::exists(folder_ / "state/LST-1_20221215.shared.lock"); }));
  options_.prod_id = "test_v01";
  EXPECT_THROW(run(), Error);
  options_.pass = true;
  EXPECT_EQ(run(), 0) << "the next pass goes on";
  ::kill(other, SIGKILL);
  wait_exit(other);
}

TEST_F(RawNightTest, GoesOnAfterBeingKilledAmongTheConstants) {
  order("drs4_pedestal_00080", "sleep 30");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] {
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      if (entry.path().filename().string().starts_with(".drs4_pedestal.Run00080")) return true;
    return false;
  }));
  ::kill(night, SIGKILL);
  EXPECT_EQ(wait_exit(night), 128 + SIGKILL);
  fs::remove(control_ / "drs4_pedestal_00080");
  calls();
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  EXPECT_EQ(made.find("run_summary"), std::string::npos) << made;
  EXPECT_NE(made.find("drs4_pedestal 00080"), std::string::npos) << made;
}

TEST_F(RawNightTest, CleansAgainWithTheLevelsOfTheRun) {
  configure("steps:\n  cat_b: true\n  tailcuts: true\n  dl1ab: true\n");
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  for (const char* job : {"cat_b 00101", "find_tailcuts 00102", "dl1ab 00101.0001",
                          "dl1_to_dl2 00102.0000", "r0_to_dl1 00102.0000"})
    EXPECT_NE(made.find(job), std::string::npos) << job << " in " << made;
  const fs::path dl1 = folder_ / "DL1/20221215/test_v00";
  EXPECT_TRUE(fs::exists(dl1 / "interleaved/interleaved_LST-1.Run00101.0000.h5"));
  EXPECT_TRUE(fs::exists(dl1 / "tailcut1005/dl1_LST-1.Run00101.0000.h5"));
  EXPECT_TRUE(fs::exists(folder_ / "DL2/20221215/test_v00/tailcut1005/dl2_LST-1.Run00101.0000.h5"));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  // A subrun that is lost leaves the rest of its run.
  fs::remove(raw(101, 1, 1));
  fs::remove(dl1 / "dl1_LST-1.Run00101.0001.h5");
  EXPECT_EQ(run(), 7);
  const std::string again = calls();
  EXPECT_NE(again.find("find_tailcuts 00101"), std::string::npos) << again;
  EXPECT_EQ(again.find("00102"), std::string::npos) << again;
}

TEST_F(RawNightTest, TakesLevelsAndModelsThatTheRunAsksFor) {
  for (const char* set :
       {"nsb_tuning_0.00/dec_2276", "nsb_tuning_0.38/dec_2276", "nsb_tuning_0.50/dec_2276"})
    write(folder_ / "sets" / (std::string(set) + ".forest"), set);
  write(folder_ / "RunCatalog_20221215.ecsv",
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: run_id, datatype: int64}\n"
        "# - {name: source_name, datatype: string}\n# - {name: source_ra, datatype: float64}\n"
        "# - {name: source_dec, datatype: float64}\n# delimiter: ','\n"
        "run_id,source_name,source_ra,source_dec\n101,Crab,83.6,22.01\n102,Crab,83.6,22.01\n");
  configure("steps:\n  tailcuts: true\n  dl1ab: true\n");
  // The fixture's section dl2 names a single set.
  std::string text = read_text_file(options_.config_file);
  const std::string single = "models: models.forest\n";
  text.replace(text.find(single), single.size(),
               "models: sets\n  choice: by_declination_and_nsb\n"
               "  catalogue: RunCatalog_20221215.ecsv\n");
  write(options_.config_file, text);
  write(control_ / "find_tailcuts.content",
        R"({"tailcuts_clean_with_pedestal_threshold":{"picture_thresh":10,"boundary_thresh":5},)"
        R"("find_tailcuts_result":{"additional_nsb":0.41}})");
  // Levels that somebody set by hand, with the log of lstchain.
  const fs::path by_hand = folder_ / "auxiliary/TailCuts/dl1ab_Run00102.json";
  write(by_hand, R"({"tailcuts_clean_with_pedestal_threshold":)"
                 R"({"picture_thresh":8,"boundary_thresh":4}})");
  write(by_hand.parent_path() / "log_find_tailcuts_Run00102.log",
        "Additional NSB rate (over dark MC): 0.0210\n");
  EXPECT_NE(plan().find("chosen anew when the levels of the run are found"), std::string::npos)
      << plan();
  EXPECT_NE(plan().find("as found: cleaning levels " + by_hand.string()), std::string::npos);
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls().find("find_tailcuts 00102"), std::string::npos);
  EXPECT_NE(read_text_file(by_hand).find("8"), std::string::npos) << "replaced";
  const std::string told = notes();
  EXPECT_NE(told.find("night-sky level 0.38 for 0.41"), std::string::npos) << told;
  EXPECT_NE(plan().find("nsb_tuning_0.38/dec_2276.forest"), std::string::npos) << plan();
  EXPECT_NE(plan().find("nsb_tuning_0.00/dec_2276.forest"), std::string::npos) << plan();
  const fs::path dl2 = folder_ / "DL2/20221215/test_v00";
  EXPECT_TRUE(fs::exists(dl2 / "tailcut1005/dl2_LST-1.Run00101.0000.h5"));
  EXPECT_TRUE(fs::exists(dl2 / "tailcut84/dl2_LST-1.Run00102.0000.h5"));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
}

TEST_F(RawNightTest, CatBThatFailsItsGatesCorrectsNothing) {
  configure("steps:\n  cat_b: true\n  dl1ab: true\n");
  services_.check_constants = [](const std::string& kind, const fs::path& file,
                                 const config::Configuration&, const ExpectedSubruns&) {
    if (kind != "catb_calibration" || file.string().find("Run00101") == std::string::npos)
      return Verdict{};
    return Verdict{false, "flatfield_events 10 (at least 100)"};
  };
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(calls().find("dl1ab 00101.0000"), std::string::npos);
  EXPECT_NE(out_.str().find("Cat-B calibration of run 00101 fails its checks: flatfield_events 10 "
                            "(at least 100); not used (--accept 101 uses it)"),
            std::string::npos)
      << out_.str();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
  // Accepted, it is an input more: what it corrects is made again, and nothing else.
  options_.accepted = {101};
  EXPECT_EQ(run(), 0);
  const std::string again = calls();
  EXPECT_NE(again.find("dl1ab 00101.0000; dl1ab 00101.0001"), std::string::npos) << again;
  EXPECT_EQ(again.find("00102"), std::string::npos) << again;
  EXPECT_EQ(again.find("cat_b"), std::string::npos) << again;
  // Accepted no more, it is an input less.
  options_.accepted = {};
  EXPECT_EQ(run(), 0);
  EXPECT_NE(calls().find("dl1ab 00101.0000; dl1ab 00101.0001"), std::string::npos);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, ChecksMergesAndReports) {
  configure("steps:\n  data_check: true\n");
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  for (const char* job :
       {"merge_dl1 00101", "merge_dl2 00102", "merge_muons 00101", "merge_datacheck 00102",
        "merge_muons night", "merge_datacheck night", "night_report night"})
    EXPECT_NE(made.find(job), std::string::npos) << job << " in " << made;
  const fs::path dl1 = folder_ / "DL1/20221215/test_v00";
  for (const char* name : {"muons_LST-1.Run00101.0001.fits", "datacheck_dl1_LST-1.Run00102.0000.h5",
                           "muons_LST-1.Run00102.fits", "datacheck_dl1_LST-1.20221215.h5",
                           "dl1_LST-1.Run00101.h5", "report_20221215.html"})
    EXPECT_TRUE(fs::exists(dl1 / name)) << name;
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  // A subrun that is lost is left out of the files of its run, and the report tells.
  fs::remove(raw(101, 1, 1));
  fs::remove(dl1 / "dl1_LST-1.Run00101.0001.h5");
  EXPECT_EQ(run(), 7);
  const std::string again = calls();
  for (const char* job : {"merge_dl1 00101", "merge_datacheck night", "night_report night"})
    EXPECT_NE(again.find(job), std::string::npos) << job << " in " << again;
  EXPECT_EQ(again.find("00102"), std::string::npos) << again;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, Dl3AndSignificanceAreMadeWhenAskedFor) {
  const std::string steps =
      "  muons: false\n  data_check: false\n  report: false\n  dl3: true\n  significance: true\n";
  const std::string files = "dl3:\n  irf: irf\nsignificance:\n  catalogue: sources.csv\n";
  write(folder_ / "irf/irf_a.fits.gz", "response");
  write(folder_ / "irf/notes.txt", "no response");
  write(folder_ / "sources.csv", "sources");
  configure("steps:\n  merge: true\n" + steps + files);
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string made = calls();
  for (const char* job : {"dl3 00101", "dl3 00102", "dl3_index night", "significance night"})
    EXPECT_NE(made.find(job), std::string::npos) << job << " in " << made;
  const fs::path dl3 = folder_ / "DL3/20221215/test_v00";
  for (const char* name : {"dl3_LST-1.Run00101.fits", "hdu-index.fits.gz", "obs-index.fits.gz",
                           "significance_20221215.json"})
    EXPECT_TRUE(fs::exists(dl3 / name)) << name;
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  // Another catalogue makes what hangs on it again, and nothing else.
  write(folder_ / "sources.csv", "other sources");
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string again = calls();
  EXPECT_NE(again.find("significance night"), std::string::npos) << again;
  EXPECT_EQ(again.find("dl2"), std::string::npos) << again;
  // Another response may be the better one; a hidden file is none.
  write(folder_ / "irf/irf_b.fits.gz", "response");
  EXPECT_EQ(run(), 0) << out_.str();
  const std::string with_two = calls();
  EXPECT_NE(with_two.find("dl3 00101"), std::string::npos) << with_two;
  EXPECT_EQ(with_two.find("dl2"), std::string::npos) << with_two;
  write(folder_ / "irf/.irf_c.fits.gz", "on its way");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  // A clock that ran ahead must not have it made again and again.
  fs::last_write_time(folder_ / "irf/irf_b.fits.gz",
                      fs::file_time_type::clock::now() + std::chrono::hours(48));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(calls().find("dl3 00101"), std::string::npos);
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "");
  // So may others, elsewhere.
  write(folder_ / "elsewhere/irf_a.fits.gz", "response");
  configure("steps:\n  merge: true\n" + steps + "dl3:\n  irf: elsewhere\n" +
            "significance:\n  catalogue: sources.csv\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(calls().find("dl3 00102"), std::string::npos);
  // A run whose DL2 fails is left out.
  write(raw(102, 1, 1), "other data");
  order("merge_dl2_00102", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(calls().find("significance night"), std::string::npos);
}

TEST_F(NightTest, WithoutAResponseThereIsNoDl3) {
  configure(
      "steps:\n  muons: false\n  data_check: false\n  merge: false\n  report: false\n"
      "  dl3: true\n");
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("dl3.irf"), std::string::npos) << out_.str();
  EXPECT_EQ(calls().find("dl3"), std::string::npos);
}

TEST_F(NightTest, TheReportIsMadeAgainAfterAFailure) {
  configure("steps:\n  data_check: true\n");
  EXPECT_EQ(run(), 0) << out_.str();
  calls();
  write(raw(102, 1, 1), "damaged");
  order("r0_to_dl1_00102.0001", "fail 4");
  ::sleep(1);  // the state knows whole seconds
  EXPECT_EQ(run(), 7);
  const std::string again = calls();
  EXPECT_NE(again.find("night_report night"), std::string::npos) << again;
}

TEST_F(NightTest, VerdictsAreTakenOverWhileFileAndLimitsAreTheSame) {
  std::set<std::string> judged;
  services_.check_constants = [&](const std::string&, const fs::path& file,
                                  const config::Configuration&, const ExpectedSubruns&) {
    judged.insert(file.filename());
    const bool bad = file.string().find("Run00101.0001") != std::string::npos;
    return bad ? Verdict{false, "cosmics_rate 3 Hz (100 to 20000)", "ucts_jumps"} : Verdict{};
  };
  const std::string steps = "steps:\n  data_check: true\n";
  configure(steps);
  EXPECT_EQ(run(), 0) << out_.str();
  const std::set<std::string> all = std::exchange(judged, {});
  EXPECT_TRUE(all.contains("datacheck_dl1_LST-1.Run00101.0001.h5"));
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(judged.empty()) << *judged.begin();
  EXPECT_NE(out_.str().find("1 of 2 subruns failed, not measured: ucts_jumps"), std::string::npos)
      << out_.str();

  const fs::path check = folder_ / "DL1/20221215/test_v00/datacheck_dl1_LST-1.Run00102.0000.h5";
  fs::last_write_time(check, fs::last_write_time(check) + std::chrono::seconds(2));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(std::exchange(judged, {}), std::set<std::string>{check.filename()});

  configure(steps + "gates:\n  data:\n    cosmics_rate: [1.0, 20000.0]\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(judged, all);
}

TEST_F(NightTest, DataThatFailTheirGatesAreToldOrStop) {
  services_.check_constants = [](const std::string& kind, const fs::path& file,
                                 const config::Configuration&, const ExpectedSubruns&) {
    const bool bad = kind.starts_with("dl1_datacheck") &&
                     (file.string().find("Run00101.0001") != std::string::npos ||
                      file.string().find("Run00101.h5") != std::string::npos);
    return bad ? Verdict{false, "cosmics_rate 3 Hz (100 to 20000)"} : Verdict{};
  };
  configure("steps:\n  data_check: true\ngates:\n  on_failure: warn\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(out_.str().find("failed, 1 of 2 subruns failed"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("the data of run 00101 fail their gates: cosmics_rate 3 Hz"),
            std::string::npos)
      << out_.str();
  options_.prod_id = "stopped_v00";
  configure("steps:\n  data_check: true\ngates:\n  on_failure: stop\n");
  EXPECT_EQ(run(), 7) << out_.str();
  EXPECT_NE(out_.str().find("00101.0001 dl1_to_dl2: its data fail their gates: cosmics_rate 3 Hz"),
            std::string::npos)
      << out_.str();
  EXPECT_FALSE(fs::exists(product("dl2", 101, 1, "stopped_v00")));
  EXPECT_TRUE(fs::exists(product("dl2", 101, 0, "stopped_v00")));
  options_.accepted = {101};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_TRUE(fs::exists(product("dl2", 101, 1, "stopped_v00")));
  // What was made of accepted data stands when that is not said again.
  options_.accepted = {};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(out_.str().find("Nothing to do"), std::string::npos) << out_.str();
  options_.accepted = {999};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(out_.str().find("--accept 999: this night has no such run"), std::string::npos);
  configure("steps:\n  data_check: true\ngates:\n  on_failure: perhaps\n");
  EXPECT_THROW(run(), Error);
}

TEST_F(NightTest, DataThatAreNotMeasuredAreToldAndGoOn) {
  services_.check_constants = [](const std::string& kind, const fs::path& file,
                                 const config::Configuration&, const ExpectedSubruns&) {
    const bool unknown =
        kind.starts_with("dl1_datacheck") && file.string().find("Run00101") != std::string::npos;
    return unknown ? Verdict{true, "", "cosmics_rate, ucts_jumps"} : Verdict{};
  };
  configure("steps:\n  data_check: true\ngates:\n  on_failure: stop\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(out_.str().find("passed, not measured: cosmics_rate, ucts_jumps"), std::string::npos)
      << out_.str();
}

TEST_F(NightTest, ARoundaboutWayToTheSameNightIsTheSameNight) {
  ASSERT_EQ(run(), 0);
  calls();
  const fs::path link = folder_.string() + "_link";
  fs::remove(link);
  fs::create_directory_symlink(folder_, link);
  options_.config_file = link / "alisio.yaml";
  EXPECT_EQ(run(), 0) << out_.str();
  fs::remove(link);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, AStateOfTheFirstSchemaIsKept) {
  EXPECT_EQ(run(), 0) << out_.str();
  calls();
  {
    sqlite::Database state(folder_ / "state/alisio.sqlite", sqlite::OpenMode::create);
    state.run("ALTER TABLE job_file DROP COLUMN quality");
    state.run(
        "DROP TABLE verdict; DROP TABLE night; DROP TABLE step; DROP TABLE decision;"
        "DROP TABLE cleaned; DROP TABLE closing; DROP TABLE need; DROP TABLE notification; DROP "
        "INDEX "
        "process_of_submission; DROP INDEX process_of_night");
    for (const char* column : {"submission", "task", "step", "scheduler_job"})
      state.run(std::string("ALTER TABLE process DROP COLUMN ") + column);
    state.set_user_version(1);
  }
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "") << "what was done is done";
}

TEST_F(NightTest, MemoryOfAStageIsThatOfTheLastNightThatDidIt) {
  State state = State::open(folder_ / "state");
  const auto record = [&](const NightDate& date, const char* stage, JobStatus status,
                          std::uint64_t bytes) {
    JobRecord job;
    job.key = {stage, 101, 0};
    job.status = status;
    job.max_rss_bytes = bytes;
    return std::pair{NightKey{1, date, "test_v00"}, job};
  };
  const auto done = JobStatus::done, failed = JobStatus::failed;
  const auto [older, merge] = record({2022, 12, 10}, "merge_dl1", done, 900);
  const auto dl1 = record({2022, 12, 10}, "r0_to_dl1", done, 300).second;
  state.restore_night(older, {merge, dl1}, {}, {});
  const auto [newer, newer_dl1] = record({2022, 12, 12}, "r0_to_dl1", done, 200);
  const auto failed_merge = record({2022, 12, 12}, "merge_dl1", failed, 50).second;
  state.restore_night(newer, {newer_dl1, failed_merge}, {}, {});
  using Memory = std::map<std::string, std::uint64_t>;
  EXPECT_EQ(state.memory_of_stages(key()), (Memory{{"merge_dl1", 900}, {"r0_to_dl1", 200}}));
  EXPECT_EQ(state.memory_of_stages({1, {2022, 12, 11}, "test_v00"}),
            (Memory{{"merge_dl1", 900}, {"r0_to_dl1", 300}}));
  EXPECT_EQ(state.memory_of_stages({2, options_.date, "test_v00"}), Memory{});
}

TEST_F(NightTest, TheStateShowsHowTheNightStands) {
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  const NightKey key{1, options_.date, options_.prod_id};
  {
    State state = State::open(folder_ / "state");
    ASSERT_EQ(state.nights().size(), 1u);
    EXPECT_EQ(state.nights()[0].key.prod_id, "test_v00");
    const json summary = json::parse(state.night(state.nights()[0].key)->summary);
    EXPECT_EQ(summary["runs"][2]["r0_to_dl1"]["failed"], 1);
    const std::vector<StepRecord> steps = state.steps(key);
    ASSERT_EQ(steps.size(), 8u);
    EXPECT_EQ(job_name(steps[3].key), "00101.0001");
    EXPECT_EQ(steps[3].key.stage, "r0_to_dl1");
    EXPECT_EQ(steps[3].status, "failed");
    EXPECT_EQ(steps[3].reason, "told to fail");
    EXPECT_EQ(steps[2].status, "blocked");
    EXPECT_EQ(steps[0].status, "done");
  }
  fs::remove(control_ / "r0_to_dl1_00101.0001");
  options_.dl2 = false;
  EXPECT_EQ(run(), 0);
  State state = State::open(folder_ / "state");
  EXPECT_EQ(state.steps(key).size(), 4u) << "what the night has no more is not shown";
  EXPECT_EQ(state.steps(key)[1].status, "done");

  options_.runs = {102};
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(state.steps(key).size(), 4u) << "runs that were not asked for stay as they were";
}

TEST_F(NightTest, ATreeOfProductsBelongsToOneState) {
  EXPECT_EQ(run(), 0);
  const fs::path elsewhere = folder_ / "elsewhere";
  EXPECT_THROW(claim_products(folder_, elsewhere), Error);
  EXPECT_NO_THROW(claim_products(folder_, folder_ / "state"));
  EXPECT_THROW(require_own_products(folder_, elsewhere), Error);
  EXPECT_NO_THROW(require_own_products(folder_, folder_ / "state"));
  EXPECT_NO_THROW(require_own_products(folder_ / "nobodys", elsewhere));
  fs::remove_all(folder_ / "state");
  EXPECT_NO_THROW(claim_products(folder_, folder_ / "state")) << "made anew in its place";
  const fs::path copy = folder_ / "copy";
  fs::create_directories(copy);
  fs::copy(folder_ / "state", copy / "state", fs::copy_options::recursive);
  fs::copy(folder_ / ".alisio-state", copy);
  EXPECT_NO_THROW(claim_products(copy, copy / "state")) << "copied with its state";
  fs::copy(folder_ / "state", folder_ / "state2", fs::copy_options::recursive);
  EXPECT_THROW(claim_products(folder_, folder_ / "state2"), Error) << "two states on one tree";
  fs::remove_all(folder_ / "state");
  EXPECT_NO_THROW(claim_products(folder_, elsewhere)) << "the other is gone";
  EXPECT_THROW(claim_products(folder_, folder_ / "state"), Error);
}

TEST_F(NightTest, ADamagedMarkOfATreeIsNobodys) {
  for (const char* damaged :
       {"{}", "", "garbage", "[1]", R"({"id": 3, "host": "h", "state": "s"})"}) {
    write(folder_ / ".alisio-state", damaged);
    for (const auto& use : {require_own_products, claim_products}) try {
        use(folder_, folder_ / "state");
        ADD_FAILURE() << "taken: " << damaged;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input) << damaged;
        EXPECT_EQ(error.where(), (folder_ / ".alisio-state").string());
      }
  }
}

TEST_F(NightTest, JobsGetTheConfigurationThatThePassLoaded) {
  const auto loaded =
      config::Configuration::load({options_.config_file}, {"tailcut.picture_thresh=7"});
  const fs::path kept = keep_configuration(loaded, options_.config_file, folder_ / "kept");
  EXPECT_EQ(config::Configuration::load({kept}).all(), loaded.all());
  EXPECT_EQ(keep_configuration(loaded, options_.config_file, folder_ / "kept"), kept);

  order("r0_to_dl1_00101.0000", "sleep 1");
  options_.jobs = 1;
  const pid_t pass = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
  const std::string good = read_text_file(options_.config_file);
  write(options_.config_file, good + "nonsense: [");
  EXPECT_EQ(wait_exit(pass), 0);
  write(options_.config_file, good);
  calls();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, WhatFailedForItsConfigurationIsTriedWithAnother) {
  order("r0_to_dl1_00101.0000", "fail 3");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  calls();
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "") << "the same would fail the same way";
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  configure("web:\n  port: 1\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; r0_to_dl1 00101.0000");
}

TEST_F(NightTest, AnotherConfigurationLetsAllBeTriedInOnePass) {
  for (const char* job : {"r0_to_dl1_00101.0000", "r0_to_dl1_00101.0001", "r0_to_dl1_00102.0000"})
    order(job, "fail 3");
  options_.pass = true;
  options_.jobs = 1;
  EXPECT_EQ(run(), 7);
  for (const char* job : {"r0_to_dl1_00101.0000", "r0_to_dl1_00101.0001", "r0_to_dl1_00102.0000"})
    fs::remove(control_ / job);
  configure("web:\n  port: 1\n");
  EXPECT_EQ(run(), 0) << out_.str();
}

TEST_F(NightTest, JobsThatEndWithAKilledPassHaveNotFailed) {
  options_.pass = true;
  options_.jobs = 1;
  order("r0_to_dl1_00101.0000", "heed 30");
  for (int killed = 0; killed < 4; ++killed) {
    const pid_t pass = run_apart();
    ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
    ::kill(pass, SIGKILL);
    wait_exit(pass);
    ASSERT_TRUE(wait_for([&] { return part_files() == 0; }));
  }
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  EXPECT_EQ(run(), 0) << out_.str();
}

TEST_F(NightTest, WhateverKeepsProvenanceFromBeingMergedStopsNoJob) {
  services_.merge = [](const MergeJob&) {
    throw fs::filesystem_error("gone", std::make_error_code(std::errc::io_error));
  };
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("could not be merged"), std::string::npos) << out_.str();
  EXPECT_TRUE(fs::exists(product("dl2", 102, 1)));
}

TEST_F(NightTest, AProductFolderThatCannotBeWrittenConcernsItsJobsAlone) {
  write(folder_ / "DL2", "a file where a folder should be");
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(fs::exists(product("dl1", 102, 1)));
}

TEST_F(NightTest, ADamagedStateIsSaidPlainly) {
  write(folder_ / "state/alisio.sqlite", "this is not what it should be, not at all");
  try {
    run();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no SQLite file"), std::string::npos) << error.what();
  }
}

TEST_F(NightTest, APassDoesNotTryForEverWhatIsMissing) {
  order("r0_to_dl1_00101.0000", "fail 4");
  options_.pass = true;
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(run(), 7);
    EXPECT_NE(calls().find("r0_to_dl1 00101.0000"), std::string::npos) << attempt;
  }
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, NeitherInterruptionsNorSuccessesCountAgainstAJob) {
  options_.pass = true;
  order("r0_to_dl1_00101.0000", "sleep 30");
  for (int stop = 0; stop < 3; ++stop) {
    const pid_t night = run_apart();
    ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
    ::kill(night, stop == 2 ? SIGKILL : SIGTERM);
    wait_exit(night);
  }
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  for (int success = 0; success < 3; ++success) {
    fs::remove(product("dl1", 101, 0));
    EXPECT_EQ(run(), 0);
  }
  fs::remove(product("dl1", 101, 0));
  order("r0_to_dl1_00101.0000", "fail 6");
  const std::string tries = "r0_to_dl1 00101.0000; r0_to_dl1 00101.0000";
  calls();
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), tries) << "one try more, as configured";
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000") << "the third in a row";
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
}

TEST_F(NightTest, WhatGathersARunWaitsForItsEnd) {
  configure("steps:\n  merge: true\n  muons: true\n  data_check: true\n  report: true\n");
  options_.pass = true;
  options_.settle_s = 60;
  // Whole files would do as well: these are so old that nobody writes them any more.
  const auto settled = [&](int number, int subrun) {
    for (int stream = 1; stream <= 4; ++stream) {
      write(raw(number, subrun, stream), fmt::format("raw {} {} {}", number, subrun, stream));
      fs::last_write_time(raw(number, subrun, stream),
                          fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
  };
  const auto gathered = [&] {
    std::set<std::string> jobs;
    std::istringstream lines(calls());
    for (std::string job; std::getline(lines >> std::ws, job, ';');)
      if (job.starts_with("merge") || job.starts_with("night")) jobs.insert(job);
    return jobs;
  };
  for (const int number : {101, 102})
    for (const int subrun : {0, 1}) settled(number, subrun);
  for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(102, 1, stream));
  const std::set<std::string> of_101{"merge_datacheck 00101", "merge_dl1 00101", "merge_dl2 00101",
                                     "merge_muons 00101"};
  const std::set<std::string> of_102{"merge_datacheck 00102", "merge_dl1 00102", "merge_dl2 00102",
                                     "merge_muons 00102"};
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(gathered(), of_101) << "a run follows it";
  EXPECT_NE(plan().find("run 00102 is still being taken"), std::string::npos) << plan();
  EXPECT_TRUE(std::none_of(merges_.begin(), merges_.end(), [](const MergeJob& job) {
    return job.run == 102 || job.run == whole_night;
  })) << "nor is its provenance merged";
  settled(102, 1);
  EXPECT_EQ(run(), 0) << out_.str();
  std::set<std::string> now = gathered();
  EXPECT_TRUE(std::includes(now.begin(), now.end(), of_102.begin(), of_102.end()))
      << "the run summary says that nothing more comes of it";
  EXPECT_TRUE(now.contains("night_report night"));
  settled(103, 0);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(gathered(), std::set<std::string>{});
  settled(103, 1);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(gathered(), std::set<std::string>{});
  options_.settle_s = 0;
  EXPECT_EQ(run(), 0) << out_.str();
  now = gathered();
  EXPECT_TRUE(now.contains("merge_dl1 00103") && now.contains("night_report night"));
  EXPECT_FALSE(merges_.empty());
}

TEST_F(NightTest, SubrunsThatComeWhileItRunsAreTakenUp) {
  configure("daemon: {poll_s: 0.1}\n");
  options_.settle_s = 60;
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const int number : {101, 102})
    for (const int subrun : {0, 1})
      for (int stream = 1; stream <= 4; ++stream)
        fs::last_write_time(raw(number, subrun, stream), old);
  order("r0_to_dl1_00101.0000", "sleep 30");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] { return fs::exists(product("dl2", 102, 1)); }));
  for (int stream = 1; stream <= 4; ++stream) {
    const fs::path aside = folder_ / "aside";
    write(aside, "raw");
    fs::last_write_time(aside, old);
    fs::rename(aside, raw(103, 0, stream));
  }
  EXPECT_TRUE(wait_for([&] { return fs::exists(product("dl2", 103, 0)); }));
  EXPECT_EQ(part_files(), 1) << "the first one is not done";
  ::kill(night, SIGTERM);
  wait_exit(night);
}

TEST_F(NightTest, HandsOverWhenAnotherNightGoesFirst) {
  options_.jobs = 1;
  order("r0_to_dl1_00101.0000", "sleep 1");
  const pid_t night = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
  ::kill(night, SIGUSR1);
  EXPECT_EQ(wait_exit(night), 7);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; r0_to_dl1 00101.0000") << "what ran has ended";
  EXPECT_EQ(run(), 0);
}

TEST_F(NightTest, WhatOnlyHasTheNameOfARawFileIsLeftOut) {
  fs::create_symlink(raw(103, 0, 1), raw(103, 0, 1));
  fs::create_symlink(folder_ / "nowhere", raw(103, 1, 1));
  fs::create_directories(raw(103, 2, 1));
  ASSERT_EQ(::mkfifo(raw(104, 0, 1).c_str(), 0600), 0);
  services_.probe = [](const fs::path& file) {
    static_cast<void>(read_text_file(file));
    return FileKind{};
  };
  services_.describe_input = [](const fs::path& file) { return read_text_file(file); };
  const std::string text = plan();
  EXPECT_NE(text.find("LST-1.1.Run00104.0000.fits.fz is no file: it is left out"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("LST-1.1.Run00103.0000.fits.fz is no file"), std::string::npos);
  run();
  EXPECT_EQ(calls(), everything);
}

TEST_F(NightTest, SubrunsWaitForADriveLog) {
  ASSERT_EQ(run(), 0);
  calls();
  fs::rename(folder_ / "drive", folder_ / "aside");
  fs::remove(product("dl1", 101, 0));
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  EXPECT_NE(out_.str().find("there is no drive log of 20221215 in "), std::string::npos)
      << out_.str();
  configure("night: {without_drive_log: go_on}\n");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000");
  EXPECT_NE(out_.str().find("pointings will be NaN"), std::string::npos);
  configure("night: {without_drive_log: maybe}\n");
  EXPECT_THROW(run(), Error);
}

TEST_F(NightTest, ASubrunWaitsForTheDriveLogToReachItsEnd) {
  options_.settle_s = 60;
  const auto log_until = [&](double seconds_ago) {
    write(folder_ / "drive/DrivePosition_log_20221215.txt",
          fmt::format(
              "1671141600 0 20\n{} 0 20\n",
              std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
                      .count() -
                  seconds_ago));
  };
  for (const int number : {101, 102})
    for (const int subrun : {0, 1})
      for (int stream = 1; stream <= 4; ++stream)
        fs::last_write_time(raw(number, subrun, stream),
                            fs::file_time_type::clock::now() - std::chrono::hours(1));
  fs::last_write_time(raw(101, 0, 1), fs::file_time_type::clock::now() - std::chrono::seconds(200));
  log_until(300);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls().find("00101.0000"), std::string::npos);
  EXPECT_NE(out_.str().find("the drive log does not reach to the end of run 00101 yet"),
            std::string::npos)
      << out_.str();
  log_until(100);
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_NE(calls().find("r0_to_dl1 00101.0000"), std::string::npos);
}

TEST_F(NightTest, WhatWasFollowedStandsNoMore) {
  const NightKey key{1, options_.date, "test_v00"};
  State state = State::open(folder_ / "state");
  options_.pass = true;
  order("r0_to_dl1_00101.0000", "fail 5");
  EXPECT_EQ(run(), 7);
  Decision retry;
  retry.kind = DecisionKind::retry;
  retry.run = 101;
  retry.author = "crew";
  record_decision(state, key, retry);
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(standing_decisions(state, key).empty()) << "it was tried";
  record_decision(state, key, retry);
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(standing_decisions(state, key).empty());
  calls();
  options_.redo = Redo{.stage = "dl1_to_dl2", .reason = "new models", .author = "crew"};
  order("dl1_to_dl2_00102.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(standing_decisions(state, key).size(), 1u) << "of one job it was not";
  fs::remove(control_ / "dl1_to_dl2_00102.0001");
  options_.pass = false;
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(standing_decisions(state, key).empty());
  EXPECT_EQ(out_.str().find("new models"), std::string::npos) << out_.str();
  calls();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "") << "the same wish again goes on with it";
}

TEST_F(NightTest, OfATypeThatIsNoneTheFilesTell) {
  const fs::path summary = folder_ / "summary/RunSummary_20221215.ecsv";
  std::string text = read_text_file(summary);
  for (std::size_t at = text.find(",DATA,"); at != std::string::npos; at = text.find(",DATA,"))
    text.replace(at, 6, ",OBS,");
  write(summary, text);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), everything);
  EXPECT_NE(out_.str().find("calls run 00101 'OBS', which is no type; taken as DATA (assumed)"),
            std::string::npos)
      << out_.str();
  write(summary, text.substr(0, 30));
  try {
    run();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(std::string(error.what()).find("move it away"), std::string::npos) << error.what();
  }
}

TEST_F(NightTest, AMistypedDateLeavesNoTrace) {
  options_.date = {1800, 1, 1};
  for (const bool pass : {false, true}) {
    options_.pass = pass;
    try {
      run();
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    }
    EXPECT_FALSE(fs::exists(folder_ / "state"));
  }
}

TEST_F(NightTest, TheTableIsAlsoJson) {
  order("r0_to_dl1_00101.0001", "fail 5");
  options_.json = true;
  EXPECT_EQ(run(), 7);
  const json table = json::parse(out_.str());
  EXPECT_EQ(table["complete"], false);
  EXPECT_EQ(table["prod_id"], "test_v00");
  EXPECT_EQ(table["runs"][2]["run"], 101);
  EXPECT_EQ(table["runs"][2]["r0_to_dl1"]["failed"], 1);
  EXPECT_EQ(table["runs"][2]["dl1_to_dl2"]["done"], 1);
  EXPECT_EQ(table["troubles"][0]["reason"], "told to fail");
  options_.plan = true;
  run();
  EXPECT_EQ(json::parse(out_.str())["runs"][0]["subruns"][1]["r0_to_dl1"]["status"], "to run");
}

TEST_F(NightTest, DryRunWalksThroughEverythingAndMakesNothing) {
  std::vector<JobRequest> walked;
  services_.dry_run_stage = [&](const JobRequest& request) { walked.push_back(request); };
  options_.dry_run = true;
  EXPECT_EQ(run(), 0) << out_.str();
  ASSERT_EQ(walked.size(), 8u);
  EXPECT_EQ(walked[0].arguments.front(), "r0-to-dl1");
  EXPECT_EQ(walked[0].arguments.back(), "--dry-run");
  ASSERT_EQ(merges_.size(), 5u);
  EXPECT_TRUE(merges_[1].dry_run);
  EXPECT_TRUE(merges_[4].dry_run);
  EXPECT_EQ(merges_[4].run, whole_night);
  EXPECT_EQ(merges_[4].output_folder, folder_ / "DL1/20221215/test_v00/log/dry_run");
  EXPECT_EQ(merges_[1].output_folder, folder_ / "DL2/20221215/test_v00/log/dry_run");
  EXPECT_EQ(merges_[1].journal_folders.front(),
            folder_ / "DL1/20221215/test_v00/log/dry_run/journal/00101");
  EXPECT_EQ(calls(), "");
  EXPECT_FALSE(fs::exists(product("dl1", 101, 0)));
  options_.dry_run = false;
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), everything) << "a dry run leaves no job behind as done";
}

}  // namespace
}  // namespace alisio::night
