#include "prov/ask/story.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "prov/ask/invalidated.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

void put_text(ordered_json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

void put_invalidation(ordered_json& object, const Story& story, const StoredEntity& file) {
  if (const auto found = story.invalidations.find(file.id); found != story.invalidations.end())
    object["invalidated"] = to_json(found->second);
}

}  // namespace

Story tell(Store& store, const Subject& subject) {
  Story story;
  story.subject = subject;
  story.activity = subject.activity;
  if (subject.entity && subject.entity->generated_by != 0)
    story.activity = store.activities({subject.entity->generated_by}).at(0);
  std::vector<std::string> about;
  std::vector<StoredEntity> things;
  if (subject.entity) {
    about.push_back(subject.entity->id);
    things.push_back(*subject.entity);
  }
  if (story.activity) {
    about.push_back(story.activity->id);
    const std::vector<StoredFlow> flows = store.flows_of_activities({story.activity->row});
    std::set<Row> rows, makers;
    for (const StoredFlow& flow : flows) rows.insert(flow.entity);
    std::map<Row, StoredEntity> files;
    for (StoredEntity& file : store.entities({rows.begin(), rows.end()}))
      files.emplace(file.row, std::move(file));
    for (const auto& [row, file] : files) {
      things.push_back(file);
      if (file.generated_by != 0) makers.insert(file.generated_by);
    }
    std::map<Row, StoredActivity> known;
    for (StoredActivity& maker : store.activities({makers.begin(), makers.end()}, Detail::brief))
      known.emplace(maker.row, std::move(maker));
    for (const StoredFlow& flow : flows) {
      const auto file = files.find(flow.entity);
      if (file == files.end()) continue;
      StoryFile one{.flow = flow, .file = file->second, .maker = {}};
      if (!flow.generated) {
        about.push_back(file->second.id);
        if (const auto maker = known.find(file->second.generated_by); maker != known.end())
          one.maker = maker->second;
      }
      (flow.generated ? story.generated : story.used).push_back(std::move(one));
    }
    const auto by_role = [](const StoryFile& a, const StoryFile& b) {
      return std::tie(a.flow.role, a.file.path) < std::tie(b.flow.role, b.file.path);
    };
    std::sort(story.used.begin(), story.used.end(), by_role);
    std::sort(story.generated.begin(), story.generated.end(), by_role);
  }
  story.notes = store.notes(about);
  story.invalidations = find_invalidations(store, things);
  return story;
}

ordered_json to_json(const StoredActivity& activity) {
  ordered_json object{{"activity", activity.name}, {"id", activity.id}};
  object["status"] = to_string(activity.how);
  if (activity.run >= 0) object["run"] = activity.run;
  if (activity.subrun >= 0) object["subrun"] = activity.subrun;
  put_text(object, "observation_date", activity.observation_date);
  put_text(object, "prod_id", activity.prod_id);
  put_text(object, "start", activity.start);
  put_text(object, "end", activity.end);
  put_text(object, "message", activity.message);
  if (activity.how == ActivityEnd::failed) object["exit_code"] = activity.exit_code;
  put_text(object, "software", activity.software);
  put_text(object, "host", activity.host);
  put_text(object, "operator", activity.operator_name);
  put_text(object, "records_of", activity.origin);
  for (const auto& [key, value] : {std::pair{"command", &activity.command},
                                   {"parameters", &activity.parameters},
                                   {"configuration", &activity.configuration},
                                   {"environment", &activity.environment}})
    if (!value->is_null()) object[key] = *value;
  return object;
}

ordered_json to_json(const StoredEntity& entity) {
  ordered_json object{{"entity", entity.name}, {"id", entity.id}};
  put_text(object, "path", entity.path);
  put_text(object, "logical_path", entity.logical_path);
  put_text(object, "level", entity.level);
  if (!entity.path.empty()) object["size_bytes"] = entity.size_bytes;
  put_text(object, "sha256", entity.sha256);
  put_text(object, "data_hash", entity.data_hash);
  put_text(object, "quality", entity.quality);
  return object;
}

ordered_json to_json(const Story& story) {
  ordered_json document;
  if (story.subject.entity) {
    document["file"] = to_json(*story.subject.entity);
    put_invalidation(document["file"], story, *story.subject.entity);
  }
  put_text(document, "recognised", story.subject.recognised);
  if (story.subject.others > 0) document["older_records"] = story.subject.others;
  if (story.activity) document["made_by"] = to_json(*story.activity);
  for (const auto& [key, files] :
       {std::pair{"used", &story.used}, std::pair{"generated", &story.generated}}) {
    document[key] = ordered_json::array();
    for (const StoryFile& one : *files) {
      ordered_json object = to_json(one.file);
      object["role"] = one.flow.role;
      put_text(object, "remark", one.flow.remark);
      put_invalidation(object, story, one.file);
      if (one.maker) object["made_by"] = {{"activity", one.maker->name}, {"id", one.maker->id}};
      if (one.maker && one.maker->run >= 0) object["made_by"]["run"] = one.maker->run;
      document[key].push_back(std::move(object));
    }
  }
  document["notes"] = ordered_json::array();
  for (const Store::Note& note : story.notes)
    document["notes"].push_back(
        {{"about", note.about}, {"time", note.time}, {"author", note.author}, {"text", note.text}});
  return document;
}

}  // namespace alisio::prov
