#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "prov/store/store.hpp"

namespace alisio::prov {

/// Conditions; all must hold. Empty texts and lists match everything.
struct FindRequest {
  // Of activities.
  std::vector<std::pair<std::string, std::string>> parameters;     ///< name and value
  std::vector<std::pair<std::string, std::string>> configuration;  ///< end of dotted key, value
  std::string activity, software, host, status, prod_id, night;    ///< software: a part of it
  std::string after, before;  ///< of the start: YYYY-MM-DD, YYYYMMDD or ISO 8601 UTC
  int run = -1, subrun = -1;
  // Of files.
  std::string hash;    ///< beginning of the SHA-256 or data hash, at least 8 digits
  std::string role;    ///< of its use or generation
  std::string file;    ///< pattern with * and ?: of the name, or of the path if it has a slash
  std::string level;   ///< DL2
  std::string entity;  ///< DL2SubrunDataset
  /// Both: what came from this content, path or id, by however many steps.
  std::string used;
  bool files = false;        ///< list files even if no condition is on files
  std::size_t limit = 1000;  ///< at most so many are told
};

struct FindResult {
  bool files = false;  ///< whether files or activities were asked for
  std::vector<StoredActivity> activities;
  std::vector<StoredEntity> entities;
  bool more = false;  ///< there are more than the limit
};

/// Return whether a request has a condition on files.
[[nodiscard]] bool asks_for_files(const FindRequest& request);

/// @throws Error(usage) for a value that cannot be meant: a status or date that is none.
[[nodiscard]] FindResult find(Store& store, const FindRequest& request);
[[nodiscard]] nlohmann::ordered_json to_json(const FindResult& result);

/// How many of a result belong to each run.
struct RunGroup {
  std::string night, prod_id;
  int run = -1;
  std::size_t count = 0, subruns = 0;
};
[[nodiscard]] std::vector<RunGroup> by_run(Store& store, const FindResult& result);

}  // namespace alisio::prov
