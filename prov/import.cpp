#include "prov/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "prov/document_parts.hpp"
#include "prov/json_members.hpp"
#include "prov/record_fields.hpp"
#include "prov/records.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

/// Mark of a record in LSTOSA's logs, whatever ours is.
constexpr std::string_view lstosa_prefix = "__PROV__";

std::string digest(const std::string& text, std::size_t digits) {
  return hash_text(text).substr(0, digits);
}

std::string utc(std::string time) {
  bool assumed = false;
  return with_zone(std::move(time), assumed);
}

/// Return run and subrun that a path tells ("….Run01807.0002.…"), each -1 if it does not.
std::pair<int, int> numbers_in(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const std::size_t at = name.find(".Run");
  if (at == std::string::npos) return {-1, -1};
  char* end = nullptr;
  const char* const digits = name.c_str() + at + 4;
  const long run = std::strtol(digits, &end, 10);
  if (end == digits || run < 0 || run > 999999) return {-1, -1};
  if (*end != '.' || std::string_view(end + 1).substr(0, 4).find_first_not_of("0123456789") !=
                         std::string_view::npos)
    return {static_cast<int>(run), -1};
  return {static_cast<int>(run), static_cast<int>(std::strtol(end + 1, nullptr, 10))};
}

/// A file, known by its path alone, or another thing, by what another program called it.
std::string entity_key(const std::string& path, const std::string& other) {
  return path.empty() ? digest("other program\n" + other, 32) : digest("path\n" + path, 32);
}

struct ImportedFlow {
  std::string entity, role, original;
};

/// An activity before it is written: much of what its start should say is told by later records.
struct ImportedActivity {
  std::string id, original, name, tag, session, time, start, end;
  ordered_json facts = ordered_json::object();  ///< further keys of the start record
  ordered_json end_facts = ordered_json::object();
  json parameters;
  std::vector<ImportedFlow> used, generated;
};

/// Gathers another program's records and writes them as ours.
class Journal {
 public:
  Journal(const char* origin, const LoggerConfiguration& logger, ImportResult& result)
      : origin_(origin), logger_(logger), result_(result) {}

  std::vector<ImportedActivity> activities;
  std::map<std::string, ordered_json> entities;                      ///< records, by id
  std::map<std::string, std::set<std::string>> derivations;          ///< ids
  std::vector<std::pair<std::string, ordered_json>> sessions;        ///< time and record
  std::map<std::string, std::pair<std::string, json>> environments;  ///< session to id and value

  /// Add a thing that is known by its path or by another program's name for it; return its id.
  std::string add_entity(const std::string& original, const std::string& name,
                         const std::string& path, const std::string& type,
                         const std::string& content_type, const json& value = nullptr) {
    const std::string id = entity_key(path, original + '\n' + name);
    if (entities.contains(id)) return id;
    ordered_json record{{"entity_id", id}, {"name", name}};
    if (!path.empty()) record["filepath"] = path;
    record["type"] = type.empty() ? "File" : type;
    if (!content_type.empty()) record["contentType"] = content_type;
    if (!value.is_null()) record["value"] = value;
    record["identity"] = path.empty() ? "name" : "path";
    if (!original.empty()) record["original_id"] = original;
    entities.emplace(id, std::move(record));
    return id;
  }

  /// An activity cannot use what it has yet to make: take what that was made from instead.
  void open_cycles() {
    std::int64_t opened = 0;
    for (ImportedActivity& activity : activities) {
      std::set<std::string> made;
      for (const ImportedFlow& flow : activity.generated) made.insert(flow.entity);
      std::vector<ImportedFlow> kept;
      for (ImportedFlow flow : activity.used) {
        if (made.contains(flow.entity)) {
          ++opened;
          const auto source = derivations.find(flow.entity);
          std::string instead;
          if (source != derivations.end() && !source->second.empty())
            instead = *source->second.begin();
          else
            instead = unused_of_same_kind(flow.entity, activity);
          if (instead.empty() || made.contains(instead)) continue;
          flow.original = flow.entity;
          flow.entity = instead;
        }
        kept.push_back(std::move(flow));
      }
      activity.used = std::move(kept);
    }
    if (opened > 0)
      result_.notes.push_back(
          fmt::format("{} use{} of what the same activity made {} led to what that was made from",
                      opened, opened == 1 ? "" : "s", opened == 1 ? "was" : "were"));
  }

  std::string text() {
    std::string text;
    for (const auto& [time, record] : sessions) put(text, time, record);
    std::set<std::string> told;  // entities with their tags
    const auto tell = [&](const ImportedActivity& activity, const std::string& id) {
      const auto at = entities.find(id);
      if (at == entities.end() || !told.insert(id + activity.tag).second) return;
      ordered_json record = at->second;
      record["session_tag"] = activity.tag;
      put(text, activity.time, std::move(record));
    };
    for (const ImportedActivity& activity : activities) {
      ordered_json start{{"activity_id", activity.id},
                         {"name", activity.name},
                         {"startTime", activity.start},
                         {"in_session", activity.session}};
      start.update(activity.facts);
      start["session_tag"] = activity.tag;
      if (activity.original != activity.id) start["original_id"] = activity.original;
      put(text, activity.time, std::move(start));
      if (activity.parameters.is_object())
        put(text, activity.time,
            {{"activity_id", activity.id},
             {"parameters", activity.parameters},
             {"session_tag", activity.tag}});
      for (const ImportedFlow& flow : activity.used) {
        tell(activity, flow.entity);
        ordered_json record{{"activity_id", activity.id},
                            {"used_id", flow.entity},
                            {"used_role", flow.role},
                            {"session_tag", activity.tag}};
        if (!flow.original.empty()) record["recorded_used_id"] = flow.original;
        put(text, activity.time, std::move(record));
      }
      if (const auto at = environments.find(activity.session); at != environments.end()) {
        if (told.insert(at->second.first + activity.tag).second)
          put(text, activity.time,
              {{"entity_id", at->second.first},
               {"name", "Environment"},
               {"type", "Environment"},
               {"value", at->second.second},
               {"session_tag", activity.tag}});
        put(text, activity.time,
            {{"activity_id", activity.id},
             {"used_id", at->second.first},
             {"used_role", "Environment"},
             {"session_tag", activity.tag}});
      }
      for (const ImportedFlow& flow : activity.generated) {
        tell(activity, flow.entity);
        put(text, activity.time,
            {{"activity_id", activity.id},
             {"generated_id", flow.entity},
             {"generated_role", flow.role},
             {"session_tag", activity.tag}});
        const auto sources = derivations.find(flow.entity);
        if (sources == derivations.end()) continue;
        for (const std::string& source : sources->second)
          if (source != flow.entity)
            put(text, activity.time,
                {{"entity_id", flow.entity},
                 {"progenitor_id", source},
                 {"session_tag", activity.tag}});
      }
      if (activity.end.empty()) continue;
      ordered_json end{{"activity_id", activity.id}, {"endTime", activity.end}};
      end.update(activity.end_facts);
      end["session_tag"] = activity.tag;
      put(text, std::max(activity.time, activity.end), std::move(end));
    }
    return text;
  }

 private:
  void put(std::string& text, const std::string& time, ordered_json record) const {
    record["origin"] = origin_;
    text += format_line(logger_, time, record);
  }

  /// Return what another activity made under the same name and nobody used, or nothing.
  [[nodiscard]] std::string unused_of_same_kind(const std::string& entity,
                                                const ImportedActivity& user) const {
    const auto kind = entities.find(entity);
    if (kind == entities.end()) return {};
    std::set<std::string> used;
    for (const ImportedActivity& activity : activities)
      for (const ImportedFlow& flow : activity.used) used.insert(flow.entity);
    for (const ImportedActivity& activity : activities)
      if (&activity != &user)
        for (const ImportedFlow& flow : activity.generated)
          if (const auto made = entities.find(flow.entity);
              made != entities.end() && !used.contains(flow.entity) &&
              made->second["name"] == kind->second["name"])
            return flow.entity;
    return {};
  }

  const char* origin_;
  const LoggerConfiguration& logger_;
  ImportResult& result_;
};

/// Tell the machine of a session as ours do: what was Python's becomes the build.
void note_environment(Journal& journal, const std::string& session, const json& system) {
  if (!system.is_object()) return;
  json value = json::object();
  for (const char* key : {"platform", "environment"})
    if (const auto at = system.find(key); at != system.end()) value[key] = *at;
  if (const auto at = system.find("python"); at != system.end()) value["build"] = *at;
  if (value.empty()) return;
  journal.environments[session] = {digest("environment\n" + value.dump(), 32), value};
}

/// Name the run of an activity: that of its tag, of a calibration the one that the stage reads.
void name_run(ImportedActivity& activity) {
  const std::size_t colon = activity.tag.find(':');
  if (colon == std::string::npos) return;
  std::string run = activity.tag.substr(colon + 1);
  if (const std::size_t dash = run.find('-'); dash != std::string::npos)
    run = activity.name == "drs4_pedestal" ? run.substr(0, dash) : run.substr(dash + 1);
  if (!activity.facts.contains("observation_run")) activity.facts["observation_run"] = run;
  if (activity.parameters.is_object() && activity.parameters.contains("ObservationSubRun"))
    activity.facts["observation_subrun"] = text_at(activity.parameters, "ObservationSubRun");
}

void name_subrun(ImportedActivity& activity, const Journal& journal) {
  if (activity.facts.contains("observation_subrun")) return;
  const std::string text = activity.facts.value("observation_run", "");
  const long run = std::strtol(text.c_str(), nullptr, 10);
  for (const auto* flows : {&activity.used, &activity.generated})
    for (const ImportedFlow& flow : *flows) {
      const auto at = journal.entities.find(flow.entity);
      if (at == journal.entities.end() || !at->second.contains("filepath") ||
          at->second.value("name", "").find("Subrun") == std::string::npos)
        continue;
      const auto [of_run, subrun] = numbers_in(at->second["filepath"]);
      if (of_run != run || subrun < 0) continue;
      activity.facts["observation_subrun"] = fmt::format("{:04d}", subrun);
      return;
    }
}

// --- LSTOSA's log ---

/// Return the record that a line holds: between two prefixes, or the line itself in merged logs.
std::optional<json> lstosa_record(std::string_view line, std::string& time, ImportResult& result) {
  std::string_view payload = line;
  time.clear();
  if (const std::optional<LineParts> parts = split_line(line, lstosa_prefix)) {
    time = utc(std::string(parts->time));
    payload = parts->payload;
  } else if (line.find(lstosa_prefix) != std::string_view::npos) {
    ++result.broken_lines;
    return std::nullopt;
  } else if (!line.starts_with('{')) {
    ++result.other_lines;
    return std::nullopt;
  }
  while (payload.ends_with('\r') || payload.ends_with(' ')) payload.remove_suffix(1);
  json record;
  if (nested_too_deep(payload)) {
    ++result.broken_lines;
    return std::nullopt;
  }
  try {
    record = parse_python_literal(payload);
  } catch (const std::invalid_argument&) {
    record = json::parse(payload, nullptr, false);
  }
  if (record.is_object()) return record;
  ++result.broken_lines;
  return std::nullopt;
}

void read_lstosa_log(const std::string& text, Journal& journal, ImportResult& result) {
  std::map<std::string, std::size_t> at;           // activity as recorded to its place
  std::map<std::string, std::string> session_ids;  // session as recorded to the last of that id
  std::map<std::string, json> session_facts;       // by our id
  std::map<std::string, std::string> entity_ids;   // entity as recorded to ours
  std::int64_t lost = 0;
  std::vector<std::pair<std::string, std::string>> derived;
  const auto entity_of = [&](const std::string& original) {
    const auto known = entity_ids.find(original);
    return known != entity_ids.end() ? known->second : entity_key("", original + '\n');
  };
  std::string time;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::optional<json> read = lstosa_record(line, time, result);
    if (!read) continue;
    const json& record = *read;
    const auto has = [&](const char* key) { return record.contains(key); };
    if (has("session_id")) {
      const std::string original = text_at(record, "session_id");
      const std::string id = original + '_' + digest(record.dump(), 12);
      session_ids[original] = id;
      ++result.sessions;
      if (session_facts.contains(id)) continue;
      session_facts.emplace(id, record);
      ordered_json copy = ordered_json::object();
      for (const auto& [key, value] : record.items()) copy[key] = value;
      copy["session_id"] = id;
      copy["original_id"] = original;
      if (has("startTime")) copy["startTime"] = utc(text_at(record, "startTime"));
      journal.sessions.emplace_back(time.empty() ? utc(text_at(record, "startTime")) : time, copy);
      if (has("system")) note_environment(journal, id, record["system"]);
    } else if (has("activity_id") && has("name")) {
      if (has("stage_version"))
        throw Error(ErrorKind::bad_input, "these are records of this program already", "",
                    "give the file to --journals as it is");
      const std::string original = text_at(record, "activity_id");
      ImportedActivity activity;
      activity.original = original;
      activity.name = text_at(record, "name");
      activity.tag = text_at(record, "session_tag");
      if (activity.tag.empty()) activity.tag = activity.name + ":00000";
      activity.start = utc(text_at(record, "startTime"));
      activity.time = time.empty() ? activity.start : time;
      activity.id = digest("lstosa\n" + original + '\n' + activity.name + '\n' + activity.start +
                               '\n' + activity.tag,
                           16) +
                    '-' + original;
      for (const char* key : {"agent_name", "script"})
        if (has(key)) activity.facts[key] = record[key];
      const std::string session = text_at(record, "in_session");
      const auto known = session_ids.find(session);
      activity.session = known == session_ids.end() ? session : known->second;
      at[original] = journal.activities.size();
      journal.activities.push_back(std::move(activity));
      ++result.activities;
    } else if (has("activity_id")) {
      const auto known = at.find(text_at(record, "activity_id"));
      const bool used = has("used_id"), generated = has("generated_id");
      result.used += used ? 1 : 0;
      result.generated += generated ? 1 : 0;
      if (known == at.end()) {
        ++lost;
        continue;
      }
      ImportedActivity& activity = journal.activities[known->second];
      if (has("parameters") && record["parameters"].is_object())
        activity.parameters = record["parameters"];
      else if (used)
        activity.used.push_back(
            {entity_of(text_at(record, "used_id")), text_at(record, "used_role"), ""});
      else if (generated)
        activity.generated.push_back(
            {entity_of(text_at(record, "generated_id")), text_at(record, "generated_role"), ""});
      else if (has("endTime"))
        activity.end = utc(text_at(record, "endTime")), activity.end_facts["status"] = "completed";
    } else if (has("entity_id") && has("progenitor_id")) {
      derived.emplace_back(text_at(record, "entity_id"), text_at(record, "progenitor_id"));
    } else if (has("entity_id") && has("name")) {
      ++result.entities;
      const std::string original = text_at(record, "entity_id");
      std::string path = text_at(record, "filepath");
      if (path.empty()) path = text_at(record, "location");
      // The folder of a collection names those of all runs of the night.
      const bool is_collection = text_at(record, "type") == "SetCollection";
      const json value = has("value") ? record["value"] : json();
      entity_ids[original] = journal.add_entity(
          is_collection ? original + '\n' + text_at(record, "session_tag") : original,
          text_at(record, "name"), is_collection ? "" : path, text_at(record, "type"),
          text_at(record, "contentType"), value);
      if (is_collection && !path.empty()) journal.entities[entity_ids[original]]["folder"] = path;
    } else {
      ++result.other_lines;
    }
  }
  for (const auto& [entity, source] : derived)
    if (entity_ids.contains(entity) && entity_ids.contains(source) && entity != source)
      journal.derivations[entity_ids[entity]].insert(entity_ids[source]);
  if (lost > 0)
    result.notes.push_back(
        fmt::format("{} uses, products or ends of activities without a start were left out", lost));
  for (ImportedActivity& activity : journal.activities) {
    if (const auto known = session_facts.find(activity.session); known != session_facts.end()) {
      const json& session = known->second;
      for (const char* key : {"software_version", "observation_date"})
        if (const std::string value = text_at(session, key); !value.empty())
          activity.facts[key] = value;
      if (const auto system = session.find("system");
          system != session.end() && system->is_object() && system->contains("arguments"))
        activity.facts["command"] = (*system)["arguments"];
    }
    activity.facts["telescope"] = "LST-1";
    if (activity.parameters.is_object() && activity.parameters.contains("ProdID"))
      activity.facts["prod_id"] = text_at(activity.parameters, "ProdID");
    name_run(activity);
    name_subrun(activity, journal);
  }
}

// --- LSTOSA's documents ---

void read_lstosa_document(const std::string& text, Journal& journal, ImportResult& result) {
  DocumentParts parts = document_parts(text);
  std::string run, date, version, config_file;
  std::map<std::string, std::string> sessions;
  const auto plain = [](const std::string& id) {
    const std::size_t colon = id.find(':');
    return colon == std::string::npos ? id : id.substr(colon + 1);
  };
  for (const auto& [id, facts] : parts.entities) {
    if (attribute(facts, "prov:type") != "ExecutionSession") continue;
    if (facts.contains("stage"))
      throw Error(ErrorKind::bad_input, "this is a document of this program", "",
                  "its .log beside it can be given to --journals");
    run = attribute(facts, "observation_run");
    date = attribute(facts, "observation_date");
    version = attribute(facts, "software_version");
    const std::string original = plain(id), session = original + '_' + digest(facts.dump(), 12);
    sessions[original] = session;
    ++result.sessions;
    const std::string start = utc(attribute(facts, "prov:generatedAtTime"));
    ordered_json record{{"session_id", session}, {"name", attribute(facts, "prov:label")}};
    record["startTime"] = start;
    for (const auto& [key, value] : facts.items())
      if (!key.starts_with("prov:")) record[key] = value;
    record["original_id"] = original;
    record["session_tag"] = "session:" + run;
    journal.sessions.emplace_back(start, std::move(record));
  }
  const std::string salt = run + '\n' + date;
  std::map<std::string, std::size_t> at;
  for (const auto& [id, facts] : parts.activities) {
    ImportedActivity activity;
    activity.original = plain(id);
    activity.name = attribute(facts, "prov:label");
    activity.start = utc(attribute(facts, "prov:startTime"));
    activity.end = utc(attribute(facts, "prov:endTime"));
    activity.time = activity.start;
    activity.tag = activity.name + ':' + (run.empty() ? std::string("00000") : run);
    if (!activity.end.empty()) activity.end_facts["status"] = "completed";
    const std::string session = attribute(facts, "in_session");
    const auto known = sessions.find(session);
    activity.session = known == sessions.end() ? session : known->second;
    activity.id = digest("lstosa\n" + activity.original + '\n' + activity.name + '\n' +
                             activity.start + '\n' + activity.tag,
                         16) +
                  '-' + activity.original;
    activity.facts["script"] = attribute(facts, "script");
    activity.facts["agent_name"] = attribute(facts, "agent_name");
    if (!version.empty()) activity.facts["software_version"] = version;
    if (!date.empty()) activity.facts["observation_date"] = date;
    activity.facts["telescope"] = "LST-1";
    if (const std::string size = attribute(facts, "size"); !size.empty())
      activity.facts["n_subruns"] = std::strtol(size.c_str(), nullptr, 10);
    activity.facts["folded"] = true;
    name_run(activity);
    at[id] = journal.activities.size();
    journal.activities.push_back(std::move(activity));
    ++result.activities;
  }
  std::map<std::string, std::string> ids;
  for (const auto& [id, facts] : parts.entities) {
    const std::string label = attribute(facts, "prov:label"), type = attribute(facts, "prov:type");
    if (type == "ExecutionSession" || type == "Parameters") continue;
    if (label.empty()) continue;  // only named by derivations between subruns
    ++result.entities;
    const bool is_collection = type == "SetCollection";
    std::string path = attribute(facts, "filepath");
    if (path.empty()) path = attribute(facts, "prov:location");
    ids[id] = journal.add_entity(is_collection ? plain(id) + '\n' + salt : plain(id), label,
                                 is_collection ? "" : path, type, attribute(facts, "contentType"));
    if (is_collection && !path.empty()) journal.entities[ids[id]]["folder"] = path;
  }
  for (const auto& [kind, used] : {std::pair{"used", true}, std::pair{"wasGeneratedBy", false}})
    for (const ordered_json& arguments : parts.relations[kind]) {
      const auto activity = at.find(attribute(arguments, "prov:activity"));
      const std::string entity = attribute(arguments, "prov:entity");
      if (activity == at.end()) {
        ++result.broken_lines;
        continue;
      }
      ImportedActivity& one = journal.activities[activity->second];
      if (const auto settings = parts.entities.find(entity);
          settings != parts.entities.end() &&
          attribute(settings->second, "prov:type") == "Parameters") {
        one.parameters = json::object();
        for (const auto& [key, value] : settings->second.items())
          if (!key.starts_with("prov:")) one.parameters[key] = value;
        continue;
      }
      const auto known = ids.find(entity);
      if (known == ids.end()) {
        ++result.broken_lines;
        continue;
      }
      (used ? result.used : result.generated) += 1;
      (used ? one.used : one.generated)
          .push_back({known->second, attribute(arguments, "prov:role"), ""});
    }
  for (const ordered_json& arguments : parts.relations["wasDerivedFrom"]) {
    const auto entity = ids.find(attribute(arguments, "prov:generatedEntity"));
    const auto source = ids.find(attribute(arguments, "prov:usedEntity"));
    if (entity != ids.end() && source != ids.end() && entity->second != source->second)
      journal.derivations[entity->second].insert(source->second);
  }
}

// --- ctapipe's log ---

/// Split arrays that stand one after the other. A new one begins at the beginning of a line even if
/// the one before was cut short.
std::vector<std::string_view> top_arrays(std::string_view text) {
  std::vector<std::string_view> arrays;
  std::size_t begin = std::string_view::npos;
  int depth = 0;
  bool in_text = false, escaped = false;
  const auto close = [&](std::size_t end) {
    if (begin != std::string_view::npos) arrays.push_back(text.substr(begin, end - begin));
    begin = std::string_view::npos;
    depth = 0;
    in_text = escaped = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' && begin != std::string_view::npos && i > 0 && text[i - 1] == '\n') close(i);
    if (begin == std::string_view::npos) {
      if (c == '[' || c == '{') begin = i, depth = 1;
    } else if (in_text) {
      in_text = escaped || c != '"';
      escaped = !escaped && c == '\\';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      close(i + 1);
    }
  }
  close(text.size());
  return arrays;
}

void read_ctapipe_activity(const json& record, Journal& journal, ImportResult& result) {
  const auto time_of = [&](const char* key) {
    const auto at = record.find(key);
    return at != record.end() && at->is_object() ? utc(text_at(*at, "time_utc")) : std::string();
  };
  ImportedActivity activity;
  activity.id = activity.original = text_at(record, "activity_uuid");
  activity.name = text_at(record, "activity_name");
  activity.start = activity.time = time_of("start");
  activity.end = time_of("stop");
  const json system = record.value("system", json::object());
  activity.session = "session-" + activity.id;
  int run = -1, subrun = -1;
  for (const bool used : {true, false}) {
    const auto list = record.find(used ? "input" : "output");
    if (list == record.end() || !list->is_array()) continue;
    for (const json& file : *list) {
      if (!file.is_object()) continue;
      const std::string path = text_at(file, "url");
      if (path.empty()) continue;
      ++result.entities;
      (used ? result.used : result.generated) += 1;
      const std::string id = journal.add_entity("", "File", path, "File", "");
      (used ? activity.used : activity.generated).push_back({id, text_at(file, "role"), ""});
      if (const auto at = file.find("reference_meta"); at != file.end() && at->is_object())
        for (const auto& [key, name] : {std::pair{"CTA PRODUCT ID", "product_id"},
                                        {"CTA PRODUCT DATA LEVELS", "data_levels"},
                                        {"CTA ACTIVITY ID", "maker_id"}})
          if (const std::string value = text_at(*at, key); !value.empty())
            journal.entities[id][name] = value;
      if (run < 0) std::tie(run, subrun) = numbers_in(path);
    }
  }
  activity.tag = fmt::format("{}:{:05d}", activity.name, std::max(run, 0));
  if (run >= 0) activity.facts["observation_run"] = fmt::format("{:05d}", run);
  if (subrun >= 0) activity.facts["observation_subrun"] = fmt::format("{:04d}", subrun);
  if (system.is_object()) {
    if (system.contains("arguments")) activity.facts["command"] = system["arguments"];
    if (system.contains("executable")) activity.facts["script"] = system["executable"];
    if (const std::string version = text_at(system, "ctapipe_version"); !version.empty())
      activity.facts["software_version"] = "ctapipe " + version;
    ordered_json session{{"session_id", activity.session},
                         {"name", fmt::format("{:05d}", std::max(run, 0))},
                         {"startTime", activity.start},
                         {"system", system},
                         {"session_tag", activity.tag}};
    journal.sessions.emplace_back(activity.start, std::move(session));
    note_environment(journal, activity.session, system);
    ++result.sessions;
  }
  if (const auto config = record.find("config");
      config != record.end() && config->is_object() && !config->empty()) {
    const std::string text = config->dump();
    const std::string id = digest("configuration\n" + text, 32);
    journal.entities.emplace(id, ordered_json{{"entity_id", id},
                                              {"name", "EffectiveConfiguration"},
                                              {"type", "Configuration"},
                                              {"value", text},
                                              {"sha256", hash_text(text)}});
    activity.used.push_back({id, "Effective configuration", ""});
  }
  const std::string status = text_at(record, "status");
  const bool ok = status == "completed" || status == "success" || status.empty();
  activity.end_facts["status"] = ok ? "completed" : "failed";
  if (!ok) activity.end_facts["message"] = status;
  if (const auto code = record.find("exit_code"); code != record.end() && code->is_number_integer())
    activity.end_facts["exit_code"] = *code;
  if (const auto minutes = record.find("duration_min");
      minutes != record.end() && minutes->is_number())
    activity.end_facts["resources"] = {{"wall_s", minutes->get<double>() * 60}};
  if (status == "running") activity.end.clear();
  journal.activities.push_back(std::move(activity));
  ++result.activities;
}

void read_ctapipe_log(const std::string& text, Journal& journal, ImportResult& result) {
  std::set<std::string> known;
  for (const std::string_view array : top_arrays(text)) {
    json list = nested_too_deep(array) ? json() : json::parse(array, nullptr, false);
    if (list.is_object()) list = json::array({list});
    if (!list.is_array()) {
      ++result.broken_lines;
      continue;
    }
    for (const json& record : list) {
      if (!record.is_object() || text_at(record, "activity_uuid").empty() ||
          text_at(record, "activity_name").empty()) {
        ++result.broken_lines;
        continue;
      }
      if (known.insert(text_at(record, "activity_uuid")).second)
        read_ctapipe_activity(record, journal, result);
    }
  }
}

ImportFormat format_of(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text.find(lstosa_prefix) != std::string::npos)
    return ImportFormat::lstosa_log;
  if (text[first] == '[') return ImportFormat::ctapipe_log;
  // The merged log has records without time: a dictionary a line, in Python's quotes.
  if (text[first] == '{' && text.find("{'") != first) {
    const std::string_view begin = std::string_view(text).substr(first, 2000);
    if (begin.find("\"activity_uuid\"") != std::string_view::npos) return ImportFormat::ctapipe_log;
    return ImportFormat::lstosa_document;
  }
  return ImportFormat::lstosa_log;
}

}  // namespace

const char* to_string(ImportFormat format) noexcept {
  switch (format) {
    case ImportFormat::lstosa_document:
      return "LSTOSA document";
    case ImportFormat::ctapipe_log:
      return "ctapipe log";
    case ImportFormat::lstosa_log:
      break;
  }
  return "LSTOSA log";
}

ImportResult import_records(const fs::path& file, const fs::path& output_folder,
                            const LoggerConfiguration& logger) {
  const std::string text = read_text_file(file);
  ImportResult result;
  result.format = format_of(text);
  Journal journal(result.format == ImportFormat::ctapipe_log ? "ctapipe" : "lstosa", logger,
                  result);
  try {
    switch (result.format) {
      case ImportFormat::lstosa_log:
        read_lstosa_log(text, journal, result);
        break;
      case ImportFormat::lstosa_document:
        read_lstosa_document(text, journal, result);
        break;
      case ImportFormat::ctapipe_log:
        read_ctapipe_log(text, journal, result);
        break;
    }
  } catch (const Error& error) {
    throw Error(error.kind(), error.problem(), file.string(), error.remedy());
  }
  if (journal.activities.empty())
    throw Error(ErrorKind::bad_input, "this file holds no activity of LSTOSA's or ctapipe's",
                file.string(), "give a prov.log, a *_prov.json or a *.provenance.log");
  journal.open_cycles();
  result.notes.insert(result.notes.begin(),
                      "files are known by their path only, and times were taken as UTC");
  if (result.broken_lines > 0)
    result.notes.push_back(fmt::format("{} record{} could not be read and {} passed over",
                                       result.broken_lines, result.broken_lines == 1 ? "" : "s",
                                       result.broken_lines == 1 ? "was" : "were"));
  result.journal = output_folder / fmt::format("imported_{}.log", digest(text, 8));
  make_folder(output_folder);
  write_file_atomically(result.journal, journal.text());
  return result;
}

}  // namespace alisio::prov
