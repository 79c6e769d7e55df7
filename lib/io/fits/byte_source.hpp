#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace alisio::fits {

/// Bytes that can be read at any place by several threads at once: a file, or memory.
///
/// Files are read with pread, not mapped: a file that shrinks under a mapping (a copy in progress
/// on a network file system) would kill the process instead of giving an error.
class ByteSource {
 public:
  /// Open a file. @throws Error(missing_input) if it cannot be opened.
  static ByteSource open(const std::filesystem::path& path);
  /// Read from memory; `name` stands for the path in messages.
  static ByteSource from_memory(std::vector<std::byte> bytes, std::string name);

  ~ByteSource();
  ByteSource(ByteSource&& other) noexcept;
  ByteSource& operator=(ByteSource&& other) noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Return the size in bytes when it was opened.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Fill `out` with the bytes from `offset` on. @throws Error(bad_input) if the source ends
  /// before.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  ByteSource() = default;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::string name_;
  std::vector<std::byte> memory_;
};

}  // namespace alisio::fits
