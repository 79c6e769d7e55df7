#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace alisio::night {

/// A small ECSV table as text cells: run summaries and run catalogues.
struct TextTable {
  std::string file;                            ///< for messages
  std::map<std::string, std::size_t> columns;  ///< position by name
  std::vector<std::vector<std::string>> rows;

  [[nodiscard]] bool has(const std::string& column) const { return columns.contains(column); }
  /// @throws Error(bad_input) if the column does not exist.
  [[nodiscard]] const std::string& text(std::size_t row, const std::string& column) const;
  /// @throws Error(bad_input) if the cell is no whole number.
  [[nodiscard]] std::int64_t integer(std::size_t row, const std::string& column) const;
  /// @throws Error(bad_input) if the cell is no number.
  [[nodiscard]] double number(std::size_t row, const std::string& column) const;
};

/// Read an ECSV file with blanks or commas between its cells.
/// @throws Error(missing_input), Error(bad_input) naming file and line.
[[nodiscard]] TextTable read_ecsv(const std::filesystem::path& file);

}  // namespace alisio::night
