#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace alisio::prov {

/// A file that is not what its record says.
struct Mismatch {
  std::filesystem::path path;
  std::string problem;  ///< "missing" or "content differs"
  std::string recorded_sha256, found_sha256;
};

struct VerifyResult {
  std::int64_t files = 0;         ///< files hashed
  std::uint64_t bytes = 0;        ///< bytes read
  std::int64_t without_hash = 0;  ///< records that identify a file by its path only
  std::vector<Mismatch> mismatches;
};

/// Hash again every file that the given PROV-JSON documents name (files, or folders that are
/// searched for *_prov.json), and compare. @throws Error(missing_input) for a folder without such.
[[nodiscard]] VerifyResult verify(const std::vector<std::filesystem::path>& documents);

}  // namespace alisio::prov
