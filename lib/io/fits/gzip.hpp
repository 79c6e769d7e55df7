#pragma once
#include <filesystem>

#include "lib/io/fits/byte_source.hpp"

namespace alisio::fits {

/// Replace the content of a file by the same packed with gzip (RFC 1952). Neither name nor time go
/// into it: equal content stays equal bytes. @throws Error(missing_input, resource).
void gzip_file(const std::filesystem::path& path);

/// Open a file, unpacked into memory if it is packed by gzip.
/// @throws Error(missing_input); Error(bad_input) if it is packed and damaged.
[[nodiscard]] ByteSource open_unpacked(const std::filesystem::path& path);

}  // namespace alisio::fits
