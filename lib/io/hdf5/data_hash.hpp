#pragma once
#include <filesystem>
#include <string>

namespace alisio::hdf5 {

/// Return the SHA-256 over all datasets of a file in the order of their paths: path, type, shape,
/// decoded values. Attributes and the group /provenance are left out, so that who made a file, and
/// when, does not make it another file. @throws Error(missing_input, bad_input).
[[nodiscard]] std::string data_hash(const std::filesystem::path& path);

}  // namespace alisio::hdf5
