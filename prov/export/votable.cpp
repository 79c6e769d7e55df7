#include "prov/export/votable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "prov/export/prov_xml.hpp"
#include "prov/export/statements.hpp"

namespace alisio::prov {
namespace {

struct Table {
  const char* name;
  std::vector<const char*> columns;
  std::vector<std::vector<std::string>> rows;
};

std::string attribute(const Statement& statement, const std::string& name) {
  for (const auto& [key, value] : statement.attributes)
    if (key == name) return value.text;
  return {};
}

std::string argument(const Statement& statement, const std::string& name) {
  for (const auto& [key, value] : statement.arguments)
    if (key == name) return value;
  return {};
}

/// What has no column of its own.
std::string others(const Statement& statement, const std::vector<std::string>& told) {
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();
  for (const auto& [key, value] : statement.attributes)
    if (std::find(told.begin(), told.end(), key) == told.end()) {
      // An attribute may be said several times.
      auto& fact = facts[key];
      if (fact.is_null())
        fact = value.text;
      else if (fact.is_array())
        fact.push_back(value.text);
      else
        fact = nlohmann::ordered_json::array({fact, value.text});
    }
  return facts.empty() ? std::string()
                       : facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string without_prefix(const std::string& name) {
  return name.substr(name.find(':') + 1);
}

std::string write(const Table& table) {
  std::string text =
      fmt::format("  <TABLE name=\"{}\" nrows=\"{}\">\n", table.name, table.rows.size());
  for (const char* column : table.columns)
    text += fmt::format(
        "   <FIELD name=\"{0}\" datatype=\"unicodeChar\" arraysize=\"*\" "
        "utype=\"prov:{1}.{0}\"/>\n",
        column, table.name);
  text += "   <DATA><TABLEDATA>\n";
  for (const auto& row : table.rows) {
    text += "    <TR>";
    for (const std::string& cell : row) text += "<TD>" + xml_escaped(cell) + "</TD>";
    text += "</TR>\n";
  }
  return text + "   </TABLEDATA></DATA>\n  </TABLE>\n";
}

}  // namespace

std::string to_votable(std::string_view prov_json) {
  const Statements statements = statements_of(prov_json);
  const std::vector<Statement> all = with_bundles(statements);
  Table activities{"Activity", {"id", "name", "startTime", "endTime", "comment"}, {}};
  Table entities{"Entity", {"id", "name", "location", "generatedAtTime", "comment"}, {}};
  Table agents{"Agent", {"id", "name", "type", "comment"}, {}};
  Table used{"Used", {"activity_id", "entity_id", "role", "time"}, {}};
  Table generated{"WasGeneratedBy", {"entity_id", "activity_id", "role"}, {}};
  Table invalidated{"WasInvalidatedBy", {"entity_id", "activity_id", "time"}, {}};
  Table associated{"WasAssociatedWith", {"activity_id", "agent_id", "role"}, {}};
  Table attributed{"WasAttributedTo", {"entity_id", "agent_id", "role"}, {}};
  Table derived{"WasDerivedFrom", {"entity_id", "usedEntity_id"}, {}};
  Table informed{"WasInformedBy", {"activity_id", "informant_id"}, {}};
  Table members{"HadMember", {"collection_id", "entity_id"}, {}};
  Table parameters{"Parameter", {"id", "name", "value"}, {}};
  Table configured{"WasConfiguredBy", {"activity_id", "parameter_id", "artefactType"}, {}};

  // Entities that hold parameters, with the ids of the parameters that they become.
  std::map<std::string, std::vector<std::string>> holders;
  std::map<std::string, std::string> end_of_activity, generated_at;
  for (const Statement& one : all)
    if (one.kind == "activity") end_of_activity[one.id] = argument(one, "prov:endTime");
  for (const Statement& one : all) {
    if (one.kind != "wasGeneratedBy") continue;
    const std::string time = argument(one, "prov:time");
    generated_at[argument(one, "prov:entity")] =
        time.empty() ? end_of_activity[argument(one, "prov:activity")] : time;
  }
  for (const Statement& one : all) {
    if (one.kind != "entity") continue;
    const std::string type = attribute(one, "prov:type");
    if (type == "Parameters") {
      for (const auto& [key, value] : one.attributes) {
        if (key == "prov:label" || key == "prov:type") continue;
        const std::string id = one.id + '.' + key;
        parameters.rows.push_back({id, key, value.text});
        holders[one.id].push_back(id);
      }
    } else if (type == "voprov:Parameter") {
      parameters.rows.push_back(
          {one.id, attribute(one, "voprov:name"), attribute(one, "prov:value")});
      holders[one.id].push_back(one.id);
    } else {
      std::string location = attribute(one, "prov:location");
      if (location.empty()) location = attribute(one, "filepath");
      if (location.empty()) location = attribute(one, "reference");
      entities.rows.push_back(
          {one.id, attribute(one, "prov:label"), location, generated_at[one.id],
           others(one, {"prov:label", "prov:location", "filepath", "reference"})});
    }
  }
  for (const Statement& one : all) {
    const auto by = [&](const char* name) { return argument(one, name); };
    const std::string role = attribute(one, "prov:role");
    if (one.kind == "activity") {
      activities.rows.push_back({one.id, attribute(one, "prov:label"), by("prov:startTime"),
                                 by("prov:endTime"), others(one, {"prov:label"})});
    } else if (one.kind == "agent") {
      agents.rows.push_back({one.id, attribute(one, "prov:label"),
                             without_prefix(attribute(one, "prov:type")),
                             others(one, {"prov:label", "prov:type"})});
    } else if (one.kind == "used" || one.kind == "wasInfluencedBy") {
      const bool use = one.kind == "used";
      const std::string activity = by(use ? "prov:activity" : "prov:influencee");
      const std::string entity = by(use ? "prov:entity" : "prov:influencer");
      if (const auto at = holders.find(entity); at != holders.end())
        for (const std::string& parameter : at->second)
          configured.rows.push_back({activity, parameter, "Parameter"});
      else if (use)
        used.rows.push_back({activity, entity, role, by("prov:time")});
    } else if (one.kind == "wasGeneratedBy") {
      generated.rows.push_back({by("prov:entity"), by("prov:activity"), role});
    } else if (one.kind == "wasInvalidatedBy") {
      invalidated.rows.push_back({by("prov:entity"), by("prov:activity"), by("prov:time")});
    } else if (one.kind == "wasAssociatedWith") {
      associated.rows.push_back({by("prov:activity"), by("prov:agent"), role});
    } else if (one.kind == "wasAttributedTo") {
      attributed.rows.push_back({by("prov:entity"), by("prov:agent"), role});
    } else if (one.kind == "wasDerivedFrom") {
      derived.rows.push_back({by("prov:generatedEntity"), by("prov:usedEntity")});
    } else if (one.kind == "wasInformedBy") {
      informed.rows.push_back({by("prov:informed"), by("prov:informant")});
    } else if (one.kind == "hadMember") {
      members.rows.push_back({by("prov:collection"), by("prov:entity")});
    }
  }
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\n"
      " <RESOURCE name=\"provenance\" type=\"results\">\n"
      "  <DESCRIPTION>Classes of the IVOA Provenance data model 1.0</DESCRIPTION>\n";
  for (const auto& [prefix, iri] : statements.namespaces)
    text += fmt::format("  <INFO name=\"namespace\" value=\"{}={}\"/>\n", xml_escaped(prefix),
                        xml_escaped(iri));
  for (const Table* table :
       {&activities, &entities, &agents, &used, &generated, &invalidated, &associated, &attributed,
        &derived, &informed, &members, &parameters, &configured})
    if (!table->rows.empty()) text += write(*table);
  return text + " </RESOURCE>\n</VOTABLE>\n";
}

}  // namespace alisio::prov
