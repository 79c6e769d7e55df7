#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace alisio {

/// A product while it is written: lives under `.<name>.part-<unique>` beside its final place, and
/// takes its final name only when whole. A job that dies leaves no file with a final name.
class PendingFile {
 public:
  /// Reserve a temporary name beside `target`, making its folder if need be. What killed processes
  /// of this machine left of the same target is removed.
  /// @throws Error(resource) if the folder cannot be made or written, or something that is no file
  ///         is at the target; a link to a file is replaced, not what it names.
  explicit PendingFile(std::filesystem::path target);
  /// Remove the temporary file if publish() was not reached.
  ~PendingFile();
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return part_; }
  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }

  /// Sync the bytes to disk; the file keeps its temporary name. @throws Error(resource).
  void sync() const;
  /// Sync, rename to the final name, sync the folder. @throws Error(resource).
  void publish();

 private:
  std::filesystem::path target_, part_;
  bool published_ = false;
};

/// Return whether something is at a path, or a folder is; links are followed.
/// @throws Error(resource) if it cannot be told: a folder above may not be searched, or the disk
/// does not answer.
[[nodiscard]] bool is_there(const std::filesystem::path& path);
[[nodiscard]] bool is_folder(const std::filesystem::path& path);

/// Make a folder and those above it, unless it is there. @throws Error(resource).
void make_folder(const std::filesystem::path& folder);

/// Write a small text file whole or not at all. Of a link, the file that it names is replaced; a
/// device, a pipe or an open file (/dev/stdout) is written into. @throws Error(resource).
void write_file_atomically(const std::filesystem::path& target, std::string_view content);

/// Return the whole content of a small text file.
/// @throws Error(missing_input) if it cannot be opened, Error(resource) if it cannot be read to its
///         end.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path);

}  // namespace alisio
