#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "prov/ask/embedded.hpp"
#include "prov/store/store.hpp"

namespace alisio::prov {

/// Files and records that have lost each other.
struct Orphans {
  std::vector<std::filesystem::path> files;  ///< without a record, sorted
  std::vector<StoredEntity> records;         ///< made below the folder, the file is gone
  std::size_t looked_at = 0;
  bool cut = false;  ///< the folder holds more files than the limit
};

/// Compare a folder with the index. Logs, journals, provenance documents, hidden and unfinished
/// files count as neither. A file has a record if its path is on record, whatever symbolic links
/// lead there, or its content, or the ids in it: files are deleted by this list.
/// @param ids reads the ids in a file; empty: they are not looked at.
/// @throws Error(missing_input) if there is no such folder.
[[nodiscard]] Orphans orphans(Store& store, const std::filesystem::path& folder,
                              const IdReader& ids = {}, std::size_t limit = 5000000);
[[nodiscard]] nlohmann::ordered_json to_json(const Orphans& orphans);

/// Return whether a file is one that records may tell of: no log, journal or document.
[[nodiscard]] bool may_be_recorded(const std::filesystem::path& file);

}  // namespace alisio::prov
