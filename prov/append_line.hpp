#pragma once
#include <filesystem>
#include <string>

namespace alisio::prov {

/// Return whether a file that is open for reading ends with a part of a line: what would follow at
/// once would be lost with it.
[[nodiscard]] bool ends_within_a_line(int file);

/// Append one line to a journal that several processes may write to, made if absent; synced to
/// disk. What others left of a line is ended first; of a line that cannot be written whole nothing
/// stays. @throws Error(resource).
void append_line(const std::filesystem::path& journal, const std::string& line);

}  // namespace alisio::prov
