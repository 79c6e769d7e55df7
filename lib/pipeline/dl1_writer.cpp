#include "lib/pipeline/dl1_writer.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lib/base/version.hpp"
#include "lib/pipeline/configuration_tables.hpp"
#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::ScalarType;
using hdf5::TableSpec;
using hdf5::TableWriter;

constexpr std::size_t parameter_chunk_rows = 202;
constexpr std::int64_t not_simulated = -9999;

/// Image tables end on a partly filled chunk only if no full one can follow; blocks see to that.
TableSpec image_table(std::size_t n_pixels, std::size_t block_events) {
  return {.path = images_path,
          .title = "Storage of EventIndexContainer,DL1CameraContainer,ExtraImageInfo",
          .columns = image_columns(n_pixels),
          .chunk_rows = block_events,
          .compression_level = 5,
          .codec = hdf5::Codec::lz4,
          .item_bytes = sizeof(float)};
}

TableSpec parameter_table() {
  return {.path = parameters_path,
          .title = "Storage of EventIndexContainer,DL1ParametersContainer",
          .columns = parameter_columns(),
          .chunk_rows = parameter_chunk_rows,
          .compression_level = 1};
}

}  // namespace

void write_table_attributes(TableWriter& table, const std::string& config_json) {
  table.write_attribute("CONTACT", "LST Consortium");
  table.write_attribute("LSTCHAIN_VERSION", lstchain_version);
  table.write_attribute("CTAPIPE_VERSION", ctapipe_version);
  table.write_attribute("CTAPIPE_IO_LST_VERSION", ctapipe_io_lst_version);
  table.write_attribute("config", config_json);
}

void write_file_attributes(hdf5::File& file, const ProductMetadata& metadata,
                           const std::string& stage) {
  // PyTables' default filters of new tables: Blosc with zstd at level 1, shuffle and Fletcher's
  // checksum.
  file.write_attribute("/", "FILTERS", std::int64_t{199169});
  file.write_attribute("/", "CONTACT", "LST Consortium");
  file.write_attribute("/", "LSTCHAIN_VERSION", lstchain_version);
  file.write_attribute("/", "CTAPIPE_VERSION", ctapipe_version);
  file.write_attribute("/", "CTAPIPE_IO_LST_VERSION", ctapipe_io_lst_version);
  file.write_attribute("/", "ALISIO_VERSION", build_info().version);
  for (const auto& [name, value] : metadata.attributes)
    file.write_attribute("/", name, value, hdf5::TextForm::variable);
  if (!metadata.record_json.empty()) file.write_text("/provenance/" + stage, metadata.record_json);
}

Dl1Writer::Dl1Writer(const std::filesystem::path& path, const instrument::Telescope& telescope,
                     std::int64_t obs_id, std::size_t block_events, std::string config_json)
    : file_(hdf5::File::create(path)),
      telescope_(telescope),
      obs_id_(obs_id),
      tel_id_(telescope.tel_id),
      config_json_(std::move(config_json)),
      images_(file_, image_table(telescope.geometry.n_pixels, block_events)),
      parameters_(file_, parameter_table()) {
  write_configuration(file_, telescope);
}

hdf5::CompressedChunk Dl1Writer::prepare(const EventBlock& b) const {
  const std::uint8_t valid = 1;
  const ColumnSource sources[] = {ColumnSource::constant(obs_id_),
                                  ColumnSource::of(b.event_id),
                                  ColumnSource::of(b.image, b.n_pixels),
                                  ColumnSource::of(b.peak_time, b.n_pixels),
                                  ColumnSource::of(b.image_mask, b.n_pixels),
                                  ColumnSource::constant(valid),
                                  ColumnSource::constant(tel_id_),
                                  ColumnSource::of(b.selected_gain, b.n_pixels)};
  // One buffer a thread, kept for the next block.
  thread_local std::vector<std::byte> packed;
  images_.pack(b.size, sources, packed);
  return images_.compress(packed, b.size);
}

void Dl1Writer::write(const EventBlock& b, const hdf5::CompressedChunk& images) {
  if (b.size == 0) return;
  images_.write_chunk(images);
  sin_az_.resize(b.size);
  event_type_.resize(b.size);
  for (std::size_t i = 0; i < b.size; ++i) {
    sin_az_[i] = std::sin(b.az_tel[i]);
    event_type_[i] = std::int64_t(b.event_type[i]);
  }
  const std::int64_t none = 0;
  const auto parameter = [&](auto ImageParameters::*member) {
    return ColumnSource{&(b.parameters.front().*member), sizeof(ImageParameters)};
  };
  using P = ImageParameters;
  const ColumnSource sources[] = {ColumnSource::constant(obs_id_),
                                  ColumnSource::of(b.event_id),
                                  parameter(&P::intensity),
                                  parameter(&P::log_intensity),
                                  parameter(&P::x),
                                  parameter(&P::y),
                                  parameter(&P::r),
                                  parameter(&P::phi),
                                  parameter(&P::length),
                                  parameter(&P::length_uncertainty),
                                  parameter(&P::width),
                                  parameter(&P::width_uncertainty),
                                  parameter(&P::psi),
                                  parameter(&P::skewness),
                                  parameter(&P::kurtosis),
                                  parameter(&P::time_gradient),
                                  parameter(&P::intercept),
                                  parameter(&P::leakage_intensity_width_1),
                                  parameter(&P::leakage_intensity_width_2),
                                  parameter(&P::leakage_pixels_width_1),
                                  parameter(&P::leakage_pixels_width_2),
                                  parameter(&P::n_pixels),
                                  parameter(&P::concentration_cog),
                                  parameter(&P::concentration_core),
                                  parameter(&P::concentration_pixel),
                                  parameter(&P::n_islands),
                                  ColumnSource::of(b.alt_tel),
                                  ColumnSource::of(b.az_tel),
                                  ColumnSource::of(sin_az_),
                                  ColumnSource::of(b.calibration_id),
                                  ColumnSource::of(b.time_unix_s),
                                  ColumnSource::constant(none),
                                  ColumnSource::constant(none),
                                  ColumnSource::of(b.ucts_jump),
                                  ColumnSource::constant(not_simulated),
                                  parameter(&P::wl),
                                  ColumnSource::constant(tel_id_),
                                  ColumnSource::constant(telescope_.position[0]),
                                  ColumnSource::constant(telescope_.position[1]),
                                  ColumnSource::constant(telescope_.position[2]),
                                  ColumnSource::of(b.tib_trigger_type),
                                  ColumnSource::of(b.ucts_trigger_type),
                                  ColumnSource::of(b.time_unix_s),
                                  ColumnSource::of(event_type_)};
  parameters_.append(b.size, sources);
}

void Dl1Writer::write_monitoring(const std::vector<MonitoringRow>& rows,
                                 const std::vector<MonitoringParts>& parts) {
  const std::size_t n = telescope_.geometry.n_pixels;
  const auto table = [&](const char* path, const char* kind, std::vector<ColumnSpec> columns,
                         std::size_t chunk) {
    TableWriter writer(file_,
                       {.path = path,
                        .title = std::string("Storage of DL1MonitoringEventIndexContainer,") + kind,
                        .columns = std::move(columns),
                        .chunk_rows = chunk,
                        .compression_level = 1});
    write_table_attributes(writer, config_json_);
    return writer;
  };
  TableWriter calibration =
      table(calibration_path, "WaveformCalibrationContainer", calibration_columns(n), 4);
  TableWriter pedestal = table(pedestal_path, "PedestalContainer", pedestal_columns(n), 2);
  TableWriter flatfield = table(flatfield_path, "FlatFieldContainer", flatfield_columns(n), 1);
  using S = ColumnSource;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MonitoringRow& row = rows[i];
    const S ids[] = {S::constant(tel_id_), S::constant(row.calibration_id),
                     S::constant(row.pedestal_id), S::constant(row.flatfield_id)};
    const auto append = [&](TableWriter& writer, std::vector<S> values) {
      values.insert(values.begin(), std::begin(ids), std::end(ids));
      writer.append(1, values);
    };
    if (parts[i].pedestal) {
      const MonitoringRow::Pedestal& p = row.pedestal;
      append(pedestal,
             {S::constant(p.n_events), S::constant(p.sample_time), S::constant(p.sample_time_min),
              S::constant(p.sample_time_max), S::of(p.charge_mean), S::of(p.charge_median),
              S::of(p.charge_std), S::of(p.charge_median_outliers), S::of(p.charge_std_outliers)});
    }
    if (parts[i].flatfield) {
      const MonitoringRow::Flatfield& f = row.flatfield;
      append(flatfield,
             {S::constant(f.sample_time), S::constant(f.sample_time_min),
              S::constant(f.sample_time_max), S::constant(f.n_events), S::of(f.charge_mean),
              S::of(f.charge_median), S::of(f.charge_std), S::of(f.time_mean), S::of(f.time_median),
              S::of(f.time_std), S::of(f.relative_gain_mean), S::of(f.relative_gain_median),
              S::of(f.relative_gain_std), S::of(f.relative_time_median),
              S::of(f.charge_median_outliers), S::of(f.charge_std_outliers),
              S::of(f.time_median_outliers)});
      const MonitoringRow::Calibration& c = row.calibration;
      append(calibration, {S::constant(c.time), S::constant(c.time_min), S::constant(c.time_max),
                           S::of(c.dc_to_pe), S::of(c.pedestal_per_sample),
                           S::of(c.time_correction), S::of(c.n_pe), S::of(c.unusable_pixels)});
    }
  }
  calibration.finish();
  pedestal.finish();
  flatfield.finish();
}

void Dl1Writer::finish(const ProductMetadata& metadata) {
  for (TableWriter* table : {&images_, &parameters_}) {
    write_table_attributes(*table, config_json_);
    table->finish();
  }
  write_file_attributes(file_, metadata, "r0_to_dl1");
  file_.close();
}

void append_rows(dl2::Dl1Columns& rows, const EventBlock& b, const instrument::Telescope& telescope,
                 std::int64_t obs_id) {
  const auto add = [&](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.begin() + std::ptrdiff_t(b.size));
  };
  const auto fill = [&](auto& to, auto value) { to.insert(to.end(), b.size, value); };
  for (std::size_t i = 0; i < b.size; ++i)
    rows.file_row.push_back(std::int64_t(rows.file_row.size()));
  fill(rows.obs_id, obs_id);
  add(rows.event_id, b.event_id);
  add(rows.parameters, b.parameters);
  add(rows.alt_tel, b.alt_tel);
  add(rows.az_tel, b.az_tel);
  for (std::size_t i = 0; i < b.size; ++i) rows.sin_az_tel.push_back(std::sin(b.az_tel[i]));
  add(rows.calibration_id, b.calibration_id);
  add(rows.dragon_time, b.time_unix_s);
  fill(rows.ucts_time, std::int64_t{0});
  fill(rows.tib_time, std::int64_t{0});
  add(rows.ucts_jump, b.ucts_jump);
  fill(rows.mc_type, not_simulated);
  fill(rows.tel_id, telescope.tel_id);
  fill(rows.tel_pos_x, telescope.position[0]);
  fill(rows.tel_pos_y, telescope.position[1]);
  fill(rows.tel_pos_z, telescope.position[2]);
  add(rows.trigger_type, b.tib_trigger_type);
  add(rows.ucts_trigger_type, b.ucts_trigger_type);
  add(rows.trigger_time, b.time_unix_s);
  for (std::size_t i = 0; i < b.size; ++i) rows.event_type.push_back(std::int64_t(b.event_type[i]));
}

}  // namespace alisio::pipeline
