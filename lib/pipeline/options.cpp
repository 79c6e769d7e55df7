#include "lib/pipeline/options.hpp"

#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::pipeline {

clean::CleaningOptions cleaning_options(const config::Configuration& c) {
  clean::CleaningOptions options;
  options.picture_thresh = c.number("tailcut.picture_thresh");
  options.boundary_thresh = c.number("tailcut.boundary_thresh");
  options.keep_isolated_pixels = c.boolean("tailcut.keep_isolated_pixels");
  options.min_number_picture_neighbors =
      static_cast<int>(c.integer("tailcut.min_number_picture_neighbors"));
  options.use_only_main_island = c.boolean("tailcut.use_only_main_island");
  const double delta_time = c.number("tailcut.delta_time");
  if (std::isnan(delta_time))
    options.delta_time.reset();
  else
    options.delta_time = delta_time;
  options.dynamic_cleaning.apply = c.boolean("dynamic_cleaning.apply");
  options.dynamic_cleaning.threshold = c.number("dynamic_cleaning.threshold");
  options.dynamic_cleaning.fraction_cleaning_intensity =
      c.number("dynamic_cleaning.fraction_cleaning_intensity");
  if (options.boundary_thresh <= 0)
    throw Error(ErrorKind::configuration, "'tailcut.boundary_thresh' must be positive", "",
                "pixels of negative charge have no image parameters");
  return options;
}

dl2::Options dl2_options(const config::Configuration& c, double effective_focal_length) {
  dl2::Options options;
  options.events_filters.clear();
  for (const char* column :
       {"intensity", "width", "length", "wl", "r", "leakage_intensity_width_2"}) {
    const auto [low, high] = c.range(std::string("events_filters.") + column);
    options.events_filters.push_back({column, low, high});
  }
  options.interpolate_energy = c.boolean("random_forest_zd_interpolation.interpolate_energy");
  options.interpolate_direction = c.boolean("random_forest_zd_interpolation.interpolate_direction");
  options.interpolate_gammaness = c.boolean("random_forest_zd_interpolation.interpolate_gammaness");
  const std::string method = c.text("disp_method");
  if (method == "disp_norm_sign")
    options.disp_method = dl2::DispMethod::norm_sign;
  else if (method == "disp_vector")
    options.disp_method = dl2::DispMethod::vector;
  else
    throw Error(ErrorKind::configuration,
                "'disp_method' must be disp_norm_sign or disp_vector, not '" + method + "'");
  options.effective_focal_length = effective_focal_length;
  return options;
}

std::string config_attribute(const config::Configuration& c,
                             const std::vector<std::string>& sections) {
  return c.section_json(sections);
}

}  // namespace alisio::pipeline
