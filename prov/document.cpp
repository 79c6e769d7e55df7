#include "prov/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"
#include "prov/record_fields.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

std::string short_hash(const std::string& text) {
  return hash_text(text).substr(0, 32);
}

/// Append a word so that a shell reads it as one.
void append_shell_word(std::string& command, const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"\\$&|;<>()*?#`~") == std::string::npos) {
    command += word;
    return;
  }
  command += '\'';
  for (const char c : word)
    if (c == '\'')
      command += "'\\''";
    else
      command += c;
  command += '\'';
}

/// Writes one document.
class Writer {
 public:
  Writer(const Records& records, const Selection& selection, const Definition& definition,
         const Copies& copies)
      : records_(records), selection_(selection), definition_(definition), copies_(copies) {
    find_replaced();
    find_quality();
  }

  std::string write() {
    write_definition();
    write_session();
    std::vector<std::pair<std::string, const std::vector<const ActivityRecord*>*>> stages;
    for (const auto& [key, activities] : selection_.lineage)
      stages.emplace_back(write_folded(key.name, activities, {}), &activities);
    std::string folded;
    if (!selection_.completed.empty()) {
      folded = write_folded(selection_.stage, selection_.completed, selection_.others);
      stages.emplace_back(folded, &selection_.completed);
    }
    for (const auto& [id, activities] : stages) {
      std::set<std::string> used;
      for (const ActivityRecord* activity : *activities)
        for (const FlowRecord& flow : activity->used) used.insert(flow.entity);
      for (const auto& [other_id, others] : stages) {
        const bool informed =
            id != other_id && std::any_of(others->begin(), others->end(), [&](const auto* other) {
              return std::any_of(
                  other->generated.begin(), other->generated.end(),
                  [&](const FlowRecord& flow) { return used.contains(flow.entity); });
            });
        if (informed)
          relate("wasInformedBy", {{"prov:informed", id}, {"prov:informant", other_id}});
      }
    }
    for (const ActivityRecord* other : selection_.others) {
      const std::string id = write_attempt(*other);
      if (!folded.empty())
        relate("wasInformedBy", {{"prov:informed", folded}, {"prov:informant", id}});
    }
    return finish();
  }

 private:
  static std::string qualified(const std::string& id) { return "id:" + id; }

  void relate(const char* kind, ordered_json arguments) {
    relations_[kind].push_back(std::move(arguments));
  }

  /// Find the files whose place was taken by other content later: what they were is on record, but
  /// they cannot be looked at there any more.
  void find_replaced() {
    std::map<std::string, std::pair<std::string, std::string>> newest;  // path: end, entity
    const auto see = [&](const FlowRecord& flow, const std::string& time) {
      const auto at = records_.entities.find(flow.entity);
      if (at == records_.entities.end() || text_at(*at->second, "sha256").empty()) return;
      const std::string path = text_at(*at->second, "filepath");
      if (path.empty()) return;  // no file: a configuration, for example
      auto& [end, id] = newest[path];
      if (std::tie(end, id) < std::tie(time, flow.entity)) end = time, id = flow.entity;
    };
    for (const auto& [id, activity] : records_.activities) {
      for (const FlowRecord& flow : activity.used) see(flow, activity.start);
      if (activity.how != ActivityEnd::completed) continue;
      for (const FlowRecord& flow : activity.generated) see(flow, activity.end);
    }
    for (const auto& [id, entity] : records_.entities)
      if (const auto at = newest.find(text_at(*entity, "filepath"));
          at != newest.end() && at->second.second != id && !text_at(*entity, "sha256").empty() &&
          text_at(*entity, "sha256") != text_at(*records_.entities.at(at->second.second), "sha256"))
        replaced_by_.emplace(id, at->second.second);
  }

  /// Find what the quality gates said last of each product.
  void find_quality() {
    std::map<std::string, std::string> told;  // entity to the end of the activity
    for (const auto& [id, activity] : records_.activities)
      for (const FlowRecord& flow : activity.generated)
        if (!flow.remark.empty() && told[flow.entity] <= activity.end)
          told[flow.entity] = activity.end, quality_[flow.entity] = flow.remark;
  }

  void write_definition() {
    definition_id_ = qualified("definition_" + definition_.hash().substr(0, 32));
    entities_[definition_id_] = {{"prov:label", "ProvenanceDefinition"},
                                 {"prov:type", "Plan"},
                                 {"version", definition_.version()},
                                 {"sha256", definition_.hash()}};
  }

  /// Write the sessions of the document as one entity: what they have in common, and their number.
  void write_session() {
    std::set<std::string> ids;
    const auto note = [&](const std::vector<const ActivityRecord*>& activities) {
      for (const ActivityRecord* activity : activities) ids.insert(activity->session);
    };
    note(selection_.completed);
    note(selection_.others);
    for (const auto& [key, activities] : selection_.lineage) note(activities);
    std::string start;
    std::map<std::string, std::set<std::string>> common;
    for (const std::string& id : ids) {
      const auto at = records_.sessions.find(id);
      if (at == records_.sessions.end()) continue;
      bool ignored = false;
      const std::string begun = with_zone(text_at(*at->second, "startTime"), ignored);
      if (start.empty() || begun < start) start = begun;
      for (const char* key :
           {"software_version", "observation_date", "config_file", "config_file_hash",
            "config_file_hash_type", "hash_buffer", "telescope", "site"})
        if (const std::string value = text_at(*at->second, key); !value.empty())
          common[key].insert(value);
      if (at->second->contains("definition"))
        common["definition_sha256"].insert(text_at(at->second->at("definition"), "sha256"));
    }
    // One for a run of a stage in a production: two ways through the same work are told alike.
    const std::vector<const ActivityRecord*>& some =
        selection_.completed.empty() ? selection_.others : selection_.completed;
    session_ = short_hash("session\n" + selection_.stage + '\n' + run_text(selection_.run) + '\n' +
                          some.front()->observation_date + '\n' + some.front()->prod_id + '\n' +
                          std::to_string(some.front()->telescope));
    ordered_json entity{{"prov:label", run_text(selection_.run)},
                        {"prov:type", "ExecutionSession"}};
    if (!start.empty()) entity["prov:generatedAtTime"] = start;
    entity["stage"] = selection_.stage;
    entity["observation_run"] = run_text(selection_.run);
    for (const auto& [key, values] : common) entity[key] = one_or_all(values);
    entity["n_sessions"] = ids.size();
    entities_[qualified(session_)] = entity;
  }

  static ordered_json one_or_all(const std::set<std::string>& values) {
    if (values.size() == 1) return *values.begin();
    return ordered_json(values);
  }

  /// Write the entity of an id as its record tells, once.
  std::string write_entity(const std::string& id) {
    const std::string name = qualified(id);
    if (!written_.insert(id).second) return name;
    ordered_json entity;
    const auto at = records_.entities.find(id);
    if (at == records_.entities.end()) {
      entity = {{"prov:label", "unknown"},
                {"prov:type", "Lost"},
                {"comment", "the journals lack the record of this entity"}};
    } else {
      const json& record = *at->second;
      const auto replaced = replaced_by_.find(id);
      const bool is_replaced = replaced != replaced_by_.end();
      const auto copy = is_replaced ? copies_.find(text_at(record, "sha256")) : copies_.end();
      const bool is_copied = copy != copies_.end();
      entity["prov:label"] = text_at(record, "name");
      entity["prov:type"] = is_replaced && !is_copied ? "ReplacedFile" : text_at(record, "type");
      // Of a raw file of which a few events were read there is no hash: its content is not known.
      const bool in_part = text_at(record, "type") == "File" && text_at(record, "sha256").empty() &&
                           text_at(record, "hash").empty() &&
                           text_at(record, "status") != "planned";
      if (in_part) entity["prov:type"] = "FileReadInPart";
      if (is_copied) entity["filepath"] = copy->second.string();
      if (const std::string path = text_at(record, "filepath"); !path.empty())
        entity[is_replaced || in_part ? "reference" : "filepath"] = path;
      if (is_replaced) entity["replaced_by"] = qualified(replaced->second);
      if (const auto verdict = quality_.find(id); verdict != quality_.end())
        entity["quality"] = verdict->second;
      // The content's hash comes before `hash`, which may be of the path.
      for (const char* key :
           {"sha256", "hash", "hash_type", "hash_buffer", "contentType", "size_bytes", "data_hash",
            "logical_path", "reference", "role", "status"})
        if (const auto value = record.find(key); value != record.end() && !value->is_null())
          entity[key] = *value;
      if (const auto value = record.find("value"); value != record.end())
        entity["prov:value"] = value->is_string() ? value->get<std::string>() : value->dump();
      if (text_at(record, "sha256").empty() && text_at(record, "type") == "File" &&
          text_at(record, "status") != "planned")
        entity["identity"] = "path";
    }
    entities_[name] = entity;
    return name;
  }

  /// Write what a file says that it was made from, without an activity that is known.
  void write_training(const std::string& id, const std::string& activity) {
    const auto at = records_.derivations.find(id);
    if (at == records_.derivations.end()) return;
    std::vector<std::string> members;
    for (const std::string& source : at->second)
      if (const auto entity = records_.entities.find(source);
          entity != records_.entities.end() && text_at(*entity->second, "type") == "Reference")
        members.push_back(source);
    if (members.empty()) return;
    const std::string collection = write_collection("TrainingProduction", members);
    relate("wasInfluencedBy", {{"prov:influencee", qualified(id)},
                               {"prov:influencer", collection},
                               {"prov:label", "trained on"}});
    relate("used", {{"prov:activity", activity},
                    {"prov:entity", collection},
                    {"prov:role", "Training production"},
                    {"through", qualified(id)}});
  }

  /// Write a collection of the given entities. Equal members make the same collection.
  std::string write_collection(const std::string& name, std::vector<std::string> members) {
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    std::string text = "collection\n" + name + '\n';
    std::string folder;
    bool one_folder = true, is_planned = false;
    for (const std::string& member : members) {
      text += member + '\n';
      const auto at = records_.entities.find(member);
      if (at == records_.entities.end()) continue;
      const std::string place = fs::path(text_at(*at->second, "filepath")).parent_path().string();
      one_folder = one_folder && (folder.empty() || folder == place);
      folder = place;
      is_planned = is_planned || text_at(*at->second, "status") == "planned";
    }
    const std::string id = short_hash(text);
    const std::string collection = qualified(id);
    if (!written_.insert(id).second) return collection;
    ordered_json entity{{"prov:label", name}, {"prov:type", "SetCollection"}};
    if (one_folder && !folder.empty()) entity["filepath"] = folder + '/';
    entity["size"] = members.size();
    if (is_planned) entity["status"] = "planned";
    entities_[collection] = entity;
    for (const std::string& member : members)
      relate("hadMember", {{"prov:collection", collection}, {"prov:entity", write_entity(member)}});
    return collection;
  }

  [[nodiscard]] const FlowDefinition* flow_of(const std::string& activity, const FlowRecord& record,
                                              bool usage) const {
    const ActivityDefinition* kind = definition_.activity(activity);
    if (kind == nullptr) return nullptr;
    for (const FlowDefinition& flow : usage ? kind->usage : kind->generation)
      if (record.port.empty() ? flow.role == record.role : flow.value == record.port) return &flow;
    return nullptr;
  }

  static void add_choice(std::set<std::string>& reasons, const FlowRecord& flow, bool usage) {
    if (usage && !flow.remark.empty()) reasons.insert(flow.remark);
  }

  /// Write what activities used or generated; what differs from subrun to subrun as collections.
  void write_flows(const std::string& id, const std::vector<const ActivityRecord*>& activities,
                   bool usage, bool fold) {
    const char* relation = usage ? "used" : "wasGeneratedBy";
    // By role and entity: why it was chosen.
    std::map<std::pair<std::string, std::string>, std::set<std::string>> direct;
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> collected;
    std::map<std::string, std::set<std::string>> choices;  // by collection
    for (const ActivityRecord* activity : activities)
      for (const FlowRecord& flow : usage ? activity->used : activity->generated) {
        const FlowDefinition* kind = flow_of(activity->name, flow, usage);
        if (fold && kind != nullptr && !kind->collection.empty())
          collected[{kind->collection_role, kind->collection}].push_back(flow.entity);
        else
          add_choice(direct[{flow.role, flow.entity}], flow, usage);
        if (usage && fold && kind != nullptr && !kind->collection.empty())
          add_choice(choices[kind->collection], flow, usage);
      }
    const auto add = [&](const std::string& entity, const std::string& role,
                         const std::set<std::string>& reasons) {
      ordered_json facts =
          usage ? ordered_json{{"prov:activity", id}, {"prov:entity", entity}, {"prov:role", role}}
                : ordered_json{{"prov:entity", entity}, {"prov:activity", id}, {"prov:role", role}};
      if (!reasons.empty()) facts["choice"] = one_or_all(reasons);
      relate(relation, std::move(facts));
    };
    for (auto& [names, members] : collected)
      add(write_collection(names.second, members), names.first, choices[names.second]);
    for (const auto& [names, reasons] : direct) {
      const auto& [role, entity] = names;
      add(write_entity(entity), role, reasons);
      if (usage) write_training(entity, id);
    }
  }

  void write_agents(const std::string& id, const std::vector<const ActivityRecord*>& activities) {
    std::set<std::string> operators;
    std::set<std::pair<std::string, std::string>> programs;
    for (const ActivityRecord* activity : activities) {
      const std::string name = text_at(*activity->facts, "agent_name");
      operators.insert(name.empty() ? "unknown" : name);
      std::string version = text_at(*activity->facts, "software_version");
      if (version.empty())
        if (const auto at = records_.sessions.find(activity->session);
            at != records_.sessions.end())
          version = text_at(*at->second, "software_version");
      programs.emplace(version.empty() ? "unknown" : version,
                       text_at(*activity->facts, "software_commit"));
    }
    const auto associate = [&](const std::string& agent, const char* role) {
      relate("wasAssociatedWith", {{"prov:activity", id},
                                   {"prov:agent", agent},
                                   {"prov:plan", definition_id_},
                                   {"prov:role", role}});
    };
    const auto type_of = [&](const char* agent, const char* fallback) {
      const auto at = definition_.agents().find(agent);
      return at == definition_.agents().end() ? std::string(fallback) : at->second.type;
    };
    for (const std::string& name : operators) {
      const std::string agent = qualified("operator_" + short_hash(name).substr(0, 12));
      agents_[agent] = {
          {"prov:label", name},
          {"prov:type", {{"$", type_of("operator", "prov:Person")}, {"type", "xsd:QName"}}}};
      associate(agent, "Operator");
    }
    for (const auto& [version, commit] : programs) {
      const std::string agent =
          qualified("software_" + short_hash(version + '\n' + commit).substr(0, 12));
      ordered_json facts{
          {"prov:label", "alisio " + version},
          {"prov:type", {{"$", type_of("software", "prov:SoftwareAgent")}, {"type", "xsd:QName"}}},
          {"software_version", version}};
      if (!commit.empty()) facts["software_commit"] = commit;
      agents_[agent] = facts;
      associate(agent, "Software");
      for (const std::string& name : operators)
        delegations_.emplace(agent, qualified("operator_" + short_hash(name).substr(0, 12)));
    }
  }

  /// Attributes that a folded activity and an attempt have in common.
  ordered_json activity_facts(const std::string& name,
                              const std::vector<const ActivityRecord*>& activities) {
    ordered_json facts{{"prov:label", name}};
    std::string start, end;
    std::map<std::string, std::set<std::string>> common;
    bool zone_assumed = false;
    for (const ActivityRecord* activity : activities) {
      if (start.empty() || activity->start < start) start = activity->start;
      end = std::max(end, activity->end);
      zone_assumed = zone_assumed || activity->zone_assumed;
      for (const char* key : {"script", "software_version", "software_commit", "stage_version",
                              "telescope", "observation_date", "observation_run", "prod_id"})
        if (const std::string value = text_at(*activity->facts, key); !value.empty())
          common[key].insert(value);
      if (activity->facts->contains("software_version")) continue;
      if (const auto at = records_.sessions.find(activity->session); at != records_.sessions.end())
        common["software_version"].insert(text_at(*at->second, "software_version"));
    }
    facts["prov:startTime"] = start;
    facts["prov:endTime"] = end;
    facts["in_session"] = session_;
    for (const auto& [key, values] : common) facts[key] = one_or_all(values);
    if (zone_assumed) facts["time_zone"] = "assumed to be UTC";
    // One command makes the first of the subruns again; the journal has that of each.
    const json& first = *activities.front()->facts;
    std::string command;
    if (const auto at = first.find("command"); at != first.end() && at->is_array())
      for (const json& word : *at) {
        if (!command.empty()) command += ' ';
        append_shell_word(command, text_of(word));
      }
    if (command.empty()) command = text_at(first, "script");
    facts["command"] = command;
    return facts;
  }

  void write_parameters(const std::string& id, const std::vector<const ActivityRecord*>& activities,
                        bool fold) {
    std::map<std::string, std::set<std::string>> values;
    for (const ActivityRecord* activity : activities)
      if (activity->parameters->is_object())
        for (const auto& [name, value] : activity->parameters->items())
          if (!fold || name != "ObservationSubRun") values[name].insert(text_of(value));
    ordered_json parameters{{"prov:label", "Parameters"}, {"prov:type", "Parameters"}};
    for (const auto& [name, all] : values) parameters[name] = one_or_all(all);
    const std::string entity = id + "_parameters";
    entities_[entity] = parameters;
    relate("used", {{"prov:activity", id},
                    {"prov:entity", entity},
                    {"prov:type", "Setup"},
                    {"prov:role", "Parameters"}});
    relate("used", {{"prov:activity", id},
                    {"prov:entity", definition_id_},
                    {"prov:type", "Setup"},
                    {"prov:role", "Provenance definition"}});
    relate("wasStartedBy", {{"prov:activity", id}, {"prov:trigger", qualified(session_)}});
  }

  std::string write_folded(const std::string& name,
                           const std::vector<const ActivityRecord*>& activities,
                           const std::vector<const ActivityRecord*>& others) {
    std::vector<std::string> ids;
    for (const ActivityRecord* activity : activities) ids.push_back(activity->id);
    std::sort(ids.begin(), ids.end());
    std::string text = "activity\n" + name + '\n';
    for (const std::string& one : ids) text += one + '\n';
    const std::string id = qualified(short_hash(text));
    ordered_json facts = activity_facts(name, activities);
    const bool is_planned = activities.front()->how == ActivityEnd::planned;
    facts["status"] = is_planned ? "planned" : "completed";
    facts["exit_code"] = 0;
    std::set<int> done, failed;
    for (const ActivityRecord* activity : activities)
      if (activity->subrun >= 0) done.insert(activity->subrun);
    int attempts = 0;
    for (const ActivityRecord* other : others) {
      attempts += other->how == ActivityEnd::failed || other->how == ActivityEnd::killed ? 1 : 0;
      if (other->subrun >= 0 && !done.contains(other->subrun)) failed.insert(other->subrun);
    }
    facts["n_subruns"] = activities.size();
    facts["n_failed"] = failed.size();
    facts["n_failed_attempts"] = attempts;
    if (!failed.empty()) {
      std::string list;
      for (const int subrun : failed) {
        if (!list.empty()) list += ' ';
        list += subrun_text(subrun);
      }
      facts["failed_subruns"] = list;
    }
    std::string signatures;
    double wall_s = 0, cpu_s = 0;
    std::int64_t events = 0, max_rss_bytes = 0;
    bool measured = false;
    for (const ActivityRecord* activity : activities) {
      signatures += text_at(*activity->facts, "signature") + '\n';
      if (!activity->end_facts->is_object()) continue;
      events += activity->end_facts->value("events", std::int64_t{0});
      if (const auto at = activity->end_facts->find("resources");
          at != activity->end_facts->end() && at->is_object()) {
        measured = true;
        wall_s += at->value("wall_s", 0.0);
        cpu_s += at->value("cpu_s", 0.0);
        max_rss_bytes = std::max(max_rss_bytes, at->value("max_rss_bytes", std::int64_t{0}));
      }
    }
    if (signatures.size() > activities.size()) facts["signature"] = hash_text(signatures);
    if (measured) {
      facts["duration_s"] = fmt::format("{:.3f}", wall_s);
      facts["cpu_s"] = fmt::format("{:.3f}", cpu_s);
      facts["memory_max_bytes"] = max_rss_bytes;
      facts["events"] = events;
    }
    activities_[id] = facts;
    write_parameters(id, activities, true);
    write_agents(id, activities);
    write_flows(id, activities, true, true);
    write_flows(id, activities, false, true);
    return id;
  }

  /// Write an activity that made nothing that lasted: what it generated is no entity.
  std::string write_attempt(const ActivityRecord& attempt) {
    const std::string id = qualified(attempt.id);
    const bool was_replaced =
        attempt.how == ActivityEnd::completed || attempt.how == ActivityEnd::planned;
    ordered_json facts = activity_facts(attempt.name, {&attempt});
    facts["status"] = to_string(was_replaced ? ActivityEnd::superseded : attempt.how);
    if (attempt.subrun >= 0) facts["observation_subrun"] = subrun_text(attempt.subrun);
    if (attempt.how == ActivityEnd::killed) {
      facts["comment"] = "no end was recorded: the end time is the last sign of life";
    } else {
      facts["exit_code"] = attempt.end_facts->value("exit_code", 0);
      if (const std::string message = text_at(*attempt.end_facts, "message"); !message.empty())
        facts["message"] = message;
    }
    activities_[id] = facts;
    write_parameters(id, {&attempt}, false);
    write_agents(id, {&attempt});
    write_flows(id, {&attempt}, true, false);
    return id;
  }

  /// Return the whole text: everything sorted, one element a line.
  std::string finish() {
    for (const auto& [software, person] : delegations_)
      relate("actedOnBehalfOf", {{"prov:delegate", software}, {"prov:responsible", person}});
    const auto dump = [](const ordered_json& value) {
      return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    };
    std::string text = "{\n\"prefix\": " + dump({{"id", definition_.identifier_namespace()},
                                                 {"default", definition_.attribute_namespace()}});
    for (const auto& [section, elements] :
         {std::pair{"entity", &entities_}, std::pair{"activity", &activities_},
          std::pair{"agent", &agents_}}) {
      text += fmt::format(",\n\"{}\": {{", section);
      const char* separator = "\n";
      for (const auto& [id, facts] : *elements) {
        text += separator + dump(id) + ": " + dump(facts);
        separator = ",\n";
      }
      text += "\n}";
    }
    std::size_t n = 0;
    for (const auto& [kind, list] : relations_) {
      std::set<std::string> sorted;
      for (const ordered_json& arguments : list) sorted.insert(dump(arguments));
      text += fmt::format(",\n\"{}\": {{", kind);
      const char* separator = "\n";
      for (const std::string& arguments : sorted) {
        text += fmt::format("{}\"_:id{}\": {}", separator, ++n, arguments);
        separator = ",\n";
      }
      text += "\n}";
    }
    return text + "\n}\n";
  }

  const Records& records_;
  const Selection& selection_;
  const Definition& definition_;
  const Copies& copies_;
  std::map<std::string, ordered_json> entities_, activities_, agents_;  ///< by qualified id
  std::map<std::string, std::vector<ordered_json>> relations_;
  std::set<std::string> written_;
  std::set<std::pair<std::string, std::string>> delegations_;
  std::map<std::string, std::string> replaced_by_, quality_;
  std::string session_, definition_id_;
};

}  // namespace

std::string run_document(const Records& records, const Selection& selection,
                         const Definition& definition, const Copies& copies) {
  return Writer(records, selection, definition, copies).write();
}

}  // namespace alisio::prov
