#include "lib/io/text/ecsv.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::text {
namespace {

std::vector<std::string> split(const std::string& line, char delimiter) {
  std::vector<std::string> parts;
  std::string part;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == delimiter && !quoted) {
      parts.push_back(part);
      part.clear();
    } else if (c != '\r') {
      part += c;
    }
  }
  parts.push_back(part);
  return parts;
}

template <typename T>
bool parse(const std::string& text, T& value) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size();
}

}  // namespace

EcsvTable::EcsvTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

EcsvTable EcsvTable::read(const std::filesystem::path& file) {
  return parse_ecsv(read_text_file(file), file);
}

EcsvTable EcsvTable::parse_ecsv(std::string_view content, const std::filesystem::path& file) {
  EcsvTable table;
  table.file_ = file.string();
  std::istringstream in{std::string(content)};
  std::string header, line;
  std::size_t number = 0;
  char delimiter = ' ';
  bool head_done = false;
  while (std::getline(in, line)) {
    ++number;
    if (line.starts_with("#")) {
      header += (line.size() > 2 ? line.substr(2) : "") + "\n";
      continue;
    }
    if (line.empty()) continue;
    const std::string where = fmt::format("{}:{}", file.string(), number);
    if (!head_done) {
      head_done = true;
      try {
        const std::size_t start = header.find("---");
        const YAML::Node yaml =
            YAML::Load(start == std::string::npos ? "" : header.substr(start + 4));
        if (!header.starts_with("%ECSV") || !yaml["datatype"])
          throw Error(ErrorKind::bad_input, "is no ECSV file", file.string());
        if (yaml["delimiter"]) delimiter = yaml["delimiter"].as<std::string>().at(0);
        for (const auto& column : yaml["datatype"])
          table.columns_.push_back({column["name"].as<std::string>(),
                                    column["datatype"].as<std::string>(),
                                    column["unit"] ? column["unit"].as<std::string>() : ""});
        table.read_meta(yaml["meta"]);
      } catch (const YAML::Exception& e) {
        throw Error(ErrorKind::bad_input, "has a header that cannot be read: " + e.msg,
                    file.string());
      }
      const std::vector<std::string> names = split(line, delimiter);
      bool equal = names.size() == table.columns_.size();
      for (std::size_t i = 0; equal && i < names.size(); ++i)
        equal = names[i] == table.columns_[i].name;
      if (!equal)
        throw Error(ErrorKind::bad_input, "the line of names does not fit the header", where);
      continue;
    }
    table.add_line(line, delimiter, number);
  }
  if (!head_done) throw Error(ErrorKind::bad_input, "is no ECSV file", file.string());
  return table;
}

EcsvTable EcsvTable::read_csv(const std::filesystem::path& file) {
  return parse_csv(read_text_file(file), file);
}

EcsvTable EcsvTable::parse_csv(std::string_view content, const std::filesystem::path& file) {
  if (content.starts_with("# %ECSV")) return parse_ecsv(content, file);
  EcsvTable table;
  table.file_ = file.string();
  std::istringstream in{std::string(content)};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line.starts_with("#")) continue;
    if (table.columns_.empty())
      for (const std::string& name : split(line, ',')) table.columns_.push_back({name, "", ""});
    else
      table.add_line(line, ',', number);
  }
  return table;
}

void EcsvTable::add_line(const std::string& line, char delimiter, std::size_t number) {
  std::vector<std::string> values = split(line, delimiter);
  if (values.size() != columns_.size())
    throw Error(ErrorKind::bad_input,
                fmt::format("has {} values for {} columns", values.size(), columns_.size()),
                fmt::format("{}:{}", file_, number));
  rows_.push_back(std::move(values));
  lines_.push_back(number);
}

bool EcsvTable::has_column(const std::string& name) const {
  for (const Column& column : columns_)
    if (column.name == name) return true;
  return false;
}

void EcsvTable::read_meta(const YAML::Node& meta) {
  if (!meta) return;
  const auto keep = [&](const YAML::Node& entries) {
    for (const auto& entry : entries)
      if (entry.second.IsScalar())
        meta_.emplace_back(entry.first.as<std::string>(), entry.second.as<std::string>());
  };
  // An ordered mapping (!!omap) is a list of mappings of one entry.
  if (meta.IsSequence())
    for (const auto& item : meta)
      if (item.IsMap()) keep(item);
  if (meta.IsMap()) keep(meta);
}

std::size_t EcsvTable::index_of(const std::string& column) const {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].name == column) return i;
  throw Error(ErrorKind::bad_input, "has no column '" + column + "'", file_);
}

std::string EcsvTable::place(std::size_t row, const std::string& column) const {
  return fmt::format("{}:{}: {}", file_, row < lines_.size() ? lines_[row] : row, column);
}

const std::string& EcsvTable::text(std::size_t row, const std::string& column) const {
  return rows_.at(row)[index_of(column)];
}

std::int64_t EcsvTable::integer(std::size_t row, const std::string& column) const {
  std::int64_t value = 0;
  if (!parse(text(row, column), value))
    throw Error(ErrorKind::bad_input, "'" + text(row, column) + "' is no integer",
                place(row, column));
  return value;
}

std::uint64_t EcsvTable::unsigned_integer(std::size_t row, const std::string& column) const {
  std::uint64_t value = 0;
  const std::string& held = text(row, column);
  if (parse(held, value)) return value;
  // The peers write -1 into unsigned columns for "none".
  if (std::int64_t negative = 0; parse(held, negative)) return static_cast<std::uint64_t>(negative);
  throw Error(ErrorKind::bad_input, "'" + held + "' is no integer", place(row, column));
}

double EcsvTable::number(std::size_t row, const std::string& column) const {
  const std::string& held = text(row, column);
  double value = 0;
  if (held.empty() || held == "nan") return std::nan("");
  if (!parse(held, value))
    throw Error(ErrorKind::bad_input, "'" + held + "' is no number", place(row, column));
  return value;
}

void EcsvTable::add_row(std::vector<std::string> values) {
  if (values.size() != columns_.size())
    throw Error(ErrorKind::bug, "a row of another width", file_);
  rows_.push_back(std::move(values));
}

std::string EcsvTable::to_text() const {
  std::string out = "# %ECSV 1.0\n# ---\n# datatype:\n";
  for (const Column& column : columns_)
    out += fmt::format("# - {{name: {}, {}datatype: {}}}\n", column.name,
                       column.unit.empty() ? "" : "unit: " + column.unit + ", ", column.datatype);
  out += "# delimiter: ','\n";
  if (!meta_.empty()) {
    out += "# meta: !!omap\n";
    for (const auto& [key, value] : meta_) out += fmt::format("# - {{{}: '{}'}}\n", key, value);
  }
  out += "# schema: astropy-2.0\n";
  for (std::size_t i = 0; i < columns_.size(); ++i) out += (i == 0 ? "" : ",") + columns_[i].name;
  out += '\n';
  return out + rows_text();
}

std::string EcsvTable::rows_text() const {
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ",") + row[i];
    out += '\n';
  }
  return out;
}

std::string EcsvTable::meta(const std::string& key) const {
  for (const auto& [name, value] : meta_)
    if (name == key) return value;
  return "";
}

}  // namespace alisio::text
