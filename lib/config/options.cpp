#include "lib/config/options.hpp"

#include <fmt/format.h>

#include <limits>
#include <vector>

namespace alisio::config {
namespace {

using K = OptionKind;
using nlohmann::json;

json non_negative() {
  return json::array({0.0, std::numeric_limits<double>::infinity()});
}

std::vector<Option> make_options() {
  return {
      {"telescope", K::integer, 1, "", "number of the telescope, 1 to 4"},
      {"prod_id", K::text, "", "", "name of the production; empty: v<version>_v00"},

      {"paths.r0", K::path, "R0", "", "raw data, one folder a night (YYYYMMDD)"},
      {"paths.run_summary", K::path, "monitoring/RunSummary", "", "RunSummary_<date>.ecsv files"},
      {"paths.drive", K::path, "monitoring/DrivePositioning", "", "drive logs"},
      {"paths.calibration", K::path, "monitoring/PixelCalibration", "",
       "root of the calibration tree (Cat-A/…)"},
      {"paths.products", K::path, ".", "", "root of DL1/ and DL2/"},
      {"paths.state", K::path, "state", "", "state database; a local disk"},

      {"calibration.drs4_pedestal", K::path, "", "",
       "DRS4 pedestal file; empty: found by date and run"},
      {"calibration.charge", K::path, "", "",
       "charge calibration file; empty: found by date and run"},
      {"calibration.time", K::path, "", "", "time calibration file; empty: found by date and run"},

      {"source_config.LSTEventSource.default_trigger_type", K::text, "ucts", "",
       "device whose trigger bits count when both are present: ucts or tib"},
      {"source_config.LSTEventSource.LSTR0Corrections.calib_scale_high_gain", K::number, 1.088, "",
       "factor on the high-gain charge"},
      {"source_config.LSTEventSource.LSTR0Corrections.calib_scale_low_gain", K::number, 1.004, "",
       "factor on the low-gain charge"},
      {"source_config.LSTEventSource.LSTR0Corrections.gain_selection_threshold", K::number, 3500.0,
       "ADC", "a high-gain sample above it selects low gain"},
      {"image_extractor", K::text, "LocalPeakWindowSum", "", "charge extractor of DL1 images"},
      {"LocalPeakWindowSum.window_width", K::integer, 8, "samples", "integration window"},
      {"LocalPeakWindowSum.window_shift", K::integer, 4, "samples", "window start before the peak"},

      {"tailcut.picture_thresh", K::number, 8.0, "p.e.", "picture threshold"},
      {"tailcut.boundary_thresh", K::number, 4.0, "p.e.", "boundary threshold"},
      {"tailcut.keep_isolated_pixels", K::boolean, false, "",
       "keep picture pixels without neighbours"},
      {"tailcut.min_number_picture_neighbors", K::integer, 2, "pixels",
       "picture neighbours that a picture pixel needs"},
      {"tailcut.use_only_main_island", K::boolean, false, "", "keep the largest island only"},
      {"tailcut.delta_time", K::number_or_null, 2.0, "ns",
       "a pixel needs a neighbour closer in time; null: off"},
      {"dynamic_cleaning.apply", K::boolean, true, "", "raise the threshold of bright images"},
      {"dynamic_cleaning.threshold", K::number, 267.0, "p.e.",
       "mean charge of the three brightest pixels from which it acts"},
      {"dynamic_cleaning.fraction_cleaning_intensity", K::number, 0.03, "",
       "fraction of that mean that a pixel must reach"},

      {"LSTCalibrationCalculator.PedestalIntegrator.sample_size", K::integer, 10000, "events",
       "interleaved pedestals in one set"},
      {"LSTCalibrationCalculator.PedestalIntegrator.sample_duration", K::number, 100000.0, "s",
       "longest time span of one set"},
      {"LSTCalibrationCalculator.FlasherFlatFieldCalculator.sample_size", K::integer, 10000,
       "events", "interleaved flat-fields in one set"},
      {"LSTCalibrationCalculator.FlasherFlatFieldCalculator.sample_duration", K::number, 100000.0,
       "s", "longest time span of one set"},

      {"dl2.models", K::path, "", "",
       "forest file, or a folder of model sets; empty: the small set that ships"},
      {"dl2.choice", K::text, "fixed", "",
       "fixed: dl2.models is the set; by_declination_and_nsb: chosen per run in the folder "
       "dl2.models"},
      {"dl2.catalogue", K::path, "", "",
       "run catalogue (run_id, source_name, source_ra, source_dec)"},
      {"dl2.nsb", K::number, 0.0, "p.e./ns",
       "additional night-sky level of runs that have no own value"},
      {"disp_method", K::text, "disp_norm_sign", "", "disp_norm_sign or disp_vector"},
      {"random_forest_zd_interpolation.interpolate_energy", K::boolean, true, "",
       "interpolate in zenith between training nodes"},
      {"random_forest_zd_interpolation.interpolate_gammaness", K::boolean, true, "", "the same"},
      {"random_forest_zd_interpolation.interpolate_direction", K::boolean, true, "", "the same"},
      {"events_filters.intensity", K::range, non_negative(), "p.e.", "events kept for DL2"},
      {"events_filters.width", K::range, non_negative(), "deg", "events kept for DL2"},
      {"events_filters.length", K::range, non_negative(), "deg", "events kept for DL2"},
      {"events_filters.wl", K::range, non_negative(), "", "events kept for DL2"},
      {"events_filters.r", K::range, non_negative(), "m", "events kept for DL2"},
      {"events_filters.leakage_intensity_width_2", K::range, non_negative(), "",
       "events kept for DL2"},

      {"night.jobs", K::integer, 0, "", "processes at a time; 0: as many as processors"},
      {"night.threads", K::integer, 1, "", "threads of each process"},
      {"night.retries", K::integer, 1, "",
       "further tries of a job that failed for want of a resource"},
  };
}

const char* kind_name(OptionKind kind) {
  switch (kind) {
    case K::integer:
      return "integer";
    case K::number:
      return "number";
    case K::number_or_null:
      return "number or null";
    case K::range:
      return "[low, high]";
    case K::boolean:
      return "true or false";
    case K::text:
      return "text";
    case K::path:
      return "path";
  }
  return "";
}

}  // namespace

std::span<const Option> options() {
  static const std::vector<Option> all = make_options();
  return all;
}

std::span<const std::string> tolerated_keys() {
  static const std::vector<std::string> keys{"n_training_events",
                                             "tailcuts_clean_with_pedestal_threshold",
                                             "random_forest_weight_settings",
                                             "random_forest_energy_regressor_args",
                                             "random_forest_disp_regressor_args",
                                             "random_forest_disp_classifier_args",
                                             "random_forest_particle_classifier_args",
                                             "energy_regression_features",
                                             "disp_regression_features",
                                             "disp_classification_features",
                                             "particle_classification_features",
                                             "allowed_tels",
                                             "write_pe_image",
                                             "mc_image_scaling_factor",
                                             "image_extractor_for_muons",
                                             "CameraCalibrator",
                                             "time_sampling_correction_path",
                                             "GlobalPeakWindowSum",
                                             "timestamps_pointing",
                                             "train_gamma_src_r_deg",
                                             "source_dependent",
                                             "mc_nominal_source_x_deg",
                                             "mc_nominal_source_y_deg",
                                             "volume_reducer",
                                             "calibration_product",
                                             "waveform_nsb_tuning",
                                             "write_interleaved_events",
                                             "image_modifier"};
  return keys;
}

std::string options_as_text() {
  std::string text;
  for (const Option& option : options())
    text += fmt::format("{} ({}{}{}; default {})\n    {}\n", option.key, kind_name(option.kind),
                        option.unit.empty() ? "" : ", ", option.unit, option.default_value.dump(),
                        option.description);
  return text;
}

}  // namespace alisio::config
