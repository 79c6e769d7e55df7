#include "prov/ask/walk_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"
#include "prov/remark.hpp"

namespace alisio::prov {

// Not in the order of insertion: that container looks through all members for each new one.
using nlohmann::json;

namespace {

std::string id_of(const std::string& id) {
  return "id:" + id;
}

std::string value_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The facts of a walk, section by section.
class Writer {
 public:
  Writer(const Walk& walk, const WalkDocumentOptions& options) : walk_(walk), options_(options) {}

  std::string write() {
    for (const StoredEntity& entity : walk_.entities) add(entity);
    for (const StoredActivity& activity : walk_.activities) add(activity);
    for (const StoredFlow& flow : walk_.flows) add(flow);
    for (const StoredEntity& entity : walk_.entities)
      if (const auto at = options_.invalidations.find(entity.id);
          at != options_.invalidations.end())
        add(at->second);
    json document{{"prefix", prefixes()}};
    for (auto& [name, section] : sections_.items())
      if (!section.empty()) document[name] = std::move(section);
    return document.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
  }

 private:
  [[nodiscard]] json prefixes() const {
    json prefixes{{"id", "urn:alisio:id:"}, {"default", "urn:alisio:param:"}};
    if (options_.definition != nullptr) {
      prefixes["id"] = options_.definition->identifier_namespace();
      prefixes["default"] = options_.definition->attribute_namespace();
    }
    if (options_.ivoa) prefixes["voprov"] = "http://www.ivoa.net/documents/ProvenanceDM/voprov/";
    return prefixes;
  }

  [[nodiscard]] static bool is_setting(const StoredEntity& entity) {
    return entity.path.empty() &&
           (entity.name == "EffectiveConfiguration" || entity.name == "Environment");
  }

  void add(const StoredEntity& entity) {
    const bool setting = is_setting(entity);
    if (setting && !options_.configuration) return;
    json facts{{"prov:label", entity.name}};
    // Of a file that was read in part its place is on record, not what else it holds.
    const bool in_part = !setting && !entity.path.empty() && entity.sha256.empty();
    facts["prov:type"] = setting ? entity.name == "Environment" ? "Environment" : "Configuration"
                         : entity.path.empty() ? "Reference"
                         : in_part             ? "FileReadInPart"
                                               : "File";
    if (options_.attributes) {
      const auto set = [&](const char* name, const std::string& value) {
        if (!value.empty()) facts[name] = value;
      };
      set(in_part ? "reference" : "filepath", entity.path);
      if (in_part) facts["identity"] = "path";
      set("logical_path", entity.logical_path);
      set("sha256", entity.sha256);
      set("data_hash", entity.data_hash);
      set("level", entity.level);
      set("quality", entity.quality);
      if (entity.size_bytes > 0) facts["size_bytes"] = entity.size_bytes;
    }
    if (options_.descriptions && options_.definition != nullptr)
      if (const EntityDefinition* kind = options_.definition->entity(entity.name)) {
        facts["description"] = kind->description;
        facts["contentType"] = kind->content_type;
      }
    if (cut(walk_.cut_entities, entity.row)) facts["cut_here"] = true;
    entity_ids_[entity.row] = id_of(entity.id);
    sections_["entity"][id_of(entity.id)] = std::move(facts);
  }

  void add(const StoredActivity& activity) {
    const std::string id = id_of(activity.id);
    json facts{{"prov:label", activity.name}};
    if (!activity.start.empty()) facts["prov:startTime"] = activity.start;
    if (!activity.end.empty()) facts["prov:endTime"] = activity.end;
    if (options_.attributes) {
      const auto set = [&](const char* name, const std::string& value) {
        if (!value.empty()) facts[name] = value;
      };
      set("observation_date", activity.observation_date);
      if (activity.run >= 0) facts["observation_run"] = run_text(activity.run);
      if (activity.subrun >= 0) facts["observation_subrun"] = subrun_text(activity.subrun);
      set("prod_id", activity.prod_id);
      set("software_version", activity.software);
      facts["status"] = to_string(activity.how);
      if (activity.how == ActivityEnd::failed) {
        facts["exit_code"] = activity.exit_code;
        set("message", activity.message);
      }
      set("host", activity.host);
      std::string command;
      if (activity.command.is_array())
        for (const nlohmann::json& word : activity.command) {
          if (!command.empty()) command += ' ';
          command += value_text(word);
        }
      set("command", command);
    }
    if (options_.descriptions && options_.definition != nullptr)
      if (const ActivityDefinition* kind = options_.definition->activity(activity.name))
        facts["description"] = kind->description;
    if (cut(walk_.cut_activities, activity.row)) facts["cut_here"] = true;
    sections_["activity"][id] = std::move(facts);
    activity_ids_[activity.row] = id;
    settings_[activity.row] = &activity;
    if (options_.configuration) add_parameters(activity, id);
    if (options_.agents) add_agents(activity, id);
  }

  void add_parameters(const StoredActivity& activity, const std::string& id) {
    if (!activity.parameters.is_object() || activity.parameters.empty()) return;
    if (!options_.ivoa) {
      json facts{{"prov:label", "Parameters"}, {"prov:type", "Parameters"}};
      for (const auto& [name, value] : activity.parameters.items()) facts[name] = value_text(value);
      sections_["entity"][id + "_parameters"] = std::move(facts);
      relate("used", {{"prov:activity", id},
                      {"prov:entity", id + "_parameters"},
                      {"prov:role", "Parameters"},
                      {"prov:type", "Setup"}});
      return;
    }
    for (const auto& [name, value] : activity.parameters.items()) {
      const std::string parameter = id + '_' + name;
      sections_["entity"][parameter] = {{"prov:label", name},
                                        {"prov:type", "voprov:Parameter"},
                                        {"voprov:name", name},
                                        {"prov:value", value_text(value)}};
      relate("wasInfluencedBy", {{"prov:influencee", id},
                                 {"prov:influencer", parameter},
                                 {"prov:type", "voprov:WasConfiguredBy"},
                                 {"voprov:artefactType", "Parameter"}});
    }
  }

  void add_agents(const StoredActivity& activity, const std::string& id) {
    add_agent(id, "operator", activity.operator_name, "prov:Person", "Operator");
    add_agent(id, "software", activity.software, "prov:SoftwareAgent", "Software");
  }

  void add_agent(const std::string& activity, const char* kind, const std::string& name,
                 const char* type, const char* role) {
    if (name.empty()) return;
    const std::string key = fmt::format("id:{}_{}", kind, hash_text(name).substr(0, 12));
    sections_["agent"][key] = {{"prov:label", name},
                               {"prov:type", {{"$", type}, {"type", "xsd:QName"}}}};
    relate("wasAssociatedWith",
           {{"prov:activity", activity}, {"prov:agent", key}, {"prov:role", role}});
  }

  /// Tell that an entity stands no more for what it was, which action of whom did it, and the note
  /// that this left.
  void add(const Invalidation& invalidation) {
    const std::string entity = id_of(invalidation.entity);
    const std::string id = id_of(hash_text("invalidation\n" + invalidation.action + '\n' +
                                           invalidation.author + '\n' + invalidation.time)
                                     .substr(0, 32));
    if (!sections_["activity"].contains(id)) {
      json facts{{"prov:label", invalidation.action},
                 {"prov:startTime", invalidation.time},
                 {"prov:endTime", invalidation.time}};
      if (options_.attributes) {
        facts["status"] = "completed";
        facts["command"] = "alisio " + invalidation.action;
        if (!invalidation.software.empty()) facts["software_version"] = invalidation.software;
      }
      sections_["activity"][id] = std::move(facts);
      sections_["entity"][id + "_note"] = {{"prov:label", "InvalidationNote"},
                                           {"prov:type", "Note"},
                                           {"prov:value", invalidation.reason}};
      relate("wasGeneratedBy",
             {{"prov:entity", id + "_note"}, {"prov:activity", id}, {"prov:role", "Note"}});
      if (options_.agents)
        add_agent(id, "operator", invalidation.author, "prov:Person", "Operator");
    }
    relate("used",
           {{"prov:activity", id}, {"prov:entity", entity}, {"prov:role", "Invalidated product"}});
    relate("wasInvalidatedBy", {{"prov:entity", entity},
                                {"prov:activity", id},
                                {"prov:time", invalidation.time},
                                {"reason", invalidation.reason}});
    json& facts = sections_["entity"][entity];
    if (!facts.contains("filepath")) return;
    facts["reference"] = facts["filepath"];
    facts.erase("filepath");
    if (invalidation.kept_as.empty())
      facts["prov:type"] = "InvalidatedFile";
    else
      facts["filepath"] = invalidation.kept_as;
  }

  void add(const StoredFlow& flow) {
    const auto activity = activity_ids_.find(flow.activity);
    const auto entity = entity_ids_.find(flow.entity);
    if (activity == activity_ids_.end() || entity == entity_ids_.end()) return;
    json facts{{"prov:activity", activity->second}, {"prov:entity", entity->second}};
    if (!flow.role.empty()) facts["prov:role"] = flow.role;
    // The index keeps settings with the activity that used them.
    if (!flow.generated && options_.attributes) {
      json& used = sections_["entity"][entity->second];
      const std::string type = used.value("prov:type", "");
      const json& value = type == "Environment" ? settings_[flow.activity]->environment
                                                : settings_[flow.activity]->configuration;
      if ((type == "Environment" || type == "Configuration") && !value.is_null())
        used["prov:value"] = value.dump();
    }
    if (options_.attributes && !flow.remark.empty()) {
      const std::string part = flow.generated ? "" : part_in(flow.remark);
      if (part.empty())
        facts[flow.generated ? "quality" : "choice"] = flow.remark;
      else
        facts["part"] = part;
    }
    relate(flow.generated ? "wasGeneratedBy" : "used", std::move(facts));
  }

  void relate(const char* kind, json facts) {
    sections_[kind][fmt::format("_:id{}", ++relations_)] = std::move(facts);
  }

  [[nodiscard]] static bool cut(const std::vector<Row>& rows, Row row) {
    return std::find(rows.begin(), rows.end(), row) != rows.end();
  }

  const Walk& walk_;
  const WalkDocumentOptions& options_;
  json sections_{{"entity", json::object()},          {"activity", json::object()},
                 {"agent", json::object()},           {"used", json::object()},
                 {"wasGeneratedBy", json::object()},  {"wasAssociatedWith", json::object()},
                 {"wasInfluencedBy", json::object()}, {"wasInvalidatedBy", json::object()}};
  std::map<Row, std::string> entity_ids_, activity_ids_;
  std::map<Row, const StoredActivity*> settings_;
  std::size_t relations_ = 0;
};

}  // namespace

std::string document_of(const Walk& walk, const WalkDocumentOptions& options) {
  return Writer(walk, options).write();
}

Walk joined(Walk back, const Walk& forth) {
  std::set<Row> entities, activities;
  for (const StoredEntity& one : back.entities) entities.insert(one.row);
  for (const StoredActivity& one : back.activities) activities.insert(one.row);
  std::set<StoredFlow> flows(back.flows.begin(), back.flows.end());
  for (const StoredEntity& one : forth.entities)
    if (entities.insert(one.row).second) back.entities.push_back(one);
  for (const StoredActivity& one : forth.activities)
    if (activities.insert(one.row).second) back.activities.push_back(one);
  for (const StoredFlow& one : forth.flows)
    if (flows.insert(one).second) back.flows.push_back(one);
  back.cut_entities.insert(back.cut_entities.end(), forth.cut_entities.begin(),
                           forth.cut_entities.end());
  back.cut_activities.insert(back.cut_activities.end(), forth.cut_activities.begin(),
                             forth.cut_activities.end());
  return back;
}

}  // namespace alisio::prov
