#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/event/image_parameter_columns.hpp"
#include "lib/sky/frames.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::dl2 {
namespace {

using forest::Forest;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t gamma_type = 0, proton_type = 101;

/// How to read a column of a DL1 row; NaN if there is none.
using Reader = std::function<double(const Dl1Columns&, std::size_t)>;

template <auto member>
double column(const Dl1Columns& rows, std::size_t i) {
  const auto& values = rows.*member;
  return values.empty() ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(values[i]);
}

template <auto member>
double from_source(const Dl1Columns& rows, std::size_t i) {
  const std::vector<double>& values = rows.source.*member;
  return values.empty() ? std::numeric_limits<double>::quiet_NaN() : values[i];
}

/// The features that depend on an assumed source position.
const std::map<std::string, Reader>& source_readers() {
  using S = SourceColumns;
  static const std::map<std::string, Reader> table = {
      {"time_gradient_from_source", from_source<&S::time_gradient_from_source>},
      {"skewness_from_source", from_source<&S::skewness_from_source>},
      {"dist", from_source<&S::dist>},
      {"alpha", from_source<&S::alpha>}};
  return table;
}

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table = [] {
    std::map<std::string, Reader> all = {
        {"obs_id", column<&Dl1Columns::obs_id>},
        {"event_id", column<&Dl1Columns::event_id>},
        {"alt_tel", column<&Dl1Columns::alt_tel>},
        {"az_tel", column<&Dl1Columns::az_tel>},
        {"sin_az_tel", column<&Dl1Columns::sin_az_tel>},
        {"calibration_id", column<&Dl1Columns::calibration_id>},
        {"dragon_time", column<&Dl1Columns::dragon_time>},
        {"ucts_time", column<&Dl1Columns::ucts_time>},
        {"tib_time", column<&Dl1Columns::tib_time>},
        {"ucts_jump", column<&Dl1Columns::ucts_jump>},
        {"mc_type", column<&Dl1Columns::mc_type>},
        {"tel_id", column<&Dl1Columns::tel_id>},
        {"tel_pos_x", column<&Dl1Columns::tel_pos_x>},
        {"tel_pos_y", column<&Dl1Columns::tel_pos_y>},
        {"tel_pos_z", column<&Dl1Columns::tel_pos_z>},
        {"trigger_type", column<&Dl1Columns::trigger_type>},
        {"ucts_trigger_type", column<&Dl1Columns::ucts_trigger_type>},
        {"trigger_time", column<&Dl1Columns::trigger_time>},
        {"event_type", column<&Dl1Columns::event_type>},
    };
    for (const ImageParameterColumn& parameter : image_parameter_columns)
      all.emplace(parameter.name,
                  [member = parameter.member](const Dl1Columns& rows, std::size_t i) {
                    return value_of(rows.parameters[i], member);
                  });
    return all;
  }();
  return table;
}

/// Return how to read a feature that check_features() has let pass.
Reader reader_of(const std::string& feature) {
  const auto found = source_readers().find(feature);
  return found != source_readers().end() ? found->second : readers().at(feature);
}

/// The features that are made on the way from DL1 to DL2.
const std::vector<std::string> derived_features = {
    "signed_skewness", "signed_time_gradient", "log_reco_energy", "reco_energy", "reco_disp_norm",
    "reco_disp_sign",  "reco_disp_dx",         "reco_disp_dy",    "reco_src_x",  "reco_src_y"};
/// Of them, those of one of the two ways to find the direction.
const std::vector<std::string> derived_from_norm_sign = {
    "reco_disp_norm", "reco_disp_sign", "reco_disp_sign_correctness", "reco_disp_norm_diff"};
const std::vector<std::string> derived_from_source = {"reco_disp_sign_correctness",
                                                      "reco_disp_norm_diff"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_derived(const std::string& feature) {
  return contains(derived_features, feature) || contains(derived_from_source, feature);
}

std::vector<const Forest*> forests_of(const ModelSet& models) {
  std::vector<const Forest*> forests;
  for (const Forest* forest :
       {models.energy, models.disp_norm, models.disp_sign, models.disp_vector, models.gammaness}) {
    if (forest != nullptr) forests.push_back(forest);
  }
  return forests;
}

bool interpolates(const ModelSet& models, const Options& options) {
  return (options.interpolate_energy || options.interpolate_direction ||
          options.interpolate_gammaness) &&
         models.training_pointings.size() >= 2;
}

/// Return the rows inside all ranges whose features are all finite, as single precision too because
/// that is what the forests see.
std::vector<std::size_t> select_rows(const Dl1Columns& dl1, const ModelSet& models,
                                     const Options& options, Dl2Columns::Counts& counts) {
  struct Range {
    Reader reader;
    double minimum, maximum;
  };
  std::vector<Range> ranges;
  std::vector<std::string> names;
  for (const auto& [name, reader] : readers()) names.push_back(name);
  for (const EventFilter& filter : options.events_filters) {
    const auto found = readers().find(filter.column);
    if (found == readers().end()) {
      throw Error(ErrorKind::configuration,
                  fmt::format("no DL1 column '{}' to filter events by", filter.column),
                  "events_filters." + filter.column, suggestion(filter.column, names));
    }
    ranges.push_back({found->second, filter.minimum, filter.maximum});
  }
  std::map<std::string, Reader> features;
  for (const Forest* forest : forests_of(models))
    for (const std::string& name : forest->features())
      if (!is_derived(name)) features.emplace(name, reader_of(name));
  std::vector<std::size_t> rows;
  rows.reserve(dl1.size());
  for (std::size_t i = 0; i < dl1.size(); ++i) {
    const bool inside = std::all_of(ranges.begin(), ranges.end(), [&](const Range& range) {
      const double value = range.reader(dl1, i);
      return value >= range.minimum && value <= range.maximum;
    });
    if (!inside) {
      ++counts.outside_filters;
      continue;
    }
    const bool finite = std::all_of(features.begin(), features.end(), [&](const auto& feature) {
      return std::isfinite(static_cast<float>(feature.second(dl1, i)));
    });
    if (!finite) {
      ++counts.non_finite_features;
      continue;
    }
    rows.push_back(i);
  }
  return rows;
}

/// Find for each event the two training altitudes nearest to its own on its side of culmination,
/// and the weights that interpolate linearly in cos(zenith). Nothing is clipped: beyond the last
/// training altitude this extrapolates.
void add_interpolation(Dl2Columns& dl2, const std::vector<forest::TrainingPointing>& pointings) {
  constexpr double degree = std::numbers::pi / 180;
  std::vector<double> node_alt, node_sin_az;
  for (const auto& pointing : pointings) {
    node_alt.push_back(std::numbers::pi / 2 - pointing.zenith_deg * degree);
    node_sin_az.push_back(std::sin(pointing.azimuth_deg * degree));
  }
  const std::size_t n = dl2.size();
  for (auto* column : {&dl2.alt0, &dl2.alt1, &dl2.w0, &dl2.w1}) column->resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double alt = dl2.dl1.alt_tel[i];
    const double sin_az = std::sin(dl2.dl1.az_tel[i]);
    // Of nodes at equal distance the first in the table counts.
    std::size_t nearest = 0, second = 0;
    double nearest_distance = infinity, second_distance = infinity;
    for (std::size_t node = 0; node < node_alt.size(); ++node) {
      const bool same_side = node_sin_az[node] * sin_az > 0;
      const double distance = same_side ? std::abs(node_alt[node] - alt) : std::numbers::pi / 2;
      if (distance < nearest_distance) {
        second = nearest;
        second_distance = nearest_distance;
        nearest = node;
        nearest_distance = distance;
      } else if (distance < second_distance) {
        second = node;
        second_distance = distance;
      }
    }
    const double alt0 = node_alt[nearest], alt1 = node_alt[second];
    const auto cos_zenith = [](double altitude) {
      return std::cos(std::numbers::pi / 2 - altitude);
    };
    const double c0 = cos_zenith(alt0), c1 = cos_zenith(alt1);
    dl2.alt0[i] = alt0;
    dl2.alt1[i] = alt1;
    dl2.w1[i] = std::abs(alt0 - alt1) <= 1e-4 ? 0.5 : (cos_zenith(alt) - c0) / (c1 - c0);
    dl2.w0[i] = 1 - dl2.w1[i];
  }
}

/// The features of the selected events, rounded to single precision once per name.
class Features {
 public:
  explicit Features(const Dl1Columns& dl1) : dl1_(dl1) {}

  void add(const std::string& name, const std::vector<double>& values) {
    auto& column = columns_[name];
    column.resize(values.size());
    std::transform(values.begin(), values.end(), column.begin(),
                   [](double value) { return static_cast<float>(value); });
  }

  const float* get(const std::string& name) {
    const auto found = columns_.find(name);
    if (found != columns_.end()) return found->second.data();
    const Reader reader = reader_of(name);
    auto& column = columns_[name];
    column.resize(dl1_.size());
    for (std::size_t i = 0; i < column.size(); ++i) column[i] = static_cast<float>(reader(dl1_, i));
    return column.data();
  }

 private:
  const Dl1Columns& dl1_;
  std::map<std::string, std::vector<float>> columns_;
};

/// Predict the wanted outputs, once at the event's altitude or interpolated between two.
std::vector<std::vector<double>> predict(const Forest& forest, Features& features,
                                         const Dl2Columns& dl2, bool interpolate,
                                         const std::vector<std::size_t>& wanted) {
  using Results = std::vector<std::vector<double>>;
  const std::size_t n = dl2.size();
  const auto room_for = [&](Results& results) {
    results.assign(wanted.size(), std::vector<double>(n));
    std::vector<double*> outputs(forest.n_outputs(), nullptr);
    for (std::size_t i = 0; i < wanted.size(); ++i) outputs[wanted[i]] = results[i].data();
    return outputs;
  };
  const auto& names = forest.features();
  const auto altitude = std::find(names.begin(), names.end(), "alt_tel");
  const bool both = interpolate && altitude != names.end();
  std::vector<const float*> columns;
  for (const std::string& name : names)
    columns.push_back(features.get(both && name == *altitude ? "alt0" : name));
  Results results, others;
  const std::vector<double*> outputs = room_for(results);
  if (both) {
    forest.predict_both(
        columns, n, outputs,
        {std::size_t(altitude - names.begin()), features.get("alt1"), room_for(others)});
  } else {
    forest.predict(columns, n, outputs);
  }
  if (!interpolate) return results;
  if (!both) others = results;
  for (std::size_t output = 0; output < wanted.size(); ++output) {
    for (std::size_t i = 0; i < n; ++i)
      results[output][i] = results[output][i] * dl2.w0[i] + others[output][i] * dl2.w1[i];
  }
  return results;
}

double sign(double value) {
  return value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0;
}

void add_direction(Dl2Columns& dl2, Features& features, const ModelSet& models,
                   const Options& options, bool interpolate) {
  const std::size_t n = dl2.size();
  dl2.reco_disp_dx.resize(n);
  dl2.reco_disp_dy.resize(n);
  if (options.disp_method == DispMethod::vector) {
    auto vector = predict(*models.disp_vector, features, dl2, interpolate, {0, 1});
    dl2.reco_disp_dx = std::move(vector[0]);
    dl2.reco_disp_dy = std::move(vector[1]);
  } else {
    dl2.reco_disp_norm = std::move(predict(*models.disp_norm, features, dl2, interpolate, {0})[0]);
    const std::size_t plus = models.disp_sign->output_of_class(1);
    const auto probability = predict(*models.disp_sign, features, dl2, interpolate, {0, 1});
    dl2.reco_disp_sign_proba = probability[0];
    dl2.reco_disp_sign.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      dl2.reco_disp_sign[i] = probability[plus][i] > 0.5 ? 1 : -1;
      const double psi = dl2.dl1.parameters[i].psi;
      const double along = dl2.reco_disp_norm[i] * static_cast<double>(dl2.reco_disp_sign[i]);
      dl2.reco_disp_dx[i] = along * std::cos(psi);
      dl2.reco_disp_dy[i] = along * std::sin(psi);
    }
    features.add("reco_disp_norm", dl2.reco_disp_norm);
    features.add("reco_disp_sign",
                 std::vector<double>(dl2.reco_disp_sign.begin(), dl2.reco_disp_sign.end()));
  }
  for (auto* column : {&dl2.reco_src_x, &dl2.reco_src_y, &dl2.signed_time_gradient,
                       &dl2.signed_skewness, &dl2.reco_alt, &dl2.reco_az}) {
    column->resize(n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const ImageParameters& image = dl2.dl1.parameters[i];
    dl2.reco_src_x[i] = image.x + dl2.reco_disp_dx[i];
    dl2.reco_src_y[i] = image.y + dl2.reco_disp_dy[i];
    const double longitudinal = (dl2.reco_src_x[i] - image.x) * std::cos(image.psi) +
                                (dl2.reco_src_y[i] - image.y) * std::sin(image.psi);
    dl2.signed_time_gradient[i] = -sign(longitudinal) * image.time_gradient;
    dl2.signed_skewness[i] = -sign(longitudinal) * image.skewness;
    const sky::AltAz direction =
        sky::camera_to_altaz({dl2.reco_src_x[i], dl2.reco_src_y[i]}, options.effective_focal_length,
                             {dl2.dl1.alt_tel[i], dl2.dl1.az_tel[i]});
    dl2.reco_alt[i] = direction.altitude;
    dl2.reco_az[i] = direction.azimuth;
  }
  features.add("signed_time_gradient", dl2.signed_time_gradient);
  features.add("signed_skewness", dl2.signed_skewness);
  features.add("reco_disp_dx", dl2.reco_disp_dx);
  features.add("reco_disp_dy", dl2.reco_disp_dy);
  features.add("reco_src_x", dl2.reco_src_x);
  features.add("reco_src_y", dl2.reco_src_y);
}

/// Compare what was reconstructed with the assumed source position.
void add_agreement_with_source(Dl2Columns& dl2, Features& features) {
  for (std::size_t i = 0; i < dl2.size(); ++i) {
    const double minus = dl2.reco_disp_sign_proba[i];
    const bool turned =
        sign(dl2.dl1.parameters[i].skewness) * sign(dl2.dl1.source.skewness_from_source[i]) == -1;
    dl2.reco_disp_sign_correctness.push_back(turned ? 1 - minus : minus);
    dl2.reco_disp_norm_diff.push_back(std::abs(dl2.dl1.source.dist[i] - dl2.reco_disp_norm[i]));
  }
  features.add("reco_disp_sign_correctness", dl2.reco_disp_sign_correctness);
  features.add("reco_disp_norm_diff", dl2.reco_disp_norm_diff);
}

/// Keep the rows of every column whose results are all finite.
void drop_non_finite(Dl2Columns& dl2) {
  const std::vector<double>* results[] = {
      &dl2.log_reco_energy, &dl2.reco_energy,          &dl2.reco_disp_dx,    &dl2.reco_disp_dy,
      &dl2.reco_src_x,      &dl2.reco_src_y,           &dl2.reco_alt,        &dl2.reco_az,
      &dl2.gammaness,       &dl2.signed_time_gradient, &dl2.signed_skewness, &dl2.reco_disp_norm};
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < dl2.size(); ++i) {
    if (std::all_of(std::begin(results), std::end(results), [i](const std::vector<double>* column) {
          return column->empty() || std::isfinite((*column)[i]);
        })) {
      kept.push_back(i);
    }
  }
  if (kept.size() == dl2.size()) return;
  dl2.counts.non_finite_results = dl2.size() - kept.size();
  const auto keep = [&kept](auto& column) {
    if (column.empty()) return;
    for (std::size_t i = 0; i < kept.size(); ++i) column[i] = column[kept[i]];
    column.resize(kept.size());
  };
  for (auto* column : {&dl2.delta_t,
                       &dl2.alt0,
                       &dl2.alt1,
                       &dl2.w0,
                       &dl2.w1,
                       &dl2.log_reco_energy,
                       &dl2.reco_energy,
                       &dl2.reco_disp_norm,
                       &dl2.reco_disp_sign_proba,
                       &dl2.reco_disp_dx,
                       &dl2.reco_disp_dy,
                       &dl2.reco_src_x,
                       &dl2.reco_src_y,
                       &dl2.reco_alt,
                       &dl2.signed_time_gradient,
                       &dl2.signed_skewness,
                       &dl2.reco_az,
                       &dl2.gammaness,
                       &dl2.reco_disp_sign_correctness,
                       &dl2.reco_disp_norm_diff}) {
    keep(*column);
  }
  keep(dl2.reco_disp_sign);
  keep(dl2.reco_type);
  dl2.dl1 = dl2.dl1.select(kept);
}

/// @param is_last  the forest sees what the others gave
void check_features(const Forest& forest, const std::string& path, const ModelSet& models,
                    bool is_last) {
  const bool norm_sign = models.disp_norm != nullptr;
  for (const std::string& name : forest.features()) {
    const bool of_source = source_readers().contains(name) || contains(derived_from_source, name);
    const bool of_norm_sign = contains(derived_from_norm_sign, name);
    const bool made =
        of_source ? models.source_dependent : readers().contains(name) || is_derived(name);
    if (made && (norm_sign || !of_norm_sign) && (is_last || !is_derived(name))) continue;
    throw Error(
        ErrorKind::bad_input,
        fmt::format("{} wants the feature '{}', which is not made here", forest.name(), name), path,
        of_source ? "these models are for a source-dependent analysis: dl2.source_dependent=true"
        : of_norm_sign ? "these models are for dl2's disp_method: disp_norm_sign"
                       : "use models trained with lstchain's features");
  }
}

void check_classes(const Forest& forest, const std::string& path, std::vector<double> labels) {
  std::vector<double> classes = forest.classes();
  std::sort(classes.begin(), classes.end());
  if (classes != labels) {
    throw Error(ErrorKind::bad_input,
                fmt::format("{} does not tell exactly the classes {} and {} apart", forest.name(),
                            labels[0], labels[1]),
                path, "use models trained by lstchain's convention");
  }
}

void check_outputs(const Forest& forest, const std::string& path, forest::ForestKind kind,
                   std::size_t n_outputs) {
  if (forest.kind() != kind || forest.n_outputs() != n_outputs) {
    throw Error(ErrorKind::bad_input,
                fmt::format("{} is not the kind of forest that belongs there", forest.name()), path,
                "check the names of the .sav files that were converted");
  }
}

}  // namespace

std::vector<EventFilter> standard_filters() {
  std::vector<EventFilter> filters;
  for (const char* name :
       {"intensity", "width", "length", "wl", "r", "leakage_intensity_width_2"}) {
    filters.push_back({name, 0, infinity});
  }
  return filters;
}

ModelSet ModelSet::from(const forest::ForestFile& file, DispMethod method, bool source_dependent) {
  using forest::ForestKind;
  const std::string path = file.path().string();
  ModelSet models;
  models.source_dependent = source_dependent;
  models.energy = &file.at("reg_energy");
  models.gammaness = &file.at("cls_gh");
  if (method == DispMethod::vector) {
    models.disp_vector = &file.at("reg_disp_vector");
    check_outputs(*models.disp_vector, path, ForestKind::regressor, 2);
  } else {
    models.disp_norm = &file.at("reg_disp_norm");
    models.disp_sign = &file.at("cls_disp_sign");
    check_outputs(*models.disp_norm, path, ForestKind::regressor, 1);
    check_outputs(*models.disp_sign, path, ForestKind::classifier, 2);
    check_classes(*models.disp_sign, path, {-1, 1});
  }
  check_outputs(*models.energy, path, ForestKind::regressor, 1);
  check_outputs(*models.gammaness, path, ForestKind::classifier, 2);
  check_classes(*models.gammaness, path, {gamma_type, proton_type});
  for (const Forest* forest : forests_of(models)) {
    check_features(*forest, path, models, forest == models.gammaness);
  }
  if (source_dependent && !contains(models.energy->features(), "dist"))
    throw Error(ErrorKind::bad_input, "these models do not look at a source position", path,
                "use models trained with source_dependent: true, or dl2.source_dependent=false");
  models.training_pointings = file.training_pointings();
  return models;
}

Dl2Columns reconstruct(const Prepared& rows, const ModelSet& models, const Options& options) {
  Dl2Columns dl2;
  dl2.counts.input = rows.dl1.size();
  dl2.counts.imputed_pointings = rows.imputed_pointings;
  const auto selected = select_rows(rows.dl1, models, options, dl2.counts);
  dl2.dl1 = rows.dl1.select(selected);
  if (!rows.delta_t.empty()) {
    for (const std::size_t row : selected) dl2.delta_t.push_back(rows.delta_t[row]);
  }
  const bool interpolate = interpolates(models, options);
  dl2.made = {.interpolated = interpolate,
              .norm_sign = options.disp_method == DispMethod::norm_sign,
              .of_source = models.source_dependent && models.disp_norm != nullptr};
  Features features(dl2.dl1);
  if (interpolate) {
    add_interpolation(dl2, models.training_pointings);
    features.add("alt0", dl2.alt0);
    features.add("alt1", dl2.alt1);
  }
  dl2.log_reco_energy = std::move(
      predict(*models.energy, features, dl2, interpolate && options.interpolate_energy, {0})[0]);
  features.add("log_reco_energy", dl2.log_reco_energy);
  for (const double energy : dl2.log_reco_energy) dl2.reco_energy.push_back(std::pow(10.0, energy));
  features.add("reco_energy", dl2.reco_energy);

  add_direction(dl2, features, models, options, interpolate && options.interpolate_direction);

  if (dl2.made.of_source) add_agreement_with_source(dl2, features);

  const std::size_t gamma = models.gammaness->output_of_class(gamma_type);
  dl2.gammaness = std::move(predict(*models.gammaness, features, dl2,
                                    interpolate && options.interpolate_gammaness, {gamma})[0]);
  for (const double probability : dl2.gammaness) {
    dl2.reco_type.push_back(probability > 0.5 ? gamma_type : proton_type);
  }
  drop_non_finite(dl2);
  dl2.counts.output = dl2.size();
  return dl2;
}

Dl2Columns reconstruct(const Dl1Columns& dl1, const ModelSet& models, const Options& options) {
  Dl2Columns result = reconstruct(prepare(dl1), models, options);
  warn(result.counts, models, options);
  return result;
}

void warn(const Dl2Columns::Counts& counts, const ModelSet& models, const Options& options) {
  if ((options.interpolate_energy || options.interpolate_direction ||
       options.interpolate_gammaness) &&
      !interpolates(models, options)) {
    spdlog::warn("the models name fewer than two training pointings: no interpolation in zenith");
  }
  if (counts.imputed_pointings > 0) {
    spdlog::warn("{} of {} events had no pointing: it was interpolated between their neighbours",
                 counts.imputed_pointings, counts.input);
  }
  if (counts.non_finite_features > 0) {
    spdlog::info("{} of {} events dropped: a feature of the models is not finite",
                 counts.non_finite_features, counts.input);
  }
  if (counts.non_finite_results > 0) {
    spdlog::warn("{} of {} events dropped: their reconstruction is not finite",
                 counts.non_finite_results, counts.input);
  }
  if (counts.input > 0 && counts.output == 0) {
    spdlog::warn("none of {} events could be reconstructed", counts.input);
  }
}

}  // namespace alisio::dl2
