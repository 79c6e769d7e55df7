#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "lib/base/error.hpp"
#include "prov/merge.hpp"
#include "prov/records.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

/// Two runs with everything that happens to one, and their constants.
struct TwoRuns {
  ScratchFolder folder;
  ExampleRun first{.root = folder.path()};
  ExampleRun second = first;

  TwoRuns() {
    second.run = 1808;
    first.process_constants();
    process_eventful_run(first, 4);
    process_eventful_run(second, 3);
  }

  [[nodiscard]] MergeRequest request(Grain scope, Grain grain) const {
    MergeRequest request = first.request("dl1_to_dl2");
    request.journals.push_back(folder.path() / "calib/log");
    request.scope = scope;
    request.grain = grain;
    request.subrun = 2;
    request.runs = {1807, 1808};
    request.source = "Crab Nebula";
    if (scope > Grain::run) request.stage.clear();
    request.output_folder = folder.path() / "documents";
    request.copies = false;
    return request;
  }

  static MergeResult merge(const MergeRequest& request) {
    return prov::merge(request, shipped_definition(), shipped_logger());
  }
};

constexpr std::pair<Grain, Grain> grains[] = {
    {Grain::subrun, Grain::subrun},   {Grain::run, Grain::subrun},
    {Grain::run, Grain::run},         {Grain::observation, Grain::subrun},
    {Grain::observation, Grain::run}, {Grain::observation, Grain::observation},
    {Grain::night, Grain::subrun},    {Grain::night, Grain::run},
    {Grain::night, Grain::night}};

std::size_t labelled(const json& d, const std::string& label) {
  return static_cast<std::size_t>(
      std::count_if(d["activity"].begin(), d["activity"].end(), [&](const json& facts) {
        return facts["prov:label"] == label && facts["status"] == "completed";
      }));
}

/// Return everything that the products of an activity of this name came from.
std::set<std::string> files_behind(const json& d, const std::string& label) {
  std::set<std::string> found;
  std::vector<std::string> open;
  for (const auto& [id, facts] : d["activity"].items())
    if (facts["prov:label"] == label) open.push_back(id);
  EXPECT_FALSE(open.empty()) << label;
  while (!open.empty()) {
    const std::string at = open.back();
    open.pop_back();
    for (const auto& [kind, from, to] : {std::tuple{"used", "prov:activity", "prov:entity"},
                                         {"wasGeneratedBy", "prov:entity", "prov:activity"},
                                         {"hadMember", "prov:collection", "prov:entity"}})
      for (const json& facts : d[kind])
        if (facts[from] == at && found.insert(facts[to]).second) open.push_back(facts[to]);
  }
  std::set<std::string> names;
  for (const std::string& id : found)
    if (const auto at = d["entity"].find(id); at != d["entity"].end() && at->contains("filepath"))
      names.insert(fs::path((*at)["filepath"].get<std::string>()).filename().string());
  return names;
}

TEST(Grains, AreNamedAfterWhatTheyTell) {
  const TwoRuns t;
  std::set<std::string> names;
  for (const auto& [scope, grain] : grains) names.insert(document_stem(t.request(scope, grain)));
  EXPECT_EQ(names, (std::set<std::string>{
                       "dl1_to_dl2_01807.0002_prov", "dl1_to_dl2_01807_by_subrun_prov",
                       "dl1_to_dl2_01807_prov", "obs_Crab_Nebula_20200117_by_subrun_prov",
                       "obs_Crab_Nebula_20200117_by_run_prov", "obs_Crab_Nebula_20200117_prov",
                       "night_20200117_by_subrun_prov", "night_20200117_by_run_prov",
                       "night_20200117_prov"}));
}

TEST(Grains, FoldAsCoarselyAsAsked) {
  const TwoRuns t;
  for (const auto& [scope, grain] : grains) {
    const json d = json::parse(read_text_file(TwoRuns::merge(t.request(scope, grain)).json));
    const std::size_t runs = scope > Grain::run ? 2 : 1;
    const std::size_t subruns = scope == Grain::subrun ? 1 : runs == 1 ? 4 : 7;
    const std::size_t expected = grain == Grain::subrun ? subruns : grain == Grain::run ? runs : 1;
    EXPECT_EQ(labelled(d, "dl1_to_dl2"), expected) << to_string(scope) << to_string(grain);
    EXPECT_EQ(labelled(d, "r0_to_dl1"), expected) << to_string(scope) << to_string(grain);
    EXPECT_EQ(labelled(d, "drs4_pedestal"), 1);
    std::map<std::string, int> makers;
    for (const json& facts : d["wasGeneratedBy"])
      EXPECT_EQ(++makers[facts["prov:entity"].get<std::string>()], 1) << facts;
    const auto behind = files_behind(d, "dl1_to_dl2");
    for (const char* raw : {"LST-1.3.Run01804.0000.fits.fz", "LST-1.1.Run01809.0000.fits.fz",
                            "LST-1.2.Run01807.0002.fits.fz"})
      EXPECT_TRUE(behind.contains(raw)) << to_string(scope) << to_string(grain) << raw;
    EXPECT_EQ(behind.contains("LST-1.2.Run01808.0001.fits.fz"), runs == 2);
  }
}

TEST(Grains, SayTheSameInAnyOrderAndTwice) {
  const TwoRuns t;
  std::vector<std::string> lines;
  for (const fs::path& folder : {t.first.journals(), t.folder.path() / "calib/log"})
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::istringstream text(read_text_file(entry.path()));
      for (std::string line; std::getline(text, line);) lines.push_back(line);
    }
  std::mt19937 random(7);
  std::shuffle(lines.begin(), lines.end(), random);
  ScratchFolder shuffled;
  for (std::size_t i = 0; i < lines.size(); ++i)
    std::ofstream(shuffled.path() / fmt::format("{}.log", random() % 5), std::ios::app)
        << lines[i] << '\n';
  for (const auto& [scope, grain] : grains) {
    MergeRequest request = t.request(scope, grain);
    // Each in its own folder: nothing finer beside it.
    request.output_folder = t.folder.path() / document_stem(request);
    const MergeResult result = TwoRuns::merge(request);
    const std::string told = read_text_file(result.json), log = read_text_file(result.log);
    TwoRuns::merge(request);
    EXPECT_EQ(read_text_file(result.json), told) << to_string(scope) << to_string(grain);
    request.journals = {shuffled.path()};
    request.output_folder = shuffled.path() / "out" / document_stem(request);
    fs::rename(t.folder.path() / "calib/log", t.folder.path() / "calib/away");
    const MergeResult again = TwoRuns::merge(request);
    fs::rename(t.folder.path() / "calib/away", t.folder.path() / "calib/log");
    EXPECT_EQ(read_text_file(again.json), told) << to_string(scope) << to_string(grain);
    EXPECT_EQ(read_text_file(again.log), log) << to_string(scope) << to_string(grain);
  }
}

TEST(Grains, NameTheFinerRecord) {
  const TwoRuns t;
  const auto bundles = [](const MergeResult& result) {
    std::map<std::string, std::string> named;
    const json d = json::parse(read_text_file(result.json));
    for (const json& facts : d["entity"])
      if (facts["prov:type"].is_object() && facts["prov:type"]["$"] == "prov:Bundle") {
        EXPECT_EQ(hash_file(facts["filepath"].get<std::string>()), facts["sha256"]);
        named.emplace(fs::path(facts["filepath"].get<std::string>()).filename(), facts["sha256"]);
      }
    return named;
  };
  EXPECT_TRUE(bundles(TwoRuns::merge(t.request(Grain::run, Grain::run))).empty());
  TwoRuns::merge(t.request(Grain::run, Grain::subrun));
  const MergeResult run = TwoRuns::merge(t.request(Grain::run, Grain::run));
  EXPECT_EQ(bundles(run).count("dl1_to_dl2_01807_by_subrun_prov.json"), 1);
  TwoRuns::merge(t.request(Grain::night, Grain::run));
  const auto of_night = bundles(TwoRuns::merge(t.request(Grain::night, Grain::night)));
  EXPECT_EQ(of_night.size(), 2);
  EXPECT_EQ(of_night.at("dl1_to_dl2_01807_prov.json"), hash_file(run.json));
  EXPECT_EQ(of_night.count("night_20200117_by_run_prov.json"), 1);
}

TEST(Grains, NightHoldsWhatIsDoneForItWhateverRunItsRecordNames) {
  const TwoRuns t;
  {
    Recorder recorder = t.first.recorder();
    for (const ExampleRun* example : {&t.first, &t.second}) {
      const FileNote rings =
          example->made("muons", t.folder.path() / fmt::format("rings{}.fits", example->run));
      const ActivityNote dl1 = example->activity("r0_to_dl1", 9);
      recorder.started(dl1);
      for (const FileNote& input : example->inputs_of_dl1(9)) recorder.used(dl1, input);
      recorder.generated(dl1, example->made("dl1_subrun", example->product("DL1", 9)));
      recorder.generated(dl1, rings);
      recorder.finished(dl1, ExampleRun::outcome(true));
      const ActivityNote of_run = example->activity("merge_muons", -1);
      recorder.started(of_run);
      recorder.used(of_run, rings);
      recorder.generated(
          of_run,
          example->made("muons_run", t.folder.path() / fmt::format("muons{}.fits", example->run)));
      recorder.finished(of_run, ExampleRun::outcome(true));
    }
    ActivityNote of_night = t.first.activity("merge_muons", 0);
    of_night.parameters = {{"ObservationDate", "20200117"}};
    recorder.started(of_night);
    for (const int run : {1807, 1808})
      recorder.used(of_night, t.first.existing(
                                  "muons", t.folder.path() / fmt::format("muons{}.fits", run), ""));
    recorder.generated(of_night, t.first.made("muons_night", t.folder.path() / "night.fits"));
    recorder.finished(of_night, ExampleRun::outcome(true));
  }
  const json d =
      json::parse(read_text_file(TwoRuns::merge(t.request(Grain::night, Grain::night)).json));
  EXPECT_EQ(labelled(d, "merge_muons"), 2) << "of the runs, and of the night";
  std::string night;
  for (const auto& [id, facts] : d["entity"].items())
    if (facts["prov:label"] == "MuonsNightDataset") night = id;
  std::string maker;
  for (const json& facts : d["wasGeneratedBy"])
    if (facts["prov:entity"] == night) maker = facts["prov:activity"];
  ASSERT_FALSE(maker.empty());
  const auto behind = files_behind(d, "merge_muons");
  EXPECT_TRUE(behind.contains("LST-1.1.Run01807.0009.fits.fz"));
  EXPECT_TRUE(behind.contains("LST-1.1.Run01808.0009.fits.fz"));
  // The document of the run is not disturbed by the night's merge that bears its number.
  MergeRequest of_run = t.request(Grain::run, Grain::run);
  of_run.stage = "merge_muons";
  const MergeResult result = TwoRuns::merge(of_run);
  EXPECT_EQ(result.subruns, 1);
  EXPECT_EQ(result.superseded, 0);
}

TEST(Grains, FoldsNeverLeadToThemselves) {
  ScratchFolder folder;
  std::string journal;
  const auto job = [&](const std::string& id, const std::string& stage, int run,
                       const std::string& input, const std::string& output) {
    const std::string tag = stage + ':' + run_text(run);
    const auto put = [&](json record) {
      record["session_tag"] = tag;
      journal += format_line(shipped_logger(), "2020-01-18T00:00:00Z", record);
    };
    put({{"activity_id", id},
         {"name", stage},
         {"startTime", "2020-01-18T00:00:00Z"},
         {"observation_date", "20200117"}});
    for (const std::string& file : {input, output})
      put({{"entity_id", file}, {"name", "File"}, {"type", "File"}, {"filepath", '/' + file}});
    put({{"activity_id", id}, {"used_id", input}, {"used_role", "in"}});
    put({{"activity_id", id}, {"generated_id", output}, {"generated_role", "out"}});
    put({{"activity_id", id}, {"endTime", "2020-01-18T00:00:01Z"}, {"status", "completed"}});
  };
  // Over the runs, each stage comes before the other.
  job("1", "dl1ab", 1, "raw1", "a1");
  job("2", "r0_to_dl1", 1, "a1", "b1");
  job("3", "r0_to_dl1", 2, "raw2", "a2");
  job("4", "dl1ab", 2, "a2", "b2");
  write_text(folder.path() / "journals/a.log", journal);
  MergeRequest request;
  request.journals = {folder.path() / "journals"};
  request.scope = request.grain = Grain::night;
  request.observation_date = "20200117";
  request.output_folder = folder.path() / "out";
  request.graphs = false;
  const json d = json::parse(read_text_file(TwoRuns::merge(request).json));
  EXPECT_EQ(d["activity"].size(), 4) << "folding two and two would close a circle";
  // Records that themselves lead in a circle are told, too.
  job("5", "dl1ab", 3, "x", "y");
  job("6", "r0_to_dl1", 3, "y", "x");
  write_text(folder.path() / "journals/a.log", journal);
  EXPECT_GE(json::parse(read_text_file(TwoRuns::merge(request).json))["activity"].size(), 4);
}

TEST(Grains, RefuseWhatMakesNoSense) {
  const TwoRuns t;
  EXPECT_THROW(TwoRuns::merge(t.request(Grain::run, Grain::night)), Error);
  MergeRequest request = t.request(Grain::night, Grain::night);
  request.observation_date = "20200118";
  EXPECT_THROW(TwoRuns::merge(request), Error);
  request = t.request(Grain::observation, Grain::run);
  request.source = "../Crab";
  EXPECT_THROW(TwoRuns::merge(request), Error);
  request.source.clear();
  EXPECT_THROW(TwoRuns::merge(request), Error);
}

TEST(Grains, WriteFurtherForms) {
  const TwoRuns t;
  MergeRequest request = t.request(Grain::run, Grain::run);
  int written = 0;
  request.writers = {{".size", [&](const std::string& text) {
                        ++written;
                        return std::to_string(text.size());
                      }}};
  const MergeResult result = TwoRuns::merge(request);
  ASSERT_EQ(result.others.size(), 1);
  EXPECT_EQ(read_text_file(result.others[0]), std::to_string(fs::file_size(result.json)));
  TwoRuns::merge(request);
  EXPECT_EQ(written, 1) << "nothing changed";
  request.filter = short_record();
  TwoRuns::merge(request);
  EXPECT_EQ(read_text_file(result.others[0]), std::to_string(fs::file_size(result.json)));
  EXPECT_EQ(written, 2);
}

TEST(Grains, CopiesNeverReplaceEachOther) {
  ScratchFolder folder;
  ExampleRun example{.root = folder.path()};
  const fs::path pedestal = folder.path() / "calib/drs4_pedestal.Run01804.0000.h5";
  for (const char* content : {"one", "two", "three"}) {
    write_text(pedestal, content);
    Recorder recorder = example.recorder();
    example.process(recorder, 0);
    MergeRequest request = example.request("r0_to_dl1");
    request.copy_limit_bytes = 6;  // the run summary is larger
    prov::merge(request, shipped_definition(), example.logger);
  }
  std::set<std::string> contents;
  for (const auto& entry : fs::directory_iterator(example.log_folder("DL1"))) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("drs4_pedestal")) contents.insert(read_text_file(entry.path()));
    EXPECT_FALSE(name.ends_with(".fits.fz")) << name;
    EXPECT_FALSE(name.starts_with("RunSummary")) << name;
  }
  EXPECT_EQ(contents, (std::set<std::string>{"one", "two", "three"}));
}

}  // namespace
}  // namespace alisio::prov
