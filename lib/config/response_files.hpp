#pragma once
#include <filesystem>
#include <vector>

namespace alisio::config {

/// Return the instrument responses that a path means: the file itself, or those of a folder,
/// *irf*.fits[.gz], sorted. Hidden files are none: they are on their way.
[[nodiscard]] std::vector<std::filesystem::path> response_files(
    const std::filesystem::path& responses);

}  // namespace alisio::config
