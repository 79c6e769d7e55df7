#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

/// Names of files while they are written (PendingFile):
/// `.<name>.part-<pid>-<count>-<host>-<random>`.
namespace alisio {

/// What the name of such a file tells.
struct PartFile {
  std::string target;  ///< name of the file that it would become
  pid_t pid = 0;       ///< of its writer
  bool of_this_machine = false;
};

/// Return what a name tells; nothing if it is no such name.
[[nodiscard]] std::optional<PartFile> parse_part_name(const std::string& name);

/// Return a new name for a file while it is written; no other process gives the same.
[[nodiscard]] std::string part_name(const std::string& target);

/// Return whether the writer is of this machine and lives. Of other machines' it is not known.
[[nodiscard]] bool writer_lives(const PartFile& part);

}  // namespace alisio
