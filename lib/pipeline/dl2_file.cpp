#include "lib/pipeline/dl2_file.hpp"

#include <fmt/format.h>

#include <array>

#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::ScalarType;

/// The floating-point members of ImageParameters under their column names.
struct DoubleMember {
  const char* name;
  double ImageParameters::*member;
};
constexpr std::array double_members{
    DoubleMember{"intensity", &ImageParameters::intensity},
    DoubleMember{"log_intensity", &ImageParameters::log_intensity},
    DoubleMember{"x", &ImageParameters::x},
    DoubleMember{"y", &ImageParameters::y},
    DoubleMember{"r", &ImageParameters::r},
    DoubleMember{"phi", &ImageParameters::phi},
    DoubleMember{"length", &ImageParameters::length},
    DoubleMember{"length_uncertainty", &ImageParameters::length_uncertainty},
    DoubleMember{"width", &ImageParameters::width},
    DoubleMember{"width_uncertainty", &ImageParameters::width_uncertainty},
    DoubleMember{"psi", &ImageParameters::psi},
    DoubleMember{"skewness", &ImageParameters::skewness},
    DoubleMember{"kurtosis", &ImageParameters::kurtosis},
    DoubleMember{"time_gradient", &ImageParameters::time_gradient},
    DoubleMember{"intercept", &ImageParameters::intercept},
    DoubleMember{"leakage_pixels_width_1", &ImageParameters::leakage_pixels_width_1},
    DoubleMember{"leakage_pixels_width_2", &ImageParameters::leakage_pixels_width_2},
    DoubleMember{"concentration_cog", &ImageParameters::concentration_cog},
    DoubleMember{"concentration_core", &ImageParameters::concentration_core},
    DoubleMember{"concentration_pixel", &ImageParameters::concentration_pixel},
    DoubleMember{"wl", &ImageParameters::wl}};

/// Columns of a table under way, with where their values are.
struct Columns {
  std::vector<ColumnSpec> specs;
  std::vector<ColumnSource> sources;
  std::vector<std::int64_t> wide_trigger, wide_ucts_trigger;

  /// Add a column; one without values only if there are no rows at all.
  template <typename T>
  void add(const std::string& name, const std::vector<T>& values, std::size_t rows) {
    if (values.empty() && rows > 0) return;
    ColumnSpec column;
    column.name = name;
    column.type = std::is_same_v<T, double> ? ScalarType::float64 : ScalarType::int64;
    specs.push_back(column);
    sources.push_back(ColumnSource::of(values));
  }
};

/// Return the source of a DL1 column's values.
ColumnSource source_of(const dl2::Dl1Columns& d, const std::string& name) {
  const bool none = d.size() == 0;
  const auto member = [&](auto ImageParameters::*at) {
    return ColumnSource{none ? nullptr : static_cast<const void*>(&(d.parameters[0].*at)),
                        sizeof(ImageParameters)};
  };
  for (const DoubleMember& entry : double_members)
    if (name == entry.name) return member(entry.member);
  if (name == "leakage_intensity_width_1")
    return member(&ImageParameters::leakage_intensity_width_1);
  if (name == "leakage_intensity_width_2")
    return member(&ImageParameters::leakage_intensity_width_2);
  if (name == "n_pixels") return member(&ImageParameters::n_pixels);
  if (name == "n_islands") return member(&ImageParameters::n_islands);
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
  return ColumnSource::of(d.event_type);
}

/// Add the columns of the DL1 table, as they were in the file.
void add_dl1_columns(const hdf5::File& dl1, const dl2::Dl1Columns& d, Columns& out) {
  // Old DL1 files hold the trigger bits in wider integers; the type of the input is kept.
  const hdf5::TableReader input(dl1, parameters_path);
  const auto is_wide = [&](const std::string& name) {
    return input.has_column(name) &&
           hdf5::find_column(input.columns(), name, parameters_path).type == ScalarType::int64;
  };
  out.wide_trigger.assign(d.trigger_type.begin(), d.trigger_type.end());
  out.wide_ucts_trigger.assign(d.ucts_trigger_type.begin(), d.ucts_trigger_type.end());
  for (const ColumnSpec& column : parameter_columns()) {
    // A DL1 file without event times gives a DL2 file without them.
    if (column.name == "dragon_time" && d.dragon_time.empty()) continue;
    // The peers' DL2 table names no units: pandas wrote it.
    ColumnSpec bare;
    bare.name = column.name;
    bare.type = column.type;
    out.specs.push_back(bare);
    out.sources.push_back(source_of(d, column.name));
    if (column.type == ScalarType::uint8 && is_wide(column.name)) {
      out.specs.back().type = ScalarType::int64;
      out.sources.back() = ColumnSource::of(column.name == "trigger_type" ? out.wide_trigger
                                                                          : out.wide_ucts_trigger);
    }
  }
}

/// Add what was reconstructed. @param named makes the name of a column
template <typename Named>
void add_results(const dl2::Dl2Columns& rows, const Named& named, Columns& out) {
  const auto add = [&](const char* name, const auto& values) {
    out.add(named(name), values, rows.size());
  };
  add("alt0", rows.alt0);
  add("alt1", rows.alt1);
  add("w0", rows.w0);
  add("w1", rows.w1);
  add("log_reco_energy", rows.log_reco_energy);
  add("reco_energy", rows.reco_energy);
  add("reco_disp_norm", rows.reco_disp_norm);
  add("reco_disp_sign", rows.reco_disp_sign);
  add("reco_disp_sign_proba", rows.reco_disp_sign_proba);
  add("reco_disp_dx", rows.reco_disp_dx);
  add("reco_disp_dy", rows.reco_disp_dy);
  add("reco_src_x", rows.reco_src_x);
  add("reco_src_y", rows.reco_src_y);
  add("signed_time_gradient", rows.signed_time_gradient);
  add("signed_skewness", rows.signed_skewness);
  add("reco_alt", rows.reco_alt);
  add("reco_az", rows.reco_az);
  if (!rows.reco_disp_sign_correctness.empty()) {
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
  out.parameters.resize(n);
  for (const DoubleMember& entry : double_members) {
    if (!table.has_column(entry.name) && std::string_view(entry.name).ends_with("_uncertainty"))
      continue;
    const auto values = rows.column<double>(entry.name);
    for (std::size_t i = 0; i < n; ++i) out.parameters[i].*entry.member = values[i];
  }
  const auto fill = [&]<typename T>(const char* name, T ImageParameters::*member) {
    const auto values = rows.column<T>(name);
    for (std::size_t i = 0; i < n; ++i) out.parameters[i].*member = values[i];
  };
  fill("leakage_intensity_width_1", &ImageParameters::leakage_intensity_width_1);
  fill("leakage_intensity_width_2", &ImageParameters::leakage_intensity_width_2);
  fill("n_pixels", &ImageParameters::n_pixels);
  fill("n_islands", &ImageParameters::n_islands);
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
  columns.add("delta_t", rows.delta_t, rows.size());
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
  shared.add("delta_t", rows.front().delta_t, n);
  std::vector<std::vector<double>> angles;
  angles.reserve(positions.size());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto named = [&](const char* name) {
      return fmt::format("('{}', '{}')", positions[i].name, name);
    };
    const dl2::SourceColumns& source = rows[i].dl1.source;
    dependent.add(named("expected_src_x"), source.expected_src_x, n);
    dependent.add(named("expected_src_y"), source.expected_src_y, n);
    dependent.add(named("time_gradient_from_source"), source.time_gradient_from_source, n);
    dependent.add(named("skewness_from_source"), source.skewness_from_source, n);
    dependent.add(named("dist"), source.dist, n);
    dependent.add(named("alpha"), source.alpha, n);
    angles.emplace_back(n, positions[i].turn_deg);
    if (positions[i].turn_deg != 0) dependent.add(named("off_angle"), angles.back(), n);
    add_results(rows[i], named, dependent);
  }
  write_table(file, dl2_parameters_path, shared, n, config_json);
  write_table(file, dl2_source_dependent_path, dependent, n, config_json);
  write_file_attributes(file, metadata, "dl1_to_dl2");
  file.close();
}

}  // namespace alisio::pipeline
