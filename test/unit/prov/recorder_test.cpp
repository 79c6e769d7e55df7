#include "prov/recorder.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "lib/base/error.hpp"
#include "prov/records.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

struct Recorded {
  ScratchFolder folder;
  ExampleRun example{.root = folder.path()};

  std::vector<json> records() const {
    std::vector<json> result;
    for (const Line& line : read_journals({example.journals()}, example.logger).lines)
      result.push_back(line.record);
    return result;
  }

  std::string text() const {
    std::string all;
    for (const auto& entry : fs::directory_iterator(example.journals()))
      all += read_text_file(entry.path());
    return all;
  }
};

std::vector<json> with_key(const std::vector<json>& records, const char* key) {
  std::vector<json> result;
  for (const json& record : records)
    if (record.contains(key)) result.push_back(record);
  return result;
}

TEST(Recorder, LinesHaveTheKnownFormAndKeys) {
  Recorded r;
  {
    Recorder recorder = r.example.recorder();
    r.example.process(recorder, 3, ExampleRun::Fate::done, false);
    EXPECT_EQ(recorder.journal().filename().string(), "prov_" + recorder.session_id() + ".log");
  }
  static const std::regex form(
      R"(INFO provLogger __PROV__\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z__PROV__\{".*\})");
  const std::string text = r.text();
  EXPECT_TRUE(text.ends_with('\n'));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(std::regex_match(line, form)) << line;

  const auto records = r.records();
  const auto sessions = with_key(records, "session_id");
  ASSERT_EQ(sessions.size(), 1);
  for (const char* key :
       {"name", "startTime", "system", "observation_date", "software_version", "config_file",
        "config_file_hash", "config_file_hash_type", "observation_run", "session_tag"})
    EXPECT_TRUE(sessions[0].contains(key)) << key;
  for (const char* key :
       {"executable", "platform", "build", "environment", "arguments", "start_time_utc"})
    EXPECT_TRUE(sessions[0]["system"].contains(key)) << key;
  for (const char* key : {"node", "num_cpus", "boot_time"})
    EXPECT_TRUE(sessions[0]["system"]["platform"].contains(key)) << key;
  EXPECT_EQ(sessions[0]["session_tag"], "r0_to_dl1:01807");
  EXPECT_EQ(sessions[0]["observation_run"], "01807");

  const auto parameters = with_key(records, "parameters");
  ASSERT_EQ(parameters.size(), 1);
  EXPECT_EQ(parameters[0]["parameters"], json({{"ObservationRun", "01807"},
                                               {"ObservationSubRun", "0003"},
                                               {"CalibrationRun", "01809"},
                                               {"PedestalRun", "01804"},
                                               {"ProdID", "v0.1.0_v00"}}));
  std::set<std::string> roles;
  for (const json& usage : with_key(records, "used_id")) roles.insert(usage["used_role"]);
  for (const char* role :
       {"Observation subrun", "Pedestal file", "Coefficients calibration file",
        "Time calibration file", "Pointing file", "Run summary", "Analysis configuration file"})
    EXPECT_TRUE(roles.contains(role)) << role;
  const auto generations = with_key(records, "generated_id");
  ASSERT_EQ(generations.size(), 1);
  EXPECT_EQ(generations[0]["generated_role"], "DL1 subrun dataset");
  const auto ends = with_key(records, "endTime");
  ASSERT_EQ(ends.size(), 1);
  EXPECT_EQ(ends[0]["status"], "completed");
  EXPECT_EQ(ends[0]["exit_code"], 0);
  EXPECT_EQ(ends[0]["resources"]["wall_s"], 2.5);
  EXPECT_TRUE(with_key(records, "progenitor_id").empty());
}

TEST(Recorder, TellsOfTheStartBeforeTheWork) {
  Recorded r;
  Recorder recorder = r.example.recorder();
  const ActivityNote activity = r.example.activity("r0_to_dl1", 0);
  recorder.started(activity);
  const auto starts = with_key(with_key(r.records(), "activity_id"), "startTime");
  ASSERT_EQ(starts.size(), 1);
  EXPECT_EQ(starts[0]["activity_id"], activity.activity_id);
  EXPECT_EQ(starts[0]["agent_name"], "observer");
  EXPECT_EQ(starts[0]["in_session"], recorder.session_id());
}

TEST(Recorder, RotatedJournalsHoldEverything) {
  Recorded r;
  r.example.logger.handling = JournalHandling::rotated;
  r.example.logger.maximum_bytes = 2000;
  Recorder recorder = r.example.recorder();
  for (int subrun = 0; subrun < 3; ++subrun)
    r.example.process(recorder, subrun, ExampleRun::Fate::done, false);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(r.example.journals())) {
    EXPECT_EQ(entry.path().extension(), ".log");
    // One line may be longer than a file should be; two are not put together then.
    const std::string text = read_text_file(entry.path());
    EXPECT_TRUE(text.size() <= 2000 || std::count(text.begin(), text.end(), '\n') == 1);
    ++files;
  }
  EXPECT_GT(files, 3);
  EXPECT_EQ(with_key(r.records(), "endTime").size(), 3U);
  EXPECT_EQ(with_key(r.records(), "generated_id").size(), 3U);
}

TEST(Recorder, AMovedJournalIsBegunAnew) {
  Recorded r;
  r.example.logger.handling = JournalHandling::reopened;
  Recorder recorder = r.example.recorder();
  r.example.process(recorder, 0, ExampleRun::Fate::done, false);
  const fs::path aside = r.example.journals() / "aside.log";
  fs::rename(recorder.journal(), aside);
  r.example.process(recorder, 1, ExampleRun::Fate::done, false);
  EXPECT_TRUE(fs::exists(recorder.journal()));
  EXPECT_EQ(with_key(r.records(), "endTime").size(), 2U);
}

TEST(Recorder, TellsHowAnActivityFailed) {
  Recorded r;
  Recorder recorder = r.example.recorder();
  r.example.process(recorder, 1, ExampleRun::Fate::failed);
  const auto ends = with_key(r.records(), "endTime");
  ASSERT_EQ(ends.size(), 1);
  EXPECT_EQ(ends[0]["status"], "failed");
  EXPECT_EQ(ends[0]["exit_code"], 5);
  EXPECT_EQ(ends[0]["message"], "the tile is cut short");
}

TEST(Recorder, IdentityComesFromContent) {
  Recorded r;
  const auto id_of_product = [&] {
    Recorder recorder = r.example.recorder();
    r.example.process(recorder, 0, ExampleRun::Fate::done, false);
    const auto all = read_journals({recorder.journal()}, r.example.logger).lines;
    for (const Line& line : all)
      if (line.record.contains("generated_id"))
        return line.record["generated_id"].get<std::string>();
    return std::string();
  };
  const std::string first = id_of_product();
  EXPECT_EQ(first, id_of_product());
  r.example.salt = "other content at the same path";
  EXPECT_NE(first, id_of_product());
}

TEST(Recorder, MovedTreeKeepsIdentity) {
  std::set<std::string> ids[2];
  for (auto& set : ids) {
    Recorded r;
    Recorder recorder = r.example.recorder();
    r.example.process(recorder, 0, ExampleRun::Fate::done, false);
    for (const json& usage : with_key(r.records(), "used_id"))
      set.insert(usage["used_id"].get<std::string>());
  }
  EXPECT_EQ(ids[0], ids[1]);
}

TEST(Recorder, HashMethodAndBufferAreHonoured) {
  for (const HashMethod method : {HashMethod::md5, HashMethod::sha256})
    for (const HashBuffer buffer : {HashBuffer::content, HashBuffer::path}) {
      Recorded r;
      r.example.logger.hash_method = method;
      r.example.logger.hash_buffer = buffer;
      Recorder recorder = r.example.recorder();
      r.example.process(recorder, 0);
      int files = 0;
      for (const json& record : r.records()) {
        if (!record.contains("filepath")) continue;
        ++files;
        const auto path = record["filepath"].get<std::string>();
        EXPECT_EQ(record["sha256"], hash_file(path));
        EXPECT_EQ(record["hash_type"], to_string(method));
        EXPECT_EQ(record["hash"],
                  buffer == HashBuffer::path ? hash_text(path, method) : hash_file(path, method));
        EXPECT_EQ(record.contains("hash_buffer"), buffer == HashBuffer::path);
      }
      EXPECT_GT(files, 10);
    }
}

TEST(Recorder, HashesAProductWhereItsBytesAre) {
  Recorded r;
  r.example.logger.hash_method = HashMethod::md5;
  Recorder recorder = r.example.recorder();
  const ActivityNote activity = r.example.activity("r0_to_dl1", 0);
  recorder.started(activity);
  for (const FileNote& input : r.example.inputs_of_dl1(0)) recorder.used(activity, input);
  FileNote output = r.example.made("dl1_subrun", r.example.product("DL1", 0));
  const std::string md5 = hash_file(output.path, HashMethod::md5);
  output.content_path = output.path.string() + ".part";
  fs::rename(output.path, output.content_path);
  recorder.generated(activity, output);
  for (const json& record : r.records())
    if (record.contains("filepath") && record["filepath"] == output.path.string()) {
      EXPECT_EQ(record["hash"], md5);
    }
}

TEST(Recorder, WritesAllowedVariablesOnly) {
  ASSERT_EQ(setenv("OMP_NUM_THREADS", "seven", 1), 0);
  ASSERT_EQ(setenv("ALISIO_TEST_SECRET", "do not tell", 1), 0);
  Recorded r;
  Recorder recorder = r.example.recorder();
  r.example.process(recorder, 0);
  unsetenv("OMP_NUM_THREADS");
  unsetenv("ALISIO_TEST_SECRET");
  EXPECT_NE(r.text().find("\"OMP_NUM_THREADS\":\"seven\""), std::string::npos);
  EXPECT_EQ(r.text().find("do not tell"), std::string::npos);
  EXPECT_EQ(r.text().find("\"PATH\""), std::string::npos);
}

TEST(Recorder, TakesTheAccountIfUserIsUnset) {
  const char* user = std::getenv("USER");
  const std::string kept = user != nullptr ? user : "";
  unsetenv("USER");
  ScratchFolder folder;
  ExampleRun example{.root = folder.path()};
  RecorderOptions options;
  options.journal_folder = example.journals();
  Recorder recorder(shipped_definition(), example.logger, options);
  recorder.started(example.activity("r0_to_dl1", 0));
  if (user != nullptr) setenv("USER", kept.c_str(), 1);
  const std::string text = read_text_file(recorder.journal());
  EXPECT_EQ(text.find("Anonymous"), std::string::npos);
  EXPECT_EQ(text.find("\"agent_name\":\"\""), std::string::npos);
}

TEST(Recorder, SwitchedOffRunsAndMarksProducts) {
  Recorded r;
  r.example.logger.capture = false;
  Recorder recorder = r.example.recorder();
  EXPECT_FALSE(recorder.capturing());
  r.example.process(recorder, 0);
  EXPECT_FALSE(fs::exists(recorder.journal()));
  const ProductMetadata marks =
      recorder.describe_product(r.example.activity("r0_to_dl1", 0), "dl1_subrun", {});
  EXPECT_NE(std::find(marks.attributes.begin(), marks.attributes.end(),
                      std::pair<std::string, std::string>("PROV CAPTURE", "off")),
            marks.attributes.end());
}

TEST(Recorder, RefusesWhatTheDefinitionDoesNotKnow) {
  Recorded r;
  Recorder recorder = r.example.recorder();
  const ActivityNote activity = r.example.activity("r0_to_dl1", 0);
  EXPECT_THROW(recorder.used(activity, r.example.inputs_of_dl1(0)[0]), Error);  // not started
  recorder.started(activity);
  FileNote stray = r.example.inputs_of_dl1(0)[0];
  stray.port = "r0_subruns";
  EXPECT_THROW(recorder.used(activity, stray), Error);
  const FileNote raw = r.example.inputs_of_dl1(0)[0];
  for (int i = 0; i < 4; ++i) recorder.used(activity, raw);
  EXPECT_THROW(recorder.used(activity, raw), Error);  // a fifth stream
  // A product whose declared inputs were not announced.
  EXPECT_THROW(
      recorder.generated(activity, r.example.made("dl1_subrun", r.example.product("DL1", 0))),
      Error);
}

TEST(Recorder, UnwritableJournalFailsTheJob) {
  ScratchFolder folder;
  write_text(folder.path() / "file", "");
  ExampleRun example{.root = folder.path()};
  RecorderOptions options;
  options.journal_folder = folder.path() / "file";
  Recorder recorder(shipped_definition(), example.logger, options);
  try {
    recorder.started(example.activity("r0_to_dl1", 0));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::resource);
  }
}

TEST(Recorder, ARecordAfterOneThatFoundNoRoomStandsOnALineOfItsOwn) {
  Recorded r;
  Recorder recorder = r.example.recorder();
  recorder.started(r.example.activity("r0_to_dl1", 0));
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { fs::file_size(recorder.journal()) + 80, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(recorder.started(r.example.activity("r0_to_dl1", 1)), Error);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  const std::size_t records = r.records().size();
  recorder.started(r.example.activity("r0_to_dl1", 2));
  const std::size_t next = r.records().size();
  recorder.started(r.example.activity("r0_to_dl1", 3));
  EXPECT_EQ(next - records, r.records().size() - next) << "none was lost";
}

TEST(Recorder, PrefixInsideARecordDoesNotBreakTheLine) {
  LoggerConfiguration logger;
  const std::string line =
      format_line(logger, "2026-01-10T01:14:34.516869Z", {{"entity_id", "a__PROV__b"}});
  ScratchFolder folder;
  write_text(folder.path() / "x.log", line);
  const Journals journals = read_journals({folder.path()}, logger);
  ASSERT_EQ(journals.lines.size(), 1);
  EXPECT_EQ(journals.lines[0].record["entity_id"], "a__PROV__b");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(Records, PythonLiteralsAreRead) {
  const json value = parse_python_literal(
      R"({'a': None, "b": [True, False, -1.5e3, 7], 'c': ('x', "it's"), 'd': 'it\'s\n\\ \x41', })");
  EXPECT_EQ(
      value,
      json::parse(R"({"a":null,"b":[true,false,-1500.0,7],"c":["x","it's"],"d":"it's\n\\ A"})"));
  for (const char* bad : {"{'a': ", "{'a' 1}", "[1, 2", "'abc", "nothing", "{'a': 1} x", "'\\x4'"})
    EXPECT_THROW(parse_python_literal(bad), std::invalid_argument) << bad;
  EXPECT_THROW(parse_python_literal(std::string(100000, '[')), std::invalid_argument);
}

TEST(Product, CarriesReferenceMetadataAndParents) {
  Recorded r;
  const Definition definition = shipped_definition();
  const ActivityNote activity = r.example.activity("r0_to_dl1", 3);
  const auto inputs = r.example.inputs_of_dl1(3);
  const auto product =
      embedded_attributes(definition, activity, "dl1_subrun", inputs, r.example.root, 0, 90.25);
  std::map<std::string, std::string> a(product.attributes.begin(), product.attributes.end());
  EXPECT_EQ(a.size(), product.attributes.size());
  int reference_keys = 0;
  for (const auto& [key, value] : a) reference_keys += key.starts_with("CTA ") ? 1 : 0;
  EXPECT_EQ(reference_keys, 30);
  EXPECT_EQ(a["CTA ACTIVITY START TIME"], "1970-01-01 00:00:00.000");
  EXPECT_EQ(a["CTA ACTIVITY STOP TIME"], "1970-01-01 00:01:30.250");
  EXPECT_EQ(a["CTA ACTIVITY ID"], activity.activity_id);
  EXPECT_EQ(a["CTA PROCESS ID"], "1807");
  EXPECT_EQ(a["PROV N_INPUTS"], "10");
  EXPECT_EQ(a["PROV INPUT 4 ROLE"], "Pedestal file");
  EXPECT_EQ(a["PROV INPUT 4 SHA256"], hash_text("ped"));
  EXPECT_EQ(a["PROV INPUT 4 ID"], entity_id(inputs[4].sha256, inputs[4].path, r.example.root));
  EXPECT_LE(product.record_json.size(), 4096);
  const json record = json::parse(product.record_json);
  for (const char* key : {"activity_name", "activity_uuid", "status", "start", "stop", "system",
                          "input", "output", "exit_code", "config", "duration_min"})
    EXPECT_TRUE(record.contains(key)) << key;
  EXPECT_EQ(record["output"].size(), 1);
  EXPECT_EQ(record["output"][0]["role"], "DL1 subrun dataset");

  // The same work makes the same product, other work another.
  ActivityNote again = activity;
  again.activity_id = new_uuid7();
  const auto second =
      embedded_attributes(definition, again, "dl1_subrun", inputs, r.example.root, 5, 6);
  std::map<std::string, std::string> b(second.attributes.begin(), second.attributes.end());
  EXPECT_EQ(a["CTA PRODUCT ID"], b["CTA PRODUCT ID"]);
  EXPECT_EQ(a["CTA PRODUCT ID"][14], '5');
  again.identity = "something else";
  const auto third =
      embedded_attributes(definition, again, "dl1_subrun", inputs, r.example.root, 5, 6);
  std::map<std::string, std::string> c(third.attributes.begin(), third.attributes.end());
  EXPECT_NE(a["CTA PRODUCT ID"], c["CTA PRODUCT ID"]);
}

TEST(Recorder, NamesTheFolderThatCannotBeMade) {
  ScratchFolder folder;
  write_text(folder.path() / "file", "no folder");
  const ExampleRun example{.root = folder.path()};
  Recorder recorder = example.recorder(folder.path() / "file/log");
  try {
    recorder.started(example.activity("r0_to_dl1", 0));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::resource);
    const std::string text = e.what();
    EXPECT_NE(text.find((folder.path() / "file/log").string()), std::string::npos) << text;
    EXPECT_NE(text.find("Not a directory"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace alisio::prov
