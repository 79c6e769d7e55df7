#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace alisio::stage {

/// A file's hashes together with what the file system said of it when they were taken. While path,
/// size, modification time and inode are unchanged, the hashes are trusted.
struct FileStamp {
  std::string path;  ///< absolute
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  std::string sha256;
  std::string data_hash;  ///< over the datasets only; empty for files without datasets

  /// True if the file is still the one that was hashed.
  [[nodiscard]] bool matches_disk() const;
};

/// Return the stamp of a file without hashes. @throws Error(missing_input) if it cannot be read.
[[nodiscard]] FileStamp stat_stamp(const std::filesystem::path& path);

/// Hash a file, as its kind asks: FITS files are verified against their DATASUM in the same pass,
/// HDF5 files get a data hash. @throws Error(missing_input, bad_input).
[[nodiscard]] FileStamp hash_stamp(const std::filesystem::path& path);

/// The same for a file under a temporary name, treated as the kind that `name` tells.
[[nodiscard]] FileStamp hash_stamp_as(const std::filesystem::path& path,
                                      const std::filesystem::path& name);

[[nodiscard]] nlohmann::ordered_json to_json(const FileStamp& stamp);
[[nodiscard]] FileStamp stamp_from_json(const nlohmann::json& json);

/// Hashes taken earlier, so that constants and models are read once a night, not once a subrun.
class KnownHashes {
 public:
  KnownHashes() = default;
  explicit KnownHashes(std::vector<FileStamp> stamps);
  /// Read the file that `--known-hashes` names: a JSON array of stamps.
  static KnownHashes load(const std::filesystem::path& file);

  void add(FileStamp stamp);

  /// Return the stamp of `path` if one is held and the file has not changed since.
  [[nodiscard]] std::optional<FileStamp> find(const std::filesystem::path& path) const;

 private:
  std::unordered_map<std::string, FileStamp> by_path_;
};

}  // namespace alisio::stage
