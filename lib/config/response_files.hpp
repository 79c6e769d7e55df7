#pragma once
#include <filesystem>
#include <vector>

namespace alisio::config {

/// Return the instrument responses of a folder, *irf*.fits[.gz], sorted. Hidden files are none:
/// they are on their way.
[[nodiscard]] std::vector<std::filesystem::path> response_files(
    const std::filesystem::path& folder);

}  // namespace alisio::config
