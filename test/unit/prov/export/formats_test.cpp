#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "prov/export/json_lines.hpp"
#include "prov/export/prov_xml.hpp"
#include "prov/export/public_document.hpp"
#include "prov/export/ro_crate.hpp"
#include "prov/export/votable.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

constexpr const char* kDocument = R"json({
  "prefix": {"id": "urn:id:", "default": "urn:param:"},
  "entity": {
    "id:raw": {"prov:label": "R0SubrunDataset", "prov:type": "File",
               "filepath": "/data/lst/R0/a <1>.fits.fz", "logical_path": "R0/a <1>.fits.fz",
               "sha256": "12ab", "size_bytes": 12},
    "id:dl1": {"prov:label": "DL1SubrunDataset", "prov:type": "File", "filepath": "/else/dl1.h5"},
    "id:set": {"prov:label": "EffectiveConfiguration", "prov:type": "Configuration",
               "prov:value": "{\"telescope\":1,\"models\":\"/opt/models/x.forest\"}"},
    "id:env": {"prov:label": "Environment", "prov:type": "Environment", "prov:value": "{\"node\":\"n1\"}"},
    "id:a_parameters": {"prov:label": "Parameters", "prov:type": "Parameters", "ProdID": "v1 \"x\" & y"}},
  "activity": {"id:a": {"prov:label": "r0_to_dl1", "prov:startTime": "2026-01-10T01:14:34Z",
    "prov:endTime": "2026-01-10T01:15:34Z", "status": "completed", "host": "n1",
    "command": "/usr/bin/alisio r0-to-dl1 --input /data/lst/R0/a.fits.fz --url http://x.org/y"}},
  "agent": {"id:o": {"prov:label": "jdoe", "prov:type": {"$": "prov:Person", "type": "xsd:QName"}},
            "id:s": {"prov:label": "alisio v0.1.0",
                     "prov:type": {"$": "prov:SoftwareAgent", "type": "xsd:QName"}}},
  "used": {"_:1": {"prov:activity": "id:a", "prov:entity": "id:raw", "prov:role": "Raw"},
           "_:2": {"prov:activity": "id:a", "prov:entity": "id:set", "prov:role": "Settings"},
           "_:3": {"prov:activity": "id:a", "prov:entity": "id:env", "prov:role": "Environment"},
           "_:4": {"prov:activity": "id:a", "prov:entity": "id:a_parameters"}},
  "wasGeneratedBy": {"_:5": {"prov:entity": "id:dl1", "prov:activity": "id:a", "prov:role": "DL1"}},
  "wasAssociatedWith": {"_:6": {"prov:activity": "id:a", "prov:agent": "id:o"},
                        "_:7": {"prov:activity": "id:a", "prov:agent": "id:s"}}})json";

void expect_holds(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST(ProvXml, WritesElementsAndRelations) {
  const std::string xml = to_prov_xml(kDocument);
  expect_holds(
      xml, {R"(xmlns:id="urn:id:")", R"(xmlns="urn:param:")", R"(<prov:entity prov:id="id:raw">)",
            R"(<filepath>/data/lst/R0/a &lt;1&gt;.fits.fz</filepath>)",
            R"(<size_bytes xsi:type="xsd:int">12</size_bytes>)",
            R"(<prov:startTime>2026-01-10T01:14:34Z</prov:startTime>)",
            R"(<prov:type xsi:type="xsd:QName">prov:Person</prov:type>)",
            R"(<prov:activity prov:ref="id:a"/>)", R"(<ProdID>v1 &quot;x&quot; &amp; y</ProdID>)"});
  // The schema wants a label before other attributes.
  EXPECT_LT(xml.find("<prov:label>R0"), xml.find("<filepath>/data"));
  expect_holds(to_prov_xml(R"({"entity": {"e": {"odd name": "1"}},
                               "bundle": {"id:b": {"entity": {"id:e": {}}}}})"),
               {"<odd_x20_name>1</odd_x20_name>", R"(<prov:bundleContent prov:id="id:b">)"});
}

TEST(Votable, HasATableForEachClass) {
  const std::string table = to_votable(kDocument);
  expect_holds(table,
               {R"(<TABLE name="Activity" nrows="1">)", R"(<TABLE name="Entity" nrows="4">)",
                R"(<TABLE name="Used" nrows="3">)", R"(<TABLE name="WasConfiguredBy" nrows="1">)",
                "<TD>id:a</TD><TD>id:a_parameters.ProdID</TD><TD>Parameter</TD>",
                // generatedAtTime is the end of the maker.
                "<TD>id:dl1</TD><TD>DL1SubrunDataset</TD><TD>/else/dl1.h5</TD>"
                "<TD>2026-01-10T01:15:34Z</TD>",
                "<TD>SoftwareAgent</TD>"});
}

TEST(RoCrate, IsAProcessRunCrate) {
  const json crate = json::parse(to_ro_crate(kDocument));
  std::map<std::string, json> by_id;
  for (const json& thing : crate["@graph"])
    EXPECT_TRUE(by_id.emplace(thing["@id"], thing).second) << thing["@id"] << " stands twice";
  EXPECT_EQ(by_id["./"]["conformsTo"]["@id"], "https://w3id.org/ro/wfrun/process/0.5");
  EXPECT_EQ(by_id["./"]["datePublished"], "2026-01-10");
  const json& action = by_id["#id%3Aa"];
  EXPECT_EQ(action["@type"], "CreateAction");
  EXPECT_EQ(action["object"].size(), 4U);
  EXPECT_EQ(action["object"][0]["@id"], "file:///data/lst/R0/a%20%3C1%3E.fits.fz");
  EXPECT_EQ(action["result"][0]["@id"], "file:///else/dl1.h5");
  EXPECT_EQ(by_id[action["instrument"][0]["@id"]]["@type"], "SoftwareApplication");
  EXPECT_EQ(by_id[action["agent"][0]["@id"]]["name"], "jdoe");
}

TEST(JsonLines, AreSelfContained) {
  const std::string lines = to_json_lines(kDocument);
  ASSERT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
  const json activity = json::parse(lines);
  EXPECT_EQ(activity["label"], "r0_to_dl1");
  EXPECT_EQ(activity["parameters"]["ProdID"], "v1 \"x\" & y");
  EXPECT_EQ(activity["used"].size(), 3U);
  EXPECT_EQ(activity["used"][0]["size_bytes"], 12);
  EXPECT_EQ(activity["used"][1]["value"]["telescope"], 1);
  EXPECT_EQ(activity["generated"][0]["filepath"], "/else/dl1.h5");
  EXPECT_EQ(activity["agents"][0]["label"], "jdoe");
}

TEST(PublicDocument, TellsNothingOfPersonsAndMachines) {
  const std::string text = public_document(kDocument);
  for (const char* secret : {"/data", "/usr", "/opt", "/else", "jdoe", "n1", "Environment"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
  const json document = json::parse(text);
  EXPECT_EQ(document["entity"]["id:raw"]["filepath"], "R0/a <1>.fits.fz");
  EXPECT_EQ(document["entity"]["id:dl1"]["filepath"], "dl1.h5");
  EXPECT_EQ(document["activity"]["id:a"]["command"],
            "alisio r0-to-dl1 --input a.fits.fz --url http://x.org/y");
  EXPECT_EQ(document["used"].size(), 3U);
  EXPECT_EQ(document["wasAssociatedWith"].size(), 1U);
  EXPECT_EQ(document["entity"]["id:raw"]["size_bytes"], 12);
}

TEST(PublicDocument, LooksEverywhere) {
  const std::string text = public_document(R"json({
    "entity": {"id:e": {"prov:type": ["File", "x"], "note": "file:///home/ann/x.h5 a:/home/ann/y ~ann/z",
                        "escaped": "{\"path\": \"\\/home\\/ann\\/q.h5\", \"user\": \"ann\"}",
                        "address": "see https://example.org/a/b?c=/d, please"},
               "id:v": {"prov:type": ["Environment", {"$": "ex:Other", "type": "xsd:QName"}],
                        "prov:value": "{\"node\": \"lst-node7\"}"}},
    "activity": {"id:a": {"message": "ann stopped it on lst-node7, not in annex", "hostname": "lst-node7"}},
    "agent": {"id:p": {"prov:type": ["prov:Person", "x"], "prov:label": "ann"}, "id:q": {"prov:label": "bob"},
              "id:s": {"prov:type": {"$": "prov:SoftwareAgent", "type": "xsd:QName"}}},
    "wasAssociatedWith": {"_:1": {"prov:activity": "id:a", "prov:agent": "id:q"},
                          "_:2": {"prov:activity": "id:a", "prov:agent": "id:s"}},
    "bundle": {"id:b": {"agent": {"id:r": {"prov:type": "prov:Person", "prov:label": "eve"}},
                        "entity": {"id:f": {"filepath": "/home/eve/f.h5"}}}}})json");
  for (const char* secret :
       {"/home", "home/", "lst-node7", "\"bob\"", "eve", "~ann", "id:p", "ann "})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
  const json document = json::parse(text);
  EXPECT_EQ(document["entity"]["id:e"]["note"], "x.h5 a:y z");
  EXPECT_EQ(document["entity"]["id:e"]["address"], "see https://example.org/a/b?c=d, please");
  EXPECT_EQ(document["entity"]["id:e"]["escaped"], "{\"path\":\"q.h5\"}");
  EXPECT_EQ(document["activity"]["id:a"]["message"], "… stopped it on …, not in annex");
  EXPECT_EQ(document["bundle"]["id:b"]["entity"]["id:f"]["filepath"], "f.h5");
  EXPECT_EQ(document["wasAssociatedWith"].size(), 1U);
  EXPECT_EQ(document["agent"].size(), 1U);
}

TEST(Formats, TellWhatIsInBundles) {
  const char* document = R"json({"bundle": {"id:b": {
    "entity": {"id:e": {"filepath": "x.h5", "twice": ["one", "two"]}},
    "activity": {"id:a": {"status": "planned", "prov:endTime": "2026-01-10T01:15:34Z"}},
    "wasGeneratedBy": {"_:1": {"prov:entity": "id:e", "prov:activity": "id:a",
                               "prov:time": "2026-01-10T01:00:00Z"}}}}})json";
  expect_holds(to_votable(document), {"id:e", "id:a", "one", "two", "2026-01-10T01:00:00Z"});
  expect_holds(to_ro_crate(document), {"x.h5", "PotentialActionStatus"});
  EXPECT_EQ(to_ro_crate(document).find("license"), std::string::npos);
  expect_holds(to_json_lines(document), {R"("id":"id:a")", "x.h5"});
}

TEST(Formats, RefuseWhatIsNestedWithoutEnd) {
  const std::string deep =
      R"({"entity": {"id:e": {"a": )" + std::string(100000, '[') + std::string(100000, ']') + "}}}";
  EXPECT_THROW(static_cast<void>(to_prov_xml(deep)), Error);
  EXPECT_THROW(static_cast<void>(public_document(deep)), Error);
  // As the text of a value it is a text.
  const std::string text = R"({"entity": {"id:e": {"prov:value": ")" + std::string(100000, '[') +
                           R"("}}, "activity": {"id:a": {}}, "used": {"_:1": {"prov:activity":
                           "id:a", "prov:entity": "id:e"}}})";
  EXPECT_GT(to_json_lines(text).size(), 100000U);
  EXPECT_GT(public_document(text).size(), 100000U);
}

TEST(Formats, RefuseWhatIsNoDocument) {
  for (const char* text : {"", "[]", "not JSON"}) {
    EXPECT_THROW(static_cast<void>(to_prov_xml(text)), Error);
    EXPECT_THROW(static_cast<void>(to_votable(text)), Error);
    EXPECT_THROW(static_cast<void>(to_ro_crate(text)), Error);
    EXPECT_THROW(static_cast<void>(to_json_lines(text)), Error);
    EXPECT_THROW(static_cast<void>(public_document(text)), Error);
  }
}

}  // namespace
}  // namespace alisio::prov
