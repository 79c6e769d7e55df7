#include "lib/pipeline/muon_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/error.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::pipeline {
namespace {
namespace fs = std::filesystem;

/// An observer that lets everything pass.
class Nobody : public StageObserver {
 public:
  void started(const ActivityNote&) override {}
  void used(const ActivityNote&, const FileNote&) override {}
  void generated(const ActivityNote&, const FileNote&) override {}
  void finished(const ActivityNote&, const OutcomeNote&) override {}
};

class MuonFile : public FolderTest {
 protected:
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }

  /// `n` candidates, of which every third is a ring.
  [[nodiscard]] static MuonTable example(int n, int first = 0) {
    MuonTable table;
    table.events = 100;
    for (int i = first; i < first + n; ++i) {
      MuonRing row;
      row.event_id = i;
      row.event_time = 1.6e9 + i / 3.0;
      row.ring_size = 1000.5F + float(i);
      row.ring_radius = 1 + 0.01 * i;
      row.num_pixels_in_ring = 400 + i;
      row.hg_peak_sample = 18;
      row.good_ring = i % 3 == 0;
      row.cut = row.good_ring ? "none" : "impact";
      row.bright_pixels = 60 + i;
      if (row.good_ring) {
        row.muon_efficiency = 0.15;
        table.rings.push_back(row);
      }
      table.candidates.push_back(row);
    }
    return table;
  }

  /// Merge and return what is in the file.
  std::exception_ptr merge(const MergeMuonsRequest& request) {
    ActivityNote note;
    note.stage = "merge_muons";
    note.activity_id = new_uuid7();
    Nobody observer;
    const stage::KnownHashes known;
    return stage::run_stage(note, observer, known,
                            [&](stage::StageRun& run) { return merge_muons(run, request); })
        .error;
  }
};

TEST_F(MuonFile, ReadsBackWhatWasWritten) {
  const MuonTable table = example(7);
  write_muons(file("a.fits"), table, {{"PRODID", "v1"}});
  EXPECT_TRUE(same_muons(read_muons(file("a.fits")), table));
  // NaN is kept, and a changed number is seen.
  MuonTable other = read_muons(file("a.fits"));
  EXPECT_TRUE(std::isnan(other.candidates[1].muon_efficiency));
  other.candidates[1].ring_radius += 1e-15;
  EXPECT_FALSE(same_muons(other, table));
}

TEST_F(MuonFile, ReadsBackAnEmptyTable) {
  MuonTable table;
  table.events = 3;
  write_muons(file("a.fits"), table, {});
  const MuonTable read = read_muons(file("a.fits"));
  EXPECT_TRUE(read.rings.empty());
  EXPECT_TRUE(read.has_candidates);
  EXPECT_EQ(read.events, 3);
}

TEST_F(MuonFile, RefusesOtherFiles) {
  EXPECT_THROW((void)read_muons(file("absent.fits")), Error);
  std::ofstream(file("a.fits")) << "no FITS";
  EXPECT_THROW((void)read_muons(file("a.fits")), Error);
}

TEST_F(MuonFile, ReadsThePeers) {
  const char* shared = std::getenv("ALISIO_SHARED");
  const fs::path path = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") /
                        "data/reference/muons/muons_LST-1.Run03001.0000.fits";
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there";
  const MuonTable table = read_muons(path);
  EXPECT_EQ(table.rings.size(), 137U);
  EXPECT_FALSE(table.has_candidates);
  EXPECT_EQ(table.events, -1);
  EXPECT_EQ(table.rings[2].event_id, 4);
  EXPECT_NEAR(table.rings[2].impact_parameter, 7.54734191, 1e-8);
  EXPECT_TRUE(table.rings[2].good_ring);
  EXPECT_EQ(table.rings[2].hg_peak_sample, 17);
}

TEST_F(MuonFile, MergesInOrderOfNames) {
  const fs::path first = file("muons_LST-1.Run00007.0000.fits"),
                 second = file("muons_LST-1.Run00007.0001.fits");
  write_muons(first, example(7), {});
  write_muons(second, example(4, 100), {});
  const fs::path target = file("muons_LST-1.Run00007.fits");
  ASSERT_EQ(merge({.inputs = {second, first}, .target = target}), nullptr);
  const MuonTable merged = read_muons(target);
  EXPECT_EQ(merged.events, 200);
  ASSERT_EQ(merged.candidates.size(), 11U);
  EXPECT_EQ(merged.rings.size(), example(7).rings.size() + example(4, 100).rings.size());
  for (std::size_t i = 0; i < 11; ++i) {
    EXPECT_EQ(merged.candidates[i].event_id, i < 7 ? std::int64_t(i) : std::int64_t(93 + i));
    EXPECT_EQ(merged.candidates[i].obs_id, 7);
    EXPECT_EQ(merged.candidates[i].subrun, i < 7 ? 0 : 1);
  }
  // A night of runs keeps what the runs say.
  const fs::path night = file("muons_LST-1.20221215.fits");
  ASSERT_EQ(merge({.inputs = {target}, .target = night, .port = "muons_night"}), nullptr);
  EXPECT_TRUE(same_muons(read_muons(night), merged));
}

TEST_F(MuonFile, MergeNamesADamagedFileAndLeavesItOutWhenTold) {
  const fs::path good = file("muons_LST-1.Run00007.0000.fits"),
                 bad = file("muons_LST-1.Run00007.0001.fits");
  write_muons(good, example(7), {});
  std::ofstream(bad) << "no FITS";
  MergeMuonsRequest request{.inputs = {good, bad}, .target = file("muons_LST-1.Run00007.fits")};
  const auto error = merge(request);
  ASSERT_NE(error, nullptr);
  try {
    std::rethrow_exception(error);
  } catch (const Error& what) {
    EXPECT_NE(std::string(what.what()).find("0001.fits"), std::string::npos) << what.what();
  }
  EXPECT_FALSE(fs::exists(request.target));
  request.skip_damaged = true;
  ASSERT_EQ(merge(request), nullptr);
  EXPECT_EQ(read_muons(request.target).candidates.size(), 7U);
  request.inputs = {bad};
  EXPECT_NE(merge(request), nullptr);
  request.inputs = {good, good};
  EXPECT_NE(merge(request), nullptr);
}

TEST_F(MuonFile, MergeTellsWhatIsMissing) {
  const auto part = [&](int subrun) {
    const fs::path path = file(fmt::format("muons_LST-1.Run00042.{:04d}.fits", subrun));
    write_muons(path, example(3), {});
    return path;
  };
  const auto text_of = [](const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  MergeMuonsRequest request{.inputs = {part(0), part(2)}, .target = file("merged.fits")};
  request.expected_subruns = {.number = 5};
  ASSERT_FALSE(merge(request));
  EXPECT_NE(text_of(request.target).find("MISSING_SUBRUNS = '1, 3-4"), std::string::npos);
  // A file that is left out is missing, too, even if no other tells that it should be there.
  const fs::path damaged = part(3);
  std::ofstream(damaged) << "no FITS file";
  request.inputs = {part(0), part(1), part(2), damaged};
  request.expected_subruns = {.number = 0};
  request.skip_damaged = true;
  ASSERT_FALSE(merge(request));
  EXPECT_NE(text_of(request.target).find("MISSING_SUBRUNS = '3"), std::string::npos);
  EXPECT_NE(text_of(request.target).find("muons_LST-1.Run00042.0003.fits"), std::string::npos);
  request.inputs.pop_back();
  ASSERT_FALSE(merge(request));
  EXPECT_EQ(text_of(request.target).find("MISSING_SUBRUNS"), std::string::npos);
}

TEST_F(MuonFile, MergeOfAFileWithoutCandidatesHasNone) {
  MuonTable peers = example(3);
  peers.has_candidates = false;
  peers.candidates.clear();
  peers.events = -1;
  write_muons(file("muons_LST-1.Run00007.0000.fits"), example(7), {});
  write_muons(file("muons_LST-1.Run00007.0001.fits"), peers, {});
  const fs::path target = file("muons_LST-1.Run00007.fits");
  ASSERT_EQ(merge({.inputs = {file("muons_LST-1.Run00007.0000.fits"),
                              file("muons_LST-1.Run00007.0001.fits")},
                   .target = target}),
            nullptr);
  const MuonTable merged = read_muons(target);
  EXPECT_FALSE(merged.has_candidates);
  EXPECT_EQ(merged.events, -1);
  EXPECT_EQ(merged.rings.size(), 4U);
}

}  // namespace
}  // namespace alisio::pipeline
