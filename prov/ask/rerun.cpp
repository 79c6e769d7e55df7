#include "prov/ask/rerun.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "prov/ask/names.hpp"
#include "prov/remark.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

InputState state_of(const StoredEntity& file, const std::string& remark, const PartReader& part,
                    const FileHasher& hash) {
  std::error_code problem;
  if (!fs::is_regular_file(file.path, problem)) return InputState::missing;
  if (file.sha256.empty()) return InputState::unproved;
  const auto hash_now = [&] { return hash ? hash(file.path) : hash_file(file.path); };
  if (fs::file_size(file.path, problem) == file.size_bytes && hash_now() == file.sha256)
    return InputState::same;
  const std::string taken = part_in(remark);
  return !taken.empty() && part && part(file.path, taken) == taken ? InputState::same
                                                                   : InputState::changed;
}

/// Activities that a command made in one process.
std::vector<StoredActivity> made_together(Store& store, const StoredActivity& activity) {
  std::vector<StoredActivity> all;
  if (activity.command.is_array())
    all = store.activities(store.activities_of_session(activity.session));
  // A dry run of a night is one process, too: with a command of its own for each job.
  std::erase_if(all, [&](const StoredActivity& other) {
    return other.row != activity.row &&
           (other.command != activity.command || other.how == ActivityEnd::planned);
  });
  if (all.empty()) all.push_back(activity);
  return all;
}

/// The files that activities used, each once, in the order of the activities.
std::vector<RerunInput> inputs_of(Store& store, const std::vector<StoredActivity>& activities) {
  std::vector<RerunInput> inputs;
  std::set<Row> known;
  std::set<std::string> made;
  for (const StoredActivity& activity : activities) {
    // Of equal files the one that was read counts: the command names it.
    std::map<Row, StoredFlow> uses;
    for (const StoredFlow& use : store.recorded_uses({activity.row}))
      if (known.insert(use.entity).second) uses.emplace(use.entity, use);
    std::vector<Row> rows;
    for (const auto& [file, use] : uses) rows.push_back(file);
    const auto first = static_cast<std::ptrdiff_t>(inputs.size());
    for (StoredEntity& file : store.entities(rows)) {
      if (file.path.empty()) continue;
      const bool again = made.contains(file.path);
      const StoredFlow& use = uses.at(file.row);
      inputs.push_back({std::move(file), use.role, use.remark,
                        again ? InputState::made_again : InputState::same});
    }
    std::sort(inputs.begin() + first, inputs.end(), [](const RerunInput& a, const RerunInput& b) {
      return std::tie(a.role, a.file.path) < std::tie(b.role, b.file.path);
    });
    // Only what follows finds them: a file may be made anew from what stood in its place.
    rows.clear();
    for (const StoredFlow& flow : store.flows_of_activities({activity.row}))
      if (flow.generated) rows.push_back(flow.entity);
    for (const StoredEntity& product : store.entities(rows)) made.insert(product.path);
  }
  return inputs;
}

/// Lead the files that a configuration names to where they stand now.
/// @return whether there was one elsewhere
bool place_files(json& value, const std::vector<StoredEntity>& files) {
  bool moved = false;
  if (value.is_structured())
    for (json& part : value) moved = place_files(part, files) || moved;
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/')) return moved;
  const std::string path = value.get<std::string>();
  const std::string place = place_now(path, files).value_or(path);
  value = place;
  return place != path;
}

std::string named(const RerunInput& input) {
  return fmt::format("{} {} ({})", input.role, input.file.path, to_string(input.state));
}

}  // namespace

const char* to_string(InputState state) noexcept {
  switch (state) {
    case InputState::same:
      return "same";
    case InputState::unproved:
      return "there, no hash on record";
    case InputState::changed:
      return "changed";
    case InputState::missing:
      return "missing";
    case InputState::made_again:
      return "made again";
  }
  return "";
}

RerunPlan plan_rerun(Store& store, const Subject& subject, const fs::path& into,
                     const std::string& software, const PartReader& part, const FileHasher& hash) {
  Story story = tell(store, subject);
  if (!story.activity)
    throw Error(ErrorKind::incomplete, "no activity on record made this",
                subject.entity ? subject.entity->path : std::string(),
                "only what was made can be made again");
  RerunPlan plan;
  plan.activity = *story.activity;
  const std::vector<StoredActivity> activities = made_together(store, plan.activity);
  // Each activity records the part of the configuration that it reads.
  plan.configuration = plan.activity.configuration;
  for (const StoredActivity& activity : activities)
    if (activity.configuration.is_object()) plan.configuration.update(activity.configuration, true);
  fs::path config;
  std::vector<StoredEntity> files;
  plan.inputs = inputs_of(store, activities);
  for (RerunInput& input : plan.inputs) {
    if (input.state != InputState::made_again)
      input.state = state_of(input.file, input.remark, part, hash);
    files.push_back(input.file);
    if (input.file.name == "AnalysisConfigFile") {
      plan.configuration_is_file = input.state == InputState::same;
      config = input.file.path;
    } else if (input.state == InputState::missing) {
      plan.obstacles.push_back(named(input));
    } else if (input.state == InputState::changed) {
      plan.changes.push_back(named(input));
    }
  }
  for (StoryFile& made : story.generated)
    if (!made.file.path.empty()) plan.products.push_back(std::move(made));
  if (place_files(plan.configuration, files) || config.empty()) plan.configuration_is_file = false;
  if (!plan.configuration_is_file) {
    if (std::any_of(activities.begin(), activities.end(), [](const StoredActivity& activity) {
          return activity.configuration.is_null();
        }))
      plan.obstacles.emplace_back("no configuration on record");
    config = into / "alisio.yaml";
  }
  std::vector<std::string> command;
  if (plan.activity.command.is_array())
    for (const json& word : plan.activity.command)
      if (word.is_string()) command.push_back(word);
  if (plan.activity.origin != "alisio" || command.size() < 2)
    plan.obstacles.emplace_back("no command of this program on record");
  if (plan.products.empty()) plan.obstacles.emplace_back("it made nothing");
  if (command.size() >= 2) {
    const PlacedCommand now = placed(command, files);
    plan.command = redirected(now.words, into, config);
    for (const std::string& path : now.absent)
      plan.obstacles.push_back(
          fmt::format("the command names {}, which is not there and no file on record", path));
    for (const std::string& path : now.unrecorded)
      plan.changes.push_back(
          fmt::format("the command reads {}, of which no record tells what it was", path));
  }
  if (plan.activity.software != software)
    plan.changes.push_back(
        fmt::format("software {} (this is {})", plan.activity.software, software));
  else if (software.ends_with("+changes"))
    plan.changes.push_back(fmt::format("software {} had changes that no commit holds", software));
  return plan;
}

std::vector<RerunResult> compare_rerun(const RerunPlan& plan, Store& again) {
  std::vector<RerunResult> results;
  for (const StoryFile& product : plan.products) {
    RerunResult result;
    result.product = product;
    const std::string name = fs::path(product.file.path).filename().string();
    for (const StoredEntity& made : again.entities(again.find_entities(name))) {
      if (made.name != product.file.name || made.generated_by == 0) continue;
      const bool by_data = !product.file.data_hash.empty() && !made.data_hash.empty();
      result.made = true;
      result.by = by_data ? "data hash" : "sha256";
      result.recorded = by_data ? product.file.data_hash : product.file.sha256;
      result.made_now = by_data ? made.data_hash : made.sha256;
      result.equal = result.recorded == result.made_now && !result.recorded.empty();
      result.path = made.path;
      break;
    }
    results.push_back(std::move(result));
  }
  return results;
}

ordered_json to_json(const RerunPlan& plan) {
  ordered_json inputs = ordered_json::array(), products = ordered_json::array();
  for (const RerunInput& input : plan.inputs)
    inputs.push_back({{"role", input.role},
                      {"path", input.file.path},
                      {"sha256", input.file.sha256},
                      {"state", to_string(input.state)}});
  for (const StoryFile& product : plan.products)
    products.push_back({{"role", product.flow.role},
                        {"path", product.file.path},
                        {"sha256", product.file.sha256},
                        {"data_hash", product.file.data_hash}});
  return {{"activity", to_json(plan.activity)},
          {"inputs", inputs},
          {"products", products},
          {"command", plan.command},
          {"recorded_configuration_file_is_there", plan.configuration_is_file},
          {"obstacles", plan.obstacles},
          {"changes", plan.changes}};
}

ordered_json to_json(const std::vector<RerunResult>& results) {
  ordered_json list = ordered_json::array();
  for (const RerunResult& result : results)
    list.push_back({{"product", result.product.file.path},
                    {"role", result.product.flow.role},
                    {"status", !result.made   ? "not made"
                               : result.equal ? "equal"
                                              : "differs"},
                    {"compared", result.by},
                    {"recorded", result.recorded},
                    {"made", result.made_now},
                    {"path", result.path.string()}});
  return list;
}

}  // namespace alisio::prov
