#include "prov/filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

/// The document of DL2 of a run, back to the raw files of the calibration runs.
std::string whole_document() {
  static const std::string text = [] {
    ScratchFolder folder;
    const ExampleRun example{.root = folder.path()};
    example.process_constants();
    process_eventful_run(example, 5);
    return read_text_file(example.merge("dl1_to_dl2").json);
  }();
  return text;
}

/// Check what every document must keep: ends of relations are there, activities use and make,
/// collections say how many they hold.
json checked(const std::string& text) {
  json d = json::parse(text);
  std::set<std::string> known;
  for (const char* section : {"entity", "activity", "agent"})
    for (const auto& [id, facts] : d[section].items()) EXPECT_TRUE(known.insert(id).second) << id;
  std::set<std::string> users, makers, told;
  std::map<std::string, std::size_t> members;
  for (const auto& [kind, list] : d.items()) {
    if (kind == "prefix" || kind == "entity" || kind == "activity" || kind == "agent") continue;
    for (const auto& [key, facts] : list.items())
      for (const auto& [name, value] : facts.items())
        if (name.starts_with("prov:") && value.is_string() &&
            value.get<std::string>().starts_with("id:")) {
          EXPECT_TRUE(known.contains(value)) << kind << ' ' << name << ' ' << value;
        }
  }
  for (const auto& [key, facts] : d["used"].items()) users.insert(facts["prov:activity"]);
  for (const auto& [key, facts] : d["wasGeneratedBy"].items())
    makers.insert(facts["prov:activity"]);
  for (const auto& [key, facts] : d["hadMember"].items()) ++members[facts["prov:collection"]];
  for (const auto& [id, facts] : d["activity"].items()) {
    EXPECT_TRUE(users.contains(id)) << facts;
    EXPECT_TRUE(makers.contains(id) || facts["status"] != "completed") << facts;
  }
  for (const auto& [id, facts] : d["entity"].items())
    if (facts["prov:type"] == "SetCollection") {
      EXPECT_EQ(facts["size"], members[id]) << facts;
    }
  return d;
}

std::multiset<std::string> labels(const json& d, const char* section) {
  std::multiset<std::string> all;
  for (const auto& [id, facts] : d[section].items()) all.insert(facts["prov:label"]);
  return all;
}

std::size_t of_type(const json& d, const std::string& type) {
  return static_cast<std::size_t>(
      std::count_if(d["entity"].begin(), d["entity"].end(),
                    [&](const json& facts) { return facts["prov:type"] == type; }));
}

TEST(Filter, LetsEverythingPassUnlessAsked) {
  EXPECT_EQ(filtered(whole_document(), Filter()), whole_document());
}

TEST(Filter, KeepsNamedActivities) {
  Filter filter;
  filter.activities = {"camera_calibration", "dl1_to_dl2"};
  const json d = checked(filtered(whole_document(), filter));
  EXPECT_EQ(labels(d, "activity"),
            (std::multiset<std::string>{"camera_calibration", "dl1_to_dl2", "dl1_to_dl2"}))
      << "one of them replaced";
  EXPECT_FALSE(labels(d, "entity").contains("PointingFile"));
}

TEST(Filter, KeepsPartsOfThePipeline) {
  Filter filter;
  filter.stages = {"calibration"};
  const auto activities = labels(checked(filtered(whole_document(), filter)), "activity");
  EXPECT_EQ(activities, (std::multiset<std::string>{"camera_calibration", "drs4_pedestal",
                                                    "time_calibration"}));
  filter.stages = {"calibrations"};
  EXPECT_THROW((void)filtered(whole_document(), filter), Error);
}

TEST(Filter, KeepsNamedEntities) {
  Filter filter;
  filter.entities = {"DL2SubrunDataset"};
  const json d = checked(filtered(whole_document(), filter));
  EXPECT_EQ(labels(d, "activity"), (std::multiset<std::string>{"dl1_to_dl2", "dl1_to_dl2"}));
  EXPECT_EQ(labels(d, "entity").count("DL2SubrunDataset"), 5);
  EXPECT_EQ(labels(d, "entity").count("DL1SubrunDataset"), 0);
}

TEST(Filter, KeepsNamedRoles) {
  Filter filter;
  filter.roles = {"DL1 Collection"};
  const json d = checked(filtered(whole_document(), filter));
  for (const auto& [id, facts] : d["used"].items())
    if (!facts.contains("prov:type") && facts["prov:role"] != "Environment") {
      EXPECT_TRUE(facts["prov:role"] == "DL1 Collection" ||
                  facts["prov:role"] == "Effective configuration")
          << facts;
    }
}

TEST(Filter, KeepsASubrunRange) {
  Filter filter;
  filter.first_subrun = 1, filter.last_subrun = 2;
  const json d = checked(filtered(whole_document(), filter));
  EXPECT_EQ(labels(d, "entity").count("DL2SubrunDataset"), 2);
  EXPECT_TRUE(labels(d, "activity").contains("drs4_pedestal")) << "a calibration run is no subrun";
  // The collections are others now, and know it.
  const json whole = json::parse(whole_document());
  for (const auto& [id, facts] : d["entity"].items())
    if (facts["prov:label"] == "DL2Collection") {
      EXPECT_FALSE(whole["entity"].contains(id));
    }
}

TEST(Filter, LimitsDepthMonotonously) {
  std::size_t before = 0;
  for (const int depth : {1, 2, 3, 4, 6, 20}) {
    Filter filter;
    filter.depth = depth;
    const json d = checked(filtered(whole_document(), filter));
    EXPECT_GE(d["entity"].size() + d["activity"].size(), before);
    before = d["entity"].size() + d["activity"].size();
    if (depth == 1) {
      EXPECT_EQ(labels(d, "activity").count("r0_to_dl1"), 0);
    }
  }
  const json whole = json::parse(whole_document());
  EXPECT_EQ(before, whole["entity"].size() + whole["activity"].size());
}

TEST(Filter, KeepsAStatusAndATime) {
  Filter filter;
  filter.status = {"failed"};
  const ExampleRun unused;
  ScratchFolder folder;
  const ExampleRun example{.root = folder.path()};
  process_eventful_run(example, 3);
  const std::string text = read_text_file(example.merge("r0_to_dl1").json);
  const json d = checked(filtered(text, filter));
  for (const auto& [id, facts] : d["activity"].items()) EXPECT_EQ(facts["status"], "failed");
  EXPECT_EQ(d["activity"].size(), 2);
  filter = {};
  filter.before = "2001-01-01";
  EXPECT_EQ(checked(filtered(text, filter))["activity"].size(), 0);
  filter = {};
  filter.after = "2001-01-01";
  EXPECT_EQ(checked(filtered(text, filter))["activity"].size(), 5);
  filter.after = "yesterday";
  EXPECT_THROW((void)filtered(text, filter), Error);
  filter = {};
  filter.status = {"complete"};
  EXPECT_THROW((void)filtered(text, filter), Error);
}

TEST(Filter, ShortRecordLeavesTheMachineryOut) {
  const json whole = json::parse(whole_document());
  const std::string text = filtered(whole_document(), short_record());
  const json d = checked(text);
  EXPECT_GT(of_type(whole, "Environment"), 0);
  for (const char* type :
       {"Environment", "Parameters", "Configuration", "ExecutionSession", "Plan"})
    EXPECT_EQ(of_type(d, type), 0) << type;
  EXPECT_EQ(labels(d, "activity"), labels(whole, "activity"));
  EXPECT_LT(text.size(), whole_document().size());
  EXPECT_EQ(filtered(text, short_record()), text) << "filtering again changes nothing";
}

TEST(Filter, TellsWhenADocumentIsNone) {
  for (const char* text : {"", "[]", "{\"entity\": 3}", "{\"entity\""}) {
    Filter filter;
    filter.depth = 1;
    EXPECT_THROW((void)filtered(text, filter), Error) << text;
  }
}

TEST(Filter, EndsOnCycles) {
  const std::string text = R"({"prefix": {"id": "urn:x:id:"},
    "entity": {"id:a": {"prov:label": "A", "prov:type": "File"}, "id:b": {"prov:label": "B"},
               "id:c": {"prov:label": "C", "prov:type": "SetCollection", "size": 1}},
    "activity": {"id:x": {"prov:label": "x"}, "id:y": {"prov:label": "y"}},
    "used": {"_:1": {"prov:activity": "id:x", "prov:entity": "id:b", "prov:role": "r"},
             "_:2": {"prov:activity": "id:y", "prov:entity": "id:a", "prov:role": "r"},
             "_:3": {"prov:activity": "id:y", "prov:entity": "id:c", "prov:role": "r"}},
    "wasGeneratedBy": {"_:4": {"prov:entity": "id:a", "prov:activity": "id:x"},
                       "_:5": {"prov:entity": "id:b", "prov:activity": "id:y"}},
    "hadMember": {"_:6": {"prov:collection": "id:c", "prov:entity": "id:c"}}})";
  for (const int depth : {0, 1, 5}) {
    Filter filter = short_record();
    filter.depth = depth;
    filter.entities = {"A", "C"};
    EXPECT_NO_THROW((void)filtered(text, filter));
  }
}

}  // namespace
}  // namespace alisio::prov
