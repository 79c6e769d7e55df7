#include "prov/selection.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "prov/record_fields.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

/// Return the number that ends a text ("LST-1", "01807"), or a fallback.
int number_in(const std::string& text, int fallback) {
  const std::size_t at = text.find_last_not_of("0123456789") + 1;
  int value = fallback;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
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

namespace {

/// Let used files that have the content of a generated one, but another id, be that one.
void unite_equal_files(Records& records) {
  std::set<std::string> generated;
  for (const auto& [id, activity] : records.activities)
    for (const FlowRecord& flow : activity.generated) generated.insert(flow.entity);
  std::map<std::string, std::string> by_content;
  const auto content_of = [&](const std::string& id) {
    const auto at = records.entities.find(id);
    return at == records.entities.end() ? std::string() : text_at(*at->second, "sha256");
  };
  for (const std::string& id : generated)
    if (const std::string sha256 = content_of(id); !sha256.empty()) by_content.emplace(sha256, id);
  for (auto& [id, activity] : records.activities)
    for (FlowRecord& flow : activity.used) {
      if (generated.contains(flow.entity)) continue;
      const auto equal = by_content.find(content_of(flow.entity));
      if (equal == by_content.end()) continue;
      records.aliases.emplace(flow.entity, equal->second);
      flow.entity = equal->second;
    }
}

}  // namespace

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
        activity.used.push_back({text_at(record, "used_id"), text_at(record, "used_role"),
                                 text_at(record, "port"), text_at(record, "choice")});
      } else if (has("generated_id")) {
        activity.generated.push_back({text_at(record, "generated_id"),
                                      text_at(record, "generated_role"), text_at(record, "port"),
                                      text_at(record, "quality")});
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
    ++at;
  }
  unite_equal_files(records);
  for (auto& [id, activity] : records.activities)
    for (auto* flows : {&activity.used, &activity.generated}) {
      std::sort(flows->begin(), flows->end());
      flows->erase(std::unique(flows->begin(), flows->end()), flows->end());
    }
  return records;
}

Selection select(const Records& records, const std::string& stage, int telescope, int run,
                 const std::string& observation_date, const std::string& prod_id, bool planned) {
  Selection selection{.stage = stage,
                      .run = run,
                      .completed = {},
                      .others = {},
                      .lineage = {},
                      .without_maker = {}};
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

  // Of several activities that made a file with the same content, the last one before it was used.
  const auto maker_of = [&](const FlowRecord& flow,
                            const ActivityRecord& user) -> const ActivityRecord* {
    const auto found = makers.find(flow.entity);
    if (found == makers.end()) return nullptr;
    const ActivityRecord* best = nullptr;
    const auto rank = [&](const ActivityRecord* maker) {
      return std::make_tuple(maker->end <= user.end, maker->end, maker->id);
    };
    for (const ActivityRecord* maker : found->second)
      if (maker != &user && (best == nullptr || rank(best) < rank(maker))) best = maker;
    return best;
  };
  std::set<const ActivityRecord*> known(selection.completed.begin(), selection.completed.end());
  // What an attempt made is gone: it is told as an attempt only.
  known.insert(selection.others.begin(), selection.others.end());
  std::map<const ActivityRecord*, std::set<const ActivityRecord*>> came_from;
  std::vector<const ActivityRecord*> to_follow = selection.completed, earlier;
  while (!to_follow.empty()) {
    const ActivityRecord* activity = to_follow.back();
    to_follow.pop_back();
    for (const FlowRecord& flow : activity->used) {
      const ActivityRecord* maker = maker_of(flow, *activity);
      if (maker == nullptr) {
        selection.without_maker.insert(flow.entity);
        continue;
      }
      came_from[activity].insert(maker);
      if (!known.insert(maker).second) continue;
      earlier.push_back(maker);
      to_follow.push_back(maker);
    }
  }
  for (const ActivityRecord* activity : earlier) {
    std::set<const ActivityRecord*> before;
    std::vector<const ActivityRecord*> open{activity};
    int pass = 0;
    while (!open.empty()) {
      const ActivityRecord* one = open.back();
      open.pop_back();
      for (const ActivityRecord* maker : came_from[one])
        if (before.insert(maker).second) {
          pass += maker->name == activity->name ? 1 : 0;
          open.push_back(maker);
        }
    }
    selection.lineage[{activity->name, activity->run, activity->prod_id, pass}].push_back(activity);
  }
  for (auto& [key, activities] : selection.lineage)
    std::sort(activities.begin(), activities.end(), by_subrun);
  return selection;
}

}  // namespace alisio::prov
