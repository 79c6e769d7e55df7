#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "prov/store/store.hpp"

/// Recorded commands, and how they are given again where files stand elsewhere now.
namespace alisio::prov {

/// Return where a file on record, or a folder above it, stands now that a recorded command or
/// configuration names by a path. A data tree that moved is known by what follows its root.
/// @param files as the index tells them now.
/// @return the path, changed only if it leads elsewhere now; nothing if none of the files is meant,
///         or one of several could be.
[[nodiscard]] std::optional<std::string> place_now(const std::string& path,
                                                   const std::vector<StoredEntity>& files);

/// A recorded command (the program first) whose paths lead to where the files stand now.
struct PlacedCommand {
  std::vector<std::string> words;
  std::vector<std::string> absent;      ///< paths of no file on record, and nothing is there
  std::vector<std::string> unrecorded;  ///< files that are there, but not on record as used
};

/// @param files that the command reads, as the index tells them now.
[[nodiscard]] PlacedCommand placed(const std::vector<std::string>& command,
                                   const std::vector<StoredEntity>& files);

/// Return a recorded command (the program first) with what it writes led into a folder.
/// @param config file to configure it with.
[[nodiscard]] std::vector<std::string> redirected(const std::vector<std::string>& command,
                                                  const std::filesystem::path& into,
                                                  const std::filesystem::path& config);

}  // namespace alisio::prov
