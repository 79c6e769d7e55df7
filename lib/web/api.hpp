#pragma once
#include <filesystem>
#include <memory>

#include "lib/web/http.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {

/// What programs are told from.
struct ApiSource {
  std::filesystem::path state_folder;
  std::filesystem::path openapi;  ///< the file that documents all of it
  std::shared_ptr<NightsMemory> memory = std::make_shared<NightsMemory>();
};

/// Return `/api/v1/nights`, `/api/v1/nights/DATE/PROD` and below it `/jobs` (?run, ?stage, ?status)
/// and `/failures`, `/api/v1/health`, `/api/v1/openapi.yaml`, `/metrics`, `/healthz`. They refer to
/// the source. What each answers is in cfg/web/openapi.yaml.
[[nodiscard]] Router night_api(const ApiSource& source);

/// Return the state in Prometheus' text format: of the latest night of each telescope, jobs by
/// stage and status, times, memory, bytes and failures; the age of the last pass; what this cost.
[[nodiscard]] std::string metrics_text(const std::filesystem::path& state_folder);

}  // namespace alisio::web
