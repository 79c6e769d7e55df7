#include "prov/import.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "lib/base/error.hpp"
#include "prov/records.hpp"
#include "prov/selection.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

fs::path shared_data() {
  const char* given = std::getenv("ALISIO_SHARED");
  const fs::path shared = given != nullptr ? given : fs::path(ALISIO_SOURCE_DIR) / "../shared";
  return shared / "data/lstosa_provenance";
}

/// Two subruns of a stage as LSTOSA writes them: with the same 24-bit id on two days.
const char* const lstosa_lines =
    R"(INFO provLogger __PROV__2020-01-18T01:00:00.100000__PROV__{'session_id': 77, 'name': '01807', 'startTime': '2020-01-18T00:59:00', 'system': {'platform': {'node': 'cp15'}, 'python': {'version_string': '3.7 \n[GCC "7"]'}, 'environment': {'HOME': None}, 'arguments': ['run.py', 'it\'s']}, 'observation_date': '20200117', 'software_version': 'v0.5', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.200000__PROV__{'activity_id': 'abc123', 'name': 'r0_to_dl1', 'startTime': '2020-01-18T00:59:01', 'in_session': 77, 'agent_name': 'lst', 'script': 'run.py', 'session_tag': 'r0_to_dl1:01807'}
WARNING provLogger Derivation detected in r0_to_dl1 for DL1SubrunDataset. ID: 5
INFO provLogger __PROV__2020-01-18T01:00:00.300000__PROV__{'activity_id': 'abc123', 'parameters': {'ObservationSubRun': '0002', 'flag': True}, 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.400000__PROV__{'entity_id': 'e1', 'name': 'R0SubrunDataset', 'filepath': '/R0/LST-1.1.Run01807.0002.fits.fz', 'hash': 'e1', 'hash_type': 'md5', 'type': 'File', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.500000__PROV__{'activity_id': 'abc123', 'used_id': 'e1', 'used_role': 'Observation subrun', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.600000__PROV__{'entity_id': 'e2', 'name': 'DL1SubrunDataset', 'filepath': '/DL1/dl1_LST-1.Run01807.0002.h5', 'hash': 'e2', 'hash_type': 'md5', 'type': 'File', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.700000__PROV__{'activity_id': 'abc123', 'generated_id': 'e2', 'generated_role': 'DL1 subrun dataset', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:00.800000__PROV__{'activity_id': 'abc123', 'endTime': '2020-01-18T00:59:59', 'session_tag': 'r0_to_dl1:01807'}
INFO provLogger __PROV__2020-01-18T01:00:01.000000__PROV__{'activity_id': 'abc123', 'name': 'r0_to_dl1', 'startTime': '2020-01-19T00:59:01', 'in_session': 77, 'agent_name': 'lst', 'script': 'run.py', 'session_tag': 'r0_to_dl1:01808'}
INFO provLogger __PROV__2020-01-18T01:00:01.100000__PROV__{'activity_id': 'abc123', 'endTime': '2020-01-19T01:00:59', 'session_tag': 'r0_to_dl1:01808'}
INFO provLogger __PROV__2020-01-18T01:00:01.200000__PROV__{'activity_id': 'abc123', 'used_id': 'e
INFO provLogger __PROV__2020-01-18T01:00:01.3
)";

struct Imported {
  ScratchFolder folder;

  ImportResult import(const std::string& text, const char* name = "prov.log") {
    write_text(folder.path() / name, text);
    return import_records(folder.path() / name, folder.path() / "journals", shipped_logger());
  }
};

TEST(Import, TakesInALogWithPythonLiterals) {
  Imported i;
  const ImportResult result = i.import(lstosa_lines);
  EXPECT_EQ(result.format, ImportFormat::lstosa_log);
  EXPECT_EQ(result.activities, 2);
  EXPECT_EQ(result.used, 1);
  EXPECT_EQ(result.generated, 1);
  EXPECT_EQ(result.broken_lines, 2);
  EXPECT_EQ(result.other_lines, 1);
  const Journals journals = read_journals({result.journal}, shipped_logger());
  EXPECT_EQ(journals.broken_lines + journals.other_lines, 0);
  for (const Line& line : journals.lines) EXPECT_EQ(line.record["origin"], "lstosa") << line.text;
  const Records records = collect(journals);
  ASSERT_EQ(records.activities.size(), 2) << "equal ids of two days must not clash";
  std::set<int> runs;
  for (const auto& [id, activity] : records.activities) {
    runs.insert(activity.run);
    EXPECT_TRUE(id.ends_with("-abc123")) << id;
    EXPECT_TRUE(activity.start.ends_with("Z")) << activity.start;
    EXPECT_EQ(activity.how, ActivityEnd::completed);
    EXPECT_EQ(activity.observation_date, "20200117");
    if (activity.run == 1807) {
      EXPECT_EQ(activity.subrun, 2);
    }
  }
  EXPECT_EQ(runs, (std::set<int>{1807, 1808}));
  for (const auto& [id, entity] : records.entities) {
    if ((*entity)["type"] != "File") continue;
    EXPECT_EQ((*entity)["identity"], "path");
    EXPECT_FALSE(entity->contains("sha256") || entity->contains("hash")) << "of the path only";
  }
}

TEST(Import, IsRepeatable) {
  Imported i;
  const fs::path journal = i.import(lstosa_lines).journal;
  const std::string before = read_text_file(journal);
  EXPECT_EQ(i.import(lstosa_lines, "elsewhere.log").journal, journal);
  EXPECT_EQ(read_text_file(journal), before);
}

TEST(Import, OpensTheCycleOfAnActivityThatUsesWhatItMakes) {
  Imported i;
  const ImportResult result = i.import(
      R"(INFO provLogger __PROV__2020-01-18T01:00:00__PROV__{'activity_id': 'a1', 'name': 'dl1ab', 'startTime': '2020-01-18T00:59:01', 'in_session': 7, 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:01__PROV__{'entity_id': 'old', 'name': 'DL1SubrunDataset', 'filepath': '/DL1/a.h5', 'type': 'File', 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:01__PROV__{'entity_id': 'new', 'name': 'DL1SubrunDataset', 'filepath': '/DL1/b.h5', 'type': 'File', 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:01__PROV__{'entity_id': 'new', 'progenitor_id': 'old', 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:02__PROV__{'activity_id': 'a1', 'used_id': 'new', 'used_role': 'DL1', 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:03__PROV__{'activity_id': 'a1', 'generated_id': 'new', 'generated_role': 'DL1AB', 'session_tag': 'dl1ab:01807'}
INFO provLogger __PROV__2020-01-18T01:00:04__PROV__{'activity_id': 'a1', 'endTime': '2020-01-18T00:59:59', 'session_tag': 'dl1ab:01807'}
)");
  const Journals journals = read_journals({result.journal}, shipped_logger());
  const Records records = collect(journals);
  const ActivityRecord& activity = records.activities.begin()->second;
  ASSERT_EQ(activity.used.size(), 1);
  EXPECT_EQ((*records.entities.at(activity.used[0].entity))["filepath"], "/DL1/a.h5");
  EXPECT_EQ((*records.entities.at(activity.generated.at(0).entity))["filepath"], "/DL1/b.h5");
}

const char* const ctapipe_array = R"([
  {"activity_name": "tool", "activity_uuid": "UUID", "status": "STATUS",
   "start": {"time_utc": "2026-11-23T12:13:57.349"}, "stop": {"time_utc": "2026-11-23T12:13:58.4"},
   "system": {"ctapipe_version": "0.25.1", "platform": {"node": "cp1"}, "arguments": ["tool", "]["]},
   "input": [{"url": "/DL1/dl1_LST-1.Run11220.0003.h5", "role": "dl1", "reference_meta": null}],
   "output": [{"url": "/DL2/dl2_LST-1.Run11220.0003.h5", "role": "dl2", "reference_meta": null}],
   "exit_code": 0, "config": {"Tool": {"x": "[\"]"}}, "duration_min": 0.5}
]
)";

std::string array_of(const std::string& uuid, const std::string& status) {
  std::string text = ctapipe_array;
  text.replace(text.find("UUID"), 4, uuid);
  text.replace(text.find("STATUS"), 6, status);
  return text;
}

TEST(Import, TakesInArraysOneAfterTheOther) {
  Imported i;
  const std::string first = array_of("u-1", "completed");
  const ImportResult result =
      i.import(first + array_of("u-2", "error") + first.substr(0, first.size() / 2) + '\n' +
                   array_of("u-3", "completed") + "[{\"x\": 1}]\n",
               "t.provenance.log");
  EXPECT_EQ(result.format, ImportFormat::ctapipe_log);
  EXPECT_EQ(result.activities, 3);
  EXPECT_EQ(result.broken_lines, 2) << "a half array and one without an activity";
  const Journals journals = read_journals({result.journal}, shipped_logger());
  const Records records = collect(journals);
  EXPECT_EQ(records.activities.at("u-2").how, ActivityEnd::failed);
  const ActivityRecord& done = records.activities.at("u-3");
  EXPECT_EQ(done.how, ActivityEnd::completed);
  EXPECT_EQ(done.run, 11220);
  EXPECT_EQ(done.subrun, 3);
  EXPECT_EQ(done.used.size(), 3) << "file, configuration, environment";
}

TEST(Import, RefusesWhatIsNoRecord) {
  Imported i;
  EXPECT_THROW(i.import("a: 1\n"), Error);
  EXPECT_THROW(i.import(""), Error);
  EXPECT_THROW(i.import("[[[[[[[[["), Error);
  EXPECT_THROW(i.import("{\"entity\": 3}"), Error);
}

TEST(Import, CountsWhatTheSamplesHold) {
  if (!fs::is_directory(shared_data())) GTEST_SKIP() << "no shared data";
  ScratchFolder folder;
  struct Expected {
    const char* name;
    std::int64_t activities, used, generated, sessions, other;
  };
  for (const Expected& e :
       {Expected{"prov.log", 46, 190, 92, 46, 21}, Expected{"lst1_2020_prov.log", 2, 3, 0, 2, 0},
        Expected{"calibration_to_dl1_01807_prov.json", 5, 14, 10, 1, 0},
        Expected{"calibration_to_dl1_01807_prov.log", 5, 14, 10, 1, 0},
        Expected{"r0_to_dl1_01807_prov.json", 3, 11, 6, 1, 0}}) {
    const ImportResult result =
        import_records(shared_data() / e.name, folder.path(), shipped_logger());
    EXPECT_EQ(result.activities, e.activities) << e.name;
    EXPECT_EQ(result.used, e.used) << e.name;
    EXPECT_EQ(result.generated, e.generated) << e.name;
    EXPECT_EQ(result.sessions, e.sessions) << e.name;
    EXPECT_EQ(result.broken_lines, 0) << e.name;
    EXPECT_EQ(result.other_lines, e.other) << e.name;
    const Journals journals = read_journals({result.journal}, shipped_logger());
    const Records records = collect(journals);
    EXPECT_EQ(static_cast<std::int64_t>(records.activities.size()), e.activities) << e.name;
    for (const auto& [id, activity] : records.activities)
      for (const FlowRecord& used : activity.used)
        for (const FlowRecord& made : activity.generated)
          EXPECT_NE(used.entity, made.entity) << activity.name << " uses what it makes";
  }
}

}  // namespace
}  // namespace alisio::prov
