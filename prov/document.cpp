#include "prov/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <tuple>

#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

/// Return a value as text: a string as it is, anything else as JSON.
std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string text_at(const json& record, const char* key) {
  const auto at = record.find(key);
  return at == record.end() || at->is_null() ? std::string() : text_of(*at);
}

/// Return the number that ends a text ("LST-1", "01807"), or a fallback.
int number_in(const std::string& text, int fallback) {
  const std::size_t at = text.find_last_not_of("0123456789") + 1;
  int value = fallback;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

/// Return a time with its zone. Other programs' logs have none: the observatory's clocks run on
/// UTC.
std::string with_zone(std::string time, bool& assumed) {
  if (time.empty() || time.ends_with('Z') || time.find('+', 10) != std::string::npos) return time;
  assumed = true;
  return time + 'Z';
}

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

}  // namespace

const char* to_string(ActivityEnd end) noexcept {
  switch (end) {
    case ActivityEnd::completed:
      return "completed";
    case ActivityEnd::planned:
      return "planned";
    case ActivityEnd::failed:
      return "failed";
    case ActivityEnd::superseded:
      return "superseded";
    case ActivityEnd::killed:
      break;
  }
  return "killed";
}

const json& no_record() {
  static const json nothing;
  return nothing;
}

Records collect(const Journals& journals) {
  Records records;
  std::map<std::string, std::string> last_sign;
  for (const Line& line : journals.lines) {
    const json& record = line.record;
    const auto has = [&](const char* key) { return record.contains(key); };
    std::string id;
    if (has("activity_id")) {
      id = text_at(record, "activity_id");
      ActivityRecord& activity = records.activities[id];
      activity.id = id;
      std::string& last = last_sign[id];
      last = std::max(last, std::string(line.time));
      if (has("parameters")) {
        activity.parameters = &record["parameters"];
      } else if (has("used_id")) {
        activity.used.push_back(
            {text_at(record, "used_id"), text_at(record, "used_role"), text_at(record, "port")});
      } else if (has("generated_id")) {
        activity.generated.push_back({text_at(record, "generated_id"),
                                      text_at(record, "generated_role"), text_at(record, "port")});
      } else if (has("endTime")) {
        activity.end_facts = &record;
      } else if (has("name")) {
        activity.facts = &record;
      }
    } else if (has("session_id")) {
      records.sessions.emplace(text_at(record, "session_id"), &record);
    } else if (has("entity_id") && has("progenitor_id")) {
      records.derivations[text_at(record, "entity_id")].insert(text_at(record, "progenitor_id"));
    } else if (has("entity_id") && has("name")) {
      records.entities.emplace(text_at(record, "entity_id"), &record);
    }
  }
  for (auto at = records.activities.begin(); at != records.activities.end();) {
    ActivityRecord& activity = at->second;
    // Without its start nothing is known of an activity but that it was.
    if (!activity.facts->is_object()) {
      at = records.activities.erase(at);
      continue;
    }
    const json& facts = *activity.facts;
    activity.name = text_at(facts, "name");
    activity.session = text_at(facts, "in_session");
    activity.tag = text_at(facts, "session_tag");
    const std::size_t colon = activity.tag.find(':');
    if (colon != std::string::npos && activity.tag.find('-', colon) == std::string::npos)
      activity.run = number_in(activity.tag.substr(colon + 1), -1);
    std::string subrun = text_at(facts, "observation_subrun");
    if (subrun.empty() && activity.parameters->is_object())
      subrun = text_at(*activity.parameters, "ObservationSubRun");
    if (!subrun.empty()) activity.subrun = number_in(subrun, -1);
    if (facts.contains("telescope")) activity.telescope = number_in(text_at(facts, "telescope"), 1);
    activity.observation_date = text_at(facts, "observation_date");
    activity.prod_id = text_at(facts, "prod_id");
    activity.start = with_zone(text_at(facts, "startTime"), activity.zone_assumed);
    if (activity.end_facts->is_object()) {
      activity.end = with_zone(text_at(*activity.end_facts, "endTime"), activity.zone_assumed);
      const std::string status = text_at(*activity.end_facts, "status");
      activity.how = status == "failed"    ? ActivityEnd::failed
                     : status == "planned" ? ActivityEnd::planned
                                           : ActivityEnd::completed;
    } else {
      bool ignored = false;
      activity.end = std::max(activity.start, with_zone(last_sign[activity.id], ignored));
      activity.how = ActivityEnd::killed;
    }
    for (auto* flows : {&activity.used, &activity.generated}) {
      std::sort(flows->begin(), flows->end());
      flows->erase(std::unique(flows->begin(), flows->end()), flows->end());
    }
    ++at;
  }
  return records;
}

Selection select(const Records& records, const std::string& stage, int telescope, int run,
                 const std::string& observation_date, const std::string& prod_id, bool planned) {
  Selection selection{.stage = stage, .run = run, .completed = {}, .others = {}, .lineage = {}};
  const auto agree = [](const std::string& wanted, const std::string& found) {
    return wanted.empty() || found.empty() || wanted == found;
  };
  const auto by_subrun = [](const ActivityRecord* a, const ActivityRecord* b) {
    return std::tie(a->subrun, a->start, a->id) < std::tie(b->subrun, b->start, b->id);
  };
  // Activities of other programs name no subrun: each stands for itself.
  std::map<std::pair<int, std::string>, std::vector<const ActivityRecord*>> subruns;
  std::map<std::string, std::vector<const ActivityRecord*>> makers;
  for (const auto& [id, activity] : records.activities) {
    const bool is_planned = text_at(*activity.facts, "status") == "planned";
    if (is_planned != planned) continue;
    if (activity.how == ActivityEnd::completed || activity.how == ActivityEnd::planned)
      for (const FlowRecord& flow : activity.generated) makers[flow.entity].push_back(&activity);
    if (activity.name == stage && activity.run == run && activity.telescope == telescope &&
        agree(observation_date, activity.observation_date) && agree(prod_id, activity.prod_id))
      subruns[{activity.subrun, activity.subrun < 0 ? id : ""}].push_back(&activity);
  }
  for (auto& [key, attempts] : subruns) {
    const ActivityRecord* last = nullptr;
    for (const ActivityRecord* attempt : attempts)
      if ((attempt->how == ActivityEnd::completed || attempt->how == ActivityEnd::planned) &&
          (last == nullptr || std::tie(last->end, last->id) < std::tie(attempt->end, attempt->id)))
        last = attempt;
    if (last != nullptr) selection.completed.push_back(last);
    for (const ActivityRecord* attempt : attempts)
      if (attempt != last) selection.others.push_back(attempt);
  }
  std::sort(selection.completed.begin(), selection.completed.end(), by_subrun);
  std::sort(selection.others.begin(), selection.others.end(), by_subrun);

  std::set<const ActivityRecord*> known(selection.completed.begin(), selection.completed.end());
  std::vector<const ActivityRecord*> to_follow = selection.completed;
  while (!to_follow.empty()) {
    const ActivityRecord* activity = to_follow.back();
    to_follow.pop_back();
    for (const FlowRecord& flow : activity->used) {
      const auto found = makers.find(flow.entity);
      if (found == makers.end()) continue;
      const ActivityRecord* maker =
          *std::max_element(found->second.begin(), found->second.end(),
                            [](const ActivityRecord* a, const ActivityRecord* b) {
                              return std::tie(a->end, a->id) < std::tie(b->end, b->id);
                            });
      if (maker->name == stage || !known.insert(maker).second) continue;
      selection.lineage[maker->name].push_back(maker);
      to_follow.push_back(maker);
    }
  }
  for (auto& [name, activities] : selection.lineage)
    std::sort(activities.begin(), activities.end(), by_subrun);
  return selection;
}

namespace {

/// Writes one document.
class Writer {
 public:
  Writer(const Records& records, const Selection& selection, const Definition& definition)
      : records_(records), selection_(selection), definition_(definition) {
    find_replaced();
  }

  std::string write() {
    write_definition();
    write_session();
    std::vector<std::pair<std::string, std::string>> stages;  // name, id
    for (const auto& [name, activities] : selection_.lineage)
      stages.emplace_back(name, write_folded(name, activities, {}));
    std::string folded;
    if (!selection_.completed.empty()) {
      folded = write_folded(selection_.stage, selection_.completed, selection_.others);
      for (const auto& [name, id] : stages)
        relate("wasInformedBy", {{"prov:informed", folded}, {"prov:informant", id}});
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
  /// they can be looked at no more.
  void find_replaced() {
    std::map<std::string, std::pair<std::string, std::string>> newest;  // path: end, entity
    const auto look = [&](const ActivityRecord* activity) {
      if (activity->how != ActivityEnd::completed) return;
      for (const FlowRecord& flow : activity->generated)
        if (const auto at = records_.entities.find(flow.entity); at != records_.entities.end()) {
          auto& [end, id] = newest[text_at(*at->second, "filepath")];
          if (std::tie(end, id) < std::tie(activity->end, flow.entity))
            end = activity->end, id = flow.entity;
        }
    };
    for (const auto& [id, activity] : records_.activities) look(&activity);
    for (const auto& [id, entity] : records_.entities)
      if (const auto at = newest.find(text_at(*entity, "filepath"));
          at != newest.end() && at->second.second != id && !text_at(*entity, "sha256").empty())
        replaced_by_.emplace(id, at->second.second);
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
    for (const auto& [name, activities] : selection_.lineage) note(activities);
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
      entity["prov:label"] = text_at(record, "name");
      entity["prov:type"] =
          replaced == replaced_by_.end() ? text_at(record, "type") : "ReplacedFile";
      if (const std::string path = text_at(record, "filepath"); !path.empty())
        entity[replaced == replaced_by_.end() ? "filepath" : "reference"] = path;
      if (replaced != replaced_by_.end()) entity["replaced_by"] = qualified(replaced->second);
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

  /// Write what activities used or generated; what differs from subrun to subrun as collections.
  void write_flows(const std::string& id, const std::vector<const ActivityRecord*>& activities,
                   bool usage, bool fold) {
    const char* relation = usage ? "used" : "wasGeneratedBy";
    std::set<std::pair<std::string, std::string>> direct;  // role, entity
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> collected;
    for (const ActivityRecord* activity : activities)
      for (const FlowRecord& flow : usage ? activity->used : activity->generated) {
        const FlowDefinition* kind = flow_of(activity->name, flow, usage);
        if (fold && kind != nullptr && !kind->collection.empty())
          collected[{kind->collection_role, kind->collection}].push_back(flow.entity);
        else
          direct.emplace(flow.role, flow.entity);
      }
    const auto add = [&](const std::string& entity, const std::string& role) {
      relate(
          relation,
          usage
              ? ordered_json{{"prov:activity", id}, {"prov:entity", entity}, {"prov:role", role}}
              : ordered_json{{"prov:entity", entity}, {"prov:activity", id}, {"prov:role", role}});
    };
    for (auto& [names, members] : collected)
      add(write_collection(names.second, members), names.first);
    for (const auto& [role, entity] : direct) {
      add(write_entity(entity), role);
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
                              "telescope", "observation_date", "prod_id"})
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
  std::map<std::string, ordered_json> entities_, activities_, agents_;  ///< by qualified id
  std::map<std::string, std::vector<ordered_json>> relations_;
  std::set<std::string> written_;
  std::set<std::pair<std::string, std::string>> delegations_;
  std::map<std::string, std::string> replaced_by_;
  std::string session_, definition_id_;
};

}  // namespace

std::string run_document(const Records& records, const Selection& selection,
                         const Definition& definition) {
  return Writer(records, selection, definition).write();
}

}  // namespace alisio::prov
