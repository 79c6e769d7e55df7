#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alisio::instrument {

/// A small table of text: the subset of ECSV in which camera data are kept (comment lines with
/// "key: value" metadata, one line of column names, rows separated by blanks, quotes around values
/// with blanks).
class TextTable {
 public:
  /// Read a file. Throws Error(missing_input) or, naming file and line, Error(bad_input).
  explicit TextTable(const std::filesystem::path& path);
  TextTable(const TextTable&) = delete;  // Rows are views into the text.
  TextTable& operator=(const TextTable&) = delete;

  [[nodiscard]] std::size_t n_rows() const noexcept { return lines_.size(); }
  /// Position of a column. Throws Error(bad_input) if there is none.
  [[nodiscard]] std::size_t column(std::string_view name) const;
  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const {
    return cells_[row * columns_.size() + column];
  }
  [[nodiscard]] double real(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::int64_t integer(std::size_t row, std::size_t column) const;

  /// Metadata by key. Throw Error(bad_input) if absent or not of the kind asked for.
  [[nodiscard]] std::string meta_text(std::string_view key) const;
  [[nodiscard]] double meta_real(std::string_view key) const;
  [[nodiscard]] std::int64_t meta_integer(std::string_view key) const;

  /// "file:line" of a row, for messages.
  [[nodiscard]] std::string where(std::size_t row) const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Meta {
    std::string_view key, value;
    std::size_t line;
  };
  [[nodiscard]] const Meta& meta(std::string_view key) const;

  std::string path_, content_;
  std::vector<Meta> meta_;
  std::vector<std::string_view> columns_, cells_;
  std::vector<std::size_t> lines_;  ///< [row], line number from 1
};

}  // namespace alisio::instrument
