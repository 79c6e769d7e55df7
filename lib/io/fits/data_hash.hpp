#pragma once
#include <filesystem>
#include <string>

namespace alisio::fits {

/// Return the SHA-256 over the tables and images of a FITS file in their order: name, shape,
/// columns and the bytes of the data units. Other cards are left out, so that who made a file, and
/// when, does not make it another file. Of a file packed by gzip the content counts. @throws
/// Error(missing_input, bad_input).
[[nodiscard]] std::string data_hash(const std::filesystem::path& path);

}  // namespace alisio::fits
