#include "lib/pipeline/constants_file.hpp"

#include <fmt/format.h>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSpec;
using Source = hdf5::ColumnSource;

/// The columns of a DL1 monitoring table without the four ids before them.
std::vector<ColumnSpec> without_ids(std::vector<ColumnSpec> columns) {
  constexpr std::size_t ids = 4;
  columns.erase(columns.begin(), columns.begin() + ids);
  return columns;
}

std::vector<ColumnSpec> status_columns(std::size_t n_pixels) {
  const auto column = [&](const char* name, const char* description) {
    ColumnSpec spec;
    spec.name = name;
    spec.type = hdf5::ScalarType::boolean;
    spec.shape = {calib::n_gains, n_pixels};
    spec.description = description;
    return spec;
  };
  return {column("hardware_failing_pixels", "Channel was not read out"),
          column("pedestal_failing_pixels", "Outlier of the pedestals"),
          column("flatfield_failing_pixels", "Outlier of the flat-fields")};
}

}  // namespace

void write_charge_calibration(const std::filesystem::path& path,
                              const std::vector<calib::CameraCalibration>& rows,
                              const ConstantsFileInfo& info, const ProductMetadata& metadata) {
  hdf5::File file = hdf5::File::create(path);
  const std::size_t n = rows.empty() ? 0 : rows.front().row.calibration.dc_to_pe.size() / 2;
  const auto table = [&](const char* name, const char* container, std::vector<ColumnSpec> columns) {
    hdf5::TableWriter writer(file, {.path = fmt::format("/tel_{}/{}", info.telescope, name),
                                    .title = std::string("Storage of ") + container,
                                    .columns = std::move(columns),
                                    .chunk_rows = 1,
                                    .compression_level = 5});
    write_table_attributes(writer, info.configuration_json);
    return writer;
  };
  auto calibration =
      table("calibration", "WaveformCalibrationContainer", without_ids(calibration_columns(n)));
  auto flatfield = table("flatfield", "FlatFieldContainer", without_ids(flatfield_columns(n)));
  auto pedestal = table("pedestal", "PedestalContainer", without_ids(pedestal_columns(n)));
  auto status = table("pixel_status", "PixelStatusContainer", status_columns(n));
  for (const calib::CameraCalibration& one : rows) {
    const MonitoringRow::Calibration& c = one.row.calibration;
    const Source of_calibration[] = {
        Source::constant(c.time), Source::constant(c.time_min),      Source::constant(c.time_max),
        Source::of(c.dc_to_pe),   Source::of(c.pedestal_per_sample), Source::of(c.time_correction),
        Source::of(c.n_pe),       Source::of(c.unusable_pixels)};
    calibration.append(1, of_calibration);
    const MonitoringRow::Flatfield& f = one.row.flatfield;
    const Source of_flatfield[] = {Source::constant(f.sample_time),
                                   Source::constant(f.sample_time_min),
                                   Source::constant(f.sample_time_max),
                                   Source::constant(f.n_events),
                                   Source::of(f.charge_mean),
                                   Source::of(f.charge_median),
                                   Source::of(f.charge_std),
                                   Source::of(f.time_mean),
                                   Source::of(f.time_median),
                                   Source::of(f.time_std),
                                   Source::of(f.relative_gain_mean),
                                   Source::of(f.relative_gain_median),
                                   Source::of(f.relative_gain_std),
                                   Source::of(f.relative_time_median),
                                   Source::of(f.charge_median_outliers),
                                   Source::of(f.charge_std_outliers),
                                   Source::of(f.time_median_outliers)};
    flatfield.append(1, of_flatfield);
    const MonitoringRow::Pedestal& p = one.row.pedestal;
    const Source of_pedestal[] = {Source::constant(p.n_events),
                                  Source::constant(p.sample_time),
                                  Source::constant(p.sample_time_min),
                                  Source::constant(p.sample_time_max),
                                  Source::of(p.charge_mean),
                                  Source::of(p.charge_median),
                                  Source::of(p.charge_std),
                                  Source::of(p.charge_median_outliers),
                                  Source::of(p.charge_std_outliers)};
    pedestal.append(1, of_pedestal);
    const Source of_status[] = {Source::of(one.hardware_failing_pixels),
                                Source::of(one.pedestal_failing_pixels),
                                Source::of(one.flatfield_failing_pixels)};
    status.append(1, of_status);
  }
  for (hdf5::TableWriter* writer : {&calibration, &flatfield, &pedestal, &status}) writer->finish();
  write_file_attributes(file, metadata, info.stage);
  file.close();
}

std::vector<double> read_quadratic_term(const std::filesystem::path& path, std::size_t n_pixels) {
  const hdf5::File file = hdf5::File::open(path);
  if (!file.exists("/B_term"))
    throw Error(ErrorKind::bad_input, "has no 'B_term': it is no fit of an intensity scan",
                path.string(), "give a file scan_fit_*.h5 of lstchain_fit_intensity_scan");
  std::vector<std::size_t> shape;
  std::vector<double> term = file.read_array("/B_term", &shape);
  if (shape != std::vector<std::size_t>{calib::n_gains, n_pixels})
    throw Error(ErrorKind::bad_input,
                fmt::format("'B_term' has {} values, this camera needs {}", term.size(),
                            calib::n_gains * n_pixels),
                path.string(), "is it a file of another camera?");
  return term;
}

}  // namespace alisio::pipeline
