#pragma once
#include <filesystem>
#include <string>

#include "lib/base/row_digests.hpp"

namespace alisio::hdf5 {

/// Return the SHA-256 over all datasets of a file in the order of their paths: path, type, shape,
/// SHA-256 of the decoded values. Attributes and the group /provenance are left out, so that who
/// made a file, and when, does not make it another file.
/// @param known digests of tables that were just written, whose rows are not read again
/// @throws Error(missing_input, bad_input).
[[nodiscard]] std::string data_hash(const std::filesystem::path& path,
                                    const RowDigests& known = {});

}  // namespace alisio::hdf5
