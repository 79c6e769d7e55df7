#include "lib/pipeline/catb_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lib/base/error.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/table_copy.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::ScalarType;

std::string group_of(std::int64_t tel_id) {
  return fmt::format("/tel_{}/", tel_id);
}

/// Read a [gain][pixel] column of one row.
template <typename T>
std::vector<T> pixels(const hdf5::Rows& row, const std::string& name, std::size_t n_pixels,
                      const hdf5::File& file) {
  std::vector<T> values = row.arrays<T>(name);
  if (values.size() != 2 * n_pixels)
    throw Error(ErrorKind::bad_input,
                fmt::format("column '{}' holds {} values, not 2 gains of {} pixels", name,
                            values.size(), n_pixels),
                file.path().string(), "give the Cat-B file of this camera");
  return values;
}

struct Added {
  ColumnSpec column;
  ColumnSource source;
};

/// Copy one table, with columns added or, if the table has them, replaced.
void copy_table(const hdf5::File& file, hdf5::File& target, const std::string& from,
                const std::string& to, const std::vector<ColumnSpec>& known,
                const std::vector<Added>& additions) {
  const hdf5::TableReader reader(file, from);
  const hdf5::Rows rows = reader.read_all();
  std::vector<ColumnSpec> columns;
  std::vector<ColumnSource> sources;
  const auto is_added = [&](const std::string& name) {
    return std::ranges::any_of(additions, [&](const Added& a) { return a.column.name == name; });
  };
  for (const hdf5::ColumnInfo& column : reader.columns()) {
    if (is_added(column.name)) continue;
    columns.push_back(spec_of(column, known));
    sources.push_back(rows.source(column.name));
  }
  for (const Added& addition : additions) {
    columns.push_back(addition.column);
    sources.push_back(addition.source);
  }
  hdf5::TableWriter writer(
      target,
      {.path = to, .title = "", .columns = columns, .chunk_rows = 1, .compression_level = 1});
  writer.append(rows.size(), sources);
  const bool configured = file.has_attribute(from, "config");
  write_table_attributes(writer, configured ? file.text_attribute(from, "config") : "{}");
  writer.finish();
}

}  // namespace

CatBConstants read_catb(const hdf5::File& file, std::int64_t tel_id, std::size_t n_pixels) {
  const std::string group = group_of(tel_id);
  const hdf5::TableReader calibration(file, group + "calibration");
  const hdf5::TableReader pedestal(file, group + "pedestal");
  const std::size_t n = calibration.row_count();
  if (n == 0)
    throw Error(ErrorKind::bad_input, "holds no Cat-B interval", file.path().string(),
                "make it again: alisio cat-b");
  if (pedestal.row_count() != n)
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} calibrations and {} pedestals", n, pedestal.row_count()),
                file.path().string(), "make it again: alisio cat-b");
  CatBConstants constants;
  for (std::size_t i = 0; i < n; ++i) {
    const hdf5::Rows row = calibration.read(i, 1);
    recalibrate::Interval interval;
    interval.time_min = row.column<double>("time_min")[0];
    interval.dc_to_pe = pixels<double>(row, "dc_to_pe", n_pixels, file);
    interval.pedestal_per_sample = pixels<double>(row, "pedestal_per_sample", n_pixels, file);
    interval.time_correction = pixels<double>(row, "time_correction", n_pixels, file);
    interval.unusable_pixels = pixels<std::uint8_t>(row, "unusable_pixels", n_pixels, file);
    constants.time_min.push_back(interval.time_min);
    constants.intervals.push_back(std::move(interval));
    const hdf5::Rows noise = pedestal.read(i, 1);
    constants.pedestal_mean.push_back(pixels<double>(noise, "charge_mean", n_pixels, file));
    constants.pedestal_std.push_back(pixels<double>(noise, "charge_std", n_pixels, file));
    for (auto* values : {&constants.pedestal_mean.back(), &constants.pedestal_std.back()})
      values->resize(n_pixels);
  }
  if (!std::ranges::is_sorted(constants.time_min))
    throw Error(ErrorKind::bad_input, "its intervals are not in the order of time",
                file.path().string(), "make it again: alisio cat-b");
  return constants;
}

std::vector<std::uint8_t> good_intervals(const CatBConstants& constants,
                                         std::int64_t max_unusable_pixels) {
  std::vector<std::uint8_t> good;
  for (const recalibrate::Interval& interval : constants.intervals)
    good.push_back(std::int64_t(recalibrate::unusable_count(interval)) < max_unusable_pixels);
  return good;
}

void copy_catb_tables(const hdf5::File& file, hdf5::File& target, std::int64_t tel_id,
                      std::size_t n_pixels, const std::vector<std::uint8_t>& gti) {
  const std::string from = group_of(tel_id), to = std::string(catb_path) + "/";
  const std::uint64_t longest = std::max({hdf5::TableReader(file, from + "calibration").row_count(),
                                          hdf5::TableReader(file, from + "pedestal").row_count(),
                                          hdf5::TableReader(file, from + "flatfield").row_count()});
  std::vector<std::int64_t> numbers(longest);
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  const auto number = [&](const char* name) {
    return Added{hdf5::plain_column(name, ScalarType::int64, "Number of the row"),
                 ColumnSource::of(numbers)};
  };
  copy_table(file, target, from + "calibration", to + "calibration", calibration_columns(n_pixels),
             {number("calibration_id"),
              number("pedestal_id"),
              number("flatfield_id"),
              {hdf5::plain_column("gti", ScalarType::boolean,
                                  "Good time interval: few pixels are unusable"),
               ColumnSource::of(gti)}});
  copy_table(file, target, from + "pedestal", to + "pedestal", pedestal_columns(n_pixels),
             {number("pedestal_id")});
  copy_table(file, target, from + "flatfield", to + "flatfield", flatfield_columns(n_pixels),
             {number("flatfield_id")});
}

}  // namespace alisio::pipeline
