#include "lib/night/table_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::night {
namespace {

/// Cut a line into cells. Quotes protect separators; a doubled quote inside quotes is one quote.
std::vector<std::string> cells_of(const std::string& line, char separator) {
  std::vector<std::string> cells;
  std::string cell;
  bool quoted = false, any = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quoted) {
      if (c == '"' && at + 1 < line.size() && line[at + 1] == '"')
        cell += line[++at];
      else if (c == '"')
        quoted = false;
      else
        cell += c;
    } else if (c == '"') {
      quoted = any = true;
    } else if (c == separator) {
      if (separator != ' ' || any) cells.push_back(cell);
      cell.clear();
      any = false;
    } else {
      cell += c;
      any = true;
    }
  }
  if (separator != ' ' || any) cells.push_back(cell);
  return cells;
}

}  // namespace

const std::string& TextTable::text(std::size_t row, const std::string& column) const {
  const auto position = columns.find(column);
  if (position == columns.end())
    throw Error(ErrorKind::bad_input, fmt::format("the column '{}' is missing", column), file);
  return rows.at(row).at(position->second);
}

std::int64_t TextTable::integer(std::size_t row, const std::string& column) const {
  const std::string& cell = text(row, column);
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (failed != std::errc{} || end != cell.data() + cell.size())
    throw Error(
        ErrorKind::bad_input,
        fmt::format("'{}' in column '{}', row {}, is no whole number", cell, column, row + 1),
        file);
  return value;
}

double TextTable::number(std::size_t row, const std::string& column) const {
  const std::string& cell = text(row, column);
  double value = 0;
  const auto [end, failed] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (failed != std::errc{} || end != cell.data() + cell.size())
    throw Error(ErrorKind::bad_input,
                fmt::format("'{}' in column '{}', row {}, is no number", cell, column, row + 1),
                file);
  return value;
}

TextTable read_ecsv(const std::filesystem::path& file) {
  TextTable table;
  table.file = file.string();
  char separator = ' ';
  std::istringstream lines(read_text_file(file));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    if (line.front() == '#') {
      if (line.find("delimiter:") != std::string::npos && line.find(',') != std::string::npos)
        separator = ',';
      continue;
    }
    std::vector<std::string> cells = cells_of(line, separator);
    if (table.columns.empty()) {
      for (std::size_t column = 0; column < cells.size(); ++column)
        table.columns[cells[column]] = column;
      continue;
    }
    if (cells.size() != table.columns.size())
      throw Error(ErrorKind::bad_input,
                  fmt::format("line {} has {} cells, the header has {}", number, cells.size(),
                              table.columns.size()),
                  table.file);
    table.rows.push_back(std::move(cells));
  }
  if (table.columns.empty())
    throw Error(ErrorKind::bad_input, "there is no header line", table.file, "is it an ECSV file?");
  return table;
}

}  // namespace alisio::night
