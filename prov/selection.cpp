#include "prov/selection.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <tuple>

#include "prov/record_fields.hpp"
#include "prov/remark.hpp"

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

/// Parameters that name the run that an activity is of.
constexpr const char* run_parameters[] = {"ObservationRun", "PedestalRun", "CalibrationRun"};

}  // namespace

const char* to_string(Grain grain) noexcept {
  switch (grain) {
    case Grain::subrun:
      return "subrun";
    case Grain::observation:
      return "observation";
    case Grain::night:
      return "night";
    case Grain::run:
      break;
  }
  return "run";
}

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

std::map<std::string, Invalidation> invalidations_of(const Journals& notes,
                                                     const Records& records) {
  std::map<std::string, Invalidation> standing = standing_invalidations(told_in(notes));
  if (standing.empty()) return standing;
  for (const auto& [id, activity] : records.activities) {
    if (activity.how != ActivityEnd::completed) continue;
    for (const FlowRecord& flow : activity.generated)
      if (const auto at = standing.find(flow.entity);
          at != standing.end() && at->second.time < activity.end)
        standing.erase(at);
  }
  return standing;
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
            {text_at(record, "used_id"), text_at(record, "used_role"), text_at(record, "port"),
             has("part") ? remark_of_part(text_at(record, "part")) : text_at(record, "choice")});
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
    else if (facts.contains("observation_run"))  // calibration of other programs: two runs in a tag
      activity.run = number_in(text_at(facts, "observation_run"), -1);
    std::string subrun = text_at(facts, "observation_subrun");
    if (subrun.empty() && activity.parameters->is_object())
      subrun = text_at(*activity.parameters, "ObservationSubRun");
    if (!subrun.empty()) activity.subrun = number_in(subrun, -1);
    // What is done for a night names the night, and maybe the first of its runs.
    if (activity.parameters->is_object() && activity.parameters->contains("ObservationDate") &&
        std::none_of(std::begin(run_parameters), std::end(run_parameters),
                     [&](const char* name) { return activity.parameters->contains(name); }))
      activity.run = night_run, activity.subrun = -1;
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

namespace {

bool agree(const std::string& wanted, const std::string& found) {
  return wanted.empty() || found.empty() || wanted == found;
}

bool by_subrun(const ActivityRecord* a, const ActivityRecord* b) {
  return std::tie(a->name, a->run, a->subrun, a->start, a->id) <
         std::tie(b->name, b->run, b->subrun, b->start, b->id);
}

bool is_wanted(const ActivityRecord& activity, const SelectionRequest& request) {
  if (activity.telescope != request.telescope || !agree(request.prod_id, activity.prod_id))
    return false;
  const bool on_date = agree(request.observation_date, activity.observation_date);
  switch (request.scope) {
    case Grain::subrun:
      return on_date && activity.name == request.stage && activity.run == request.run &&
             activity.subrun == request.subrun;
    case Grain::run:
      return on_date && activity.name == request.stage && activity.run == request.run;
    case Grain::observation:
      return on_date && std::find(request.runs.begin(), request.runs.end(), activity.run) !=
                            request.runs.end();
    case Grain::night:
      break;
  }
  return activity.observation_date == request.observation_date;
}

/// Return what an activity is folded into, but for the pass.
Fold fold_of(const ActivityRecord& activity, const SelectionRequest& request) {
  Fold fold{.name = activity.name,
            .run = activity.run,
            .prod_id = activity.prod_id,
            .pass = 0,
            .activity = {}};
  if (request.grain == Grain::subrun) {
    fold.activity = activity.id;
  } else if (request.grain != Grain::run && is_wanted(activity, request)) {
    fold.run = -1;
  } else if (request.scope == Grain::run && is_wanted(activity, request)) {
    fold.prod_id.clear();  // the run that the document is of is one, whatever its productions
  }
  return fold;
}

/// Numbers the activities of a document, each after those whose products it used.
struct Order {
  std::vector<const ActivityRecord*> activities;
  std::vector<std::vector<std::size_t>> makers;
};

Order in_order(const std::vector<const ActivityRecord*>& all,
               const std::map<const ActivityRecord*, std::set<const ActivityRecord*>>& came_from) {
  Order order;
  std::map<const ActivityRecord*, std::size_t> number;
  enum class Mark { open, done };
  std::map<const ActivityRecord*, Mark> marks;
  const std::set<const ActivityRecord*> none;
  const auto before = [&](const ActivityRecord* one) -> const std::set<const ActivityRecord*>& {
    const auto at = came_from.find(one);
    return at == came_from.end() ? none : at->second;
  };
  for (const ActivityRecord* root : all) {
    std::vector<const ActivityRecord*> open{root};
    while (!open.empty()) {
      const ActivityRecord* one = open.back();
      const auto mark = marks.emplace(one, Mark::open);
      if (!mark.second) {
        open.pop_back();
        if (mark.first->second == Mark::done) continue;
        mark.first->second = Mark::done;
        number.emplace(one, order.activities.size());
        order.activities.push_back(one);
        std::vector<std::size_t>& makers = order.makers.emplace_back();
        // Records that lead in a circle are cut where the circle closes.
        for (const ActivityRecord* maker : before(one))
          if (const auto known = number.find(maker); known != number.end() && maker != one)
            makers.push_back(known->second);
        continue;
      }
      for (const ActivityRecord* maker : before(one))
        if (!marks.contains(maker)) open.push_back(maker);
    }
  }
  return order;
}

/// Return, for each activity, the number of activities of that name (null: of any) on the longest
/// way to it.
std::vector<int> depths(const Order& order, const std::string* name) {
  std::vector<int> depth(order.activities.size(), 0);
  for (std::size_t i = 0; i < depth.size(); ++i)
    for (const std::size_t maker : order.makers[i])
      depth[i] = std::max(
          depth[i], depth[maker] + (name == nullptr || order.activities[maker]->name == *name));
  return depth;
}

/// Return the folds that lead to themselves.
std::set<Fold> folds_in_circles(const Order& order, const std::vector<Fold>& folds) {
  std::map<Fold, std::set<Fold>> before;
  for (std::size_t i = 0; i < folds.size(); ++i)
    for (const std::size_t maker : order.makers[i])
      if (folds[maker] != folds[i]) before[folds[i]].insert(folds[maker]);
  std::set<Fold> circular;
  for (const auto& [fold, makers] : before) {
    std::set<Fold> seen;
    std::vector<Fold> open(makers.begin(), makers.end());
    while (!open.empty()) {
      const Fold one = open.back();
      open.pop_back();
      if (!seen.insert(one).second) continue;
      if (const auto at = before.find(one); at != before.end())
        open.insert(open.end(), at->second.begin(), at->second.end());
    }
    if (seen.contains(fold)) circular.insert(fold);
  }
  return circular;
}

/// Divide the activities of a document into folds of which none leads to itself.
void fold(Selection& selection, const std::vector<const ActivityRecord*>& all,
          const std::map<const ActivityRecord*, std::set<const ActivityRecord*>>& came_from) {
  const SelectionRequest& request = selection.request;
  const Order order = in_order(all, came_from);
  std::vector<Fold> folds;
  for (const ActivityRecord* activity : order.activities)
    folds.push_back(fold_of(*activity, request));
  if (request.grain != Grain::subrun) {
    const std::set<const ActivityRecord*> own(selection.completed.begin(),
                                              selection.completed.end());
    std::map<std::string, std::vector<int>> by_name;
    for (std::size_t i = 0; i < folds.size(); ++i) {
      const std::string& name = folds[i].name;
      auto at = by_name.find(name);
      if (at == by_name.end()) at = by_name.emplace(name, depths(order, &name)).first;
      const bool is_own = request.scope == Grain::run && own.contains(order.activities[i]);
      folds[i].pass = is_own ? 0 : at->second[i] + 1;
    }
    if (const std::set<Fold> circular = folds_in_circles(order, folds); !circular.empty()) {
      const std::vector<int> levels = depths(order, nullptr);
      for (std::size_t i = 0; i < folds.size(); ++i)
        if (circular.contains(folds[i])) folds[i].pass = -1 - levels[i];
    }
  }
  for (std::size_t i = 0; i < folds.size(); ++i)
    selection.folds[folds[i]].push_back(order.activities[i]);
  for (auto& [key, activities] : selection.folds)
    std::sort(activities.begin(), activities.end(), by_subrun);
}

}  // namespace

std::vector<const ActivityRecord*> Selection::attempts_at(const Fold& fold) const {
  std::vector<const ActivityRecord*> attempts;
  const auto at = folds.find(fold);
  for (const ActivityRecord* other : others) {
    Fold of_other = fold_of(*other, request);
    of_other.pass = fold.pass;
    bool same = of_other == fold;
    // Told alone, an activity was attempted by those of the same subrun.
    if (request.grain == Grain::subrun && at != folds.end())
      same = at->second.front()->name == other->name && at->second.front()->run == other->run &&
             at->second.front()->subrun == other->subrun;
    if (same) attempts.push_back(other);
  }
  return attempts;
}

Selection select(const Records& records, const SelectionRequest& request) {
  Selection selection;
  selection.request = request;
  // Activities of other programs name no subrun: each stands for itself.
  std::map<std::tuple<std::string, int, int, std::string>, std::vector<const ActivityRecord*>>
      subruns;
  std::map<std::string, std::vector<const ActivityRecord*>> makers;
  for (const auto& [id, activity] : records.activities) {
    const bool is_planned = text_at(*activity.facts, "status") == "planned";
    if (is_planned != request.planned) continue;
    if (activity.how == ActivityEnd::completed || activity.how == ActivityEnd::planned)
      for (const FlowRecord& flow : activity.generated) makers[flow.entity].push_back(&activity);
    if (is_wanted(activity, request))
      subruns[{activity.name, activity.run, activity.subrun,
               activity.subrun < 0 && activity.run != night_run ? id : ""}]
          .push_back(&activity);
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
      return std::make_tuple(maker->end <= user.end, std::cref(maker->end), std::cref(maker->id));
    };
    for (const ActivityRecord* maker : found->second)
      if (maker != &user && (best == nullptr || rank(best) < rank(maker))) best = maker;
    return best;
  };
  std::set<const ActivityRecord*> known(selection.completed.begin(), selection.completed.end());
  // What an attempt made is gone: it is told as an attempt only.
  known.insert(selection.others.begin(), selection.others.end());
  std::map<const ActivityRecord*, std::set<const ActivityRecord*>> came_from;
  std::vector<const ActivityRecord*> to_follow = selection.completed, all = selection.completed;
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
      all.push_back(maker);
      to_follow.push_back(maker);
    }
  }
  // Attempts are not folded, though something may have come from them.
  for (auto& [user, list] : came_from)
    for (const ActivityRecord* other : selection.others) list.erase(other);
  fold(selection, all, came_from);
  return selection;
}

}  // namespace alisio::prov
