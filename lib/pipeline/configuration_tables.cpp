#include "lib/pipeline/configuration_tables.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::plain_column;
using hdf5::quantity_column;
using hdf5::ScalarType;
using hdf5::TableWriter;
using hdf5::text_column;

constexpr int level = 5;
const std::string base = "/configuration/instrument";

void write_subarray(hdf5::File& file, const instrument::Telescope& t) {
  const std::string& camera = t.geometry.name;
  const std::int64_t index = 0;
  const auto tel_id = static_cast<std::uint16_t>(t.tel_id);
  TableWriter table(
      file,
      {.path = base + "/subarray/layout",
       .title = "",
       .columns = {plain_column("tel_id", ScalarType::uint16), text_column("name", t.name),
                   text_column("type", t.type), quantity_column("pos_x", "m"),
                   quantity_column("pos_y", "m"), quantity_column("pos_z", "m"),
                   text_column("camera_name", camera), text_column("optics_name", t.optics.name),
                   plain_column("camera_index", ScalarType::int64),
                   plain_column("optics_index", ScalarType::int64),
                   text_column("tel_description", t.description)},
       .chunk_rows = 923,
       .compression_level = level});
  const ColumnSource sources[] = {ColumnSource::constant(tel_id),
                                  {t.name.data(), 0},
                                  {t.type.data(), 0},
                                  ColumnSource::constant(t.position[0]),
                                  ColumnSource::constant(t.position[1]),
                                  ColumnSource::constant(t.position[2]),
                                  {camera.data(), 0},
                                  {t.optics.name.data(), 0},
                                  ColumnSource::constant(index),
                                  ColumnSource::constant(index),
                                  {t.description.data(), 0}};
  table.append(1, sources);
  table.write_attribute("ORIGIN", "ctapipe.instrument.SubarrayDescription");
  table.write_attribute("SOFT_VER", ctapipe_version);
  table.write_attribute("SUBARRAY", t.subarray);
  table.write_attribute("TAB_TYPE", "subarray");
  table.write_attribute("TAB_VER", "2.0");
  table.write_attribute("name", t.subarray);
  table.write_attribute("reference_itrs_x", t.reference_itrs[0]);
  table.write_attribute("reference_itrs_y", t.reference_itrs[1]);
  table.write_attribute("reference_itrs_z", t.reference_itrs[2]);
  table.finish();
}

void write_geometry(hdf5::File& file, const instrument::Telescope& t) {
  const instrument::CameraGeometry& g = t.geometry;
  TableWriter table(
      file, {.path = base + "/telescope/camera/geometry_0",
             .title = "",
             .columns = {plain_column("pix_id", ScalarType::int64), quantity_column("pix_x", "m"),
                         quantity_column("pix_y", "m"), quantity_column("pix_area", "m**2")},
             .chunk_rows = 2048,
             .compression_level = level});
  const ColumnSource sources[] = {ColumnSource::of(g.pix_id), ColumnSource::of(g.x),
                                  ColumnSource::of(g.y), ColumnSource::of(g.area)};
  table.append(g.n_pixels, sources);
  table.write_attribute("CAM_ID", g.name);
  table.write_attribute("CAM_ROT", g.camera_rotation_deg);
  table.write_attribute("PIX_ROT", g.pixel_rotation_deg);
  table.write_attribute("PIX_TYPE", g.pixel_type);
  table.write_attribute("TAB_TYPE", "ctapipe.instrument.CameraGeometry");
  table.write_attribute("TAB_VER", g.table_version);
  table.finish();
}

void write_readout(hdf5::File& file, const instrument::Telescope& t) {
  const instrument::CameraReadout& r = t.readout;
  std::vector<ColumnSpec> columns;
  std::vector<ColumnSource> sources;
  for (std::size_t channel = 0; channel < r.n_channels; ++channel) {
    columns.push_back(
        plain_column(fmt::format("reference_pulse_shape_channel{}", channel), ScalarType::float64));
    sources.push_back(ColumnSource::of(r.reference_pulse_shape[channel]));
  }
  columns.push_back(quantity_column("reference_pulse_sample_time", "ns"));
  sources.push_back(ColumnSource::of(r.reference_pulse_time));
  TableWriter table(file, {.path = base + "/telescope/camera/readout_0",
                           .title = "",
                           .columns = columns,
                           .chunk_rows = 2730,
                           .compression_level = level});
  table.append(r.reference_pulse_time.size(), sources);
  table.write_attribute("CAM_ID", r.camera_name);
  table.write_attribute("NCHAN", std::int64_t(r.n_channels));
  table.write_attribute("NPIXELS", std::int64_t(r.n_pixels));
  table.write_attribute("NSAMPLES", std::int64_t(r.n_samples));
  table.write_attribute("SAMPFREQ", r.sampling_rate);
  table.write_attribute("REFWIDTH", r.reference_pulse_width);
  table.write_attribute("TAB_TYPE", "ctapipe.instrument.CameraReadout");
  table.write_attribute("TAB_VER", r.table_version);
  table.finish();
}

void write_optics(hdf5::File& file, const instrument::Telescope& t) {
  const instrument::Optics& o = t.optics;
  TableWriter table(
      file, {.path = base + "/telescope/optics",
             .title = "",
             .columns = {text_column("optics_name", o.name), text_column("size_type", o.size_type),
                         text_column("reflector_shape", o.reflector_shape),
                         quantity_column("mirror_area", "m**2"),
                         plain_column("n_mirrors", ScalarType::int64),
                         plain_column("n_mirror_tiles", ScalarType::int64),
                         quantity_column("equivalent_focal_length", "m"),
                         quantity_column("effective_focal_length", "m")},
             .chunk_rows = 1191,
             .compression_level = level});
  const ColumnSource sources[] = {{o.name.data(), 0},
                                  {o.size_type.data(), 0},
                                  {o.reflector_shape.data(), 0},
                                  ColumnSource::constant(o.mirror_area),
                                  ColumnSource::constant(o.n_mirrors),
                                  ColumnSource::constant(o.n_mirror_tiles),
                                  ColumnSource::constant(o.equivalent_focal_length),
                                  ColumnSource::constant(o.effective_focal_length)};
  table.append(1, sources);
  table.write_attribute("ORIGIN", "ctapipe.instrument.SubarrayDescription");
  table.write_attribute("SOFT_VER", ctapipe_version);
  table.write_attribute("SUBARRAY", t.subarray);
  table.write_attribute("TAB_TYPE", "optics");
  table.write_attribute("TAB_VER", "4.0");
  table.finish();
}

}  // namespace

void write_configuration(hdf5::File& file, const instrument::Telescope& telescope) {
  write_subarray(file, telescope);
  write_geometry(file, telescope);
  write_readout(file, telescope);
  write_optics(file, telescope);
}

}  // namespace alisio::pipeline
