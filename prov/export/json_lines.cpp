#include "prov/export/json_lines.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "prov/export/statements.hpp"
#include "prov/json_members.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

ordered_json typed(const Value& value) {
  if (value.type == "xsd:int" || value.type == "xsd:long" || value.type == "xsd:double" ||
      value.type == "xsd:boolean") {
    ordered_json number = ordered_json::parse(value.text, nullptr, false);
    if (!number.is_discarded()) return number;
  }
  // Settings are recorded as JSON in a text.
  if ((value.text.starts_with('{') || value.text.starts_with('[')) &&
      !nested_too_deep(value.text)) {
    ordered_json tree = ordered_json::parse(value.text, nullptr, false);
    if (!tree.is_discarded()) return tree;
  }
  return value.text;
}

std::string plain(const std::string& name) {
  return name.starts_with("prov:") ? name.substr(5) : name;
}

void set(ordered_json& facts, const std::string& name, ordered_json value) {
  if (!facts.contains(name))
    facts[name] = std::move(value);
  else if (facts[name].is_array())
    facts[name].push_back(std::move(value));
  else
    facts[name] = ordered_json::array({facts[name], std::move(value)});
}

ordered_json facts_of(const Statement& statement) {
  ordered_json facts = ordered_json::object();
  if (!statement.id.empty()) facts["id"] = statement.id;
  for (const auto& [name, value] : statement.arguments)
    if (!value.empty()) facts[plain(name)] = value;
  for (const auto& [name, value] : statement.attributes) set(facts, plain(name), typed(value));
  return facts;
}

std::string argument(const Statement& statement, const std::string& name) {
  for (const auto& [key, value] : statement.arguments)
    if (key == name) return value;
  return {};
}

}  // namespace

std::string to_json_lines(std::string_view prov_json) {
  const std::vector<Statement> all = with_bundles(statements_of(prov_json));
  std::map<std::string, ordered_json> things;
  std::vector<std::string> order;
  std::map<std::string, ordered_json> activities;
  for (const Statement& one : all) {
    if (one.kind == "entity" || one.kind == "agent") {
      things.emplace(one.id, facts_of(one));
    } else if (one.kind == "activity") {
      order.push_back(one.id);
      activities.emplace(one.id, facts_of(one));
    }
  }
  const auto add = [&](const Statement& relation, const char* activity, const char* thing,
                       const char* list) {
    const auto at = activities.find(argument(relation, activity));
    const auto about = things.find(argument(relation, thing));
    if (at == activities.end() || about == things.end()) return;
    ordered_json facts = about->second;
    if (facts.value("type", ordered_json()) == "Parameters") {
      for (const char* known : {"id", "label", "type"}) facts.erase(known);
      at->second["parameters"] = std::move(facts);
      return;
    }
    for (const auto& [name, value] : relation.attributes) set(facts, plain(name), typed(value));
    at->second[list].push_back(std::move(facts));
  };
  for (const Statement& one : all) {
    if (one.kind == "used")
      add(one, "prov:activity", "prov:entity", "used");
    else if (one.kind == "wasGeneratedBy")
      add(one, "prov:activity", "prov:entity", "generated");
    else if (one.kind == "wasAssociatedWith")
      add(one, "prov:activity", "prov:agent", "agents");
    else if (one.kind == "wasInfluencedBy")
      add(one, "prov:influencee", "prov:influencer", "configured_by");
  }
  std::string lines;
  for (const std::string& id : order)
    lines += activities[id].dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
  return lines;
}

}  // namespace alisio::prov
