#include "lib/report/run_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "lib/report/night_page.hpp"

namespace alisio::report {
namespace {
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "alisio_report_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path touch(const std::string& name) const {
    const fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "x";
    return file;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(FindRunFiles, TakesRunFilesBeforeSubrunsAndTheDeepestFolder) {
  const Folder folder;
  const fs::path second = folder.touch("datacheck_dl1_LST-1.Run00011.0001.h5");
  const fs::path first = folder.touch("datacheck_dl1_LST-1.Run00011.0000.h5");
  static_cast<void>(folder.touch("datacheck_dl1_LST-1.Run00012.0000.h5"));
  const fs::path whole = folder.touch("datacheck_dl1_LST-1.Run00012.h5");
  static_cast<void>(folder.touch("datacheck_dl1_LST-1.Run00013.h5"));
  const fs::path cleaned = folder.touch("tailcut84/datacheck_dl1_LST-1.Run00013.0000.h5");
  const fs::path muons = folder.touch("muons_LST-1.Run00011.0000.fits");
  for (const char* other :
       {"datacheck_dl1_LST-1.20221215.h5", "datacheck_dl1_LST-2.Run00014.h5",
        "log/datacheck_dl1_LST-1.Run00015.h5", ".datacheck_dl1_LST-1.Run00016.h5.part-1",
        "dl1_LST-1.Run00017.0000.h5"})
    static_cast<void>(folder.touch(other));
  const std::vector<RunFiles> found = find_run_files({folder.path()}, 1, {});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].run, 11);
  EXPECT_EQ(found[0].datachecks, (std::vector{first, second}));
  EXPECT_FALSE(found[0].datacheck_of_run);
  EXPECT_EQ(found[0].muons, std::vector{muons});
  EXPECT_EQ(found[1].datachecks, std::vector{whole});
  EXPECT_TRUE(found[1].datacheck_of_run);
  EXPECT_EQ(found[2].datachecks, std::vector{cleaned});
  EXPECT_EQ(find_run_files({folder.path()}, 1, {12}).size(), 1U);
  EXPECT_THROW(static_cast<void>(find_run_files({folder.path() / "no"}, 1, {})), std::exception);
}

TEST(LoadRun, NamesWhatCannotBeRead) {
  const Folder folder;
  RunFiles files;
  files.run = 11;
  files.datachecks = {folder.touch("datacheck_dl1_LST-1.Run00011.0000.h5")};
  files.muons = {folder.touch("muons_LST-1.Run00011.0000.fits")};
  const RunData data = load_run(files);
  EXPECT_FALSE(data.has_check);
  EXPECT_FALSE(data.has_muons);
  ASSERT_EQ(data.problems.size(), 2U);
  EXPECT_NE(data.problems[0].find("datacheck_dl1_LST-1.Run00011.0000.h5"), std::string::npos);
  EXPECT_NE(data.problems[1].find("muons_LST-1.Run00011.0000.fits"), std::string::npos);
  EXPECT_TRUE(data.read.empty());
  EXPECT_EQ(judge(data, {}).light, Light::attention);
}

TEST(LoadRun, ReadsThePeersFiles) {
  const char* shared = std::getenv("ALISIO_SHARED");
  const fs::path images = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") /
                          "data/reference/images";
  if (!fs::exists(images)) GTEST_SKIP() << "no reference data";
  RunFiles files;
  files.run = 3002;
  files.datachecks = {images / "datacheck_dl1_LST-1.Run03002.0000.h5"};
  const RunData data = load_run(files);
  EXPECT_TRUE(data.problems.empty());
  EXPECT_EQ(data[check::EventClass::cosmics].num_events, 284);
  EXPECT_EQ(data[check::EventClass::pedestals].num_events, 7);
  EXPECT_EQ(data[check::EventClass::flatfield].num_events, 9);
  ASSERT_EQ(data.points[std::size_t(check::EventClass::cosmics)].size(), 1U);
  EXPECT_NEAR(data.points[std::size_t(check::EventClass::cosmics)][0].elapsed, 284 / 7853.5, 1e-5);
}

/// A run of two subruns, the second one with few cosmics.
RunData two_subruns(std::int64_t cosmics_of_second) {
  RunData run;
  run.run = 11;
  run.has_check = true;
  for (std::int64_t subrun : {0, 1}) {
    check::SubrunSummary s;
    s.run = 11;
    s.subrun = subrun;
    s.elapsed_time = 10;
    s.num_class_events = {1000, 1000, 0};
    s.num_ucts_jumps = s.num_mistagged = s.num_unknown = 0;
    s.unusable_pixels = 0.01;
    s.pedestal_charge = s.pedestal_spread = 1.4;
    s.flatfield_charge = 75;
    s.num_muon_rings = s.num_contained_rings = 40;
    s.muon_efficiency = 0.2;
    s.num_class_events[std::size_t(check::EventClass::cosmics)] =
        subrun == 0 ? 50000 : cosmics_of_second;
    s.num_events = s.num_class_events[std::size_t(check::EventClass::cosmics)];
    run.summaries.push_back(s);
  }
  return run;
}

TEST(Judge, OfRunsAndTheirSubruns) {
  const check::DataLimits limits{.cosmics_rate = {1000, 20000}};
  EXPECT_EQ(judge(two_subruns(50000), limits).light, Light::good);
  const Judgement dip = judge(two_subruns(100), limits);
  EXPECT_EQ(dip.light, Light::attention) << "the run passes, one subrun does not";
  ASSERT_EQ(dip.subruns.size(), 1U);
  EXPECT_EQ(dip.subruns[0].first, 1);
  RunData missing = two_subruns(50000);
  missing.expected_subruns.number = 3;
  EXPECT_EQ(judge(missing, limits).light, Light::bad);
  missing.expected_subruns.left_out = {2};
  EXPECT_EQ(judge(missing, limits).light, Light::good);
  EXPECT_EQ(judge(two_subruns(50000), {.cosmics_rate = {6000, 20000}}).light, Light::bad);
  RunData dark = two_subruns(50000);
  for (check::SubrunSummary& s : dark.summaries) s.pedestal_charge = check::SubrunSummary::nan;
  EXPECT_EQ(judge(dark, limits).light, Light::unknown) << "what is not measured is not good";
  dark.expected_subruns.number = 3;
  EXPECT_EQ(judge(dark, limits).light, Light::bad);
}

TEST(Judge, CountsContainedRingsAsTheDataCheckDoes) {
  RunData run = two_subruns(50000);
  const auto muon_gate = [&] {
    const Judgement judgement = judge(run, {});
    return *std::ranges::find(judgement.gates, "muon_efficiency", &Gate::name);
  };
  EXPECT_DOUBLE_EQ(muon_gate().value, 0.2) << "of the summaries";
  run.has_muons = true;
  pipeline::MuonRing ring;
  ring.muon_efficiency = 0.15;
  ring.ring_containment = 1;
  run.muons.rings.assign(49, ring);
  ring.ring_containment = 0.5;
  run.muons.rings.insert(run.muons.rings.end(), 100, ring);
  EXPECT_FALSE(muon_gate().measured);
  EXPECT_EQ(muon_gate().why, "too few rings (49, at least 50)");
  EXPECT_EQ(limits_text(muon_gate()), "0.1 to 0.3");
  run.muons.rings.push_back(run.muons.rings.front());
  EXPECT_NEAR(muon_gate().value, 0.15, 1e-12);
}

TEST(Words, OfLimitsAndGates) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(limits_text(make_gate("a", 1, "Hz", {100, 20000})), "100 to 20000 Hz");
  EXPECT_EQ(limits_text(make_gate("a", 1, "", {-infinity, 0.1})), "at most 0.1");
  EXPECT_EQ(limits_text(make_gate("a", 1, "", {-infinity, 0})), "none allowed");
  EXPECT_EQ(limits_text(make_gate("a", 1, "p.e.", {0, 6})), "0 to 6 p.e.");
  EXPECT_EQ(gate_words("cosmics_rate"), "cosmics rate");
}

TEST(TriggerText, NamesTheBits) {
  EXPECT_EQ(trigger_text(1), "mono");
  EXPECT_EQ(trigger_text(5), "mono + calibration");
  EXPECT_EQ(trigger_text(32), "pedestal");
  EXPECT_EQ(trigger_text(0), "none");
  EXPECT_EQ(trigger_text(-1), "not known");
}

TEST(Binning, HoldsEveryFiniteValue) {
  std::vector<double> values{std::nan(""), 1e9};
  for (int i = 0; i < 5000; ++i) values.push_back(i * 0.01);
  const Binned made = binned(values, 20);
  double sum = 0;
  for (const double count : made.counts) sum += count;
  EXPECT_EQ(sum, 5001);
  EXPECT_LT(made.edges.back(), 51) << "one far value must not squeeze the others";
  EXPECT_EQ(binned({3, 3, 3}, 10).counts.size(), 10U);
  EXPECT_EQ(counts_in({0, 1, 2}, {0, 1, 2, 2.5, std::nan("")}), (std::vector<double>{1, 2}));
}

TEST(MeanOf, LeavesOutWhatIsNoNumber) {
  const MeanOf mean = mean_of({1, 3, std::nan("")});
  EXPECT_EQ(mean.count, 2U);
  EXPECT_DOUBLE_EQ(mean.mean, 2);
  EXPECT_DOUBLE_EQ(mean.spread, 1);
  EXPECT_DOUBLE_EQ(mean.error, 1 / std::sqrt(2.0));
  EXPECT_TRUE(std::isnan(mean_of({}).mean));
}

}  // namespace
}  // namespace alisio::report
