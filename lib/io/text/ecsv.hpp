#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace YAML {
class Node;
}

namespace alisio::text {

/// A table of an ECSV file (astropy's enhanced CSV): columns with types and units, rows as text.
class EcsvTable {
 public:
  struct Column {
    std::string name;
    std::string datatype;  ///< "int64", "uint64", "float64", "string" …
    std::string unit;
  };

  EcsvTable() = default;
  explicit EcsvTable(std::vector<Column> columns);

  /// Read a file. @throws Error(missing_input, bad_input) naming file, line and column.
  static EcsvTable read(const std::filesystem::path& file);
  /// Read a file that may also be CSV: values separated by ',', the first line names the columns,
  /// of which type and unit are not known. @throws as read().
  static EcsvTable read_csv(const std::filesystem::path& file);
  /// Read the content of such a file. @param file names it, for messages
  static EcsvTable parse_csv(std::string_view content, const std::filesystem::path& file);

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }
  [[nodiscard]] bool has_column(const std::string& name) const;

  /// Typed access; a value that does not fit is Error(bad_input) naming file, line and column.
  [[nodiscard]] const std::string& text(std::size_t row, const std::string& column) const;
  [[nodiscard]] std::int64_t integer(std::size_t row, const std::string& column) const;
  [[nodiscard]] std::uint64_t unsigned_integer(std::size_t row, const std::string& column) const;
  [[nodiscard]] double number(std::size_t row, const std::string& column) const;

  /// Return an entry of the table's metadata, empty if it has none or it is no plain text.
  [[nodiscard]] std::string meta(const std::string& key) const;
  /// Return the lines of the rows, values separated by ','.
  [[nodiscard]] std::string rows_text() const;

  void add_row(std::vector<std::string> values);
  /// Add a line to the table's metadata, in order.
  void add_meta(std::string key, std::string value) {
    meta_.emplace_back(std::move(key), std::move(value));
  }
  /// Return the file's text, values separated by ','.
  [[nodiscard]] std::string to_text() const;

 private:
  static EcsvTable parse_ecsv(std::string_view content, const std::filesystem::path& file);
  void read_meta(const YAML::Node& meta);
  void add_line(const std::string& line, char delimiter, std::size_t number);
  [[nodiscard]] std::size_t index_of(const std::string& column) const;
  [[nodiscard]] std::string place(std::size_t row, const std::string& column) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> lines_;
  std::vector<std::pair<std::string, std::string>> meta_;
  std::string file_;
};

}  // namespace alisio::text
