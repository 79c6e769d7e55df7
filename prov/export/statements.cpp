#include "prov/export/statements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "prov/json_members.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

/// Return the arguments of each kind of statement, in the order of PROV-N.
const std::map<std::string, Arguments, std::less<>>& arguments_by_kind() {
  static const std::map<std::string, Arguments, std::less<>> kinds{
      {"entity", {}},
      {"activity", {"prov:startTime", "prov:endTime"}},
      {"agent", {}},
      {"wasGeneratedBy", {"prov:entity", "prov:activity", "prov:time"}},
      {"used", {"prov:activity", "prov:entity", "prov:time"}},
      {"wasInformedBy", {"prov:informed", "prov:informant"}},
      {"wasStartedBy", {"prov:activity", "prov:trigger", "prov:starter", "prov:time"}},
      {"wasEndedBy", {"prov:activity", "prov:trigger", "prov:ender", "prov:time"}},
      {"wasInvalidatedBy", {"prov:entity", "prov:activity", "prov:time"}},
      {"wasDerivedFrom",
       {"prov:generatedEntity", "prov:usedEntity", "prov:activity", "prov:generation",
        "prov:usage"}},
      {"wasAttributedTo", {"prov:entity", "prov:agent"}},
      {"wasAssociatedWith", {"prov:activity", "prov:agent", "prov:plan"}},
      {"actedOnBehalfOf", {"prov:delegate", "prov:responsible", "prov:activity"}},
      {"wasInfluencedBy", {"prov:influencee", "prov:influencer"}},
      {"specializationOf", {"prov:specificEntity", "prov:generalEntity"}},
      {"alternateOf", {"prov:alternate1", "prov:alternate2"}},
      {"mentionOf", {"prov:specificEntity", "prov:generalEntity", "prov:bundle"}},
      {"hadMember", {"prov:collection", "prov:entity"}}};
  return kinds;
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::bad_input, what, "",
              "give a *_prov.json that `alisio prov merge` wrote, or other PROV-JSON");
}

Value value_of(const ordered_json& json) {
  if (json.is_string()) return {json.get<std::string>(), "", ""};
  if (json.is_boolean()) return {json.get<bool>() ? "true" : "false", "xsd:boolean", ""};
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    return {json.dump(),
            number <= std::numeric_limits<std::int32_t>::max()   ? "xsd:int"
            : number <= std::numeric_limits<std::int64_t>::max() ? "xsd:long"
                                                                 : "xsd:integer",
            ""};
  }
  if (json.is_number_integer())
    return {json.dump(),
            json.get<std::int64_t>() >= std::numeric_limits<std::int32_t>::min() ? "xsd:int"
                                                                                 : "xsd:long",
            ""};
  if (json.is_number()) return {json.dump(), "xsd:double", ""};
  if (json.is_object() && json.contains("$")) {
    Value value = value_of(json["$"]);
    const auto text = [&](const char* key) {
      const auto at = json.find(key);
      return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    if (std::string type = text("type"); !type.empty()) value.type = std::move(type);
    value.language = text("lang");
    if (value.type == "xsd:string") value.type.clear();
    return value;
  }
  // Something that PROV-JSON does not know is kept as its text.
  return {json.dump(), "", ""};
}

void add_statement(std::vector<Statement>& all, const std::string& kind, const std::string& id,
                   const Arguments& arguments, const ordered_json& facts) {
  Statement statement{kind, id.starts_with("_:") ? std::string() : id, {}, {}};
  const ordered_json* members = nullptr;
  for (const std::string& name : arguments) {
    const auto at = facts.find(name);
    std::string text;
    if (at != facts.end()) {
      if (kind == "hadMember" && at->is_array()) members = &*at;
      text = value_of(at->is_array() && !at->empty() ? at->front() : *at).text;
    }
    statement.arguments.emplace_back(name, std::move(text));
  }
  for (const auto& [name, value] : facts.items()) {
    if (std::find(arguments.begin(), arguments.end(), name) != arguments.end()) continue;
    if (value.is_array()) {
      for (const ordered_json& one : value)
        if (!one.is_null()) statement.attributes.emplace_back(name, value_of(one));
    } else if (!value.is_null()) {
      statement.attributes.emplace_back(name, value_of(value));
    }
  }
  if (members != nullptr) {
    for (const ordered_json& member : *members) {
      statement.arguments.back().second = value_of(member).text;
      all.push_back(statement);
    }
    return;
  }
  all.push_back(std::move(statement));
}

Statements statements_in(std::string_view document, bool nested) {
  Statements result;
  const auto take_section = [&](const std::string& kind, std::string_view section) {
    const auto is_section = [&](const auto& visit) {
      if (!for_each_member(section, visit))
        refuse(fmt::format("the section '{}' is no PROV-JSON", kind));
    };
    if (kind == "prefix") {
      is_section([&](const std::string& prefix, std::string_view text) {
        if (const ordered_json iri = element_of(text); iri.is_string())
          result.namespaces.emplace_back(prefix, iri.get<std::string>());
      });
      return;
    }
    if (kind == "bundle" && !nested) {
      is_section([&](const std::string& id, std::string_view bundle) {
        result.bundles.emplace_back(id, statements_in(bundle, true));
      });
      return;
    }
    const auto known = arguments_by_kind().find(kind);
    if (known == arguments_by_kind().end())
      refuse(fmt::format("PROV-JSON has no section '{}'", kind));
    is_section([&](const std::string& id, std::string_view text) {
      const auto add = [&](const ordered_json& one) {
        if (!one.is_object()) refuse(fmt::format("the {} '{}' is no PROV-JSON", kind, id));
        add_statement(result.all, kind, id, known->second, one);
      };
      const ordered_json facts = element_of(text);
      if (facts.is_array())
        for (const ordered_json& one : facts) add(one);
      else
        add(facts);
    });
  };
  if (!for_each_member(document, take_section)) refuse("this is no PROV-JSON document");
  return result;
}

}  // namespace

Statements statements_of(std::string_view prov_json) {
  if (nested_too_deep(prov_json)) refuse("the document is nested deeper than any record is");
  if (!ordered_json::accept(prov_json)) refuse("this is no PROV-JSON document");
  return statements_in(prov_json, false);
}

std::vector<Statement> with_bundles(const Statements& statements) {
  std::vector<Statement> all = statements.all;
  for (const auto& [name, bundle] : statements.bundles)
    for (Statement& one : with_bundles(bundle)) all.push_back(std::move(one));
  return all;
}

}  // namespace alisio::prov
