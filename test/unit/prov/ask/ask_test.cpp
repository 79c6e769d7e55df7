#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "prov/ask/audit.hpp"
#include "prov/ask/check.hpp"
#include "prov/ask/diff.hpp"
#include "prov/ask/find.hpp"
#include "prov/ask/impact.hpp"
#include "prov/ask/lineage.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/note.hpp"
#include "prov/ask/orphans.hpp"
#include "prov/ask/rerun.hpp"
#include "prov/ask/select.hpp"
#include "prov/ask/story.hpp"
#include "prov/records.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const LoggerConfiguration logger;

std::string id_of(const std::string& text) {
  return hash_text(text).substr(0, 32);
}

std::vector<std::string> names_of(const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.filename().string());
  return names;
}

std::vector<std::string> names_of(const std::vector<StoredEntity>& entities) {
  std::vector<std::string> names;
  for (const auto& entity : entities) names.push_back(fs::path(entity.path).filename().string());
  return names;
}

std::string problem_of(const std::function<void()>& work, ErrorKind kind) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

/// A night of one calibration run and one data run of two subruns, made twice: production v1 with
/// threshold 8, v2 with threshold 6. Each dl1 has its dl2; dl2 of v1, subrun 1, failed.
class AskTest : public ::testing::Test {
 protected:
  AskTest()
      : folder_(fs::temp_directory_path() /
                fmt::format("alisio_ask_{}_{}", ::getpid(),
                            ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        store_(Store::open(":memory:", StoreMode::update)) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "journals");
    write("cal/raw.fits", "raw calibration");
    write("r0/s0.fits", "raw 0");
    write("r0/s1.fits", "raw 1");
    write("cal/charge.h5", "charge calibration");
    activity("c", "camera_calibration", 100, -1, "v1", 8, {{"Raw run", "cal/raw.fits"}},
             {{"Coefficients calibration file", "cal/charge.h5"}});
    for (const std::string prod : {"v1", "v2"}) {
      const int threshold = prod == "v1" ? 8 : 6;
      for (int subrun = 0; subrun < 2; ++subrun) {
        const std::string dl1 = fmt::format("{}/dl1_{}.h5", prod, subrun);
        const std::string dl2 = fmt::format("{}/dl2_{}.h5", prod, subrun);
        // Subrun 0 has the same data in both productions, subrun 1 not.
        write(dl1, subrun == 0 ? "same" : "data of " + prod);
        activity(prod + "r" + std::to_string(subrun), "r0_to_dl1", 200, subrun, prod, threshold,
                 {{"Observation subrun", fmt::format("r0/s{}.fits", subrun)},
                  {"Coefficients calibration file", "cal/charge.h5"}},
                 {{"DL1 subrun dataset", dl1}});
        if (prod == "v1" && subrun == 1) {
          activity("failed", "dl1_to_dl2", 200, 1, prod, threshold, {{"DL1 subrun dataset", dl1}},
                   {}, "failed");
          continue;
        }
        write(dl2, "dl2 of " + prod + dl1);
        activity(prod + "d" + std::to_string(subrun), "dl1_to_dl2", 200, subrun, prod, threshold,
                 {{"DL1 subrun dataset", dl1}}, {{"DL2 subrun dataset", dl2}});
      }
    }
    index();
  }
  ~AskTest() override { fs::remove_all(folder_); }

  void write(const std::string& below, const std::string& content) const {
    fs::create_directories((folder_ / below).parent_path());
    std::ofstream(folder_ / below) << content;
  }

  using Flows = std::vector<std::pair<std::string, std::string>>;

  void record(const ordered_json& facts) {
    time_s_ += 0.001;
    std::ofstream(folder_ / "journals/prov.log", std::ios::app)
        << format_line(logger, iso_time(time_s_), facts);
  }

  /// Record an activity; files are taken as they are on disk now.
  void activity(const std::string& id, const std::string& name, int run, int subrun,
                const std::string& prod, int threshold, const Flows& used, const Flows& generated,
                const std::string& status = "completed") {
    const std::string uuid = id_of("activity " + id);
    ordered_json start{{"activity_id", uuid},
                       {"name", name},
                       {"startTime", iso_time(time_s_)},
                       {"in_session", id_of("session")},
                       {"software_version", "v1.0"},
                       {"software_commit", "abc"},
                       {"telescope", "LST-1"},
                       {"observation_date", "20240115"},
                       {"session_tag", fmt::format("{}:{:05}", name, run)},
                       {"prod_id", prod},
                       {"command", {"alisio", name, fmt::format("run{}", run)}}};
    if (subrun >= 0) start["observation_subrun"] = fmt::format("{:04}", subrun);
    record({{"session_id", id_of("session")},
            {"name", "1"},
            {"startTime", iso_time(1.7e9)},
            {"system", {{"platform", {{"node", "node07"}}}}}});
    record(start);
    record({{"activity_id", uuid},
            {"parameters", {{"ObservationRun", std::to_string(run)}, {"ProdID", prod}}}});
    const std::string configuration =
        fmt::format(R"({{"tailcut":{{"picture_thresh":{},"min":2}}}})", threshold);
    record({{"entity_id", id_of(configuration)},
            {"name", "EffectiveConfiguration"},
            {"type", "Configuration"},
            {"value", configuration}});
    record({{"activity_id", uuid},
            {"used_id", id_of(configuration)},
            {"used_role", "Effective configuration"}});
    for (const bool made : {false, true})
      for (const auto& [role, below] : made ? generated : used) {
        const fs::path path = folder_ / below;
        const std::string sha256 = hash_file(path);
        const std::string entity = id_of(sha256 + below);
        ordered_json file{
            {"entity_id", entity},
            {"name", below.find("dl2") != std::string::npos      ? "DL2SubrunDataset"
                     : below.find("dl1") != std::string::npos    ? "DL1SubrunDataset"
                     : below.find("charge") != std::string::npos ? "CoefficientsCalibrationFile"
                                                                 : "R0SubrunDataset"},
            {"filepath", path.string()},
            {"type", "File"},
            {"sha256", sha256},
            {"size_bytes", fs::file_size(path)},
            {"logical_path", below}};
        if (hashed_in_part_.contains(below)) {
          file.erase("sha256");
          file["data_hash"] = sha256;
        }
        record(file);
        ordered_json flow{{"activity_id", uuid},
                          {made ? "generated_id" : "used_id", entity},
                          {made ? "generated_role" : "used_role", role}};
        if (const auto part = parts_.find(below); part != parts_.end()) flow["part"] = part->second;
        record(flow);
      }
    record({{"activity_id", uuid},
            {"endTime", iso_time(time_s_)},
            {"status", status},
            {"exit_code", status == "completed" ? 0 : 5}});
  }

  void index() {
    store_.index({folder_ / "journals"},
                 Definition::load(fs::path(ALISIO_SOURCE_DIR) / "cfg/provenance/definition.yaml"),
                 logger);
  }

  [[nodiscard]] std::string path(const std::string& below) const { return folder_ / below; }

  fs::path folder_;
  Store store_;
  double time_s_ = 1.7e9;
  std::set<std::string> hashed_in_part_;      ///< paths of files recorded without SHA-256
  std::map<std::string, std::string> parts_;  ///< what is taken of a file, by its path
};

TEST_F(AskTest, FindCombinesConditionsWithAnd) {
  FindRequest request;
  request.parameters = {{"ObservationRun", "200"}};
  EXPECT_EQ(find(store_, request).activities.size(), 8U);
  request.configuration = {{"picture_thresh", "6.0"}};  // as numbers they are equal
  EXPECT_EQ(find(store_, request).activities.size(), 4U);
  request.subrun = 1;
  EXPECT_EQ(find(store_, request).activities.size(), 2U);
  request.activity = "dl1_to_dl2";
  ASSERT_EQ(find(store_, request).activities.size(), 1U);
  EXPECT_EQ(find(store_, request).activities[0].id, id_of("activity v2d1"));
  request.configuration = {{"thresh", "6"}};  // no part of a key's word
  EXPECT_TRUE(find(store_, request).activities.empty());
}

TEST_F(AskTest, FindKnowsHostSoftwareStatusAndTime) {
  FindRequest request;
  request.status = "failed";
  ASSERT_EQ(find(store_, request).activities.size(), 1U);
  EXPECT_EQ(find(store_, request).activities[0].id, id_of("activity failed"));
  request = {};
  request.host = "node07";
  EXPECT_EQ(find(store_, request).activities.size(), 9U);
  request.software = "%";  // a sign like others, no wildcard
  EXPECT_TRUE(find(store_, request).activities.empty());
  request = {};
  request.before = "2023-11-14";  // 1.7e9 s is 2023-11-14 22:13:20
  EXPECT_TRUE(find(store_, request).activities.empty());
  request.before = "20231115";
  request.after = "2023-11-14T22:13:20Z";
  EXPECT_EQ(find(store_, request).activities.size(), 9U);
  request.after = "2023-11-14T22:13:21";
  EXPECT_TRUE(find(store_, request).activities.empty());
  for (const char* text : {"yesterday", "2023-13-01", "2023-11-14T99:00", "2023-11-14T10:00:99x"}) {
    request.after = text;
    problem_of([&] { (void)find(store_, request); }, ErrorKind::usage);
  }
}

TEST_F(AskTest, FindListsFiles) {
  FindRequest request;
  request.file = "dl2_*";
  EXPECT_EQ(names_of(find(store_, request).entities),
            (std::vector<std::string>{"dl2_0.h5", "dl2_0.h5", "dl2_1.h5"}));
  request.file = "v1/dl?_0.h5";
  EXPECT_EQ(names_of(find(store_, request).entities),
            (std::vector<std::string>{"dl1_0.h5", "dl2_0.h5"}));
  request = {};
  request.role = "Coefficients calibration file";
  EXPECT_EQ(names_of(find(store_, request).entities), std::vector<std::string>{"charge.h5"});
  request = {};
  request.level = "R0";  // what nobody made belongs to what used it
  request.run = 200;
  EXPECT_EQ(names_of(find(store_, request).entities),
            (std::vector<std::string>{"s0.fits", "s1.fits"}));
  request = {};
  request.used = path("cal/charge.h5");
  request.level = "DL2";
  const FindResult found = find(store_, request);
  EXPECT_EQ(found.entities.size(), 3U);
  const auto runs = by_run(store_, found);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].prod_id, "v1");
  EXPECT_EQ(runs[0].count, 1U);
  EXPECT_EQ(runs[1].count, 2U);
  request.limit = 2;
  EXPECT_TRUE(find(store_, request).more);
}

TEST_F(AskTest, SelectionsLookAtTheWayToAFile) {
  const std::vector<fs::path> files{folder_ / "v1/dl2_0.h5", folder_ / "v2/dl2_0.h5",
                                    folder_ / "v2/dl2_1.h5"};
  const auto unmet = [&](const std::vector<std::string>& texts) {
    std::vector<SelectionTerm> terms;
    for (const std::string& text : texts) terms.push_back(selection_term(text));
    return unmet_terms(store_, files, terms);
  };
  using Reasons = std::vector<std::string>;
  EXPECT_EQ(unmet({"prod-id=v2"}), (Reasons{"not prod-id=v2", "", ""}));
  EXPECT_EQ(unmet({"prod-id=v2", "subrun=1"}), (Reasons{"not prod-id=v2", "not subrun=1", ""}));
  EXPECT_EQ(unmet({"configuration=tailcut.picture_thresh=8"}).front(), "");
  // Of the calibration that is two steps away.
  EXPECT_EQ(unmet({"parameter=ObservationRun=100", "activity=camera_calibration"}),
            (Reasons{"", "", ""}));
  EXPECT_EQ(unmet({"used=" + (folder_ / "r0/s1.fits").string()}).back(), "");
  EXPECT_NE(unmet({"used=" + (folder_ / "r0/s1.fits").string()}).front(), "");
  EXPECT_EQ(unmet({"file=charge.h5"}), (Reasons{"", "", ""}));
  EXPECT_EQ(unmet({"gates=passed"}), (Reasons{"", "", ""}));
  EXPECT_EQ(unmet({"gates=failed"}).front(), "not gates=failed");
  write("stranger.h5", "nobody made this");
  EXPECT_EQ(unmet_terms(store_, {folder_ / "stranger.h5"}, {selection_term("run=200")}).front(),
            "nothing is on record of how it was made");
}

TEST_F(AskTest, TermsThatAreNoneAreRefused) {
  for (const char* text : {"", "run", "=1", "run=", "run=x", "run=-1", "colour=red", "parameter=x",
                           "gates=perhaps", "parameter==x"})
    problem_of([&] { static_cast<void>(selection_term(text)); }, ErrorKind::usage);
}

TEST_F(AskTest, HostileTextsFindNothingOrAreRefusedInOneLine) {
  for (const std::string text : {"x' OR '1'='1", "a/../../b", "%", "_", "\"", "\\", "é"}) {
    FindRequest request;
    request.file = text;
    EXPECT_TRUE(find(store_, request).entities.empty()) << text;
    request = {};
    request.parameters = {{text, text}};
    EXPECT_TRUE(find(store_, request).activities.empty()) << text;
    problem_of([&] { (void)find_subject(store_, text, IdReader()); }, ErrorKind::incomplete);
  }
  for (const std::string& text : {std::string(), std::string(1 << 20, 'x'), std::string("a\nb")}) {
    const std::string said = problem_of([&] { (void)diff_side(store_, text); }, ErrorKind::usage);
    EXPECT_LT(said.size(), 300U);
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
}

TEST_F(AskTest, DiffNamesWhatChangedAndNothingElse) {
  const Diff result = diff(store_, diff_side(store_, "200@v1"), diff_side(store_, "200@v2"));
  std::vector<std::string> told;
  for (const auto& one : result.differences)
    told.push_back(fmt::format("{} {} {} {}", one.activity, one.kind, one.key, one.count));
  EXPECT_EQ(told, (std::vector<std::string>{"dl1_to_dl2 activity only in one 1",
                                            "dl1_to_dl2 configuration tailcut.picture_thresh 1",
                                            "dl1_to_dl2 output DL2 subrun dataset 1",
                                            "r0_to_dl1 configuration tailcut.picture_thresh 2",
                                            "r0_to_dl1 output DL1 subrun dataset 1"}));
  EXPECT_EQ(result.differences[1].a, "8");
  EXPECT_EQ(result.differences[1].b, "6");
  EXPECT_EQ(result.outputs_equal, 1U);
  EXPECT_EQ(result.outputs_different, 2U);
  EXPECT_TRUE(
      diff(store_, diff_side(store_, "200@v1"), diff_side(store_, "200@v1")).differences.empty());
  problem_of([&] { (void)diff_side(store_, "200"); }, ErrorKind::usage);
  problem_of([&] { (void)diff_side(store_, "200@v3"); }, ErrorKind::incomplete);
}

TEST_F(AskTest, LineageLeadsBackToRawFiles) {
  const Lineage all = lineage(store_, find_subject(store_, path("v2/dl2_1.h5"), IdReader()));
  EXPECT_EQ(all.activities, 3U);
  std::vector<std::string> told;
  for (const auto& step : all.steps)
    told.push_back(fmt::format("{}{}", step.depth,
                               step.activity.row != 0  ? short_name(step.activity)
                               : step.products.empty() ? ""
                                                       : step.products[0].name));
  EXPECT_EQ(told[0], "0dl1_to_dl2 00200.0001");
  EXPECT_NE(std::find(told.begin(), told.end(), "2camera_calibration 00100"), told.end());
  EXPECT_NE(std::find(told.begin(), told.end(), "3R0SubrunDataset"), told.end());
}

TEST_F(AskTest, FileIsRecognisedByTheIdsInIt) {
  write("elsewhere/renamed.h5", "altered under way");
  const auto ids = [](const fs::path&) { return EmbeddedIds{id_of("activity v2d1"), "on"}; };
  const Subject subject = find_subject(store_, path("elsewhere/renamed.h5"), ids);
  ASSERT_TRUE(subject.entity);
  EXPECT_EQ(subject.entity->path, path("v2/dl2_1.h5"));
  const auto off = [](const fs::path&) { return EmbeddedIds{"", "off"}; };
  const std::string said =
      problem_of([&] { (void)find_subject(store_, path("elsewhere/renamed.h5"), off); },
                 ErrorKind::incomplete);
  EXPECT_NE(said.find("capture switched off"), std::string::npos) << said;
}

TEST_F(AskTest, VerifyNamesAlteredLostAndAdded) {
  EXPECT_TRUE(verify(recorded_files(store_, "20240115")).mismatches.empty());
  EXPECT_TRUE(unrecorded_beside(store_, "20240115").empty());
  write("cal/charge.h5", "charge cAlibration");
  fs::remove(folder_ / "v1/dl1_0.h5");
  write("v2/added.h5", "new");
  for (const VerifyMode mode : {VerifyMode::fast, VerifyMode::sample, VerifyMode::full}) {
    const auto result = verify(recorded_files(store_, "20240115"), {mode, 0, 0});
    ASSERT_EQ(result.mismatches.size(), 2U);
    EXPECT_EQ(result.mismatches[0].path, path("cal/charge.h5"));
    EXPECT_EQ(result.mismatches[0].problem, "content differs");
    EXPECT_EQ(result.mismatches[1].path, path("v1/dl1_0.h5"));
    EXPECT_EQ(result.mismatches[1].problem, "missing");
  }
  EXPECT_EQ(unrecorded_beside(store_, "20240115"), std::vector<fs::path>{path("v2/added.h5")});
  EXPECT_TRUE(recorded_files(store_, "20240116").empty());
}

TEST_F(AskTest, FastReadsOnlyWhatWasModifiedSince) {
  auto files = recorded_files(store_, "20240115");
  const auto before = fs::file_time_type::clock::now() - std::chrono::hours(24 * 365 * 20);
  for (const auto& file : files) fs::last_write_time(file.path, before);
  write("r0/s0.fits", "raw X");
  fs::last_write_time(folder_ / "r0/s0.fits", before);
  EXPECT_EQ(verify(files, {VerifyMode::fast, 0, 0}).hashed, 0);
  const VerifyResult all = verify(files, {VerifyMode::sample, 1, 0});
  EXPECT_EQ(all.hashed, static_cast<std::int64_t>(files.size()));
  EXPECT_EQ(all.mismatches.size(), 1U);
}

TEST_F(AskTest, CheckListsGaps) {
  const auto kinds = [&] {
    std::map<std::string, std::string> gaps;
    for (const Gap& gap : check(store_, "20240115").gaps) gaps[gap.kind] = gap.about;
    return gaps;
  };
  EXPECT_EQ(kinds(), (std::map<std::string, std::string>{}));
  fs::remove(folder_ / "r0/s0.fits");
  write("cal/raw.fits", "raw calibratioN");
  write("v1/stray.h5", "");
  EXPECT_EQ(kinds(),
            (std::map<std::string, std::string>{{"input missing", path("r0/s0.fits")},
                                                {"input changed since", path("cal/raw.fits")},
                                                {"file without record", path("v1/stray.h5")}}));
  problem_of([&] { (void)check(store_, "20240116"); }, ErrorKind::incomplete);
}

TEST_F(AskTest, AHashOfWhatWasTakenIsMoreThanAPath) {
  hashed_in_part_ = {"r0/s3.fits"};
  write("r0/s3.fits", "raw 3");
  write("summary/runs.ecsv", "a row a run");
  activity("s", "run_summary", 0, -1, "v1", 8, {{"Observation subrun", "r0/s3.fits"}},
           {{"Run summary", "summary/runs.ecsv"}});
  index();
  for (const Gap& gap : check(store_, "20240115").gaps) ADD_FAILURE() << gap.kind << gap.about;
}

TEST_F(AskTest, NotesGoIntoJournalsOnly) {
  const fs::path absent = folder_ / "notes/new.log";
  require_journal(absent, logger);
  append_note(absent, logger, {.about = "x", .time = "t", .author = "a", .text = "b"});
  require_journal(absent, logger);
  require_journal(folder_ / "journals/prov.log", logger);
  write("empty", "");
  require_journal(folder_ / "empty", logger);
  write("text", "telescope: 1\n" + logger.prefix + "t" + logger.prefix + "{}\n");
  for (const char* other : {"text", "r0/s0.fits", "r0"})
    problem_of([&] { require_journal(folder_ / other, logger); }, ErrorKind::usage);
}

TEST_F(AskTest, OfAFileThatGrowsCountsWhatWasTaken) {
  const std::string summary = "summary/runs.ecsv";
  for (const std::string run : {"1", "2"}) {
    write(summary, "rows up to that of run " + run);
    write("v3/dl1_" + run + ".h5", "of run " + run);
    parts_[summary] = "rows " + run;
    activity("s" + run, "r0_to_dl1", std::stoi(run), 0, "v3", 8, {{"Run summary", summary}},
             {{"DL1 subrun dataset", "v3/dl1_" + run + ".h5"}});
  }
  index();
  write(summary, "rows up to that of run 3");
  const PartReader as_taken = [](const std::string&, const std::string& part) { return part; };
  const PartReader without_2 = [](const std::string&, const std::string& part) {
    return part == "rows 2" ? part + " none" : part;
  };
  const auto concerned = [&](const PartReader& reader) {
    std::size_t products = 0;
    for (const Gap& gap : check(store_, "20240115", {}, reader).gaps) products += gap.products;
    return products;
  };
  EXPECT_EQ(concerned({}), 2U);
  EXPECT_EQ(concerned(as_taken), 0U);
  EXPECT_EQ(concerned(without_2), 1U);

  const auto changes = [&](const std::string& run, const PartReader& reader) {
    const Subject product = find_subject(store_, path("v3/dl1_" + run + ".h5"));
    return plan_rerun(store_, product, "again", "v1.0 abc", reader).changes.size();
  };
  EXPECT_EQ(changes("1", {}), 1U);
  EXPECT_EQ(changes("1", as_taken), 0U);
  EXPECT_EQ(changes("1", without_2), 0U);
  EXPECT_EQ(changes("2", without_2), 1U);

  const auto altered = [&](const PartReader& reader) {
    VerifyRequest request;
    request.part = reader;
    return verify(recorded_files(store_, "20240115"), request).mismatches.size();
  };
  EXPECT_EQ(altered({}), 1U);
  EXPECT_EQ(altered(as_taken), 0U);
  EXPECT_EQ(altered(without_2), 1U);

  const Subject subject = find_subject(store_, path(summary));
  ASSERT_TRUE(subject.entity);
  const auto came = find_impact(store_, impact_starts(store_, *subject.entity), {}, "");
  EXPECT_EQ(names_of(came.files), (std::vector<std::string>{"dl1_1.h5", "dl1_2.h5"}));
}

TEST_F(AskTest, OrphansOfBothKinds) {
  write("v1/stray.h5", "");
  write("v1/.hidden.h5", "");
  write("v1/log/r.log", "");
  fs::remove(folder_ / "v1/dl1_0.h5");
  const Orphans found = orphans(store_, folder_ / "v1");
  EXPECT_EQ(found.files, std::vector<fs::path>{path("v1/stray.h5")});
  EXPECT_EQ(names_of(found.records), std::vector<std::string>{"dl1_0.h5"});
  problem_of([&] { (void)orphans(store_, folder_ / "absent"); }, ErrorKind::missing_input);
}

TEST_F(AskTest, WhatHasARecordIsNoOrphan) {
  const auto files = [&](const std::string& below, const IdReader& ids = {}) {
    return names_of(orphans(store_, folder_ / below, ids).files);
  };
  write("v1/stray.h5", "of nobody");
  fs::create_directory_symlink(folder_ / "v1", folder_ / "link");
  EXPECT_EQ(files("link"), std::vector<std::string>{"stray.h5"});
  EXPECT_EQ(files("link/"), std::vector<std::string>{"stray.h5"});
  EXPECT_EQ(orphans(store_, folder_ / "link").files.at(0), path("link/stray.h5"));
  // What was recorded by a link stands elsewhere, and has other bytes by now.
  fs::rename(folder_ / "v1", folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "v1");
  write("elsewhere/dl1_0.h5", "other bytes");
  for (const char* below : {"v1", "elsewhere"})
    EXPECT_EQ(files(below), std::vector<std::string>{"stray.h5"}) << below;
  // Nothing but the content, or the ids in it, tells what a renamed file is.
  fs::rename(folder_ / "elsewhere/dl2_0.h5", folder_ / "elsewhere/renamed.h5");
  write("elsewhere/altered.h5", "made by v1d0, then altered");
  const IdReader ids = [&](const fs::path& file) {
    return EmbeddedIds{file.filename() == "altered.h5" ? id_of("activity v1d0") : "", "on"};
  };
  EXPECT_EQ(files("elsewhere", ids), std::vector<std::string>{"stray.h5"});
  EXPECT_EQ(files("elsewhere"), (std::vector<std::string>{"altered.h5", "stray.h5"}));
  // The record of what is gone is told, by whatever way the folder is asked for.
  for (const char* below : {"v1", "elsewhere", "link/../elsewhere"})
    EXPECT_EQ(names_of(orphans(store_, folder_ / below).records),
              std::vector<std::string>{"dl2_0.h5"})
        << below;
}

TEST_F(AskTest, RerunLooksAtAllThatTheCommandReads) {
  write("copies/charge.h5", "charge calibration");
  write("v3/dl1_0.h5", "third");
  activity("v3r0", "r0_to_dl1", 200, 0, "v3", 8,
           {{"Coefficients calibration file", "copies/charge.h5"}},
           {{"DL1 subrun dataset", "v3/dl1_0.h5"}});
  index();
  const auto states = [&](const std::string& below) {
    std::map<std::string, InputState> found;
    const Subject subject = find_subject(store_, path(below), IdReader());
    for (const RerunInput& input : plan_rerun(store_, subject, "again", "v1.0 abc").inputs)
      found[fs::path(input.file.path).lexically_relative(folder_)] = input.state;
    return found;
  };
  // One process with one command made all DL1. The copy was read, not what it is a copy of.
  write("r0/s1.fits", "raw X");
  EXPECT_EQ(states("v3/dl1_0.h5"),
            (std::map<std::string, InputState>{{"cal/charge.h5", InputState::same},
                                               {"copies/charge.h5", InputState::same},
                                               {"r0/s0.fits", InputState::same},
                                               {"r0/s1.fits", InputState::changed}}));
  EXPECT_EQ(states("cal/charge.h5"),
            (std::map<std::string, InputState>{{"cal/raw.fits", InputState::same}}));
}

TEST_F(AskTest, NotesAreReadBackAndShown) {
  const Subject charge = find_subject(store_, path("cal/charge.h5"), IdReader());
  const Store::Note note{charge.entity->id, "2024-01-16T09:00:00.000000Z", "a person",
                         "lamp was \"unstable\" __PROV__"};
  append_note(folder_ / "journals/notes_prov.log", logger, note);
  append_note(folder_ / "journals/notes_prov.log", logger, note);
  index();
  EXPECT_EQ(tell(store_, charge).notes, std::vector<Store::Note>{note});
  bool told = false;
  for (const auto& step :
       lineage(store_, find_subject(store_, path("v1/dl2_0.h5"), IdReader())).steps)
    told = told || step.notes == std::vector<Store::Note>{note};
  EXPECT_TRUE(told);
  for (const std::string& text :
       {std::string(), std::string(" \n"), std::string(20000, 'x'), std::string("\xff")})
    problem_of([&] { (void)note_line(logger, {"id", note.time, "a", text}); }, ErrorKind::usage);
}

}  // namespace
}  // namespace alisio::prov
