#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "prov/store/store.hpp"
#include "prov/verify.hpp"

namespace alisio::prov {

/// What an index says of the files that successful activities read and made; of a path that held
/// several contents, the last. What was invalidated is told no more.
/// @param night YYYYMMDD; empty: all.
[[nodiscard]] std::vector<RecordedFile> recorded_files(Store& store, const std::string& night);

/// Return the folders that hold what activities of a night made.
[[nodiscard]] std::set<std::filesystem::path> product_folders(Store& store,
                                                              const std::string& night);

/// Return the files that stand beside products of a night and have no record at all, sorted. Logs,
/// documents, hidden and unfinished files do not count, nor does what was set aside on record.
[[nodiscard]] std::vector<std::filesystem::path> unrecorded_beside(Store& store,
                                                                   const std::string& night);

}  // namespace alisio::prov
