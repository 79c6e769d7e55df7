#include "lib/io/text/run_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <variant>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/suggest.hpp"
#include "lib/base/version.hpp"
#include "lib/base/yaml_file.hpp"
#include "lib/io/text/ecsv.hpp"

namespace alisio::text {
namespace fs = std::filesystem;
namespace {

constexpr const char* version_key = "alisio_version";
constexpr const char* rows_key = "alisio_rows_sha256";

using Member = std::variant<std::int64_t RunSummaryRow::*, std::uint64_t RunSummaryRow::*,
                            std::string RunSummaryRow::*>;

struct SummaryColumn {
  const char* name;
  const char* datatype;
  Member member;
  bool required;  ///< early summaries lack some
};

/// All columns, in lstchain's order.
const std::array<SummaryColumn, 12>& summary_columns() {
  using Row = RunSummaryRow;
  static const std::array<SummaryColumn, 12> all{{
      {"run_id", "int64", &Row::run_id, true},
      {"n_subruns", "int64", &Row::n_subruns, true},
      {"run_type", "string", &Row::run_type, true},
      {"data_format", "string", &Row::data_format, false},
      {"evb_preprocessing", "int64", &Row::evb_preprocessing, false},
      {"ucts_timestamp", "int64", &Row::ucts_timestamp, true},
      {"run_start", "int64", &Row::run_start, true},
      {"dragon_reference_time", "int64", &Row::dragon_reference_time, true},
      {"dragon_reference_module_id", "int16", &Row::dragon_reference_module_id, true},
      {"dragon_reference_module_index", "int16", &Row::dragon_reference_module_index, true},
      {"dragon_reference_counter", "uint64", &Row::dragon_reference_counter, true},
      {"dragon_reference_source", "string", &Row::dragon_reference_source, true},
  }};
  return all;
}

/// Put a value into its place; false if it is none of the column's type.
bool assign(RunSummaryRow& row, const Member& member, const std::string& text) {
  const auto parse = [&](auto& value) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    return problem == std::errc() && end == text.data() + text.size();
  };
  if (const auto* place = std::get_if<std::string RunSummaryRow::*>(&member)) {
    row.** place = text;
    return true;
  }
  if (const auto* place = std::get_if<std::int64_t RunSummaryRow::*>(&member))
    return parse(row.**place);
  return parse(row.*std::get<std::uint64_t RunSummaryRow::*>(member));
}

[[noreturn]] void refuse(const fs::path& file, const std::string& where, const std::string& what,
                         const std::string& remedy) {
  throw Error(ErrorKind::configuration, what, fmt::format("{}: {}", file.string(), where), remedy);
}

/// Check one value of an override against the column that it is for.
void check_override(const fs::path& file, const std::string& where, const std::string& column,
                    const std::string& value) {
  static const std::vector<std::string> types{"DATA", "DRS4", "PEDCALIB", "ERROR"};
  std::vector<std::string> names;
  const SummaryColumn* found = nullptr;
  for (const SummaryColumn& candidate : summary_columns()) {
    if (std::string(candidate.name) == "run_id" || std::string(candidate.name) == "n_subruns")
      continue;
    names.emplace_back(candidate.name);
    if (column == candidate.name) found = &candidate;
  }
  if (found == nullptr)
    refuse(file, where, fmt::format("'{}' is no column that can be overridden", column),
           nearest_word(column, names).empty() ? fmt::format("known: {}", fmt::join(names, ", "))
                                               : suggestion(column, names));
  RunSummaryRow trial;
  if (!assign(trial, found->member, value))
    refuse(file, where, fmt::format("'{}' is no integer", value), "give a number");
  if (column == "run_type" && std::find(types.begin(), types.end(), value) == types.end())
    refuse(file, where, fmt::format("'{}' is no type of run", value),
           fmt::format("known: {}", fmt::join(types, ", ")));
  // Values go into a table of commas and quotes as they are.
  if (value.empty() || value.find_first_of(",\"\n\r") != std::string::npos)
    refuse(file, where, fmt::format("'{}' cannot stand in the table", value), "give plain text");
}

}  // namespace

std::vector<RunSummaryRow> read_run_summary(const fs::path& file) {
  const EcsvTable table = EcsvTable::read(file);
  std::vector<RunSummaryRow> rows(table.row_count());
  for (const SummaryColumn& column : summary_columns()) {
    if (!column.required && !table.has_column(column.name)) continue;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (const auto* text = std::get_if<std::string RunSummaryRow::*>(&column.member))
        rows[i].** text = table.text(i, column.name);
      else if (const auto* integer = std::get_if<std::int64_t RunSummaryRow::*>(&column.member))
        rows[i].** integer = table.integer(i, column.name);
      else
        rows[i].*std::get<std::uint64_t RunSummaryRow::*>(column.member) =
            table.unsigned_integer(i, column.name);
    }
  }
  return rows;
}

std::optional<RunSummaryRow> find_run(const std::vector<RunSummaryRow>& rows, std::int64_t run) {
  for (const RunSummaryRow& row : rows)
    if (row.run_id == run) return row;
  return std::nullopt;
}

std::string run_summary_text(const std::vector<RunSummaryRow>& rows, const std::string& iso_date) {
  std::vector<EcsvTable::Column> columns;
  for (const SummaryColumn& column : summary_columns())
    columns.push_back({column.name, column.datatype, ""});
  EcsvTable table(std::move(columns));
  for (const RunSummaryRow& row : rows) {
    std::vector<std::string> values;
    for (const SummaryColumn& column : summary_columns())
      values.push_back(std::visit(
          [&](auto member) -> std::string {
            if constexpr (std::is_same_v<decltype(member), std::string RunSummaryRow::*>)
              return row.*member;
            else
              return std::to_string(row.*member);
          },
          column.member));
    table.add_row(std::move(values));
  }
  table.add_meta("date", iso_date);
  table.add_meta(version_key, build_info().version);
  table.add_meta(rows_key, hash_text(table.rows_text()));
  return table.to_text();
}

SummaryOrigin origin_of(const fs::path& run_summary) {
  try {
    const EcsvTable table = EcsvTable::read(run_summary);
    if (table.meta(version_key).empty()) return SummaryOrigin::foreign;
    return table.meta(rows_key) == hash_text(table.rows_text()) ? SummaryOrigin::ours
                                                                : SummaryOrigin::edited;
  } catch (const Error&) {
    return SummaryOrigin::foreign;
  }
}

RunSummaryOverride read_run_summary_override(const fs::path& file) {
  constexpr const char* example = "expected  runs: {11219: {run_type: PEDCALIB}}";
  RunSummaryOverride out;
  try {
    const YAML::Node yaml = read_yaml_file(file).root;
    if (!yaml.IsMap() || !yaml["runs"]) refuse(file, "top level", "has no key 'runs'", example);
    for (const auto& entry : yaml)
      if (entry.first.as<std::string>() != "runs")
        refuse(file, "top level", "unknown key '" + entry.first.as<std::string>() + "'", example);
    if (yaml["runs"].IsNull()) return out;
    if (!yaml["runs"].IsMap()) refuse(file, "runs", "is no list of runs", example);
    for (const auto& entry : yaml["runs"]) {
      const std::string name = entry.first.as<std::string>();
      std::int64_t run = 0;
      const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), run);
      if (problem != std::errc() || end != name.data() + name.size() || run < 0)
        refuse(file, "runs", "'" + name + "' is no run number", example);
      if (!entry.second.IsMap()) refuse(file, "runs: " + name, "holds no values", example);
      if (out.contains(run)) refuse(file, "runs: " + name, "is there twice", "keep one");
      for (const auto& value : entry.second) {
        const std::string column = value.first.as<std::string>();
        const std::string where = fmt::format("runs: {}: {}", name, column);
        if (!value.second.IsScalar()) refuse(file, where, "is no single value", example);
        check_override(file, where, column, value.second.as<std::string>());
        out[run][column] = value.second.as<std::string>();
      }
    }
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::configuration, "cannot be read: " + e.msg,
                fmt::format("{}:{}", file.string(), e.mark.line + 1), example);
  }
  return out;
}

void apply_override(const RunSummaryOverride& override, const fs::path& where,
                    std::vector<RunSummaryRow>& rows) {
  for (const auto& [run, values] : override) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&, id = run](const RunSummaryRow& r) { return r.run_id == id; });
    if (row == rows.end()) {
      std::vector<std::int64_t> known;
      for (const RunSummaryRow& r : rows) known.push_back(r.run_id);
      refuse(where, "runs", fmt::format("run {} is not of this night", run),
             fmt::format("its runs: {}", fmt::join(known, ", ")));
    }
    for (const auto& [column, value] : values)
      for (const SummaryColumn& candidate : summary_columns())
        if (column == candidate.name) assign(*row, candidate.member, value);
  }
}

}  // namespace alisio::text
