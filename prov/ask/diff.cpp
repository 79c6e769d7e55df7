#include "prov/ask/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "prov/ask/names.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

/// Read "11220@v0.1.0_v00" or "11220". Return false if it is of another form.
bool read_run(const std::string& what, int& run, std::string& prod_id) {
  const auto at = what.find('@');
  const std::string digits = what.substr(0, at);
  if (digits.empty() || digits.size() > 6 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return false;
  run = std::stoi(digits);
  prod_id = at == std::string::npos ? "" : what.substr(at + 1);
  return true;
}

/// Return whether an activity is of a whole night, though a run of it is named: a merge of all
/// runs.
bool is_of_night(const StoredActivity& activity) {
  const auto& parameters = activity.parameters;
  if (!parameters.is_object() || !parameters.contains("ObservationDate")) return false;
  return std::none_of(parameters.items().begin(), parameters.items().end(),
                      [](const auto& item) { return item.key().ends_with("Run"); });
}

/// The last successful activity of each name and subrun.
std::vector<StoredActivity> run_activities(Store& store, const std::string& what, int run,
                                           const std::string& prod_id) {
  const auto query = store.connection().prepare(
      "SELECT a.id FROM activity a WHERE a.name IS NOT NULL AND a.run = ? AND a.status = 0 ORDER "
      "BY a.start_us, a.uuid");
  query->bind({run});
  std::vector<Row> rows;
  while (query->step()) rows.push_back(query->integer(0));
  auto found = store.activities(rows);
  std::erase_if(found, is_of_night);
  std::set<std::string> productions;
  for (const StoredActivity& activity : found) productions.insert(activity.prod_id);
  if (prod_id.empty() && productions.size() > 1)
    throw Error(
        ErrorKind::usage,
        fmt::format("run {} is on record in {} productions", run_text(run), productions.size()),
        shortened(what), fmt::format("say which: {}@{}", run, fmt::join(productions, ", @")));
  std::map<std::tuple<std::string, int, int>, StoredActivity> last;
  for (StoredActivity& activity : found)
    if (prod_id.empty() || activity.prod_id == prod_id)
      last[{activity.name, activity.telescope, activity.subrun}] = std::move(activity);
  if (last.empty()) {
    std::string remedy = "bring the index up to date: alisio prov index";
    if (!productions.empty())
      remedy = fmt::format("productions on record: {}", fmt::join(productions, ", "));
    throw Error(ErrorKind::incomplete,
                fmt::format("nothing successful is on record of run {}{}", run_text(run),
                            prod_id.empty() ? "" : " in production " + shortened(prod_id)),
                "alisio prov diff", remedy);
  }
  std::vector<StoredActivity> activities;
  for (auto& [key, activity] : last) activities.push_back(std::move(activity));
  return activities;
}

/// What is told of one file: its place and the beginning of what identifies it.
struct Content {
  std::string identity, label;
  auto operator<=>(const Content&) const = default;
};

Content content_of(const StoredEntity& entity) {
  const std::string& hash = entity.data_hash.empty() ? entity.sha256 : entity.data_hash;
  const std::string& path = entity.logical_path.empty() ? entity.path : entity.logical_path;
  if (hash.empty()) return {"path " + path, path};
  return {hash, fmt::format("{} ({})", path, hash.substr(0, 12))};
}

/// One activity of a side, ready to be compared.
struct Facts {
  const StoredActivity* activity = nullptr;
  std::map<std::string, std::string> parameters, configuration, environment;
  std::map<std::string, std::vector<Content>> inputs, outputs;  ///< by role, sorted
  bool configuration_known = false;
};

using Side = std::map<std::string, std::map<int, Facts>>;  ///< by name and subrun

std::map<std::string, std::string> texts(const json& tree) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : flattened(tree))
    texts[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return texts;
}

/// What of an environment can change results: not which node or job it was, nor what the software
/// says of itself.
std::map<std::string, std::string> machine(const json& environment) {
  auto values = texts(environment);
  std::erase_if(values, [](const auto& value) {
    static const std::set<std::string> passing{
        "platform.node",  "platform.num_cpus", "platform.boot_time", "executable", "arguments",
        "start_time_utc", "build.version",     "build.commit",       "build.dirty"};
    return passing.contains(value.first) || value.first.starts_with("environment.");
  });
  return values;
}

Side read_side(Store& store, const DiffSide& from) {
  std::vector<Row> rows, entity_rows;
  for (const StoredActivity& activity : from.activities) rows.push_back(activity.row);
  const std::set<Row> own(rows.begin(), rows.end());
  const auto flows = store.flows_of_activities(rows);
  for (const StoredFlow& flow : flows) entity_rows.push_back(flow.entity);
  std::map<Row, StoredEntity> entities;
  for (StoredEntity& entity : store.entities(entity_rows))
    entities.emplace(entity.row, std::move(entity));
  Side side;
  std::map<Row, Facts*> facts;
  const bool alone = from.activities.size() == 1;
  for (const StoredActivity& activity : from.activities) {
    Facts& one = side[activity.name][alone ? 0 : activity.subrun];
    one.activity = &activity;
    one.parameters = texts(activity.parameters);
    std::erase_if(one.parameters, [&](const auto& parameter) {
      return !activity.prod_id.empty() && parameter.second == activity.prod_id;
    });
    json configuration = activity.configuration;
    if (configuration.is_string())
      configuration = json::parse(configuration.get<std::string>(), nullptr, false);
    one.configuration = texts(configuration);
    one.configuration_known = configuration.is_object();
    one.environment = machine(activity.environment);
    facts[activity.row] = &one;
  }
  for (const StoredFlow& flow : flows) {
    const auto entity = entities.find(flow.entity);
    if (entity == entities.end() || entity->second.path.empty()) continue;
    Facts& one = *facts[flow.activity];
    if (flow.generated) {
      if (from.only == 0 || from.only == flow.entity)
        one.outputs[flow.role].push_back(content_of(entity->second));
      continue;
    }
    if (own.contains(entity->second.generated_by)) continue;
    // The configuration file counts by what it says to the activity.
    if (flow.port == "analysis_configuration" && one.configuration_known) continue;
    one.inputs[flow.role].push_back(content_of(entity->second));
  }
  for (auto& [name, subruns] : side)
    for (auto& [subrun, one] : subruns)
      for (auto* flow : {&one.inputs, &one.outputs})
        for (auto& [role, contents] : *flow) std::sort(contents.begin(), contents.end());
  return side;
}

/// Differences, equal ones counted.
class Collector {
 public:
  void add(const std::string& activity, const std::string& kind, const std::string& key,
           const std::string& a, const std::string& b) {
    ++counts_[{activity, kind, key, a, b}];
  }
  void compare(const std::string& activity, const std::string& kind,
               const std::map<std::string, std::string>& a,
               const std::map<std::string, std::string>& b) {
    std::set<std::string> keys;
    for (const auto* side : {&a, &b})
      for (const auto& [key, value] : *side) keys.insert(key);
    for (const std::string& key : keys) {
      const auto of = [&](const auto& side) {
        const auto at = side.find(key);
        return at == side.end() ? std::string() : at->second;
      };
      if (of(a) != of(b) || a.contains(key) != b.contains(key))
        add(activity, kind, key, of(a), of(b));
    }
  }
  [[nodiscard]] std::vector<Difference> all() const {
    std::vector<Difference> list;
    for (const auto& [key, count] : counts_)
      list.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key),
                      std::get<4>(key), count});
    return list;
  }

 private:
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, std::size_t>
      counts_;
};

/// Return what one list has and the other has not, as labels.
std::string only_in(const std::vector<Content>& list, const std::vector<Content>& other) {
  std::multiset<std::string> known;
  for (const Content& content : other) known.insert(content.identity);
  std::string text;
  for (const Content& content : list) {
    if (const auto at = known.find(content.identity); at != known.end()) {
      known.erase(at);
      continue;
    }
    text += (text.empty() ? "" : ", ") + content.label;
  }
  return text;
}

void compare_facts(const std::string& name, const Facts& a, const Facts& b, Collector& collector,
                   Diff& diff) {
  if (a.activity->software != b.activity->software)
    collector.add(name, "software", "version and commit", a.activity->software,
                  b.activity->software);
  collector.compare(name, "parameter", a.parameters, b.parameters);
  if (a.configuration_known && b.configuration_known)
    collector.compare(name, "configuration", a.configuration, b.configuration);
  collector.compare(name, "environment", a.environment, b.environment);
  for (const bool outputs : {false, true}) {
    const auto &flows_a = outputs ? a.outputs : a.inputs, &flows_b = outputs ? b.outputs : b.inputs;
    std::set<std::string> roles;
    for (const auto* side : {&flows_a, &flows_b})
      for (const auto& [role, contents] : *side) roles.insert(role);
    for (const std::string& role : roles) {
      static const std::vector<Content> nothing;
      const auto of = [&](const auto& side) -> const std::vector<Content>& {
        const auto at = side.find(role);
        return at == side.end() ? nothing : at->second;
      };
      const std::string in_a = only_in(of(flows_a), of(flows_b)),
                        in_b = only_in(of(flows_b), of(flows_a));
      const bool equal = in_a.empty() && in_b.empty();
      if (outputs) ++(equal ? diff.outputs_equal : diff.outputs_different);
      if (!equal) collector.add(name, outputs ? "output" : "input", role, in_a, in_b);
    }
  }
}

std::string subruns_text(std::size_t count) {
  return fmt::format("{} activit{}", count, count == 1 ? "y" : "ies");
}

}  // namespace

DiffSide diff_side(Store& store, const std::string& what, const IdReader& ids) {
  check_name(what, "alisio prov diff");
  DiffSide side;
  side.name = what;
  int run = 0;
  std::string prod_id;
  if (read_run(what, run, prod_id)) {
    side.activities = run_activities(store, what, run, prod_id);
    return side;
  }
  const Subject subject = find_subject(store, what, ids);
  if (subject.entity && subject.entity->generated_by != 0) {
    side.activities = store.activities({subject.entity->generated_by});
    side.only = subject.entity->row;
  } else if (subject.activity) {
    side.activities = {*subject.activity};
  } else {
    throw Error(ErrorKind::incomplete, "what made it is not on record", shortened(what),
                "a file that was only used cannot be compared so; compare its hash");
  }
  return side;
}

Diff diff(Store& store, const DiffSide& a, const DiffSide& b) {
  Diff result;
  result.a = a.name;
  result.b = b.name;
  result.activities_a = a.activities.size();
  result.activities_b = b.activities.size();
  const Side side_a = read_side(store, a), side_b = read_side(store, b);
  Collector collector;
  std::set<std::string> names;
  for (const Side* side : {&side_a, &side_b})
    for (const auto& [name, subruns] : *side) names.insert(name);
  for (const std::string& name : names) {
    static const std::map<int, Facts> nothing;
    const auto of = [&](const Side& side) -> const std::map<int, Facts>& {
      const auto at = side.find(name);
      return at == side.end() ? nothing : at->second;
    };
    const auto &in_a = of(side_a), &in_b = of(side_b);
    std::size_t only_a = 0, only_b = 0;
    for (const auto& [subrun, facts] : in_a)
      if (const auto at = in_b.find(subrun); at != in_b.end())
        compare_facts(name, facts, at->second, collector, result);
      else
        ++only_a;
    for (const auto& [subrun, facts] : in_b) only_b += in_a.contains(subrun) ? 0 : 1;
    if (only_a > 0) collector.add(name, "activity", "only in one", subruns_text(only_a), "");
    if (only_b > 0) collector.add(name, "activity", "only in one", "", subruns_text(only_b));
  }
  result.differences = collector.all();
  return result;
}

ordered_json to_json(const Diff& diff) {
  ordered_json object{{"a", diff.a},
                      {"b", diff.b},
                      {"activities", {{"a", diff.activities_a}, {"b", diff.activities_b}}},
                      {"outputs_equal", diff.outputs_equal},
                      {"outputs_different", diff.outputs_different}};
  object["differences"] = ordered_json::array();
  for (const Difference& d : diff.differences)
    object["differences"].push_back({{"activity", d.activity},
                                     {"kind", d.kind},
                                     {"key", d.key},
                                     {"a", d.a},
                                     {"b", d.b},
                                     {"count", d.count}});
  return object;
}

}  // namespace alisio::prov
