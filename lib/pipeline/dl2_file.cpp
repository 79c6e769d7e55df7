#include "lib/pipeline/dl2_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <numeric>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/event/image_parameter_columns.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::ScalarType;

/// Columns of a table under way, with where their values are.
struct Columns {
  std::vector<ColumnSpec> specs;
  std::vector<ColumnSource> sources;
  /// What is converted or gathered for it; a deque, since the sources point into it.
  std::deque<std::vector<std::byte>> kept;

  /// Add a column, in the place of one of the same name.
  void put(ColumnSpec spec, ColumnSource source) {
    const auto same = std::ranges::find(specs, spec.name, &ColumnSpec::name);
    if (same != specs.end()) {
      sources[std::size_t(same - specs.begin())] = source;
      *same = std::move(spec);
    } else {
      specs.push_back(std::move(spec));
      sources.push_back(source);
    }
  }
  template <typename T>
  void add(const std::string& name, const std::vector<T>& values) {
    put(hdf5::plain_column(name,
                           std::is_same_v<T, double> ? ScalarType::float64 : ScalarType::int64),
        ColumnSource::of(values));
  }
  /// Add a column of the DL1 file as it is there.
  /// @param rows  of the file @param which  of them are wanted
  void add_unchanged(const hdf5::ColumnInfo& column, const hdf5::Rows& rows,
                     const std::vector<std::int64_t>& which) {
    // The peers' DL2 table names no units: pandas wrote it.
    ColumnSpec spec = hdf5::plain_column(column.name, column.type, {}, column.shape);
    if (column.type == ScalarType::text) spec.text_size = column.item_bytes;
    const std::size_t bytes = spec.bytes();
    const ColumnSource source = rows.source(column.name);
    std::vector<std::byte>& values = kept.emplace_back(which.size() * bytes);
    for (std::size_t i = 0; i < which.size(); ++i)
      std::memcpy(&values[i * bytes],
                  static_cast<const std::byte*>(source.data) +
                      static_cast<std::size_t>(which[i]) * source.stride_bytes,
                  bytes);
    put(std::move(spec), {values.data(), bytes});
  }
};

/// Return the source of a DL1 column's values.
ColumnSource source_of(const dl2::Dl1Columns& d, const std::string& name) {
  const bool none = d.size() == 0;
  const auto member = [&](auto ImageParameters::*at) {
    return ColumnSource{none ? nullptr : static_cast<const void*>(&(d.parameters[0].*at)),
                        sizeof(ImageParameters)};
  };
  if (const std::optional<ImageParameterColumn> parameter = find_image_parameter(name))
    return std::visit(member, parameter->member);
  if (name == "obs_id") return ColumnSource::of(d.obs_id);
  if (name == "event_id") return ColumnSource::of(d.event_id);
  if (name == "alt_tel") return ColumnSource::of(d.alt_tel);
  if (name == "az_tel") return ColumnSource::of(d.az_tel);
  if (name == "sin_az_tel") return ColumnSource::of(d.sin_az_tel);
  if (name == "calibration_id") return ColumnSource::of(d.calibration_id);
  if (name == "dragon_time") return ColumnSource::of(d.dragon_time);
  if (name == "ucts_time") return ColumnSource::of(d.ucts_time);
  if (name == "tib_time") return ColumnSource::of(d.tib_time);
  if (name == "ucts_jump") return ColumnSource::of(d.ucts_jump);
  if (name == "mc_type") return ColumnSource::of(d.mc_type);
  if (name == "tel_id") return ColumnSource::of(d.tel_id);
  if (name == "tel_pos_x") return ColumnSource::of(d.tel_pos_x);
  if (name == "tel_pos_y") return ColumnSource::of(d.tel_pos_y);
  if (name == "tel_pos_z") return ColumnSource::of(d.tel_pos_z);
  if (name == "trigger_type") return ColumnSource::of(d.trigger_type);
  if (name == "ucts_trigger_type") return ColumnSource::of(d.ucts_trigger_type);
  if (name == "trigger_time") return ColumnSource::of(d.trigger_time);
  if (name == "event_type") return ColumnSource::of(d.event_type);
  throw Error(ErrorKind::bug, "nothing is known to fill the DL2 column '" + name + "' with");
}

/// Add the columns of the DL1 table: those that there are, known or not, and no others.
void add_dl1_columns(const hdf5::File& dl1, const dl2::Dl1Columns& d, Columns& out) {
  const hdf5::TableReader input(dl1, parameters_path);
  const std::vector<ColumnSpec> known = parameter_columns();
  std::optional<hdf5::Rows> all;
  for (const hdf5::ColumnInfo& column : input.columns()) {
    const auto spec = std::ranges::find(known, column.name, &ColumnSpec::name);
    // Old DL1 files hold the trigger bits in wider integers; the type of the input is kept.
    const bool is_wide =
        spec != known.end() && spec->type == ScalarType::uint8 && column.type != ScalarType::uint8;
    if (spec == known.end() || is_wide) {
      if (!all) all = input.read_all();
      out.add_unchanged(column, *all, d.file_row);
    } else {
      out.put(hdf5::plain_column(column.name, spec->type), source_of(d, column.name));
    }
  }
  if (!input.has_column("sin_az_tel")) out.add("sin_az_tel", d.sin_az_tel);
}

/// Add what was reconstructed. @param named makes the name of a column
template <typename Named>
void add_results(const dl2::Dl2Columns& rows, const Named& named, Columns& out) {
  const auto add = [&](const char* name, const auto& values) { out.add(named(name), values); };
  if (rows.made.interpolated) {
    add("alt0", rows.alt0);
    add("alt1", rows.alt1);
    add("w0", rows.w0);
    add("w1", rows.w1);
  }
  add("log_reco_energy", rows.log_reco_energy);
  add("reco_energy", rows.reco_energy);
  if (rows.made.norm_sign) {
    add("reco_disp_norm", rows.reco_disp_norm);
    add("reco_disp_sign", rows.reco_disp_sign);
    add("reco_disp_sign_proba", rows.reco_disp_sign_proba);
  }
  add("reco_disp_dx", rows.reco_disp_dx);
  add("reco_disp_dy", rows.reco_disp_dy);
  add("reco_src_x", rows.reco_src_x);
  add("reco_src_y", rows.reco_src_y);
  add("signed_time_gradient", rows.signed_time_gradient);
  add("signed_skewness", rows.signed_skewness);
  add("reco_alt", rows.reco_alt);
  add("reco_az", rows.reco_az);
  if (rows.made.of_source) {
    add("reco_disp_sign_correctness", rows.reco_disp_sign_correctness);
    add("reco_disp_norm_diff", rows.reco_disp_norm_diff);
  }
  add("gammaness", rows.gammaness);
  add("reco_type", rows.reco_type);
}

void write_table(hdf5::File& file, const char* path, const Columns& columns, std::size_t rows,
                 const std::string& config_json) {
  hdf5::TableWriter table(file, {.path = path,
                                 .title = "",
                                 .columns = columns.specs,
                                 .chunk_rows = 263,
                                 .compression_level = 1});
  if (rows > 0) table.append(rows, columns.sources);
  table.write_attribute("CONTACT", "LST Consortium");
  table.write_attribute("LSTCHAIN_VERSION", lstchain_version);
  table.write_attribute("CTAPIPE_VERSION", ctapipe_version);
  table.write_attribute("CTAPIPE_IO_LST_VERSION", ctapipe_io_lst_version);
  table.write_attribute("config", config_json);
  table.write_attribute("FLAVOR", "numpy");
  table.finish();
}

/// Whether events have times, from which delta_t is made.
bool has_times(const hdf5::File& dl1) {
  return hdf5::TableReader(dl1, parameters_path).has_column("dragon_time");
}

hdf5::File create_with_monitoring(const std::filesystem::path& path, const hdf5::File& dl1) {
  hdf5::File file = hdf5::File::create(path);
  for (const char* group : {"/configuration", "/dl1/event/telescope/monitoring", "/dl1/monitoring"})
    if (dl1.exists(group)) dl1.copy_to(file, group);
  return file;
}

}  // namespace

dl2::Dl1Columns read_dl1_columns(const hdf5::File& file) {
  const hdf5::TableReader table(file, parameters_path);
  const hdf5::Rows rows = table.read_all();
  const std::size_t n = rows.size();
  dl2::Dl1Columns out;
  out.file_row.resize(n);
  std::iota(out.file_row.begin(), out.file_row.end(), std::int64_t{0});
  out.parameters.resize(n);
  for (const ImageParameterColumn& parameter : image_parameter_columns) {
    const std::string name(parameter.name);
    if (!table.has_column(name) && is_uncertainty(parameter)) continue;
    const auto fill = [&]<typename T>(T ImageParameters::*member) {
      const auto values = rows.column<T>(name);
      for (std::size_t i = 0; i < n; ++i) out.parameters[i].*member = values[i];
    };
    std::visit(fill, parameter.member);
  }
  const auto optional = [&]<typename T>(const char* name, std::vector<T>& to, T otherwise) {
    if (table.has_column(name))
      to = rows.column<T>(name);
    else
      to.assign(n, otherwise);
  };
  out.obs_id = rows.column<std::int64_t>("obs_id");
  out.event_id = rows.column<std::int64_t>("event_id");
  out.alt_tel = rows.column<double>("alt_tel");
  out.az_tel = rows.column<double>("az_tel");
  if (table.has_column("sin_az_tel")) out.sin_az_tel = rows.column<double>("sin_az_tel");
  if (table.has_column("dragon_time")) out.dragon_time = rows.column<double>("dragon_time");
  optional("calibration_id", out.calibration_id, std::int64_t{0});
  optional("ucts_time", out.ucts_time, std::int64_t{0});
  optional("tib_time", out.tib_time, std::int64_t{0});
  optional("ucts_jump", out.ucts_jump, std::uint8_t{0});
  optional("mc_type", out.mc_type, std::int64_t{-9999});
  optional("tel_id", out.tel_id, std::int64_t{1});
  optional("tel_pos_x", out.tel_pos_x, 0.0);
  optional("tel_pos_y", out.tel_pos_y, 0.0);
  optional("tel_pos_z", out.tel_pos_z, 0.0);
  optional("trigger_type", out.trigger_type, std::uint8_t{0});
  optional("ucts_trigger_type", out.ucts_trigger_type, std::uint8_t{0});
  optional("trigger_time", out.trigger_time, 0.0);
  optional("event_type", out.event_type, std::int64_t{32});
  return out;
}

double effective_focal_length(const hdf5::File& file, double otherwise) {
  const char* path = "/configuration/instrument/telescope/optics";
  if (!file.exists(path)) return otherwise;
  const hdf5::TableReader table(file, path);
  if (table.row_count() == 0 || !table.has_column("effective_focal_length")) return otherwise;
  return table.read(0, 1).column<double>("effective_focal_length")[0];
}

void write_dl2_file(const std::filesystem::path& path, const hdf5::File& dl1,
                    const dl2::Dl2Columns& rows, const std::string& config_json,
                    const ProductMetadata& metadata) {
  hdf5::File file = create_with_monitoring(path, dl1);
  Columns columns;
  add_dl1_columns(dl1, rows.dl1, columns);
  if (has_times(dl1)) columns.add("delta_t", rows.delta_t);
  add_results(
      rows, [](const char* name) { return std::string(name); }, columns);
  write_table(file, dl2_parameters_path, columns, rows.size(), config_json);
  write_file_attributes(file, metadata, "dl1_to_dl2");
  file.close();
}

void write_source_dependent_dl2_file(const std::filesystem::path& path, const hdf5::File& dl1,
                                     const std::vector<dl2::AssumedPosition>& positions,
                                     const std::vector<dl2::Dl2Columns>& rows,
                                     const std::string& config_json,
                                     const ProductMetadata& metadata) {
  hdf5::File file = create_with_monitoring(path, dl1);
  const std::size_t n = rows.front().size();
  Columns shared, dependent;
  add_dl1_columns(dl1, rows.front().dl1, shared);
  if (has_times(dl1)) shared.add("delta_t", rows.front().delta_t);
  std::vector<std::vector<double>> angles;
  angles.reserve(positions.size());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto named = [&](const char* name) {
      return fmt::format("('{}', '{}')", positions[i].name, name);
    };
    const dl2::SourceColumns& source = rows[i].dl1.source;
    dependent.add(named("expected_src_x"), source.expected_src_x);
    dependent.add(named("expected_src_y"), source.expected_src_y);
    dependent.add(named("time_gradient_from_source"), source.time_gradient_from_source);
    dependent.add(named("skewness_from_source"), source.skewness_from_source);
    dependent.add(named("dist"), source.dist);
    dependent.add(named("alpha"), source.alpha);
    angles.emplace_back(n, positions[i].turn_deg);
    if (positions[i].turn_deg != 0) dependent.add(named("off_angle"), angles.back());
    add_results(rows[i], named, dependent);
  }
  write_table(file, dl2_parameters_path, shared, n, config_json);
  write_table(file, dl2_source_dependent_path, dependent, n, config_json);
  write_file_attributes(file, metadata, "dl1_to_dl2");
  file.close();
}

}  // namespace alisio::pipeline
