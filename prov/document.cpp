#include "prov/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"
#include "prov/document_parts.hpp"
#include "prov/record_fields.hpp"
#include "prov/remark.hpp"

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
         const Copies& copies, const std::string& source)
      : records_(records),
        selection_(selection),
        definition_(definition),
        copies_(copies),
        source_(source) {
    find_replaced();
    find_quality();
  }

  std::string write(const std::vector<FinerDocument>& finer) {
    write_definition();
    write_session();
    find_products();
    for (const auto& [fold, activities] : selection_.folds)
      write_fold(fold, activities, selection_.attempts_at(fold));
    write_missing_products();
    for (const auto& [fold, activities] : selection_.folds) {
      std::set<std::string> informants;
      for (const ActivityRecord* activity : activities)
        for (const FlowRecord& flow : activity->used)
          if (const auto at = products_.find(flow.entity); at != products_.end())
            informants.insert(at->second.activity);
      const std::string& id = ids_.at(fold);
      for (const std::string& informant : informants)
        if (informant != id)
          relate("wasInformedBy", {{"prov:informed", id}, {"prov:informant", informant}});
      for (const ActivityRecord* attempt : selection_.attempts_at(fold))
        relate("wasInformedBy",
               {{"prov:informed", id}, {"prov:informant", qualified(attempt->id)}});
    }
    for (const ActivityRecord* other : selection_.others) write_attempt(*other);
    write_invalidations();
    for (const FinerDocument& document : finer) write_finer(document);
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
    for (const ActivityRecord* activity : selection_.others) ids.insert(activity->session);
    for (const auto& [fold, activities] : selection_.folds)
      for (const ActivityRecord* activity : activities) ids.insert(activity->session);
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
    const SelectionRequest& request = selection_.request;
    const std::string date = request.observation_date.empty() ? some.front()->observation_date
                                                              : request.observation_date;
    std::string text = "session\n" + request.stage + '\n' + run_text(request.run) + '\n' + date +
                       '\n' + some.front()->prod_id + '\n' +
                       std::to_string(some.front()->telescope);
    std::string label = run_text(request.run);
    if (request.scope != Grain::run || request.grain != Grain::run)
      text += fmt::format("\n{}\n{}\n", to_string(request.scope), to_string(request.grain));
    if (request.scope == Grain::subrun) label += '.' + subrun_text(request.subrun);
    if (request.scope == Grain::subrun) text += subrun_text(request.subrun);
    if (request.scope == Grain::night) label = date;
    ordered_json runs = ordered_json::array();
    if (request.scope == Grain::observation) {
      label = source_;
      text += source_;
      for (const int run : request.runs) {
        runs.push_back(run_text(run));
        text += '\n' + run_text(run);
      }
    }
    session_ = short_hash(text);
    ordered_json entity{{"prov:label", label}, {"prov:type", "ExecutionSession"}};
    if (!start.empty()) entity["prov:generatedAtTime"] = start;
    if (!request.stage.empty()) entity["stage"] = request.stage;
    if (request.scope == Grain::subrun || request.scope == Grain::run)
      entity["observation_run"] = run_text(request.run);
    if (request.scope == Grain::subrun) entity["observation_subrun"] = subrun_text(request.subrun);
    if (request.scope == Grain::observation) {
      entity["source"] = source_;
      entity["observation_run"] = runs.size() == 1 ? runs.front() : runs;
    }
    entity["scope"] = to_string(request.scope);
    entity["granularity"] = to_string(request.grain);
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
      const auto invalidation = records_.invalidations.find(id);
      const bool is_invalid = invalidation != records_.invalidations.end() && !is_replaced;
      entity["prov:label"] = text_at(record, "name");
      entity["prov:type"] = is_replaced && !is_copied ? "ReplacedFile" : text_at(record, "type");
      if (is_invalid && invalidation->second.kept_as.empty())
        entity["prov:type"] = "InvalidatedFile";
      // Of a raw file of which a few events were read there is no hash: its content is not known.
      const bool in_part = text_at(record, "type") == "File" && text_at(record, "sha256").empty() &&
                           text_at(record, "hash").empty() &&
                           text_at(record, "status") != "planned";
      // Other programs hash no content.
      if (in_part)
        entity["prov:type"] = record.contains("identity") ? "FileKnownByPath" : "FileReadInPart";
      if (is_copied) entity["filepath"] = copy->second.string();
      if (is_invalid && !invalidation->second.kept_as.empty())
        entity["filepath"] = invalidation->second.kept_as;
      if (const std::string path = text_at(record, "filepath"); !path.empty())
        entity[is_replaced || is_invalid || in_part ? "reference" : "filepath"] = path;
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

  /// A generated entity: the activity of the document that made it, and the role of its own.
  struct Product {
    std::string activity, role;
  };

  /// Find which activity of the document made what: of several the one that ended last.
  void find_products() {
    std::map<std::string, std::pair<std::string, std::string>> last;  // entity to end and id
    for (const auto& [fold, activities] : selection_.folds) {
      const std::string& id = ids_.emplace(fold, id_of(fold, activities)).first->second;
      for (const ActivityRecord* activity : activities)
        for (const FlowRecord& flow : activity->generated) {
          auto& [end, maker] = last[flow.entity];
          if (std::tie(end, maker) > std::tie(activity->end, activity->id)) continue;
          end = activity->end, maker = activity->id;
          products_[flow.entity] = {id, flow.role};
        }
    }
  }

  /// What one role of a folded activity led to.
  /// What is said of the use of an entity: why it was chosen, and what was taken of it.
  struct Told {
    std::set<std::string> choices, parts;

    void add(const Told& other) {
      choices.insert(other.choices.begin(), other.choices.end());
      parts.insert(other.parts.begin(), other.parts.end());
    }
  };
  struct Gathered {
    std::string name;                                           ///< of the collection; may be empty
    std::map<std::string, Told> told;                           ///< by entity
    std::map<std::string, std::set<const ActivityRecord*>> by;  ///< entity: of which activities
    bool is_collected = false;
  };

  /// Write what activities used or generated; what differs from subrun to subrun as collections,
  /// and if several runs are folded, also what differs from run to run.
  void write_flows(const std::string& id, const std::vector<const ActivityRecord*>& activities,
                   bool usage, bool fold, bool many_runs) {
    std::map<std::pair<std::string, std::string>, Gathered> by_role;  // role and collection
    for (const ActivityRecord* activity : activities)
      for (const FlowRecord& flow : usage ? activity->used : activity->generated) {
        if (!usage && products_.at(flow.entity).activity != id) continue;
        const FlowDefinition* kind = flow_of(activity->name, flow, usage);
        const bool collected = fold && kind != nullptr && !kind->collection.empty();
        Gathered& gathered = collected ? by_role[{kind->collection_role, kind->collection}]
                                       : by_role[{flow.role, ""}];
        gathered.is_collected = collected;
        if (collected) gathered.name = kind->collection;
        Told& told = gathered.told[flow.entity];
        const std::string part = usage ? part_in(flow.remark) : "";
        if (!part.empty())
          told.parts.insert(part);
        else if (usage && !flow.remark.empty())
          told.choices.insert(flow.remark);
        if (many_runs) gathered.by[flow.entity].insert(activity);
      }
    for (auto& [names, gathered] : by_role) {
      const std::string& role = names.first;
      if (gathered.is_collected) {
        collect_flow(id, role, gathered.name, gathered.told, usage);
        continue;
      }
      std::map<std::string, std::map<std::string, Told>> differing;
      for (const auto& [entity, told] : gathered.told) {
        const std::string name = many_runs ? file_name_of(entity) : "";
        const bool is_shared = !many_runs || name.empty() ||
                               (usage && gathered.by[entity].size() == activities.size());
        if (is_shared)
          write_flow(id, entity, role, told, usage);
        else
          differing[name].emplace(entity, told);
      }
      for (const auto& [name, entities] : differing)
        if (entities.size() == 1)
          write_flow(id, entities.begin()->first, role, entities.begin()->second, usage);
        else
          collect_flow(id, role + " Collection", name + "Collection", entities, usage);
    }
  }

  /// Return the name of a file's kind; nothing for what is no file.
  [[nodiscard]] std::string file_name_of(const std::string& entity) const {
    const auto at = records_.entities.find(entity);
    return at != records_.entities.end() && text_at(*at->second, "type") == "File"
               ? text_at(*at->second, "name")
               : std::string();
  }

  void add_relation(const std::string& activity, const std::string& entity, const std::string& role,
                    const Told& told, bool usage) {
    ordered_json facts =
        usage ? ordered_json{{"prov:activity", activity},
                             {"prov:entity", entity},
                             {"prov:role", role}}
              : ordered_json{
                    {"prov:entity", entity}, {"prov:activity", activity}, {"prov:role", role}};
    if (!told.choices.empty()) facts["choice"] = one_or_all(told.choices);
    if (!told.parts.empty()) facts["part"] = one_or_all(told.parts);
    relate(usage ? "used" : "wasGeneratedBy", std::move(facts));
  }

  void write_flow(const std::string& activity, const std::string& entity, const std::string& role,
                  const Told& told, bool usage) {
    add_relation(activity, write_entity(entity), role, told, usage);
    if (usage) write_training(entity, activity);
    if (usage)
      uses_.emplace(entity, "");
    else
      generated_.insert(entity);
  }

  void collect_flow(const std::string& activity, const std::string& role, const std::string& name,
                    const std::map<std::string, Told>& entities, bool usage) {
    std::vector<std::string> members;
    Told all;
    for (const auto& [entity, told] : entities) {
      members.push_back(entity);
      all.add(told);
    }
    const std::string collection = write_collection(name, members);
    add_relation(activity, collection, role, all, usage);
    if (!usage) generated_.insert(collection);
    if (usage)
      for (const std::string& member : members) uses_.emplace(member, collection);
  }

  /// What was used in another grouping than it was made in is told by each piece, so that the way
  /// back to its maker is not lost.
  void write_missing_products() {
    for (const auto& [entity, collection] : uses_) {
      const auto product = products_.find(entity);
      if (product == products_.end() || generated_.contains(entity) ||
          (!collection.empty() && generated_.contains(collection)))
        continue;
      add_relation(product->second.activity, write_entity(entity), product->second.role, {}, false);
      generated_.insert(entity);
    }
  }

  /// Name a document that tells more: the record that the activity left of itself.
  void write_finer(const FinerDocument& document) {
    std::string activity;
    for (const auto& [fold, id] : ids_)
      if (activity.empty() || fold.name == document.stage) activity = id;
    if (activity.empty()) return;
    const std::string id = qualified(short_hash("record\n" + document.sha256));
    entities_[id] = {{"prov:label", document.path.filename().string()},
                     {"prov:type", {{"$", "prov:Bundle"}, {"type", "xsd:QName"}}},
                     {"filepath", document.path.string()},
                     {"sha256", document.sha256},
                     {"size_bytes", document.size_bytes},
                     {"contentType", "application/json"}};
    relate("wasGeneratedBy",
           {{"prov:entity", id}, {"prov:activity", activity}, {"prov:role", "Record in detail"}});
  }

  /// Tell which entities of the document stand no more for what they were, and which action of whom
  /// did it. What it left of itself is the note.
  void write_invalidations() {
    std::map<std::string, std::set<std::string>> reasons;  // by activity
    for (const auto& [entity, invalidation] : records_.invalidations) {
      if (!written_.contains(entity)) continue;
      const std::string id = qualified(short_hash("invalidation\n" + invalidation.action + '\n' +
                                                  invalidation.author + '\n' + invalidation.time));
      if (reasons.try_emplace(id).second) write_invalidating(id, invalidation);
      reasons[id].insert(invalidation.reason);
      const std::string name = qualified(entity);
      relate("used",
             {{"prov:activity", id}, {"prov:entity", name}, {"prov:role", "Invalidated product"}});
      relate("wasInvalidatedBy", {{"prov:entity", name},
                                  {"prov:activity", id},
                                  {"prov:time", invalidation.time},
                                  {"reason", invalidation.reason}});
    }
    for (const auto& [id, all] : reasons) {
      const std::string note = id + "_note";
      entities_[note] = {{"prov:label", "InvalidationNote"},
                         {"prov:type", "Note"},
                         {"prov:value", one_or_all(all)}};
      relate("wasGeneratedBy",
             {{"prov:entity", note}, {"prov:activity", id}, {"prov:role", "Note"}});
    }
  }

  void write_invalidating(const std::string& id, const Invalidation& invalidation) {
    ordered_json facts{{"prov:label", invalidation.action},
                       {"prov:startTime", invalidation.time},
                       {"prov:endTime", invalidation.time},
                       {"status", "completed"},
                       {"exit_code", 0},
                       {"command", "alisio " + invalidation.action}};
    if (!invalidation.software.empty()) facts["software_version"] = invalidation.software;
    activities_[id] = facts;
    associate(id, write_operator(invalidation.author), "Operator");
  }

  void associate(const std::string& activity, const std::string& agent, const char* role) {
    relate("wasAssociatedWith", {{"prov:activity", activity},
                                 {"prov:agent", agent},
                                 {"prov:plan", definition_id_},
                                 {"prov:role", role}});
  }

  [[nodiscard]] std::string type_of_agent(const char* agent, const char* fallback) const {
    const auto at = definition_.agents().find(agent);
    return at == definition_.agents().end() ? std::string(fallback) : at->second.type;
  }

  /// Write a person or account as an agent. @return its qualified id
  std::string write_operator(const std::string& name) {
    const std::string agent = qualified("operator_" + short_hash(name).substr(0, 12));
    agents_[agent] = {
        {"prov:label", name},
        {"prov:type", {{"$", type_of_agent("operator", "prov:Person")}, {"type", "xsd:QName"}}}};
    return agent;
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
    for (const std::string& name : operators) associate(id, write_operator(name), "Operator");
    for (const auto& [version, commit] : programs) {
      const std::string agent =
          qualified("software_" + short_hash(version + '\n' + commit).substr(0, 12));
      ordered_json facts{
          {"prov:label", "alisio " + version},
          {"prov:type",
           {{"$", type_of_agent("software", "prov:SoftwareAgent")}, {"type", "xsd:QName"}}},
          {"software_version", version}};
      if (!commit.empty()) facts["software_commit"] = commit;
      agents_[agent] = facts;
      associate(id, agent, "Software");
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

  /// Return the id of a fold: its members'; what is told alone keeps its own.
  static std::string id_of(const Fold& fold, const std::vector<const ActivityRecord*>& activities) {
    if (!fold.activity.empty()) return qualified(fold.activity);
    std::vector<std::string> ids;
    for (const ActivityRecord* activity : activities) ids.push_back(activity->id);
    std::sort(ids.begin(), ids.end());
    std::string text = "activity\n" + fold.name + '\n';
    for (const std::string& one : ids) text += one + '\n';
    return qualified(short_hash(text));
  }

  void write_fold(const Fold& fold, const std::vector<const ActivityRecord*>& activities,
                  const std::vector<const ActivityRecord*>& others) {
    const std::string& id = ids_.at(fold);
    const bool alone = !fold.activity.empty();
    ordered_json facts = activity_facts(fold.name, activities);
    const bool is_planned = activities.front()->how == ActivityEnd::planned;
    facts["status"] = is_planned ? "planned" : "completed";
    facts["exit_code"] = 0;
    if (alone && activities.front()->subrun >= 0)
      facts["observation_subrun"] = subrun_text(activities.front()->subrun);
    std::set<std::pair<int, int>> done, failed;  // run and subrun
    std::set<int> runs;
    for (const ActivityRecord* activity : activities) {
      if (activity->subrun >= 0) done.emplace(activity->run, activity->subrun);
      runs.insert(activity->run);
    }
    int attempts = 0;
    for (const ActivityRecord* other : others) {
      attempts += other->how == ActivityEnd::failed || other->how == ActivityEnd::killed ? 1 : 0;
      const std::pair which{other->run, other->subrun};
      if (other->subrun >= 0 && !done.contains(which)) failed.insert(which);
    }
    if (fold.run < 0) facts["n_runs"] = runs.size();
    if (!alone) facts["n_subruns"] = activities.size();
    if (!alone) facts["n_failed"] = failed.size();
    facts["n_failed_attempts"] = attempts;
    if (!failed.empty()) {
      std::string list;
      for (const auto& [run, subrun] : failed) {
        if (!list.empty()) list += ' ';
        if (fold.run < 0) list += run_text(run) + '.';
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
    write_parameters(id, activities, !alone);
    write_agents(id, activities);
    const bool many_runs = !alone && (fold.run < 0 || definition_.activity(fold.name) == nullptr);
    write_flows(id, activities, true, !alone, many_runs);
    write_flows(id, activities, false, !alone, many_runs);
  }

  /// Write an activity that made nothing that lasted: what it generated is no entity.
  void write_attempt(const ActivityRecord& attempt) {
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
    write_flows(id, {&attempt}, true, false, false);
  }

  std::string finish() {
    for (const auto& [software, person] : delegations_)
      relate("actedOnBehalfOf", {{"prov:delegate", software}, {"prov:responsible", person}});
    return document_text({.prefix = {{"id", definition_.identifier_namespace()},
                                     {"default", definition_.attribute_namespace()}},
                          .entities = std::move(entities_),
                          .activities = std::move(activities_),
                          .agents = std::move(agents_),
                          .relations = std::move(relations_)});
  }

  const Records& records_;
  const Selection& selection_;
  const Definition& definition_;
  const Copies& copies_;
  const std::string& source_;
  std::map<std::string, ordered_json> entities_, activities_, agents_;  ///< by qualified id
  std::map<std::string, std::vector<ordered_json>> relations_;
  std::set<std::string> written_;
  std::set<std::pair<std::string, std::string>> delegations_;
  std::map<Fold, std::string> ids_;
  std::map<std::string, Product> products_;             ///< by entity
  std::set<std::pair<std::string, std::string>> uses_;  ///< entity, and the collection it was in
  std::set<std::string> generated_;                     ///< entities and collections that are told
  std::map<std::string, std::string> replaced_by_, quality_;
  std::string session_, definition_id_;
};

}  // namespace

std::string document_of(const Records& records, const Selection& selection,
                        const Definition& definition, const Copies& copies,
                        const std::vector<FinerDocument>& finer, const std::string& source) {
  return Writer(records, selection, definition, copies, source).write(finer);
}

}  // namespace alisio::prov
