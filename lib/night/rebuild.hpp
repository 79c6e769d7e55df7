#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/night/cleaned.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/state.hpp"
#include "prov/definition.hpp"

namespace alisio::night {

/// Where the state of a night is read from.
struct RebuildRequest {
  int telescope = 1;
  NightDate date;
  std::string prod_id;                          ///< empty: every production that the journals name
  std::vector<std::filesystem::path> journals;  ///< files, or folders searched for them
  std::filesystem::path products;               ///< root of the tree; seals are below it
  prov::LoggerConfiguration logger;
  bool verify_content = false;  ///< read files whose size and time are as recorded too
  /// Hashes of a file; empty: SHA-256 alone.
  std::function<FileHashes(const std::filesystem::path&)> hash;
  /// What stages read of the present configuration: where it holds more than a stage records, and
  /// all that is recorded is the same, it is taken for what was read.
  std::map<std::string, StageFacts> present;
};

/// What journals and files tell of a night of one production.
struct RebuiltNight {
  NightKey key;
  std::vector<JobRecord> jobs;
  std::vector<ClosingRecord> closings;
  std::vector<FileStamp> files;      ///< that are as recorded
  std::vector<Decision> decisions;   ///< of operators, also those that have ended
  std::vector<CleanedFile> cleaned;  ///< recorded products that alisio clean took away
  std::vector<std::string> gone;     ///< recorded products that are not there as recorded
};

/// Read what happened in a night from its journals, the files that they name and its seals: each
/// job as its last ended activity left it, what operators decided, and what was cleaned. @throws
/// Error(missing_input) if a journal cannot be read.
[[nodiscard]] std::vector<RebuiltNight> read_nights_from_disk(const RebuildRequest& request);

}  // namespace alisio::night
