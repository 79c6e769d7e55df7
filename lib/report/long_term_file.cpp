#include "lib/report/long_term_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/version.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::report {
namespace {

constexpr const char* runs_path = "/runsummary/table";

bool is_known(double value) {
  return std::isfinite(value);
}

/// Write a table that pandas reads by the name of the group. A whole-number column with gaps
/// becomes one of floating point, as in pandas.
void write_table(hdf5::File& file, const std::string& group, const LongTermTable& table) {
  const std::size_t n = table.rows();
  // With these pandas takes a group for a table without looking for its own bookkeeping.
  file.create_group(group);
  file.write_attribute(group, "pandas_type", std::string("frame_table"));
  file.write_attribute(group, "table_type", std::string("generic_table"));
  file.write_attribute(group, "pandas_version", std::string("0.15.2"));
  file.write_attribute(group, "encoding", std::string("UTF-8"));
  file.write_attribute(group, "errors", std::string("strict"));
  hdf5::TableSpec spec;
  spec.path = group + "/table";
  std::vector<std::vector<std::int64_t>> whole(table.columns.size());
  std::vector<hdf5::ColumnSource> sources;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::vector<double>& values = table.values[c];
    hdf5::ColumnSpec column;
    column.name = table.columns[c].name;
    column.description = table.columns[c].text;
    if (table.columns[c].whole && std::ranges::all_of(values, is_known)) {
      column.type = hdf5::ScalarType::int64;
      for (const double value : values) whole[c].push_back(std::llround(value));
      sources.push_back(hdf5::ColumnSource::of(whole[c]));
    } else {
      sources.push_back(hdf5::ColumnSource::of(values));
    }
    spec.columns.push_back(std::move(column));
  }
  hdf5::TableWriter writer(file, std::move(spec));
  if (n > 0) writer.append(n, sources);
  // Not as units of ctapipe's tables: lstchain's reader computes with plain numbers.
  for (const LongTermColumn& column : table.columns)
    if (!column.unit.empty()) writer.write_attribute(column.name + "_unit", column.unit);
  writer.finish();
}

void write_pixels(hdf5::File& file, const std::string& path, const LongTermTable& runs,
                  const std::vector<LongTermPixels>& pixels) {
  const auto numbers = runs.column("runnumber"), times = runs.column("time");
  const std::size_t n_pixels =
      pixels.empty() || pixels.front().values.empty() ? 0 : pixels.front().values.front().size();
  if (n_pixels == 0) return;
  hdf5::TableSpec spec;
  spec.path = path;
  spec.chunk_rows = 16;
  for (const LongTermPixels& quantity : pixels) {
    hdf5::ColumnSpec column;
    column.name = quantity.name;
    column.type = hdf5::ScalarType::float32;
    column.shape = {n_pixels};
    spec.columns.push_back(std::move(column));
  }
  hdf5::ColumnSpec run, time;
  run.name = "runnumber";
  run.type = hdf5::ScalarType::int32;
  time.name = "time";
  spec.columns.push_back(run);
  spec.columns.push_back(time);
  hdf5::TableWriter writer(file, std::move(spec));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = std::int32_t(numbers[i]);
    std::vector<hdf5::ColumnSource> sources;
    for (const LongTermPixels& quantity : pixels)
      sources.push_back(hdf5::ColumnSource::of(quantity.values[i]));
    sources.push_back(hdf5::ColumnSource::constant(number));
    sources.push_back(hdf5::ColumnSource::constant(times[i]));
    writer.append(1, sources);
  }
  writer.finish();
}

}  // namespace

void write_long_term(const std::filesystem::path& path, const LongTerm& table,
                     const ProductMetadata& metadata) {
  hdf5::File file = hdf5::File::create(path);
  write_table(file, "/runsummary", table.runs);
  write_table(file, "/cosmics", table.cosmics);
  write_table(file, "/pedestals", table.pedestals);
  write_table(file, "/flatfield", table.flatfield);
  write_pixels(file, "/pixwise_runsummary", table.runs, table.pixels);
  write_pixels(file, "/pixwise_runsummary_no_stars", table.runs, table.pixels_without_stars);
  file.write_attribute("/", "ALISIO_VERSION", build_info().version);
  for (const auto& [name, value] : metadata.attributes)
    file.write_attribute("/", name, value, hdf5::TextForm::variable);
  if (!metadata.record_json.empty()) file.write_text("/provenance/long_term", metadata.record_json);
  file.close();
}

LongTerm read_long_term(const std::filesystem::path& path) {
  const hdf5::File file = hdf5::File::open(path);
  if (!file.exists(runs_path))
    throw Error(ErrorKind::bad_input, fmt::format("has no table '{}'", runs_path), path.string(),
                "give a file of alisio long-term or lstchain_longterm_dl1_check");
  const hdf5::TableReader reader(file, runs_path);
  const hdf5::Rows rows = reader.read_all();
  LongTerm table = empty_long_term();
  for (std::size_t c = 0; c < table.runs.columns.size(); ++c) {
    const std::string& name = table.runs.columns[c].name;
    if (reader.has_column(name))
      table.runs.values[c] = rows.column<double>(name);
    else
      table.runs.values[c].assign(rows.size(), std::numeric_limits<double>::quiet_NaN());
  }
  // lstchain's file holds counts in place of rates.
  const auto fill = [&](const char* rate, const char* count) {
    const auto column = std::ranges::find(table.runs.columns, rate, &LongTermColumn::name);
    auto& values = table.runs.values[std::size_t(column - table.runs.columns.begin())];
    const auto counts = table.runs.column(count), elapsed = table.runs.column("elapsed_time");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (std::isnan(values[i]) && elapsed[i] > 0) values[i] = counts[i] / elapsed[i];
  };
  fill("rate_cosmics", "num_cosmics");
  fill("rate_pedestals", "num_pedestals");
  fill("rate_flatfield", "num_flatfield");
  fill("rate_contained_mu_rings", "num_contained_mu_rings");
  return table;
}

std::string long_term_csv(const LongTermTable& runs) {
  std::string csv;
  for (std::size_t c = 0; c < runs.columns.size(); ++c) {
    const LongTermColumn& column = runs.columns[c];
    csv += (c == 0 ? "" : ",") + column.name;
    if (!column.unit.empty()) csv += " [" + column.unit + "]";
  }
  csv += '\n';
  for (std::size_t row = 0; row < runs.rows(); ++row) {
    for (std::size_t c = 0; c < runs.columns.size(); ++c) {
      const double value = runs.values[c][row];
      if (c > 0) csv += ',';
      if (!is_known(value)) continue;
      csv +=
          runs.columns[c].whole ? fmt::format("{}", std::llround(value)) : fmt::format("{}", value);
    }
    csv += '\n';
  }
  return csv;
}

}  // namespace alisio::report
