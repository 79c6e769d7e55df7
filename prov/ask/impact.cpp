#include "prov/ask/impact.hpp"

#include <algorithm>
#include <set>

#include "prov/ask/invalidated.hpp"
#include "prov/ask/story.hpp"
#include "prov/remark.hpp"

namespace alisio::prov {

using nlohmann::ordered_json;

std::vector<Row> impact_starts(Store& store, const StoredEntity& file) {
  std::vector<Row> starts{file.row};
  if (file.path.empty()) return starts;
  const std::vector<Row> same_name = store.find_entities(file.path);
  std::set<Row> in_part;
  for (const StoredFlow& flow : store.flows_of_entities(same_name))
    if (!flow.generated && !part_in(flow.remark).empty()) in_part.insert(flow.entity);
  for (const StoredEntity& other : store.entities(same_name))
    if (other.path == file.path && other.row != file.row &&
        (other.sha256.empty() || in_part.contains(other.row)))
      starts.push_back(other.row);
  return starts;
}

Impact find_impact(Store& store, const std::vector<Row>& entities,
                   const std::vector<Row>& activities, const std::string& level,
                   const WalkLimits& limits) {
  Walk walk = store.walk(entities, activities, Direction::forth, limits);
  Impact impact;
  impact.cut = !walk.cut_entities.empty() || !walk.cut_activities.empty();
  std::map<Row, const StoredActivity*> makers;
  for (const StoredActivity& activity : walk.activities) makers[activity.row] = &activity;
  const std::set<Row> start(entities.begin(), entities.end());
  std::map<std::tuple<std::string, std::string, int>, RunImpact> runs;
  for (StoredEntity& file : walk.entities) {
    if (start.contains(file.row) || file.path.empty()) continue;
    if (!level.empty() && file.level != level) continue;
    const auto maker = makers.find(file.generated_by);
    if (maker == makers.end()) continue;
    const StoredActivity& activity = *maker->second;
    RunImpact& run = runs[{activity.observation_date, activity.prod_id, activity.run}];
    run.observation_date = activity.observation_date;
    run.prod_id = activity.prod_id;
    run.run = activity.run;
    ++run.files_of_level[file.level.empty() ? file.name : file.level];
    impact.files.push_back(std::move(file));
  }
  for (auto& [key, run] : runs) impact.runs.push_back(std::move(run));
  std::sort(impact.files.begin(), impact.files.end(),
            [](const StoredEntity& a, const StoredEntity& b) { return a.path < b.path; });
  impact.invalidations = find_invalidations(store, impact.files);
  return impact;
}

ordered_json to_json(const Impact& impact) {
  ordered_json document{{"runs", ordered_json::array()}, {"files", ordered_json::array()}};
  for (const RunImpact& run : impact.runs) {
    ordered_json object{{"observation_date", run.observation_date}, {"prod_id", run.prod_id}};
    if (run.run >= 0) object["run"] = run.run;
    object["files"] = run.files_of_level;
    document["runs"].push_back(std::move(object));
  }
  for (const StoredEntity& file : impact.files) {
    ordered_json object = to_json(file);
    if (const auto found = impact.invalidations.find(file.id); found != impact.invalidations.end())
      object["invalidated"] = to_json(found->second);
    document["files"].push_back(std::move(object));
  }
  document["cut"] = impact.cut;
  return document;
}

}  // namespace alisio::prov
