#include "lib/pipeline/options.hpp"

#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::pipeline {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& expected,
                         const std::string& found) {
  throw Error(ErrorKind::configuration,
              "'" + key + "' must be " + expected + ", not '" + found + "'");
}

}  // namespace

calib::CalibrationOptions calibration_options(const config::Configuration& c,
                                              double run_start_utc_s) {
  const std::string corrections = "source_config.LSTEventSource.LSTR0Corrections.";
  calib::CalibrationOptions options;
  options.charge_scale_high_gain = c.number(corrections + "calib_scale_high_gain");
  options.charge_scale_low_gain = c.number(corrections + "calib_scale_low_gain");
  options.gain_selection_threshold = float(c.number(corrections + "gain_selection_threshold"));
  if (const std::string extractor = c.text("image_extractor"); extractor != "LocalPeakWindowSum")
    refuse("image_extractor", "LocalPeakWindowSum", extractor);
  options.window.width = int(c.integer("LocalPeakWindowSum.window_width"));
  options.window.shift = int(c.integer("LocalPeakWindowSum.window_shift"));
  if (options.window.width < 1 || options.window.width > 36)
    refuse("LocalPeakWindowSum.window_width", "between 1 and 36 samples",
           std::to_string(options.window.width));
  if (options.window.shift < 0 || options.window.shift >= options.window.width)
    refuse("LocalPeakWindowSum.window_shift", "between 0 and the window's width",
           std::to_string(options.window.shift));
  const std::string source = "source_config.LSTEventSource.";
  if (c.text(corrections + "spike_correction_method") == "interpolation")
    options.spike_method = calib::SpikeMethod::interpolation;
  // Since 2022 the triggers of flat-field events are right.
  constexpr double first_right_triggers = 1640995200;  // 2022-01-01T00:00:00 UTC
  if (c.boolean_or_null(source + "use_flatfield_heuristic")
          .value_or(run_start_utc_s < first_right_triggers))
    options.flatfield_heuristic = calib::FlatfieldHeuristic{
        c.number(source + "min_flatfield_adc"), c.number(source + "max_flatfield_adc"),
        c.number(source + "min_flatfield_pixel_fraction")};
  const std::string statistics = "LSTCalibrationCalculator.";
  options.interleaved.sample_size =
      std::size_t(c.integer(statistics + "PedestalIntegrator.sample_size"));
  options.interleaved.sample_duration = c.number(statistics + "PedestalIntegrator.sample_duration");
  if (c.integer(statistics + "FlasherFlatFieldCalculator.sample_size") !=
          c.integer(statistics + "PedestalIntegrator.sample_size") ||
      c.number(statistics + "FlasherFlatFieldCalculator.sample_duration") !=
          options.interleaved.sample_duration)
    throw Error(ErrorKind::configuration,
                "sample_size and sample_duration must be the same for pedestals and flat-fields",
                "LSTCalibrationCalculator");
  return options;
}

calib::TriggerSource trigger_source(const config::Configuration& c) {
  const std::string key = "source_config.LSTEventSource.default_trigger_type";
  return c.text(key) == "tib" ? calib::TriggerSource::tib : calib::TriggerSource::ucts;
}

clean::CleaningOptions cleaning_options(const config::Configuration& c, const std::string& block) {
  clean::CleaningOptions options;
  options.picture_thresh = c.number(block + ".picture_thresh");
  options.boundary_thresh = c.number(block + ".boundary_thresh");
  options.keep_isolated_pixels = c.boolean(block + ".keep_isolated_pixels");
  options.min_number_picture_neighbors =
      static_cast<int>(c.integer(block + ".min_number_picture_neighbors"));
  options.use_only_main_island = c.boolean(block + ".use_only_main_island");
  const double delta_time = c.number(block + ".delta_time");
  if (std::isnan(delta_time))
    options.delta_time.reset();
  else
    options.delta_time = delta_time;
  options.dynamic_cleaning.apply = c.boolean("dynamic_cleaning.apply");
  options.dynamic_cleaning.threshold = c.number("dynamic_cleaning.threshold");
  options.dynamic_cleaning.fraction_cleaning_intensity =
      c.number("dynamic_cleaning.fraction_cleaning_intensity");
  if (options.boundary_thresh <= 0)
    throw Error(ErrorKind::configuration, "'" + block + ".boundary_thresh' must be positive", "",
                "pixels of negative charge have no image parameters");
  return options;
}

dl2::Options dl2_options(const config::Configuration& c, double effective_focal_length) {
  dl2::Options options;
  options.events_filters.clear();
  for (const auto& [column, range] : c.ranges("events_filters"))
    options.events_filters.push_back({column, range.first, range.second});
  options.interpolate_energy = c.boolean("random_forest_zd_interpolation.interpolate_energy");
  options.interpolate_direction = c.boolean("random_forest_zd_interpolation.interpolate_direction");
  options.interpolate_gammaness = c.boolean("random_forest_zd_interpolation.interpolate_gammaness");
  options.disp_method =
      c.text("disp_method") == "disp_vector" ? dl2::DispMethod::vector : dl2::DispMethod::norm_sign;
  options.effective_focal_length = effective_focal_length;
  return options;
}

}  // namespace alisio::pipeline
