// What a night chooses before anything runs: runs, constants, models.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/version.hpp"
#include "lib/config/models_file.hpp"
#include "lib/night/catalogue.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/models.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class ChoicesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("alisio_choices_{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text = "x") const {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file;
  }

  NightPlan plan_of(const NightSetup& setup) {
    const FileAccess access{[](const std::string& path) { return stamp_of(path); },
                            [](const std::string&) {
                              return FileHashes{"x", ""};
                            }};
    for (const stage::StageDescription& stage : stage::descriptions())
      settings_.stages[stage.name] = {stage.version, "{}"};
    std::vector<FileStamp> rehashed;
    return Planner(setup, settings_, access).plan(state_, {}, rehashed);
  }

  /// Return what is chosen for a data run of a night that may have calibration runs, too.
  RunPlan choose(int run, const std::array<fs::path, 3>& given = {}) {
    write(fmt::format("R0/20221215/LST-1.1.Run{:05}.0000.fits.fz", run));
    SetupRequest request;
    request.key = {1, date_, "p"};
    request.r0 = folder_ / "R0";
    request.calibration = folder_;
    request.products = folder_ / "P";
    request.given_constants = given;
    request.steps.dl2 = false;
    request.runs = {run};
    const NightSetup setup = set_up_night(request, [](const fs::path& file) {
      const std::string name = file.filename().string();
      return FileKind{name.find("Run0009") != std::string::npos   ? "PEDCALIB"
                      : name.find("Run0008") != std::string::npos ? "DRS4"
                                                                  : "DATA",
                      ""};
    });
    plan_ = plan_of(setup);
    return plan_.runs.at(0);
  }

  fs::path folder_;
  NightDate date_{2022, 12, 15};
  PlanSettings settings_;
  StateSnapshot state_;
  NightPlan plan_;
};

using CatalogueTest = ChoicesTest;
using ConstantsTest = ChoicesTest;
using SetupTest = ChoicesTest;

constexpr const char* summary_head =
    "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: run_id, datatype: int64}\n"
    "# - {name: n_subruns, datatype: int64}\n# - {name: run_type, datatype: string}\n"
    "# - {name: data_format, datatype: string}\n# - {name: run_start, datatype: int64}\n"
    "# delimiter: ','\nrun_id,n_subruns,run_type,data_format,run_start\n";

TEST_F(CatalogueTest, JoinsSummaryAndFiles) {
  write("R0/20221215/LST-1.1.Run00005.0000.fits.fz");
  write("R0/20221215/LST-1.2.Run00005.0000.fits.fz");
  write("R0/20221215/LST-1.1.Run00005.0002.fits.fz");
  write("R0/20221215/LST-1.2.Run00005.0001.fits.fz");
  write("R0/20221215/LST-2.1.Run00009.0000.fits.fz");
  write("R0/20221215/.LST-1.1.Run00008.0000.fits.fz.part-1");
  write("R0/20221215/LST-1.1.Run00007.0000.fits.fz");
  write("S/RunSummary_20221215.ecsv",
        std::string(summary_head) +
            "5,4,DATA,ProtoR1.CameraEvent,1671136237000000000\n6,1,DRS4,,1671136237000000000\n");
  const Catalogue found = find_runs(folder_ / "R0", folder_ / "S", 1, date_, [](const fs::path&) {
    return FileKind{"PEDCALIB", "R1v1"};
  });
  ASSERT_EQ(found.runs.size(), 3u);
  EXPECT_EQ(found.runs[0].run, 5);
  ASSERT_EQ(found.runs[0].subruns.size(), 3u);
  EXPECT_EQ(found.runs[0].subruns[0].streams.size(), 2u);
  EXPECT_TRUE(found.runs[0].subruns[0].first_stream);
  EXPECT_FALSE(found.runs[0].subruns[1].first_stream);
  EXPECT_EQ(found.runs[0].start_unix_s, 1671136200.0) << "UTC of a TAI time";
  EXPECT_TRUE(found.runs[1].subruns.empty());
  EXPECT_EQ(found.runs[2].type, "PEDCALIB");
  EXPECT_EQ(found.runs[2].type_from, "the file");
  ASSERT_EQ(found.notes.size(), 3u);
  EXPECT_EQ(found.notes[0], "run 00007 is not in the run summary; taken as PEDCALIB (the file)");
  EXPECT_EQ(found.notes[1], "run 00005 has 3 subruns, the run summary says 4");
  EXPECT_EQ(found.notes[2], "run 00006 (DRS4) is in the run summary, but has no files");
}

TEST_F(CatalogueTest, WithoutSummaryAssumesData) {
  write("R0/20221215/LST-1.1.Run00005.0000.fits.fz");
  const Catalogue found = find_runs(folder_ / "R0", folder_ / "S", 1, date_);
  ASSERT_EQ(found.runs.size(), 1u);
  EXPECT_EQ(found.runs[0].type, "DATA");
  EXPECT_EQ(found.runs[0].type_from, "assumed");
  EXPECT_TRUE(found.notes.empty());
  EXPECT_TRUE(found.run_summary.empty());
  const Catalogue damaged =
      find_runs(folder_ / "R0", folder_ / "S", 1, date_, [](const fs::path& file) -> FileKind {
        throw Error(ErrorKind::bad_input, "is cut short", file.string());
      });
  EXPECT_EQ(damaged.runs[0].type, "DATA") << "its job will fail, not the night";
  ASSERT_EQ(damaged.notes.size(), 1u);
  EXPECT_NE(damaged.notes[0].find("is cut short"), std::string::npos);
}

TEST_F(CatalogueTest, NamesTheFaultOfASummary) {
  write("R0/20221215/LST-1.1.Run00005.0000.fits.fz");
  const fs::path file = write("S/RunSummary_20221215.ecsv",
                              std::string(summary_head) + "5,many,DATA,,1671136237000000000\n");
  try {
    static_cast<void>(find_runs(folder_ / "R0", folder_ / "S", 1, date_));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_EQ(std::string(error.what()).find(file.string()), 0u) << error.what();
    EXPECT_NE(std::string(error.what()).find("n_subruns"), std::string::npos) << error.what();
  }
}

TEST_F(CatalogueTest, CopiesOfFilesDoNotTakeTheirPlace) {
  write("R0/20221215/LST-1.1.Run00005.0000.fits.fz");
  for (const char* copy : {".LST-1.1.Run00005.0000.fits.fz", "_LST-1.1.Run00005.0000.fits.fz",
                           "LST-1.001.Run00005.0000.fits.fz", "LST-01.1.Run00005.0000.fits.fz"})
    write(std::string("R0/20221215/") + copy);
  const Catalogue found = find_runs(folder_ / "R0", folder_ / "S", 1, date_, {});
  ASSERT_EQ(found.runs.size(), 1u);
  ASSERT_EQ(found.runs[0].subruns.size(), 1u);
  ASSERT_EQ(found.runs[0].subruns[0].streams.size(), 1u);
  EXPECT_EQ(found.runs[0].subruns[0].streams[0].filename(), "LST-1.1.Run00005.0000.fits.fz");
}

TEST_F(ConstantsTest, CopiesOfFilesDoNotTakeTheirPlace) {
  const std::string folder = "Cat-A/calibration/20221215/v0.1.1/";
  for (const char* name :
       {"calibration_filters_52.Run00080.0000.h5", "calibration_filters_52.bak.Run00080.0000.h5",
        "calibration_filters_52_Run00080.0000.h5", "calibration_filters_52.old.Run00090.0000.h5"})
    write(folder + name);
  const RunPlan chosen = choose(110);
  EXPECT_EQ(chosen.charge.run, 80);
  EXPECT_EQ(chosen.charge.file.filename(), "calibration_filters_52.Run00080.0000.h5");
}

TEST_F(ConstantsTest, TakesTheNearestRunAtOrBefore) {
  for (const char* name : {"drs4_pedestal.Run00090.0000.h5", "drs4_pedestal.Run00100.0000.h5",
                           "drs4_pedestal.Run00120.0000.h5"})
    write(std::string("Cat-A/drs4_baseline/20221215/v0.9/") + name);
  write("Cat-A/calibration/20221214/v0.1.1/calibration_filters_52.Run00080.0000.h5");
  write("Cat-A/calibration/20221216/v0.1.1/calibration_filters_52.Run00095.0000.h5");
  write("Cat-A/drs4_time_sampling_from_FF/20220901/pro/time_calibration.Run00079.0000.h5");
  write("Cat-A/drs4_time_sampling_from_FF/20221215/pro/time_calibration.Run00085.0000.h5");
  const RunPlan chosen = choose(110);
  EXPECT_EQ(chosen.drs4_pedestal.run, 100);
  EXPECT_EQ(chosen.drs4_pedestal.reason, "nearest at or before run 00110, of this night");
  EXPECT_EQ(chosen.charge.run, 80) << "not of the night after";
  EXPECT_EQ(chosen.charge.reason, "nearest at or before run 00110, 1 night earlier");
  EXPECT_EQ(chosen.time.run, 79) << "not after the charge calibration's run";
  EXPECT_EQ(chosen.time.reason, "nearest at or before run 00080, 105 nights earlier");
  EXPECT_EQ(choose(100).drs4_pedestal.run, 100);
  EXPECT_EQ(choose(50).drs4_pedestal.reason,
            "first after run 00050, of this night: there is none before it");
  fs::remove_all(folder_ / "Cat-A/drs4_baseline");
  const RunPlan none = choose(50);
  EXPECT_TRUE(none.drs4_pedestal.file.empty());
  EXPECT_NE(none.drs4_pedestal.reason.find("no DRS4 pedestal at or before run 00050"),
            std::string::npos);
}

TEST_F(ConstantsTest, LooksBackSoManyNights) {
  write("Cat-A/calibration/20221114/v0.1/calibration_filters_52.Run00070.0000.h5");
  EXPECT_TRUE(choose(110).charge.file.empty()) << "31 nights";
  write("Cat-A/calibration/20221115/v0.1/calibration_filters_52.Run00071.0000.h5");
  EXPECT_EQ(choose(110).charge.run, 71);
}

TEST_F(ConstantsTest, PrefersProThenTheHighestVersion) {
  const std::string tree = "Cat-A/drs4_baseline/20221215/";
  write(tree + "v0.9/drs4_pedestal.Run00070.0000.h5");
  write(tree + "v0.10/drs4_pedestal.Run00070.0000.h5");
  EXPECT_EQ(choose(199).drs4_pedestal.file,
            folder_ / tree / "v0.10/drs4_pedestal.Run00070.0000.h5");
  fs::create_directory_symlink("v0.9", folder_ / tree / "pro");
  EXPECT_EQ(choose(199).drs4_pedestal.file, folder_ / tree / "v0.9/drs4_pedestal.Run00070.0000.h5");
  write(tree + "v0.10/drs4_pedestal.Run00075.0000.h5");
  EXPECT_EQ(choose(199).drs4_pedestal.run, 75);
}

TEST_F(ConstantsTest, FilesMayLieFlatOrBeNamed) {
  write("drs4_pedestal.Run11218.0000.h5");
  write("calibration_filters_52.Run11219.0000.h5");
  write("calibration.Run11217.0000.hdf5");
  const fs::path own = write("own/my_time.h5");
  const RunPlan chosen = choose(11220, {"", "", own});
  EXPECT_EQ(chosen.drs4_pedestal.run, 11218);
  EXPECT_EQ(chosen.charge.run, 11219);
  EXPECT_EQ(chosen.time.file, own);
  EXPECT_EQ(chosen.time.reason, "named by the configuration");
  EXPECT_EQ(chosen.time.run, -1);
}

TEST_F(ConstantsTest, AreMadeFromTheRunsOfTheNight) {
  write("R0/20221215/LST-1.1.Run00080.0000.fits.fz");
  write("R0/20221215/LST-1.1.Run00090.0000.fits.fz");
  write("R0/20221215/LST-1.1.Run00091.0000.fits.fz");
  write("Cat-A/calibration/20221214/v0.1/calibration_filters_52.Run00070.0000.h5");
  const RunPlan chosen = choose(110);
  EXPECT_TRUE(chosen.charge.coming);
  EXPECT_EQ(chosen.charge.run, 91);
  std::string jobs;
  for (const PlannedJob& planned : plan_.jobs)
    jobs += fmt::format("{} {}; ", planned.job.key.stage, job_name(planned.job.key));
  EXPECT_EQ(jobs,
            "run_summary night; drs4_pedestal 00080; time_calibration 00091; camera_calibration "
            "00091; r0_to_dl1 00110.0000; ")
      << "run 90 is not needed";
  EXPECT_EQ(plan_.jobs.back().needs.size(), 4u);
}

TEST_F(ConstantsTest, ThatFailTheirGatesArePassedOver) {
  write("Cat-A/calibration/20221215/v0.1/calibration_filters_52.Run00090.0000.h5");
  write("Cat-A/calibration/20221215/v0.1/calibration_filters_52.Run00095.0000.h5");
  write("Cat-A/calibration/20221214/v0.1/calibration_filters_52.Run00070.0000.h5");
  std::set<int> bad{95};
  settings_.check_constants = [&](const std::string& kind, const fs::path& file,
                                  const ExpectedSubruns&) {
    EXPECT_EQ(kind, "charge_calibration");
    for (const int run : bad)
      if (file.string().find(fmt::format("Run{:05}", run)) != std::string::npos)
        return Verdict{false, "unusable_pixels 0.43 (at most 0.1)"};
    return Verdict{};
  };
  EXPECT_EQ(choose(110).charge.text(),
            "nearest at or before run 00110, of this night; passed over: run 00095 "
            "(unusable_pixels 0.43 (at most 0.1))");
  EXPECT_EQ(plan_.runs[0].charge.run, 90);
  bad.insert(90);
  EXPECT_EQ(choose(110).charge.run, 70);
  EXPECT_EQ(plan_.runs[0].charge.reason, "nearest at or before run 00110, 1 night earlier");
  EXPECT_EQ(plan_.runs[0].charge.passed_over.size(), 2u);
  settings_.accepted = {95};
  EXPECT_EQ(choose(110).charge.run, 95);
  EXPECT_NE(plan_.runs[0].charge.reason.find("accepted in spite of unusable_pixels"),
            std::string::npos);
  bad.insert(70);
  settings_.accepted = {};
  EXPECT_TRUE(choose(110).charge.file.empty());
  EXPECT_EQ(plan_.runs[0].charge.passed_over.size(), 3u);
}

TEST(CleaningFolder, IsNamedAsTheObservatoryDoes) {
  EXPECT_EQ(tailcut_folder({8, 4}), "tailcut84");
  EXPECT_EQ(tailcut_folder({10, 5}), "tailcut1005");
  EXPECT_EQ(tailcut_folder({6, 3}), "tailcut0603");
}

std::vector<ModelSet> all_sky() {
  std::vector<ModelSet> sets;
  for (const double nsb : {0.0, 0.07, 0.14, 0.22, 0.38, 0.5, 0.81, 1.25, 1.76, 2.34})
    for (const double line : {-29.31, -4.13, 9.31, 22.76, 34.76, 48.22, 61.66, 66.76, 80.0})
      sets.push_back({"x", line, nsb});
  return sets;
}

TEST(ModelChoice, TakesTheNearestNightSkyLevelOfTheThreshold) {
  for (const auto& [threshold, nsb, expected] :
       {std::tuple{8.0, 0.0, 0.0}, std::tuple{8.0, 0.10, 0.07}, std::tuple{8.0, 0.11, 0.14},
        std::tuple{8.0, 1.0, 0.22}, std::tuple{10.0, 0.0, 0.38}, std::tuple{10.0, 0.45, 0.5},
        std::tuple{12.0, 0.2, 0.81}, std::tuple{14.0, 0.2, 1.25}, std::tuple{16.0, 0.2, 1.76},
        std::tuple{18.0, 9.0, 2.34}})
    EXPECT_EQ(choose_models(all_sky(), 22.0, nsb, threshold).set.nsb, expected)
        << threshold << ' ' << nsb;
}

TEST(ModelChoice, TakesTheNearestLineThatCulminatesNoLower) {
  for (const auto& [declination, expected] :
       {// Between the lines around the latitude the nearest counts, even if it culminates lower.
        std::pair{23.0, 22.76}, std::pair{28.0, 22.76}, std::pair{29.0, 34.76},
        std::pair{33.0, 34.76},
        // Beyond: 46 deg is nearest to 48.22, which culminates lower, so 34.76.
        std::pair{46.0, 34.76}, std::pair{49.0, 48.22}, std::pair{65.0, 61.66},
        std::pair{89.0, 80.0}, std::pair{5.0, 9.31}, std::pair{0.0, 9.31}, std::pair{-20.0, -4.13},
        std::pair{-60.0, -29.31}})
    EXPECT_EQ(choose_models(all_sky(), declination, 0.0, 8.0).set.declination_deg, expected)
        << declination;
}

TEST(ModelChoice, RefusesWhatCannotBeChosen) {
  EXPECT_THROW(static_cast<void>(choose_models(all_sky(), 22.0, -0.1, 8.0)), Error);
  EXPECT_THROW(static_cast<void>(choose_models(all_sky(), 22.0, std::nan(""), 8.0)), Error);
  EXPECT_THROW(static_cast<void>(choose_models(all_sky(), std::nan(""), 0.0, 8.0)), Error);
  EXPECT_THROW(static_cast<void>(choose_models(all_sky(), 22.0, 0.0, 9.0)), Error);
  EXPECT_THROW(static_cast<void>(choose_models({}, 22.0, 0.0, 8.0)), Error);
}

TEST_F(SetupTest, ListsModelSetsOfATree) {
  write("m/20240918_v0.10.12_allsky_nsb_tuning_0.14/dec_2276/models.forest");
  write("m/20240918_v0.10.12_allsky_nsb_tuning_0.14/dec_min_413.forest");
  write("m/20240918_v0.10.12_allsky_nsb_tuning_0.14/README");
  const std::vector<ModelSet> sets = list_model_sets(folder_ / "m");
  ASSERT_EQ(sets.size(), 2u);
  EXPECT_EQ(sets[0].declination_deg, 22.76);
  EXPECT_EQ(sets[0].nsb, 0.14);
  EXPECT_EQ(sets[1].declination_deg, -4.13);
  EXPECT_EQ(config::models_file(sets[0].path).filename(), "models.forest");
  write("m/20240918_v0.10.12_allsky_nsb_tuning_0.14/dec_2276/notes.txt");
  EXPECT_EQ(config::models_file(sets[0].path).filename(), "models.forest");
  write("m/20240918_v0.10.12_allsky_nsb_tuning_0.14/dec_2276/second.forest");
  EXPECT_THROW(static_cast<void>(config::models_file(sets[0].path)), Error);
  EXPECT_THROW(static_cast<void>(config::models_file(folder_ / "nowhere")), Error);
}

TEST_F(SetupTest, ChoosesModelsPerRunByPointing) {
  for (const int run : {5, 6, 7})
    write(fmt::format("R0/20221215/LST-1.1.Run{:05}.0000.fits.fz", run));
  write("S/RunSummary_20221215.ecsv", std::string(summary_head) +
                                          "5,1,DATA,,1000000000000\n6,1,DATA,,2500000000000\n"
                                          "7,1,DATA,,0\n");
  write("M/nsb_tuning_0.00/dec_2276.forest");
  write("M/nsb_tuning_0.00/dec_6166.forest");
  write("D/DrivePosition_log_20221215.txt");
  write("D/Target_log_20221215.txt",
        "900 TrackStart 83.6 22.01 Crab\n1900 TrackEnd\n2000 TrackStart 350.8 58.8 CasA X\n");
  SetupRequest request;
  request.key = {1, date_, "p"};
  request.r0 = folder_ / "R0";
  request.run_summaries = folder_ / "S";
  request.drive = folder_ / "D";
  request.models = folder_ / "M";
  request.models_by_pointing = true;
  request.picture_threshold = 8;
  NightSetup setup = set_up_night(request, {});
  ASSERT_EQ(setup.runs.size(), 3u);
  EXPECT_EQ(setup.runs[0].models.filename(), "dec_2276.forest");
  EXPECT_EQ(setup.runs[1].models.filename(), "dec_6166.forest") << setup.runs[1].models_reason;
  EXPECT_TRUE(setup.runs[2].models.empty()) << "no start time, no declination";
  EXPECT_NE(setup.runs[2].models_reason.find("declination of the pointing is not known"),
            std::string::npos);
  // A run catalogue decides before the drive's log does.
  request.source_catalogue =
      write("C/RunCatalog_20221215.ecsv",
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: run_id, datatype: int64}\n"
            "# - {name: source_name, datatype: string}\n# - {name: source_ra, datatype: float64}\n"
            "# - {name: source_dec, datatype: float64}\n# delimiter: ','\n"
            "run_id,source_name,source_ra,source_dec\n7,Crab,83.6,22.01\n5,CasA,350.8,60.8\n")
          .parent_path();
  setup = set_up_night(request, {});
  EXPECT_EQ(setup.runs[0].models.filename(), "dec_6166.forest") << setup.runs[0].models_reason;
  EXPECT_EQ(setup.runs[1].models.filename(), "dec_6166.forest");
  EXPECT_EQ(setup.runs[2].models.filename(), "dec_2276.forest");
}

TEST_F(SetupTest, NamesFilesOfASubrun) {
  for (int stream = 1; stream <= 4; ++stream)
    write(fmt::format("R0/20221215/LST-2.{}.Run00005.0003.fits.fz", stream));
  write("D/DrivePosition_log_20221215.txt");
  write("D/BendingModelCorrection_log_20221215.txt");
  write("K/drs4_pedestal.Run00001.0000.h5");
  write("K/calibration_filters_52.Run00002.0000.h5");
  SetupRequest request;
  request.key = {2, date_, "p"};
  request.r0 = folder_ / "R0";
  request.drive = folder_ / "D";
  request.calibration = folder_ / "K";
  request.products = folder_ / "P";
  request.steps = {.run_summary = false, .dl2 = false};
  NightPlan plan = plan_of(set_up_night(request, {}));
  ASSERT_EQ(plan.jobs.size(), 1u);
  const Job& job = plan.jobs[0].job;
  EXPECT_EQ(job.products[0].path, folder_ / "P/DL1/20221215/p/dl1_LST-2.Run00005.0003.h5");
  std::string ports;
  for (const PortFile& input : job.inputs) ports += input.port + ' ';
  EXPECT_EQ(ports,
            "r0_subrun r0_subrun r0_subrun r0_subrun drs4_pedestal charge_calibration pointing "
            "pointing_correction ");
  EXPECT_EQ(fs::path(job.inputs[0].path).filename(), "LST-2.1.Run00005.0003.fits.fz");
  EXPECT_EQ(job.obstacle, "") << "the time calibration may be absent";

  request.steps = {.run_summary = false,
                   .gain_select = true,
                   .cat_b = true,
                   .tailcuts = true,
                   .dl1ab = true,
                   .dl2 = true};
  request.levels = {8, 4};
  request.r0g = folder_ / "R0G";
  request.tailcuts = folder_ / "T";
  request.models = write("m.forest");
  plan = plan_of(set_up_night(request, {}));
  std::string products;
  for (const PlannedJob& planned : plan.jobs)
    for (const PortFile& product : planned.job.products)
      products += fs::relative(product.path, folder_).string() + '\n';
  const std::string version = version_tag();
  EXPECT_EQ(products,
            "R0G/20221215/LST-2.1.Run00005.0003.fits.fz\n"
            "R0G/20221215/LST-2.2.Run00005.0003.fits.fz\n"
            "R0G/20221215/LST-2.3.Run00005.0003.fits.fz\n"
            "R0G/20221215/LST-2.4.Run00005.0003.fits.fz\n"
            "P/DL1/20221215/p/dl1_LST-2.Run00005.0003.h5\n"
            "P/DL1/20221215/p/interleaved/interleaved_LST-2.Run00005.0003.h5\n"
            "K/Cat-B/calibration/20221215/" +
                version +
                "/cat_B_calibration_filters_52.Run00005.h5\n"
                "T/dl1ab_Run00005.json\n"
                "P/DL1/20221215/p/tailcut84/dl1_LST-2.Run00005.0003.h5\n"
                "P/DL2/20221215/p/tailcut84/dl2_LST-2.Run00005.0003.h5\n");
  EXPECT_EQ(plan.count(StepStatus::to_run), plan.jobs.size());
}

}  // namespace
}  // namespace alisio::night
