#pragma once
#include <filesystem>
#include <string>

namespace alisio::prov {

/// Append one line to a journal that several processes may write to, made if absent; synced to
/// disk. @throws Error(resource).
void append_line(const std::filesystem::path& journal, const std::string& line);

}  // namespace alisio::prov
