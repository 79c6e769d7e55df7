#include "lib/pipeline/dl2_origin.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/file.hpp"
#include "lib/base/log.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

std::string attribute(const nlohmann::json& facts, const char* key) {
  const auto found = facts.find(key);
  return found != facts.end() && found->is_string() ? found->get<std::string>() : "";
}

void add(std::string& list, const std::string& word) {
  if (!word.empty()) list += (list.empty() ? "" : "; ") + word;
}

Dl2Origin origin_in(const nlohmann::json& document) {
  Dl2Origin origin;
  std::set<std::string> calibrations, hashes, pedestals, versions, verdicts;
  for (const auto& [id, facts] : document.at("entity").items()) {
    const std::string label = attribute(facts, "prov:label");
    const std::string file = fs::path(attribute(facts, "filepath")).filename().string();
    if (label == "CoefficientsCalibrationFile") {
      calibrations.insert(file);
      hashes.insert(attribute(facts, "sha256"));
    }
    if (label == "PedestalFile") pedestals.insert(file);
    versions.insert(attribute(facts, "software_version"));
    verdicts.insert(attribute(facts, "quality"));
  }
  for (const std::string& word : calibrations) add(origin.calibration_file, word);
  for (const std::string& word : hashes) add(origin.calibration_sha256, word);
  for (const std::string& word : pedestals) add(origin.pedestal_file, word);
  for (const std::string& word : versions) add(origin.software, word);
  // What failed matters more than what passed.
  if (verdicts.size() > 2 || !verdicts.contains("passed")) verdicts.erase("passed");
  for (const std::string& word : verdicts) add(origin.gates, word);
  return origin;
}

}  // namespace

Dl2Origin origin_of_dl2(const fs::path& dl2, const SubrunId& id) {
  const fs::path file =
      dl2.parent_path() / "log" / fmt::format("dl1_to_dl2_{}_prov.json", run_text(id.run));
  std::error_code absent;
  if (!fs::exists(file, absent)) return {};
  try {
    return origin_in(nlohmann::json::parse(read_text_file(file)));
  } catch (const nlohmann::json::exception& problem) {
    spdlog::warn("{}: cannot be understood, and tells nothing of the run's calibration: {}",
                 file.string(), problem.what());
    return {};
  }
}

}  // namespace alisio::pipeline
