#include "prov/export/prov_n.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

TEST(ProvN, WritesElementsRelationsAndNamespaces) {
  EXPECT_EQ(to_prov_n(R"({"prefix": {"id": "urn:id:", "default": "urn:param:"},
    "entity": {"id:e1": {"prov:label": "DL1", "size_bytes": 12},
               "id:e2": {}},
    "activity": {"id:a": {"prov:startTime": "2026-01-10T01:14:34Z"}, "id:b": {}},
    "agent": {"id:g": {"prov:type": {"$": "prov:Person", "type": "xsd:QName"}}},
    "used": {"_:id1": {"prov:activity": "id:a", "prov:entity": "id:e1", "prov:role": "raw"}},
    "wasGeneratedBy": {"id:g1": {"prov:entity": "id:e2", "prov:activity": "id:a"}},
    "hadMember": {"_:id2": {"prov:collection": "id:e1", "prov:entity": ["id:e2", "id:e3"]}}})"),
            R"(document
  default <urn:param:>
  prefix id <urn:id:>
  entity(id:e1, [prov:label="DL1", size_bytes=12])
  entity(id:e2)
  activity(id:a, 2026-01-10T01:14:34Z, -)
  activity(id:b)
  agent(id:g, [prov:type='prov:Person'])
  used(id:a, id:e1, -, [prov:role="raw"])
  wasGeneratedBy(id:g1; id:e2, id:a, -)
  hadMember(id:e1, id:e2)
  hadMember(id:e1, id:e3)
endDocument
)");
}

TEST(ProvN, KeepsEveryKindOfValue) {
  const std::string text = to_prov_n(R"json({"entity": {"id:e": {
    "quoted": "say \"yes\" \\ no", "lines": "a\nb\tc\rd", "bell": "\u0007", "empty": "",
    "letters": "βολή, señal", "truth": true, "real": 0.5, "long": 12345678901,
    "huge": 18446744073709551615, "negative": -2, "several": ["x", 1],
    "typed": {"$": "5", "type": "xsd:unsignedInt"}, "said": {"$": "sí", "lang": "es"},
    "odd name (1)": "v", "nothing": null}}})json");
  for (const char* part :
       {R"(quoted="say \"yes\" \\ no")", R"(lines="a\nb\tc\rd")", R"(bell="\u0007")", R"(empty="")",
        R"(letters="βολή, señal")", R"(truth="true" %% xsd:boolean)", R"(real="0.5" %% xsd:double)",
        R"(long="12345678901" %% xsd:long)", R"(huge="18446744073709551615" %% xsd:integer)",
        "negative=-2", R"(several="x")", "several=1", R"(typed="5" %% xsd:unsignedInt)",
        R"(said="sí"@es)", R"(odd%20name%20\(1\)="v")"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  EXPECT_EQ(text.find("nothing"), std::string::npos);
}

TEST(ProvN, WritesBundles) {
  const std::string text =
      to_prov_n(R"({"bundle": {"id:b": {"prefix": {"x": "urn:x:"}, "entity": {"x:e": {}}}}})");
  EXPECT_EQ(text,
            "document\nbundle id:b\n  prefix x <urn:x:>\n  entity(x:e)\nendBundle\nendDocument\n");
}

TEST(ProvN, RefusesWhatIsNoDocument) {
  for (const char* text : {"", "[]", "not JSON", R"({"entity": 1})", R"({"entity": {"a": 1}})",
                           R"({"unknown": {}})", R"({"bundle": {"a": {"bundle": {}}}})"})
    EXPECT_THROW(static_cast<void>(to_prov_n(text)), Error) << text;
}

}  // namespace
}  // namespace alisio::prov
