#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/seal.hpp"
#include "prov/definition.hpp"

namespace alisio::night {

/// Which night goes where.
struct ArchiveRequest {
  std::filesystem::path seal;             ///< of the night
  std::filesystem::path root = {};        ///< where the products are; empty: where they were sealed
  std::filesystem::path to;               ///< root of the archive, made if need be
  prov::LoggerConfiguration logger = {};  ///< of the notes that tell what was removed
};

/// What was copied.
struct ArchiveResult {
  std::int64_t copied = 0, equal = 0;   ///< files; equal ones were there already
  std::uint64_t bytes = 0;              ///< copied
  std::vector<std::string> faults;      ///< files that could not be archived, and why
  std::vector<std::string> removed;     ///< files that were removed on purpose, by whom and why
  std::filesystem::path configuration;  ///< by which the archive is asked
};

/// Return where a file of a sealed night lies in an archive: below its root as it was below that of
/// the products, others below external/.
[[nodiscard]] std::filesystem::path archived_path(const std::filesystem::path& archive,
                                                  const std::string& sealed_path);

/// Copy a sealed night to another root: products, provenance with the journals of its constants,
/// constants and models, and the chain of seals up to its own. Every byte is hashed while it is
/// copied and read back; what is there and equal is left, what is there and differs is left and
/// named. What alisio clean removed before is named, and is no fault. A file named archive.yaml
/// tells where the tree stood, so that lineage answers there.
/// @throws Error(usage) if the archive is the tree itself, Error(resource) if there is no room.
[[nodiscard]] ArchiveResult archive_night(const ArchiveRequest& request);

}  // namespace alisio::night
