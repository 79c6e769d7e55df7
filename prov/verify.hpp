#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace alisio::prov {

/// A file that is not what its record says.
struct Mismatch {
  std::filesystem::path path;
  std::string problem;  ///< "missing", "content differs" or "not recorded"
  std::string recorded_sha256, found_sha256;
};

struct VerifyResult {
  std::int64_t files = 0;         ///< files compared
  std::int64_t hashed = 0;        ///< files of which all bytes were read
  std::uint64_t bytes = 0;        ///< bytes read
  std::int64_t without_hash = 0;  ///< records that identify a file by its path only
  std::vector<Mismatch> mismatches;
};

/// What a record says of a file.
struct RecordedFile {
  std::filesystem::path path;
  std::string sha256;  ///< empty: identified by its path only
  std::uint64_t size_bytes = 0;
  double recorded_unix_utc_s = 0;  ///< when it was recorded with this content; 0: not known
  /// What was taken of a file that grows, as its users named it; empty: all of it.
  std::set<std::string> parts = {};
};

/// Tells what a file says now of what a part took of it. Given by those who can read the formats.
using PartReader = std::function<std::string(const std::string& path, const std::string& part)>;

/// How closely files are looked at. `fast` compares sizes, and reads files that were modified after
/// they were recorded; `sample` reads besides a part of the others.
enum class VerifyMode { fast, sample, full };

struct VerifyRequest {
  VerifyMode mode = VerifyMode::full;
  double fraction = 1;     ///< of files that are read if sampled, 0 to 1
  std::uint64_t seed = 0;  ///< another seed, another sample
  PartReader part = {};    ///< empty: a file of which a part was taken counts whole
};

/// Return what PROV-JSON documents (files, or folders that are searched for *_prov.json) say of
/// files. @throws Error(missing_input) for a folder without such, Error(bad_input).
[[nodiscard]] std::vector<RecordedFile> recorded_files(
    const std::vector<std::filesystem::path>& documents);

/// Compare files with their records. Of several records of one path each must hold; of a file of
/// which parts were taken, these.
[[nodiscard]] VerifyResult verify(const std::vector<RecordedFile>& files,
                                  const VerifyRequest& request = {});

/// Return whether a file is as recorded, by its size and, if it was modified since, its content.
/// @param found_sha256 if not null, gets the hash if it was needed.
[[nodiscard]] bool as_recorded(const RecordedFile& file, std::string* found_sha256 = nullptr);

/// Hash again every file that documents name, and compare.
[[nodiscard]] inline VerifyResult verify(const std::vector<std::filesystem::path>& documents) {
  return verify(recorded_files(documents));
}

}  // namespace alisio::prov
