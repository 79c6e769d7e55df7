#include "prov/merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/now.hpp"
#include "prov/append_line.hpp"
#include "prov/document.hpp"
#include "prov/invalidation.hpp"
#include "prov/records.hpp"
#include "prov/verify.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

json read_json(const fs::path& path) {
  return json::parse(read_text_file(path));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Return the ids of the elements with a label.
std::vector<std::string> labelled(const json& document, const char* section,
                                  const std::string& label) {
  std::vector<std::string> ids;
  for (const auto& [id, facts] : document[section].items())
    if (facts["prov:label"] == label) ids.push_back(id);
  return ids;
}

/// Return everything that an entity came from, by use, generation and membership alone; the
/// definition and the environment, which all share, are no way.
std::set<std::string> ancestors(const json& document, const std::string& start) {
  std::set<std::string> found;
  std::vector<std::string> to_follow{start};
  const auto follow = [&](const char* relation, const char* from, const char* to,
                          const std::string& id) {
    if (!document.contains(relation)) return;
    for (const auto& [key, facts] : document[relation].items())
      if (facts[from] == id && found.insert(facts[to]).second) to_follow.push_back(facts[to]);
  };
  while (!to_follow.empty()) {
    const std::string id = to_follow.back();
    to_follow.pop_back();
    follow("used", "prov:activity", "prov:entity", id);
    follow("wasGeneratedBy", "prov:entity", "prov:activity", id);
    follow("hadMember", "prov:collection", "prov:entity", id);
  }
  return found;
}

struct Merged {
  ScratchFolder folder;
  ExampleRun example{.root = folder.path()};

  json document(const std::string& stage) { return read_json(example.merge(stage).json); }
};

TEST(Merge, FoldsTheSubrunsOfARun) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 150; ++subrun) m.example.process(recorder, subrun);
  }
  const MergeResult result = m.example.merge("r0_to_dl1");
  EXPECT_EQ(result.subruns, 150);
  EXPECT_EQ(result.failed + result.killed + result.superseded, 0);
  EXPECT_EQ(result.json.filename(), "r0_to_dl1_01807_prov.json");
  const json d = read_json(result.json);
  ASSERT_EQ(d["activity"].size(), 1);
  const json& activity = *d["activity"].begin();
  EXPECT_EQ(activity["prov:label"], "r0_to_dl1");
  EXPECT_EQ(activity["n_subruns"], 150);
  EXPECT_EQ(activity["n_failed"], 0);
  EXPECT_EQ(activity["events"], 15000);
  EXPECT_EQ(activity["status"], "completed");
  EXPECT_EQ(d["wasGeneratedBy"].size(), 1);
  for (const auto& [label, size] : {std::pair{"R0Collection", 600}, {"DL1Collection", 150}}) {
    const auto ids = labelled(d, "entity", label);
    ASSERT_EQ(ids.size(), 1);
    EXPECT_EQ(d["entity"][ids[0]]["size"], size);
    EXPECT_EQ(d["entity"][ids[0]]["prov:type"], "SetCollection");
    EXPECT_EQ(std::count_if(d["hadMember"].begin(), d["hadMember"].end(),
                            [&](const json& r) { return r["prov:collection"] == ids[0]; }),
              size);
  }
  std::set<std::string> types, roles;
  for (const auto& [id, facts] : d["entity"].items()) {
    types.insert(facts["prov:type"]);
    EXPECT_FALSE(facts["prov:label"].get<std::string>().empty());
    if (facts["prov:type"] != "File") continue;
    for (const char* key : {"filepath", "hash", "hash_type", "sha256", "contentType"})
      EXPECT_TRUE(facts.contains(key)) << id << ' ' << key;
  }
  for (const char* type : {"ExecutionSession", "Parameters", "File", "SetCollection"})
    EXPECT_TRUE(types.contains(type)) << type;
  const auto sessions = labelled(d, "entity", "01807");
  ASSERT_EQ(sessions.size(), 1);
  const json& session = d["entity"][sessions[0]];
  for (const char* key : {"software_version", "observation_date", "observation_run", "config_file",
                          "config_file_hash", "config_file_hash_type"})
    EXPECT_TRUE(session.contains(key)) << key;
  EXPECT_EQ(d["wasStartedBy"].begin().value()["prov:trigger"], sessions[0]);
  for (const json& r : d["used"]) roles.insert(r["prov:role"]);
  EXPECT_TRUE(roles.contains("R0 Collection"));
  EXPECT_TRUE(roles.contains("Pedestal file"));
  EXPECT_EQ(d["wasAssociatedWith"].size(), 2);
  EXPECT_FALSE(d.contains("wasDerivedFrom"));
  const auto parameters = labelled(d, "entity", "Parameters");
  ASSERT_EQ(parameters.size(), 1);
  EXPECT_EQ(d["entity"][parameters[0]]["CalibrationRun"], "01809");
  EXPECT_FALSE(d["entity"][parameters[0]].contains("ObservationSubRun"));
}

TEST(Merge, NumberOfRelationsDoesNotDependOnTheNumberOfSubruns) {
  std::set<std::size_t> used, generated, activities;
  for (const int n : {1, 2, 9}) {
    Merged m;
    {
      Recorder recorder = m.example.recorder();
      for (int subrun = 0; subrun < n; ++subrun) m.example.process(recorder, subrun);
    }
    const json d = m.document("dl1_to_dl2");
    used.insert(d["used"].size());
    generated.insert(d["wasGeneratedBy"].size());
    activities.insert(d["activity"].size());
  }
  EXPECT_EQ(used.size(), 1);
  EXPECT_EQ(generated.size(), 1);
  EXPECT_EQ(activities, std::set<std::size_t>{2});
}

TEST(Merge, DL2LeadsBackToRawDataAndTraining) {
  Merged m;
  process_eventful_run(m.example, 5);
  const json d = m.document("dl1_to_dl2");
  ASSERT_EQ(labelled(d, "entity", "DL2Collection").size(), 1);
  const auto found = ancestors(d, labelled(d, "entity", "DL2Collection")[0]);
  for (const char* label : {"R0Collection", "DL1Collection", "PedestalFile", "RFModelFile",
                            "CoefficientsCalibrationFile", "TrainingProduction"})
    for (const std::string& id : labelled(d, "entity", label))
      EXPECT_TRUE(found.contains(id)) << label;
  EXPECT_EQ(labelled(d, "entity", "R0Collection").size(), 1);
  EXPECT_EQ(labelled(d, "activity", "r0_to_dl1").size(), 1);
  ASSERT_TRUE(d.contains("wasInfluencedBy"));
  EXPECT_EQ(d["wasInfluencedBy"].begin().value()["prov:influencee"],
            labelled(d, "entity", "RFModelFile")[0]);
  // Nothing comes from itself.
  for (const char* section : {"entity", "activity"})
    for (const auto& [id, facts] : d[section].items())
      EXPECT_FALSE(ancestors(d, id).contains(id)) << id;
  // And the first stage's document is another one.
  EXPECT_NE(d, m.document("r0_to_dl1"));
}

TEST(Merge, KeepsFailedKilledAndSupersededActivities) {
  Merged m;
  process_eventful_run(m.example, 5);
  const MergeResult result = m.example.merge("r0_to_dl1");
  EXPECT_EQ(result.subruns, 5);
  EXPECT_EQ(result.failed, 2);
  EXPECT_EQ(result.killed, 1);
  EXPECT_EQ(result.superseded, 1);
  const json d = read_json(result.json);
  std::map<std::string, int> statuses;
  std::string folded;
  for (const auto& [id, facts] : d["activity"].items()) {
    ++statuses[facts["status"]];
    EXPECT_TRUE(facts["prov:startTime"].get<std::string>().ends_with('Z'));
    EXPECT_LE(facts["prov:startTime"], facts["prov:endTime"]);
    if (facts["status"] == "completed") folded = id;
    if (facts["status"] == "failed") {
      EXPECT_EQ(facts["exit_code"], 5);
      EXPECT_EQ(facts["message"], "the tile is cut short");
    }
  }
  EXPECT_EQ(statuses, (std::map<std::string, int>{
                          {"completed", 1}, {"failed", 2}, {"killed", 1}, {"superseded", 1}}));
  // Subrun 5 failed for good, subrun 1 only at first.
  EXPECT_EQ(d["activity"][folded]["failed_subruns"], "0005");
  EXPECT_EQ(d["activity"][folded]["n_failed_attempts"], 3);
  EXPECT_EQ(d["wasInformedBy"].size(), 4);
  for (const json& r : d["wasInformedBy"]) EXPECT_EQ(r["prov:informed"], folded);
  for (const json& r : d["wasGeneratedBy"]) EXPECT_EQ(r["prov:activity"], folded);
  // What was written over is no entity of this document.
  std::map<std::string, std::set<std::string>> contents;
  for (const auto& [id, facts] : d["entity"].items())
    if (facts.contains("filepath") && facts.contains("sha256"))
      contents[facts["filepath"]].insert(facts["sha256"].get<std::string>());
  for (const auto& [path, hashes] : contents) EXPECT_EQ(hashes.size(), 1) << path;
}

TEST(Merge, DoesNotDependOnOrderFilesOrTime) {
  Merged m;
  process_eventful_run(m.example, 6);
  const MergeResult first = m.example.merge("dl1_to_dl2");
  const std::string json_text = read_text_file(first.json), log_text = read_text_file(first.log);
  EXPECT_EQ(read_text_file(m.example.merge("dl1_to_dl2").json), json_text);

  std::vector<std::string> lines;
  for (const auto& entry : fs::directory_iterator(m.example.journals()))
    for (std::string& line : lines_of(read_text_file(entry.path())))
      lines.push_back(std::move(line));
  std::mt19937 random(1);
  for (int round = 0; round < 3; ++round) {
    std::shuffle(lines.begin(), lines.end(), random);
    const fs::path journals = m.folder.path() / fmt::format("shuffled{}", round);
    std::vector<std::string> parts(4);
    for (std::size_t i = 0; i < lines.size(); ++i) parts[i % 4] += lines[i] + '\n';
    for (std::size_t i = 0; i < parts.size(); ++i)
      write_text(journals / fmt::format("{}.log", i), parts[i]);
    MergeRequest request = m.example.request("dl1_to_dl2");
    request.journals = {journals};
    request.output_folder = m.folder.path() / fmt::format("out{}", round);
    const MergeResult again = prov::merge(request, shipped_definition(), m.example.logger);
    EXPECT_EQ(read_text_file(again.json), json_text);
    EXPECT_EQ(read_text_file(again.log), log_text);
  }
  // The log can be fed back.
  MergeRequest request = m.example.request("dl1_to_dl2");
  request.journals = {first.log};
  request.output_folder = m.folder.path() / "fed back";
  const MergeResult again = prov::merge(request, shipped_definition(), m.example.logger);
  EXPECT_EQ(read_text_file(again.json), json_text);
  EXPECT_EQ(read_text_file(again.log), log_text);
  EXPECT_EQ(again.broken_lines, 0);
}

TEST(Merge, PassesOverBrokenLinesAndCountsThem) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  const std::string before = read_text_file(m.example.merge("r0_to_dl1").json);
  const LoggerConfiguration& logger = m.example.logger;
  const std::string whole =
      format_line(logger, iso_time(0), {{"activity_id", "x"}, {"session_tag", "a:01807"}});
  write_text(m.example.journals() / "broken.log",
             whole.substr(0, whole.size() - 9) + '\n' + "INFO provLogger __PROV__2020\n" +
                 "INFO provLogger __PROV__2020__PROV__{\"a\":01807:01807}\n" +
                 "WARNING provLogger Derivation detected\n" + whole.substr(0, 40));
  const MergeResult result = m.example.merge("r0_to_dl1");
  EXPECT_EQ(result.broken_lines, 4);
  EXPECT_EQ(result.other_lines, 1);
  EXPECT_EQ(result.notes.size(), 1);
  EXPECT_EQ(read_text_file(result.json), before);
}

TEST(Merge, SeparatesRunsProductionsAndTelescopes) {
  Merged m;
  ExampleRun other_run = m.example, other_prod = m.example;
  other_run.run = 1808;
  other_prod.prod_id = "v0.2.0_v00";
  other_prod.salt = "newer";
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 2; ++subrun) {
      m.example.process(recorder, subrun);
      other_run.process(recorder, subrun);
      other_prod.process(recorder, subrun);
    }
  }
  const json a = m.document("dl1_to_dl2"), b = read_json(other_run.merge("dl1_to_dl2").json),
             c = read_json(other_prod.merge("dl1_to_dl2").json);
  for (const json* d : {&a, &b, &c}) {
    EXPECT_EQ((*d)["activity"].size(), 2);
    EXPECT_EQ((*d)["entity"][labelled(*d, "entity", "DL2Collection")[0]]["size"], 2);
  }
  for (const char* label : {"DL1Collection", "DL2Collection", "DL1SubrunDataset"})
    for (const json* d : {&b, &c})
      for (const std::string& id : labelled(*d, "entity", label))
        EXPECT_FALSE(a["entity"].contains(id)) << label;
  EXPECT_EQ(labelled(a, "entity", "PedestalFile"), labelled(c, "entity", "PedestalFile"));
  EXPECT_NE(labelled(a, "entity", "R0Collection"), labelled(b, "entity", "R0Collection"));
  MergeRequest lst2 = m.example.request("r0_to_dl1");
  lst2.telescope = 2;
  EXPECT_THROW(prov::merge(lst2, shipped_definition(), m.example.logger), Error);
}

TEST(Merge, PathModeSaysSoAndKeepsTheContentHash) {
  Merged m;
  m.example.logger.hash_buffer = HashBuffer::path;
  m.example.logger.hash_method = HashMethod::md5;
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  const json d = m.document("r0_to_dl1");
  EXPECT_EQ(d["entity"][labelled(d, "entity", "01807")[0]]["hash_buffer"], "path");
  const json& pedestal = d["entity"][labelled(d, "entity", "PedestalFile")[0]];
  EXPECT_EQ(pedestal["hash_buffer"], "path");
  EXPECT_EQ(pedestal["hash_type"], "md5");
  EXPECT_EQ(pedestal["hash"], hash_text(pedestal["filepath"].get<std::string>(), HashMethod::md5));
  EXPECT_EQ(pedestal["sha256"], hash_text("ped"));
}

TEST(Merge, DryRunIsMarkedAndNeverReplacesARealRecord) {
  Merged m;
  ExampleRun planned = m.example;
  planned.dry_run = true;
  {
    Recorder recorder = planned.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) planned.process(recorder, subrun);
  }
  const MergeResult result = planned.merge("dl1_to_dl2");
  const json d = read_json(result.json);
  EXPECT_EQ(d["activity"].size(), 2);
  for (const json& activity : d["activity"]) EXPECT_EQ(activity["status"], "planned");
  EXPECT_EQ(labelled(d, "entity", "DL2SubrunDataset").size(), 3);
  for (const std::string& id : labelled(d, "entity", "DL2SubrunDataset")) {
    EXPECT_EQ(d["entity"][id]["status"], "planned");
    EXPECT_FALSE(d["entity"][id].contains("hash"));
  }
  EXPECT_TRUE(ancestors(d, labelled(d, "entity", "DL2Collection")[0])
                  .contains(labelled(d, "entity", "R0Collection")[0]));
  EXPECT_TRUE(result.copies.empty());
  EXPECT_FALSE(fs::exists(m.example.product("DL2", 0)));

  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  const json real = m.document("dl1_to_dl2");
  for (const json& activity : real["activity"]) EXPECT_EQ(activity["status"], "completed");
  for (const char* section : {"entity", "activity", "used", "wasGeneratedBy", "hadMember"})
    EXPECT_EQ(real[section].size(), d[section].size()) << section;
  MergeRequest careless = planned.request("dl1_to_dl2");
  careless.output_folder = m.example.log_folder("DL2");
  EXPECT_THROW(prov::merge(careless, shipped_definition(), planned.logger), Error);
}

TEST(Merge, CopiesEachContentOnceAndNoRawData) {
  Merged m;
  const auto process = [&](int subrun) {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, subrun);
  };
  const fs::path config = m.folder.path() / "calib/drs4_pedestal.Run01804.0000.h5";
  for (const char* content : {"one", "two", "three"}) {
    write_text(config, content);
    process(0);
    m.example.merge("r0_to_dl1");
  }
  const fs::path log = m.example.log_folder("DL1");
  std::set<std::string> contents;
  for (const auto& entry : fs::directory_iterator(log)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("drs4_pedestal")) contents.insert(read_text_file(entry.path()));
    EXPECT_FALSE(name.ends_with(".fits.fz") || name.starts_with("dl1_")) << name;
  }
  EXPECT_EQ(contents, (std::set<std::string>{"one", "two", "three"}));
  EXPECT_EQ(read_text_file(log / "drs4_pedestal.Run01804.0000.h5"), "one");
  EXPECT_TRUE(fs::exists(
      log / fmt::format("drs4_pedestal.Run01804.0000.{}.h5", hash_text("two").substr(0, 8))));
  EXPECT_TRUE(fs::exists(log / "alisio.yaml"));

  MergeRequest small = m.example.request("r0_to_dl1");
  small.output_folder = m.folder.path() / "small";
  small.copy_limit_bytes = 1;
  const MergeResult result = prov::merge(small, shipped_definition(), m.example.logger);
  EXPECT_TRUE(result.copies.empty());
  EXPECT_EQ(result.notes.size(), 6);
}

TEST(Merge, LinksDocumentsElsewhere) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  MergeRequest request = m.example.request("dl1_to_dl2");
  request.link_folders = {m.example.log_folder("DL1")};
  for (int round = 0; round < 2; ++round) {
    const MergeResult result = prov::merge(request, shipped_definition(), m.example.logger);
    const fs::path link = m.example.log_folder("DL1") / result.json.filename();
    EXPECT_TRUE(fs::is_symlink(link));
    EXPECT_TRUE(fs::read_symlink(link).is_relative());
    EXPECT_EQ(read_text_file(link), read_text_file(result.json));
  }
}

/// Return the paths of the files among elements.
std::set<std::string> files_among(const json& document, const std::set<std::string>& ids) {
  std::set<std::string> names;
  for (const std::string& id : ids)
    if (const auto at = document["entity"].find(id);
        at != document["entity"].end() && at->contains("filepath"))
      names.insert(fs::path((*at)["filepath"].get<std::string>()).filename().string());
  return names;
}

TEST(Merge, LeadsBackThroughConstantsToTheRawFilesOfCalibrationRuns) {
  Merged m;
  m.example.process_constants();
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  const json d = m.document("dl1_to_dl2");
  for (const char* stage : {"dl1_to_dl2", "r0_to_dl1", "drs4_pedestal", "time_calibration",
                            "camera_calibration", "run_summary"})
    EXPECT_EQ(labelled(d, "activity", stage).size(), 1) << stage;
  const auto files = files_among(d, ancestors(d, labelled(d, "entity", "DL2Collection")[0]));
  for (const char* name : {"LST-1.1.Run01804.0000.fits.fz", "LST-1.4.Run01804.0000.fits.fz",
                           "LST-1.2.Run01809.0000.fits.fz", "LST-1.3.Run01807.0002.fits.fz"})
    EXPECT_TRUE(files.contains(name)) << name;
  EXPECT_GE(labelled(d, "entity", "EffectiveConfiguration").size(), 4);
  for (const auto& [id, facts] : d["entity"].items())
    EXPECT_NE(facts["prov:type"], "ReplacedFile") << facts.dump();
  // The calibration did not come from the run that it calibrates.
  const auto of_calibration =
      files_among(d, ancestors(d, labelled(d, "activity", "camera_calibration")[0]));
  EXPECT_TRUE(of_calibration.contains("LST-1.1.Run01809.0000.fits.fz"));
  EXPECT_FALSE(of_calibration.contains("LST-1.1.Run01807.0000.fits.fz"));
  // An activity is informed by those whose products it used itself.
  std::set<std::pair<std::string, std::string>> informed;
  for (const json& r : d["wasInformedBy"])
    informed.emplace(d["activity"][r["prov:informed"].get<std::string>()]["prov:label"],
                     d["activity"][r["prov:informant"].get<std::string>()]["prov:label"]);
  EXPECT_TRUE(informed.contains({"dl1_to_dl2", "r0_to_dl1"}));
  EXPECT_TRUE(informed.contains({"camera_calibration", "time_calibration"}));
  EXPECT_FALSE(informed.contains({"dl1_to_dl2", "drs4_pedestal"}));
  EXPECT_EQ(d["activity"][labelled(d, "activity", "drs4_pedestal")[0]]["observation_run"], "01804");

  // Why a file was chosen, and what the gates said.
  const std::string calibration = labelled(d, "entity", "CoefficientsCalibrationFile")[0];
  EXPECT_EQ(d["entity"][calibration]["quality"], "failed: unusable_pixels 0.43 (at most 0.1)");
  EXPECT_EQ(d["entity"][labelled(d, "entity", "PedestalFile")[0]]["quality"], "passed");
  int chosen = 0;
  for (const json& r : d["used"])
    if (r["prov:entity"] == calibration && r.contains("choice")) {
      EXPECT_EQ(r["choice"], "nearest earlier");
      ++chosen;
    }
  EXPECT_EQ(chosen, 1);

  // The log alone tells the same.
  MergeRequest request = m.example.request("dl1_to_dl2");
  const MergeResult first = m.example.merge("dl1_to_dl2");
  request.journals = {first.log};
  request.output_folder = m.folder.path() / "fed back";
  fs::rename(m.folder.path() / "calib/log", m.folder.path() / "calib/away");
  request.copies = false;
  EXPECT_EQ(read_text_file(prov::merge(request, shipped_definition(), m.example.logger).json),
            read_text_file(first.json));

  // And a calibration run has a document of its own.
  ExampleRun calibration_run = m.example;
  calibration_run.run = 1809;
  MergeRequest of_it = calibration_run.request("camera_calibration");
  of_it.journals = {m.folder.path() / "calib/away"};
  const json c = read_json(prov::merge(of_it, shipped_definition(), m.example.logger).json);
  EXPECT_EQ(labelled(c, "activity", "drs4_pedestal").size(), 1);
  EXPECT_EQ(labelled(c, "activity", "r0_to_dl1").size(), 0);
}

TEST(Merge, FollowsConstantsThatWereCopied) {
  Merged m;
  m.example.process_constants();
  fs::rename(m.folder.path() / "calib", m.folder.path() / "elsewhere");
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  MergeRequest request = m.example.request("r0_to_dl1");
  const auto count = [&] {
    const json d = read_json(prov::merge(request, shipped_definition(), m.example.logger).json);
    return labelled(d, "activity", "drs4_pedestal").size();
  };
  EXPECT_EQ(count(), 0);
  request.lineage_journals = {m.folder.path() / "elsewhere/log"};
  EXPECT_EQ(count(), 1);
  // What was told once is told again without these journals.
  request.lineage_journals.clear();
  EXPECT_EQ(count(), 1);
}

TEST(Merge, RunProcessedAgainWithWhatItsProductsTaughtHasNoCycle) {
  Merged m;
  ExampleRun first = m.example;
  first.prod_id = "v0.1.0_first";
  const FileNote ids = m.example.existing("pedestal_ids", m.folder.path() / "ids.h5", "ids");
  const FileNote dl1 = first.made("dl1_subrun", first.product("DL1", 0));
  Recorder recorder = m.example.recorder();
  first.process(recorder, 0, ExampleRun::Fate::done, false);
  const ActivityNote search = first.activity("find_pedestals", 0);
  recorder.started(search);
  recorder.used(search, dl1);
  recorder.generated(search, ids);
  recorder.finished(search, ExampleRun::outcome(true));
  const ActivityNote again = m.example.activity("r0_to_dl1", 0);
  recorder.started(again);
  for (const FileNote& input : m.example.inputs_of_dl1(0)) recorder.used(again, input);
  recorder.used(again, ids);
  const FileNote product = m.example.made("dl1_subrun", m.example.product("DL1", 0));
  recorder.generated(again, product);
  recorder.finished(again, ExampleRun::outcome(true));
  m.example.process_dl2(recorder, 0, product);
  const json d = m.document("dl1_to_dl2");
  EXPECT_EQ(labelled(d, "activity", "r0_to_dl1").size(), 2);
  EXPECT_EQ(labelled(d, "activity", "find_pedestals").size(), 1);
  for (const char* section : {"entity", "activity"})
    for (const auto& [id, facts] : d[section].items())
      EXPECT_FALSE(ancestors(d, id).contains(id)) << facts.dump();
}

TEST(Merge, LosesNothingWhenJournalsAreDeleted) {
  Merged m;
  m.example.process_constants();
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  m.example.merge("r0_to_dl1");
  m.example.merge("dl1_to_dl2");
  fs::remove_all(m.example.journals());
  fs::remove_all(m.folder.path() / "calib/log");
  m.example.salt = "remade";
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  for (const char* stage : {"r0_to_dl1", "dl1_to_dl2"}) {
    const MergeResult result = m.example.merge(stage);
    EXPECT_EQ(result.subruns, 3) << stage;
    EXPECT_EQ(result.superseded, 1) << stage;
    EXPECT_EQ(labelled(read_json(result.json), "activity", "drs4_pedestal").size(), 1) << stage;
  }
  EXPECT_TRUE(verify({m.folder.path() / "DL2"}).mismatches.empty());
}

TEST(Merge, TellsWhatWasInvalidatedByWhom) {
  Merged m;
  m.example.process_constants();
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  const MergeResult result = m.example.merge("r0_to_dl1");
  const std::string before = read_text_file(result.json);
  const fs::path product = m.example.product("DL1", 1);
  const std::string entity = entity_id(hash_file(product), product, m.example.root);
  const fs::path notes = m.example.journals() / notes_journal_name;
  const auto note = [&](const std::string& text) {
    const std::string time = iso_time(now_unix_utc_s());
    append_line(notes, format_line(m.example.logger, time,
                                   {{"note_id", time},
                                    {"note_about", entity},
                                    {"note", text},
                                    {"author", "crew"},
                                    {"time", time}}));
    m.example.merge("r0_to_dl1");
  };
  note("the lamp was on");
  EXPECT_EQ(read_text_file(result.json), before) << "nothing was invalidated";
  EXPECT_EQ(before.find("wasInvalidatedBy"), std::string::npos);

  Invalidation discard;
  discard.action = "discard";
  discard.reason = "\"clouds\"";
  note(note_text(discard));
  const std::string after = read_text_file(result.json);
  const json document = json::parse(after);
  ASSERT_EQ(document.at("wasInvalidatedBy").size(), 1);
  const json told = document["wasInvalidatedBy"].begin().value();
  EXPECT_EQ(told["prov:entity"], "id:" + entity);
  EXPECT_EQ(told["reason"], "\"clouds\"");
  const std::string activity = told["prov:activity"];
  EXPECT_EQ(document["activity"][activity]["prov:label"], "discard");
  EXPECT_EQ(document["activity"][activity]["prov:endTime"], told["prov:time"]);
  EXPECT_EQ(document["entity"]["id:" + entity]["prov:type"], "InvalidatedFile");
  EXPECT_EQ(document["entity"]["id:" + entity]["reference"], product.string());
  std::string agent;
  for (const auto& [id, facts] : document["wasAssociatedWith"].items())
    if (facts["prov:activity"] == activity) agent = facts["prov:agent"];
  EXPECT_EQ(document["agent"][agent]["prov:label"], "crew");

  fs::remove(notes);
  m.example.merge("r0_to_dl1");
  EXPECT_EQ(read_text_file(result.json), after) << "the merged log tells it too";
  discard.taken_back = true;
  note(note_text(discard));
  EXPECT_EQ(read_text_file(result.json), before) << "valid again";
}

TEST(Merge, SupersededConstantsAreToldByTheirCopies) {
  Merged m;
  const fs::path pedestal = m.folder.path() / "calib/drs4_pedestal.Run01804.0000.h5";
  const auto process = [&](int subrun) {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, subrun);
  };
  process(0), process(1);
  m.example.merge("r0_to_dl1");
  write_text(pedestal, "edited");
  process(0);
  const MergeResult result = m.example.merge("r0_to_dl1");
  const json d = read_json(result.json);
  std::map<std::string, std::string> contents;
  int pedestals = 0;
  for (const auto& [id, facts] : d["entity"].items()) {
    if (!facts.contains("filepath") || facts["prov:type"] != "File") continue;
    EXPECT_TRUE(contents.emplace(facts["filepath"], facts["sha256"]).second) << facts.dump();
    EXPECT_EQ(hash_file(facts["filepath"].get<std::string>()), facts["sha256"]);
    if (facts["prov:label"] != "PedestalFile") continue;
    ++pedestals;
    EXPECT_EQ(facts.contains("replaced_by"), facts["filepath"] != pedestal.string());
  }
  EXPECT_EQ(pedestals, 2);
  EXPECT_TRUE(verify({result.json}).mismatches.empty());
  const std::string text = read_text_file(result.json);
  EXPECT_EQ(read_text_file(m.example.merge("r0_to_dl1").json), text);
  // All subruns made again: the old content is told by attempts only.
  process(1);
  const MergeResult last = m.example.merge("r0_to_dl1");
  EXPECT_TRUE(last.notes.empty());
  EXPECT_TRUE(verify({last.json}).mismatches.empty());
}

TEST(Merge, SaysWhatIsMissing) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  m.example.run = 42;
  try {
    m.example.merge("r0_to_dl1");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::missing_input);
    EXPECT_NE(std::string(e.what()).find("run 00042"), std::string::npos) << e.what();
  }
}

TEST(Merge, ReplacedInputIsNamedButNotTakenForTheFileOfToday) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  // The DL1 file is made again with other bytes; DL2 is not.
  m.example.salt = "remade";
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0, ExampleRun::Fate::done, false);
  }
  const json d = m.document("dl1_to_dl2");
  const auto ids = labelled(d, "entity", "DL1SubrunDataset");
  ASSERT_EQ(ids.size(), 1);
  EXPECT_EQ(d["entity"][ids[0]]["prov:type"], "ReplacedFile");
  EXPECT_FALSE(d["entity"][ids[0]].contains("filepath"));
  EXPECT_TRUE(d["entity"][ids[0]].contains("replaced_by"));
}

TEST(Merge, PeerLogIsRead) {
  const char* shared = std::getenv("ALISIO_SHARED");
  const fs::path log = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") /
                       "data/lstosa_provenance/prov.log";
  if (!fs::exists(log)) GTEST_SKIP() << log << " is absent";
  const Journals journals = read_journals({log}, LoggerConfiguration());
  const Records records = collect(journals);
  std::size_t used = 0, generated = 0;
  for (const auto& [id, activity] : records.activities) {
    used += activity.used.size();
    generated += activity.generated.size();
  }
  EXPECT_EQ(records.activities.size(), 46);
  EXPECT_EQ(used, 190);
  EXPECT_EQ(generated, 92);
  ScratchFolder folder;
  MergeRequest request;
  request.journals = {log};
  request.stage = "r0_to_dl1";
  request.run = 1807;
  request.output_folder = folder.path();
  request.graphs = false;
  const MergeResult result = prov::merge(request, shipped_definition(), LoggerConfiguration());
  EXPECT_EQ(result.subruns, 11);
  EXPECT_EQ(result.broken_lines, 0);
  const json d = read_json(result.json);
  EXPECT_EQ(d["entity"][labelled(d, "entity", "R0Collection")[0]]["size"], 11);
}

TEST(Verify, NamesExactlyWhatChanged) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    for (int subrun = 0; subrun < 3; ++subrun) m.example.process(recorder, subrun);
  }
  m.example.merge("r0_to_dl1");
  m.example.merge("dl1_to_dl2");
  const VerifyResult good = verify({m.folder.path()});
  EXPECT_TRUE(good.mismatches.empty());
  EXPECT_EQ(good.files, 12 + 6 + 3 + 1 + 3);
  const fs::path pedestal = m.folder.path() / "calib/drs4_pedestal.Run01804.0000.h5";
  write_text(pedestal, "pad");
  fs::remove(m.example.product("DL2", 1));
  const VerifyResult bad = verify({m.folder.path()});
  ASSERT_EQ(bad.mismatches.size(), 2);
  EXPECT_EQ(bad.mismatches[0].path, m.example.product("DL2", 1));
  EXPECT_EQ(bad.mismatches[0].problem, "missing");
  EXPECT_EQ(bad.mismatches[1].path, pedestal);
  EXPECT_EQ(bad.mismatches[1].recorded_sha256, hash_text("ped"));
}

TEST(Verify, RefusesAFolderWithoutDocuments) {
  Merged m;
  {
    Recorder recorder = m.example.recorder();
    m.example.process(recorder, 0);
  }
  for (const fs::path& folder : {m.example.journals(), m.folder.path() / "calib"}) {
    try {
      static_cast<void>(verify({folder}));
      FAIL() << folder;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::missing_input);
      EXPECT_NE(std::string(e.what()).find(folder.string()), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace alisio::prov
