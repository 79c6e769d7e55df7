#include "lib/config/peers.hpp"

namespace alisio::config {
namespace {

using nlohmann::json;
using Stages = std::vector<std::string>;

const char* const bookkeeping = "says how the tool runs and logs, not what it computes";
const char* const of_training = "belongs to the training of models, which is not done here";
const char* const of_simulations =
    "concerns simulations, which are not processed from R0 here, and not to source-dependent DL2";
const char* const on_command_line = "is given on the command line, which wins in lstchain too";
const char* const not_read = "is read nowhere in lstchain";
const char* const in_models = "is held by the file of models, which knows what it was trained with";

/// The corrections of LSTR0Corrections that cannot be chosen here.
void add_corrections(std::vector<PeerFixed>& keys, const std::string& event_source,
                     const Stages& stages) {
  const std::string block = event_source + ".LSTR0Corrections.";
  const auto add = [&](const char* key, json done, const char* does) {
    keys.push_back({block + key, stages, std::move(done), does, ""});
  };
  for (const char* key :
       {"apply_drs4_pedestal_correction", "apply_timelapse_correction", "apply_spike_correction"})
    add(key, true, "all DRS4 corrections are made that the event builder did not make");
  add("add_calibration_timeshift", true, "the calibration's time corrections are added");
  add("offset", 0, "nothing but the DRS4 baseline is subtracted");
  add("r1_sample_start", 3, "samples 3 to 38 of 40 are kept");
  add("r1_sample_end", 39, "samples 3 to 38 of 40 are kept");
  keys.push_back({event_source + ".apply_drs4_corrections", stages, true,
                  "all DRS4 corrections are made that the event builder did not make", ""});
  keys.push_back({event_source + ".event_time_correction_s", stages, nullptr,
                  "event times are not shifted", ""});
}

/// What all users of LSTCalibrationCalculator cannot choose. In lstchain's main file the tools
/// stand below the calculator and have their extractors below themselves, in the others beside it.
struct CalculatorPlaces {
  std::string calculator, pedestal, flatfield, pedestal_window, flatfield_window;
  Stages stages, window_stages;
};

void add_calculator(std::vector<PeerFixed>& keys, const CalculatorPlaces& p) {
  const auto add = [&](const std::string& key, json done, const char* does,
                       const char* remedy = "") {
    keys.push_back({key, p.stages, std::move(done), does, remedy});
  };
  add(p.calculator + ".systematic_correction_path", nullptr,
      "systematics of the F-factor come from the command line alone",
      "leave it out; camera-calibration and cat-b take --ffactor-systematics");
  add(p.calculator + ".pedestal_product", "PedestalIntegrator", "pedestals are integrated", "");
  add(p.calculator + ".flatfield_product", "FlasherFlatFieldCalculator",
      "flat-fields are those of the flasher", "");
  add(p.pedestal + ".charge_product", "FixedWindowSum",
      "pedestals are summed in a fixed window, FixedWindowSum", "");
  add(p.flatfield + ".charge_product", "LocalPeakWindowSum",
      "flat-fields are summed about the pixel's peak, LocalPeakWindowSum", "");
  for (const std::string& tool : {p.pedestal, p.flatfield}) {
    add(tool + ".time_sampling_correction_path", nullptr,
        "charges are not corrected for the sampling of the DRS4", "");
    add(tool + ".sigma_clipping_max_sigma", 4, "charges are clipped at 4 standard deviations", "");
    add(tool + ".sigma_clipping_iterations", 5, "charges are clipped five times", "");
    add(tool + ".n_channels", 2, "there are two gains", "");
  }
  add(p.pedestal_window + ".apply_integration_correction", false,
      "charges of pedestals are plain sums", "");
  keys.push_back({p.flatfield_window + ".apply_integration_correction", p.window_stages, false,
                  "charges of flat-fields are plain sums", ""});
}

/// The statistics of r0_to_dl1, whose cuts and windows are no options.
void add_monitoring(std::vector<PeerFixed>& keys) {
  const std::string block = "LSTCalibrationCalculator", pedestal = block + ".PedestalIntegrator",
                    flatfield = block + ".FlasherFlatFieldCalculator";
  const std::string pedestal_window = pedestal + ".FixedWindowSum",
                    flatfield_window = flatfield + ".LocalPeakWindowSum";
  const Stages stages{"r0_to_dl1"};
  add_calculator(keys,
                 {block, pedestal, flatfield, pedestal_window, flatfield_window, stages, stages});
  const auto add = [&](const std::string& key, json done) {
    keys.push_back({key, stages, std::move(done),
                    "the statistics of interleaved events have the values of lstchain's standard "
                    "configuration, but for sample_size and sample_duration",
                    ""});
  };
  add(block + ".squared_excess_noise_factor", 1.222);
  add(block + ".relative_qe_dispersion", 0.07);
  add(block + ".npe_median_cut_outliers", {-5, 5});
  add(block + ".use_scaled_low_gain", false);
  add(pedestal + ".charge_median_cut_outliers", {-10, 10});
  add(pedestal + ".charge_std_cut_outliers", {-10, 10});
  add(pedestal_window + ".window_width", 12);
  add(pedestal_window + ".window_shift", 6);
  add(pedestal_window + ".peak_index", 18);
  add(flatfield + ".charge_median_cut_outliers", {-0.9, 2});
  add(flatfield + ".charge_std_cut_outliers", {-10, 10});
  add(flatfield + ".time_cut_outliers", {2, 38});
  add(flatfield_window + ".window_width", 12);
  add(flatfield_window + ".window_shift", 5);
}

/// What the files of camera-calibration and cat-b say beyond their options.
void add_charge_calibrations(std::vector<PeerFixed>& keys) {
  const auto add = [&](const std::string& block, const char* writer, const Stages& stages,
                       const Stages& window_stages, bool one_event) {
    add_calculator(keys, {block + ".LSTCalibrationCalculator", block + ".PedestalIntegrator",
                          block + ".FlasherFlatFieldCalculator", block + ".FixedWindowSum",
                          block + ".LocalPeakWindowSum", stages, window_stages});
    keys.push_back({block + writer + ".calibration_product", stages, "LSTCalibrationCalculator",
                    "LSTCalibrationCalculator is the only calculator", ""});
    keys.push_back({block + writer + ".one_event", stages, one_event,
                    one_event ? "one set of constants is made of a run"
                              : "constants are made of every set of events",
                    ""});
  };
  add("camera_calibration", ".CalibrationHDF5Writer", {"camera_calibration"},
      {"camera_calibration", "time_calibration"}, true);
  add("cat_b", ".CatBCalibrationHDF5Writer", {"cat_b"}, {"cat_b"}, false);
  const std::string source = "camera_calibration.LSTEventSource";
  add_corrections(keys, source, {"camera_calibration"});
  keys.push_back({source + ".LSTR0Corrections.select_gain",
                  {"camera_calibration"},
                  false,
                  "both gains are calibrated",
                  ""});
}

void add_r0_to_dl1(std::vector<PeerFixed>& keys) {
  const Stages stages{"r0_to_dl1"};
  const auto add = [&](const std::string& key, json done, const char* does,
                       const char* remedy = "") {
    keys.push_back({key, stages, std::move(done), does, remedy});
  };
  const std::string source = "source_config.LSTEventSource";
  add_corrections(keys, source, stages);
  add(source + ".LSTR0Corrections.select_gain", true, "one gain of each pixel is kept");
  add(source + ".LSTR0Corrections.drs4_time_calibration_path", nullptr,
      "the time calibration comes from the command line alone",
      "leave it out and give --time-calibration");
  add(source + ".calibrate_flatfields_and_pedestals", false,
      "interleaved events are calibrated once, as by lstchain's standard configuration");
  add(source + ".trigger_information", true, "triggers are read");
  add(source + ".pointing_information", true, "pointings are written if a drive log is given",
      "leave it out; give no --drive-log for DL1 without pointings");
  add(source + ".pedestal_ids_path", nullptr, "ids of pedestals come from the command line alone",
      "leave it out and give --pedestal-ids");
  for (const char* key : {"drive_report_path", "bending_model_corrections_path", "target_log_path"})
    add(source + ".PointingSource." + key, nullptr, "pointings come from the command line alone",
        "leave it out; see the drive's options in alisio r0-to-dl1 --help");
  for (const char* key : {"dragon_reference_time", "dragon_reference_counter", "dragon_module_id",
                          "run_summary_path"})
    add(source + ".EventTimeCalculator." + key, nullptr,
        "reference times come from the run summary on the command line",
        "leave it out and give --run-summary");
  add(source + ".EventTimeCalculator.extract_reference", true,
      "without a run summary, the first event gives the reference times");
  add(source + ".EventTimeCalculator.timestamp", "dragon", "times are those of the Dragon boards");
  for (const char* key : {"source_config.EventSource.max_events", "source_config.max_events",
                          "source_config.LSTEventSource.max_events"})
    add(key, nullptr, "all events are processed", "leave it out and give --max-events");
  for (const char* key :
       {"source_config.EventSource.allowed_tels", "source_config.LSTEventSource.allowed_tels"})
    add(key, json::array({1}), "events are those of the configured telescope",
        "leave it out and set 'telescope'");
  for (const char* key :
       {"reference_position_lon", "reference_position_lat", "reference_position_height"})
    add(source + "." + key, nullptr, "the telescope stands where the camera data of cfg say",
        "leave it out");
  add("LocalPeakWindowSum.apply_integration_correction", false,
      "charges are plain sums, without the correction for light outside the window");
  const char* const muons = "muon rings are plain sums of 8 samples, 4 before the common peak";
  add("image_extractor_for_muons", "GlobalPeakWindowSum", muons);
  add("GlobalPeakWindowSum.window_width", 8, muons);
  add("GlobalPeakWindowSum.window_shift", 4, muons);
  add("GlobalPeakWindowSum.apply_integration_correction", false, muons);
  add("GlobalPeakWindowSum.pixel_fraction", 1, muons);
  add("CameraCalibrator.apply_waveform_time_shift", false, "times are shifted, not waveforms");
  add("CameraCalibrator.apply_peak_time_shift", true, "times are shifted, not waveforms");
  add("CameraCalibrator.invalid_pixel_handler_type", "NeighborAverage",
      "charges of broken pixels are the mean of their neighbours'");
  add("CameraCalibrator.data_volume_reducer_type", "NullDataVolumeReducer",
      "the volume of images is not reduced");
  add("volume_reducer.algorithm", nullptr, "the volume of images is not reduced");
  add("calibration_product", "LSTCalibrationCalculator",
      "LSTCalibrationCalculator is the only calculator");
  const std::string writer = "write_interleaved_events.DataWriter.";
  const char* const interleaved =
      "interleaved events are written as by lstchain's standard configuration";
  add(writer + "write_dl1_images", true, interleaved);
  add(writer + "write_dl1_parameters", false, interleaved);
  add(writer + "write_r0_waveforms", false, interleaved);
  add(writer + "transform_waveform", true, interleaved);
  add(writer + "waveform_dtype", "uint16", interleaved);
  add(writer + "waveform_offset", 400, interleaved);
  add(writer + "waveform_scale", 60, interleaved);
}

void add_dl3(std::vector<PeerFixed>& keys) {
  const auto add = [&](const std::string& key, json done, const char* does, const char* remedy) {
    keys.push_back({"DataReductionFITSWriter." + key, {"dl3"}, std::move(done), does, remedy});
  };
  const char* const source = "sources come from the command line or the catalogues";
  add("source_name", nullptr, source, "leave it out and give --source-name");
  for (const char* key : {"source_ra", "source_dec"})
    add(key, nullptr, source, "leave it out and give --source-ra and --source-dec");
  add("interp_method", "linear", "responses are interpolated linearly", "");
  add("use_nearest_irf_node", false, "responses are interpolated between the nodes",
      "leave it out and give --nearest-irf");
  add("keep_duplicated_events", false, "of an event that two positions take, one is kept",
      "leave it out and give --keep-duplicated-events");
  add("gzip", false, "DL3 is not compressed", "leave it out and give --gzip");
}

void add_defaults_of_calculator(std::vector<PeerDefault>& defaults, const CalculatorPlaces& p) {
  const json deviations{-3, 3};
  for (const std::string& tool : {p.pedestal, p.flatfield}) {
    defaults.push_back({tool + ".sample_duration", 60});
    defaults.push_back({tool + ".sample_size", 10000});
    defaults.push_back({tool + ".charge_std_cut_outliers", deviations});
  }
  defaults.push_back({p.calculator + ".use_scaled_low_gain", false});
  defaults.push_back({p.pedestal + ".charge_median_cut_outliers", deviations});
  defaults.push_back({p.flatfield + ".charge_median_cut_outliers", {-0.3, 0.3}});
  defaults.push_back({p.flatfield + ".time_cut_outliers", {0, 60}});
  for (const std::string& window : {p.pedestal_window, p.flatfield_window}) {
    defaults.push_back({window + ".window_width", 7});
    defaults.push_back({window + ".apply_integration_correction", true});
  }
  defaults.push_back({p.pedestal_window + ".window_shift", 0});
  defaults.push_back({p.pedestal_window + ".peak_index", 0});
  defaults.push_back({p.flatfield_window + ".window_shift", 3});
}

}  // namespace

std::span<const PeerIdle> peer_idle() {
  static const std::vector<PeerIdle> keys = [] {
    const std::string source = "source_config.LSTEventSource.";
    std::vector<PeerIdle> all{
        {"n_training_events", of_training},
        {"random_forest_weight_settings", of_training},
        {"random_forest_energy_regressor_args", of_training},
        {"random_forest_disp_regressor_args", of_training},
        {"random_forest_disp_classifier_args", of_training},
        {"random_forest_particle_classifier_args", of_training},
        {"train_gamma_src_r_deg", of_training},
        {"energy_regression_features", in_models},
        {"disp_regression_features", in_models},
        {"disp_classification_features", in_models},
        {"particle_classification_features", in_models},
        {"write_pe_image", of_simulations},
        {"mc_image_scaling_factor", of_simulations},
        {"mc_nominal_source_x_deg", of_simulations},
        {"mc_nominal_source_y_deg", of_simulations},
        {"waveform_nsb_tuning", of_simulations},
        {"time_sampling_correction_path", not_read},
        {"timestamps_pointing", not_read},
        {"find_tailcuts_result", "tells how the file's thresholds came to be"},
        {"volume_reducer.parameters", "counts with volume_reducer.algorithm only"},
        {"CameraCalibrator.image_extractor_type", "gives way to image_extractor"},
        {"LSTCalibrationCalculator.hg_lg_ratio", "counts with use_scaled_low_gain only"},
        {"write_interleaved_events.DataWriter.overwrite", bookkeeping},
        {"source_config.input_url", on_command_line},
        {source + "LSTR0Corrections.drs4_pedestal_path", on_command_line},
        {source + "LSTR0Corrections.calibration_path", on_command_line},
        {"camera_calibration.LSTEventSource.LSTR0Corrections.drs4_pedestal_path", on_command_line},
        {"camera_calibration.LSTEventSource.LSTR0Corrections.drs4_time_calibration_path",
         on_command_line},
        {"camera_calibration.LSTEventSource.EventTimeCalculator", on_command_line},
        {"camera_calibration.LSTEventSource.MultiFiles", on_command_line},
        {"camera_calibration.LSTEventSource.allowed_tels", "the file of a run has one telescope"},
        {"camera_calibration.LSTEventSource.pointing_information",
         "constants do not depend on where the telescope points"},
        {"LSTCalibrationCalculator.PedestalIntegrator.tel_id",
         "the file of a run has one telescope"},
        {"LSTCalibrationCalculator.FlasherFlatFieldCalculator.tel_id",
         "the file of a run has one telescope"}};
    for (const char* key :
         {"extra_noise_in_dim_pixels", "extra_bias_in_dim_pixels", "transition_charge",
          "extra_noise_in_bright_pixels", "smeared_light_fraction"})
      all.push_back(
          {std::string("image_modifier.") + key, "counts with increase_nsb or increase_psf only"});
    all.push_back({"DataReductionFITSWriter.source_dep", "DL2 tells whether it is of a source"});
    all.push_back({"IRFFITSWriter.irf_obs_time", "rates do not depend on it"});
    for (const char* key :
         {"DataReductionFITSWriter.input_dl2", "DataReductionFITSWriter.output_dl3_path",
          "DataReductionFITSWriter.input_irf_path", "DataReductionFITSWriter.irf_file_pattern",
          "DataReductionFITSWriter.overwrite", "IRFFITSWriter.input_gamma_dl2",
          "IRFFITSWriter.input_proton_dl2", "IRFFITSWriter.input_electron_dl2",
          "IRFFITSWriter.output_irf_file", "IRFFITSWriter.overwrite"})
      all.push_back({key, on_command_line});
    for (const std::string block : {"camera_calibration", "cat_b"}) {
      all.push_back({block + ".version", bookkeeping});
      all.push_back({block + ".PedestalIntegrator.tel_id", "the file of a run has one telescope"});
      all.push_back(
          {block + ".FlasherFlatFieldCalculator.tel_id", "the file of a run has one telescope"});
      const std::string writer =
          block + (block == "cat_b" ? ".CatBCalibrationHDF5Writer." : ".CalibrationHDF5Writer.");
      for (const char* key : {"log_level", "log_config", "log_file", "log_file_level", "overwrite",
                              "provenance_log", "quiet"})
        all.push_back({writer + key, bookkeeping});
      for (const char* key : {"output_file", "input_path", "input_file_pattern", "n_subruns",
                              "cat_A_calibration_file"})
        all.push_back({writer + key, on_command_line});
      for (const char* key : {"mc_min_flatfield_adc", "mc_max_pedestal_adc"})
        all.push_back({writer + key, of_simulations});
    }
    return all;
  }();
  return keys;
}

std::span<const PeerFixed> peer_fixed() {
  static const std::vector<PeerFixed> keys = [] {
    std::vector<PeerFixed> all;
    add_r0_to_dl1(all);
    add_monitoring(all);
    add_charge_calibrations(all);
    add_dl3(all);
    for (const char* key : {"increase_nsb", "increase_psf"})
      all.push_back({std::string("image_modifier.") + key,
                     {"dl1ab"},
                     false,
                     "images are cleaned as they are, nothing is added or smeared",
                     "tune simulations with lstchain_dl1ab; for data, leave image_modifier out"});
    all.push_back({"allowed_tels",
                   {"dl1ab", "dl1_to_dl2"},
                   json::array({1}),
                   "events are those of the configured telescope",
                   "leave it out and set 'telescope'"});
    all.push_back({"lh_fit_config",
                   {"r0_to_dl1", "dl1_to_dl2"},
                   json(json::value_t::discarded),
                   "no likelihood is fitted to waveforms",
                   "leave it out, or use lstchain and its models"});
    return all;
  }();
  return keys;
}

std::span<const PeerAlias> peer_aliases() {
  static const std::vector<PeerAlias> keys{
      {"source_dependent", "dl2.source_dependent", ""},
      {"observation_mode", "dl2.observation_mode", ""},
      {"n_off_wobble", "dl2.n_off_wobble", ""},
      {"source_name", "dl2.source_name", ""},
      {"source_ra", "dl2.source_ra", "source_name"},
      {"source_dec", "dl2.source_dec", "source_name"},
      {"IRFFITSWriter.point_like", "irf.point_like", ""},
      {"IRFFITSWriter.energy_dependent_gh", "irf.energy_dependent_gh", ""},
      {"IRFFITSWriter.energy_dependent_theta", "irf.energy_dependent_theta", ""},
      {"IRFFITSWriter.energy_dependent_alpha", "irf.energy_dependent_alpha", ""},
      {"IRFFITSWriter.source_dep", "irf.source_dependent", ""}};
  return keys;
}

std::span<const PeerDefault> peer_defaults() {
  static const std::vector<PeerDefault> all = [] {
    const std::string r0 = "source_config.LSTEventSource.";
    std::vector<PeerDefault> defaults{
        {"tailcut.picture_thresh", 7},
        {"tailcut.boundary_thresh", 5},
        {"tailcut.min_number_picture_neighbors", 0},
        {"tailcut.use_only_main_island", true},
        {"tailcut.delta_time", nullptr},
        {"tailcuts_clean_with_pedestal_threshold.use_only_main_island", true},
        {"tailcuts_clean_with_pedestal_threshold.delta_time", nullptr},
        {"dynamic_cleaning.apply", false},
        {"random_forest_zd_interpolation.interpolate_energy", false},
        {"random_forest_zd_interpolation.interpolate_gammaness", false},
        {"random_forest_zd_interpolation.interpolate_direction", false},
        {"LocalPeakWindowSum.window_width", 7},
        {"LocalPeakWindowSum.window_shift", 3},
        {"LocalPeakWindowSum.apply_integration_correction", true},
        {"GlobalPeakWindowSum.window_width", 7},
        {"GlobalPeakWindowSum.window_shift", 3},
        {"GlobalPeakWindowSum.apply_integration_correction", true},
        {r0 + "calibrate_flatfields_and_pedestals", true},
        {r0 + "LSTR0Corrections.calib_scale_high_gain", 1},
        {r0 + "LSTR0Corrections.calib_scale_low_gain", 1},
        {"camera_calibration.LSTEventSource.LSTR0Corrections.select_gain", true},
        {"camera_calibration.CalibrationHDF5Writer.events_to_skip", 1000},
        {"camera_calibration.CalibrationHDF5Writer.one_event", false}};
    const std::string block = "LSTCalibrationCalculator", pedestal = block + ".PedestalIntegrator",
                      flatfield = block + ".FlasherFlatFieldCalculator";
    add_defaults_of_calculator(defaults, {block,
                                          pedestal,
                                          flatfield,
                                          pedestal + ".FixedWindowSum",
                                          flatfield + ".LocalPeakWindowSum",
                                          {},
                                          {}});
    for (const std::string tool : {"camera_calibration.", "cat_b."})
      add_defaults_of_calculator(defaults, {tool + "LSTCalibrationCalculator",
                                            tool + "PedestalIntegrator",
                                            tool + "FlasherFlatFieldCalculator",
                                            tool + "FixedWindowSum",
                                            tool + "LocalPeakWindowSum",
                                            {},
                                            {}});
    return defaults;
  }();
  return all;
}

std::string_view peer_block(std::string_view key) {
  return key.substr(0, key.find('.'));
}

}  // namespace alisio::config
