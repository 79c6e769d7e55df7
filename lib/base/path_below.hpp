#pragma once
#include <filesystem>
#include <optional>

namespace alisio {

/// Return the way from a folder down to a path, "." to itself; nothing if the path is not below it.
/// Both as they are written: no link is followed, no file looked at.
[[nodiscard]] std::optional<std::filesystem::path> path_below(const std::filesystem::path& path,
                                                              const std::filesystem::path& folder);

}  // namespace alisio
