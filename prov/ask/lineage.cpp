#include "prov/ask/lineage.hpp"

#include <map>
#include <set>

#include "prov/ask/story.hpp"

namespace alisio::prov {

using nlohmann::ordered_json;

namespace {

std::map<Row, StoredActivity> by_row(std::vector<StoredActivity> activities) {
  std::map<Row, StoredActivity> map;
  for (StoredActivity& activity : activities) map.emplace(activity.row, std::move(activity));
  return map;
}

std::map<Row, StoredEntity> by_row(std::vector<StoredEntity> entities) {
  std::map<Row, StoredEntity> map;
  for (StoredEntity& entity : entities) map.emplace(entity.row, std::move(entity));
  return map;
}

}  // namespace

Lineage lineage(Store& store, const Subject& subject, const WalkLimits& limits) {
  Lineage lineage;
  std::vector<Row> entities, activities;
  if (subject.entity)
    entities.push_back(subject.entity->row);
  else if (subject.activity)
    activities.push_back(subject.activity->row);
  const Walk walk = store.walk(entities, activities, Direction::back, limits);
  lineage.cut = !walk.cut_entities.empty() || !walk.cut_activities.empty();
  lineage.activities = walk.activities.size();
  lineage.entities = walk.entities.size();
  const auto entity_of = by_row(walk.entities);
  const auto activity_of = by_row(walk.activities);
  std::map<Row, std::vector<const StoredFlow*>> uses;
  std::map<Row, Row> maker;
  for (const StoredFlow& flow : walk.flows)
    if (flow.generated)
      maker[flow.entity] = flow.activity;
    else
      uses[flow.activity].push_back(&flow);
  std::map<std::string, std::vector<Store::Note>> notes;
  std::vector<std::string> about;
  for (const auto& [row, entity] : entity_of) about.push_back(entity.id);
  for (const auto& [row, activity] : activity_of) about.push_back(activity.id);
  for (Store::Note& note : store.notes(about)) notes[note.about].push_back(std::move(note));

  struct Step {
    Row activity = 0;
    int depth = 0;
    std::vector<Row> products;
    std::vector<std::string> roles;
  };
  std::vector<Step> open;
  const Row first = subject.entity       ? maker[walk.entities.empty() ? 0 : walk.entities[0].row]
                    : activities.empty() ? 0
                                         : activities[0];
  Step start{first, 0, {}, {}};
  if (subject.entity && !walk.entities.empty()) start.products = {walk.entities[0].row};
  open.push_back(std::move(start));
  std::set<Row> seen;
  while (!open.empty()) {
    const Step step = std::move(open.back());
    open.pop_back();
    LineageStep told;
    told.depth = step.depth;
    told.roles = step.roles;
    for (const Row row : step.products)
      if (const auto at = entity_of.find(row); at != entity_of.end()) {
        told.products.push_back(at->second);
        const auto& found = notes[at->second.id];
        told.notes.insert(told.notes.end(), found.begin(), found.end());
      }
    if (const auto at = activity_of.find(step.activity); at != activity_of.end()) {
      told.activity = at->second;
      told.told_above = !seen.insert(step.activity).second;
      const auto& found = notes[at->second.id];
      told.notes.insert(told.notes.end(), found.begin(), found.end());
    }
    if (told.activity.row != 0 && !told.told_above) {
      // What one activity made, and what is on record of no one, is told together, role by role.
      std::map<std::pair<Row, std::string>, Step> next;
      for (const StoredFlow* flow : uses[step.activity]) {
        const auto made = maker.find(flow->entity);
        const Row from = made == maker.end() ? 0 : made->second;
        Step& one = next[{from, from == 0 ? flow->role : std::string()}];
        one.activity = from;
        one.depth = step.depth + 1;
        one.products.push_back(flow->entity);
        if (one.roles.empty() || one.roles.back() != flow->role) one.roles.push_back(flow->role);
      }
      for (auto at = next.rbegin(); at != next.rend(); ++at) open.push_back(std::move(at->second));
    }
    lineage.steps.push_back(std::move(told));
  }
  return lineage;
}

ordered_json to_json(const Lineage& lineage) {
  ordered_json object{{"activities", lineage.activities},
                      {"entities", lineage.entities},
                      {"cut", lineage.cut},
                      {"steps", ordered_json::array()}};
  for (const LineageStep& step : lineage.steps) {
    ordered_json one{{"depth", step.depth}, {"roles", step.roles}};
    if (step.activity.row != 0) one["activity"] = to_json(step.activity);
    if (step.told_above) one["told_above"] = true;
    one["products"] = ordered_json::array();
    for (const StoredEntity& product : step.products) one["products"].push_back(to_json(product));
    for (const Store::Note& note : step.notes)
      one["notes"].push_back({{"about", note.about},
                              {"time", note.time},
                              {"author", note.author},
                              {"text", note.text}});
    object["steps"].push_back(std::move(one));
  }
  return object;
}

}  // namespace alisio::prov
