#include "prov/ask/rerun.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "prov/ask/names.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

/// Options that say where a job writes, or what it may take over from elsewhere.
constexpr std::array kPlaces{"--output-dir", "--dl2-output-dir", "--journal-dir",
                             "--report",     "--known-hashes",   "--config"};

InputState state_of(const StoredEntity& file, const FileHasher& hash) {
  std::error_code problem;
  if (!fs::is_regular_file(file.path, problem)) return InputState::missing;
  if (file.sha256.empty()) return InputState::unproved;
  if (fs::file_size(file.path, problem) != file.size_bytes) return InputState::changed;
  const std::string now = hash ? hash(file.path) : hash_file(file.path);
  return now == file.sha256 ? InputState::same : InputState::changed;
}

/// A relative word of a command that names a file on record, as the path that was recorded.
std::string with_recorded_path(const std::string& word, const std::vector<RerunInput>& inputs) {
  const fs::path path(word);
  if (word.empty() || word.front() == '-' || path.is_absolute()) return word;
  const std::string end = '/' + path.lexically_normal().string();
  for (const RerunInput& input : inputs)
    if (input.file.path.ends_with(end)) return input.file.path;
  return word;
}

std::string made_again(const RerunInput& input) {
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
  }
  return "";
}

std::vector<std::string> redirected(const std::vector<std::string>& command, const fs::path& into,
                                    const fs::path& config) {
  std::vector<std::string> words;
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string& word = command[i];
    if (std::find(kPlaces.begin(), kPlaces.end(), word) != kPlaces.end()) {
      ++i;
      continue;
    }
    const std::string option = word.substr(0, word.find('='));
    if (option != word && std::find(kPlaces.begin(), kPlaces.end(), option) != kPlaces.end())
      continue;
    words.push_back(word);
  }
  for (const auto& [option, value] : {std::pair<const char*, fs::path>{"--output-dir", into},
                                      {"--journal-dir", into / "journal"},
                                      {"--report", into / "job.json"},
                                      {"--config", config}}) {
    words.emplace_back(option);
    words.push_back(value.string());
  }
  return words;
}

RerunPlan plan_rerun(Store& store, const Subject& subject, const fs::path& into,
                     const std::string& software, const FileHasher& hash) {
  Story story = tell(store, subject);
  if (!story.activity)
    throw Error(ErrorKind::incomplete, "no activity on record made this",
                subject.entity ? subject.entity->path : std::string(),
                "only what was made can be made again");
  RerunPlan plan;
  plan.activity = *story.activity;
  plan.configuration = plan.activity.configuration;
  fs::path config;
  for (StoryFile& used : story.used) {
    if (used.file.path.empty()) continue;
    RerunInput input{used.file, used.flow.role, state_of(used.file, hash)};
    if (used.file.name == "AnalysisConfigFile") {
      plan.configuration_is_file = input.state == InputState::same;
      config = used.file.path;
    } else if (input.state == InputState::missing) {
      plan.obstacles.push_back(made_again(input));
    } else if (input.state == InputState::changed) {
      plan.changes.push_back(made_again(input));
    }
    plan.inputs.push_back(std::move(input));
  }
  for (StoryFile& made : story.generated)
    if (!made.file.path.empty()) plan.products.push_back(std::move(made));
  if (config.empty()) plan.configuration_is_file = false;
  if (!plan.configuration_is_file) {
    if (plan.configuration.is_null()) plan.obstacles.emplace_back("no configuration on record");
    config = into / "alisio.yaml";
  }
  std::vector<std::string> command;
  if (plan.activity.command.is_array())
    for (const nlohmann::json& word : plan.activity.command)
      if (word.is_string()) command.push_back(with_recorded_path(word, plan.inputs));
  if (plan.activity.origin != "alisio" || command.size() < 2)
    plan.obstacles.emplace_back("no command of this program on record");
  if (plan.products.empty()) plan.obstacles.emplace_back("it made nothing");
  if (command.size() >= 2) plan.command = redirected(command, into, config);
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
