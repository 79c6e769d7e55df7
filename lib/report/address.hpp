#pragma once
#include <filesystem>
#include <string>

namespace alisio::report {

/// Return a path as an address in a page: relative to the page's folder, with characters that
/// addresses do not allow percent-encoded (RFC 3986).
[[nodiscard]] std::string relative_address(const std::filesystem::path& path,
                                           const std::filesystem::path& folder);
/// Return a path as a file:// address.
[[nodiscard]] std::string file_address(const std::filesystem::path& path);

}  // namespace alisio::report
