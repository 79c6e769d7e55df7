#include "lib/config/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lib/config/forms.hpp"
#include "lib/event/image_parameter_columns.hpp"

namespace alisio::config {
namespace {

using K = OptionKind;
using nlohmann::json;

/// What is counted in bytes must fit into an integer.
constexpr double most_memory_gb = 1e6;
/// A year. Slurm takes whole minutes.
constexpr double most_job_time_min = 525600;
constexpr double day_s = 86400;

json non_negative() {
  return json::array({0.0, std::numeric_limits<double>::infinity()});
}

/// Columns of DL1 that hold a number of each event.
std::vector<std::string> parameter_column_names() {
  std::vector<std::string> names;
  for (const ImageParameterColumn& column : image_parameter_columns)
    names.emplace_back(column.name);
  names.insert(names.end(), event_columns.begin(), event_columns.end());
  return names;
}

constexpr Limits no_limits{};

std::vector<std::string> trigger_devices() {
  return {"ucts", "tib"};
}

std::vector<std::string> notified_events() {
  return {"job_failed",       "gates_failed", "night_stalled",  "night_held",    "night_complete",
          "night_incomplete", "night_closed", "raw_files_late", "daemon_trouble"};
}

/// What a tool for charge calibrations takes. lstchain has a file of its own for each of the two,
/// with the same keys and other values; here each is a block.
struct CalculatorDefaults {
  std::string block, products;
  int sample_size;
  double flatfield_duration;
  json pedestal_cut, flatfield_cut, flatfield_std_cut;
  bool scaled_low_gain;
};

void add_calculator(std::vector<Option>& options, const CalculatorDefaults& d) {
  const auto add = [&](const char* key, OptionKind kind, json value, const char* unit,
                       const std::string& description, Limits limits = {}) {
    options.push_back(
        {d.block + "." + key, kind, std::move(value), unit, description + d.products, limits});
  };
  const json n_pe_cut = json::array({-5.0, 5.0}), time_cut = json::array({2.0, 38.0});
  add("LSTCalibrationCalculator.squared_excess_noise_factor", K::number, 1.222, "",
      "1 + (spread of a photo-electron's charge)^2", {1e-6});
  add("LSTCalibrationCalculator.relative_qe_dispersion", K::number, 0.07, "",
      "relative spread of the quantum efficiency over the camera");
  add("LSTCalibrationCalculator.npe_median_cut_outliers", K::range, n_pe_cut, "",
      "a usable pixel's photo-electrons minus the camera median, in expected deviations");
  add("LSTCalibrationCalculator.use_scaled_low_gain", K::boolean, d.scaled_low_gain, "",
      "take the low gain's constants from the high gain");
  add("LSTCalibrationCalculator.hg_lg_ratio", K::number, 1.0, "",
      "ratio of the gains that they are scaled by");
  add("PedestalIntegrator.sample_size", K::integer, d.sample_size, "events",
      "pedestal events of one set", {1});
  add("PedestalIntegrator.sample_duration", K::number, 100000.0, "s", "longest time span of a set");
  add("PedestalIntegrator.charge_median_cut_outliers", K::range, d.pedestal_cut, "",
      "a pixel's median charge minus the camera median, in standard deviations of the camera");
  add("PedestalIntegrator.charge_std_cut_outliers", K::range, d.pedestal_cut, "",
      "the same of its standard deviation");
  add("FlasherFlatFieldCalculator.sample_size", K::integer, d.sample_size, "events",
      "flat-field events of one set", {1});
  add("FlasherFlatFieldCalculator.sample_duration", K::number, d.flatfield_duration, "s",
      "longest time span of a set");
  add("FlasherFlatFieldCalculator.charge_median_cut_outliers", K::range, d.flatfield_cut, "",
      "a pixel's median charge minus the camera median, as a fraction of it");
  add("FlasherFlatFieldCalculator.charge_std_cut_outliers", K::range, d.flatfield_std_cut, "",
      "its standard deviation minus the camera median, in standard deviations of the camera");
  add("FlasherFlatFieldCalculator.time_cut_outliers", K::range, time_cut, "ns",
      "median arrival time of a usable pixel");
  add("LocalPeakWindowSum.window_width", K::integer, 12, "samples", "window of flat-field pulses",
      {1, 36});
  add("LocalPeakWindowSum.window_shift", K::integer, 5, "samples", "its start before the peak",
      {0, 35});
  add("FixedWindowSum.peak_index", K::integer, 18, "samples",
      "what the window of pedestals refers to", {0, 35});
  add("FixedWindowSum.window_width", K::integer, 12, "samples", "window of pedestals", {1, 36});
  add("FixedWindowSum.window_shift", K::integer, 6, "samples", "its start before peak_index",
      {0, 35});
}

void add_charge_calibrations(std::vector<Option>& options) {
  options.push_back({"camera_calibration.filters", K::name, "52", "",
                     "filters of the flasher, as the product's name tells them"});
  options.push_back({"camera_calibration.CalibrationHDF5Writer.events_to_skip", K::integer_or_null,
                     nullptr, "events",
                     "first events of the run that are left out: their baseline is bad; null: "
                     "1000, but a tenth of a run at most"});
  options.push_back({"camera_calibration.LSTEventSource.default_trigger_type", K::text, "tib", "",
                     "device whose trigger bits tell flat-fields from pedestals", no_limits,
                     trigger_devices()});
  add_calculator(options, {.block = "camera_calibration",
                           .products = ", of camera-calibration",
                           .sample_size = 10000,
                           .flatfield_duration = 100000.0,
                           .pedestal_cut = json::array({-10.0, 10.0}),
                           .flatfield_cut = json::array({-0.5, 0.5}),
                           .flatfield_std_cut = json::array({-10.0, 10.0}),
                           .scaled_low_gain = false});
  add_calculator(options, {.block = "cat_b",
                           .products = ", of cat-b",
                           .sample_size = 2500,
                           .flatfield_duration = 1000000.0,
                           .pedestal_cut = json::array({-15.0, 15.0}),
                           .flatfield_cut = json::array({-0.9, 8.0}),
                           .flatfield_std_cut = json::array({-15.0, 15.0}),
                           .scaled_low_gain = true});
}

/// How the jobs of a night are handed to Slurm.
void add_slurm(std::vector<Option>& options) {
  const auto text = [&](const char* key, const char* description) {
    options.push_back({key, K::text, "", "", description});
  };
  const auto count = [&](const char* key, int value, const char* description) {
    options.push_back({key, K::integer, value, "", description, {1}});
  };
  text("slurm.partition", "partition of the jobs; empty: Slurm's default");
  text("slurm.account", "account of the jobs; empty: Slurm's default");
  text("slurm.qos", "quality of service of the jobs; empty: Slurm's default");
  options.push_back({"slurm.options", K::words, json::array(), "",
                     "further words for sbatch: [--constraint=avx512, --nice=100]"});
  options.push_back({"slurm.programs", K::path, "", "",
                     "folder of sbatch, squeue, sacct and scontrol; empty: as PATH finds them"});
  options.push_back({"slurm.scratch", K::path, "", "",
                     "folder that this machine shares with the nodes, for what jobs are to do and "
                     "say; empty: in paths.state, if that is shared"});
  count("slurm.processes_per_task", 1,
        "processes (subruns) that a task of an array does one after the other; what is tried again "
        "goes alone");
  count("slurm.array_limit", 1000,
        "tasks of one array; Slurm's own limit (MaxArraySize) holds too");
  count("slurm.queue_limit", 2000, "tasks of a night that are in Slurm at a time");
  options.push_back({"slurm.memory_limit",
                     K::number,
                     16.0,
                     "GB",
                     "most memory of a task: what ran out of it is tried again with twice as much",
                     {0.001, most_memory_gb}});
  options.push_back({"slurm.job_time",
                     K::number,
                     60.0,
                     "min",
                     "time that a process is given if nothing is said of its stage",
                     {1, most_job_time_min}});
  options.push_back({"slurm.stage_time",
                     K::numbers,
                     json::object(),
                     "min",
                     "the same by stage (camera_calibration: 120)",
                     {1, most_job_time_min}});
  options.push_back({"slurm.time_limit",
                     K::number,
                     720.0,
                     "min",
                     "most time of a task: what was not done in its time is tried again with twice "
                     "as much",
                     {1, most_job_time_min}});
  options.push_back({"slurm.poll",
                     K::number,
                     10.0,
                     "s",
                     "least time between two questions to Slurm",
                     {0.1, 3600}});
  options.push_back({"slurm.patience",
                     K::number,
                     600.0,
                     "s",
                     "silence after which a task that neither Slurm nor its journal knows of is "
                     "given up as lost and done again",
                     {1}});
}

/// What the jobs of a night may take of this machine.
void add_execution(std::vector<Option>& options) {
  options.push_back({"night.executor",
                     K::text,
                     "local",
                     "",
                     "what runs the jobs: local (this machine) or slurm",
                     no_limits,
                     {"local", "slurm"}});
  options.push_back({"night.memory",
                     K::number,
                     0.0,
                     "GB",
                     "memory that jobs on this machine may take together; 0: what it has, as far "
                     "as its control group allows",
                     {0, most_memory_gb}});
  options.push_back({"night.nice", K::integer, 0, "", "added to the niceness of jobs", {0, 19}});
  options.push_back(
      {"night.max_load",
       K::number,
       0.0,
       "threads",
       "average of running threads on this machine, of other programs too, above which "
       "no job starts beside another; 0: not limited",
       {0}});
  options.push_back({"night.job_memory",
                     K::number,
                     2.0,
                     "GB",
                     "memory that a job is expected to take if nothing is known of its stage",
                     {0.001, most_memory_gb}});
  options.push_back({"night.stage_memory",
                     K::numbers,
                     json::object(),
                     "GB",
                     "the same by stage (r0_to_dl1: 1.5); default: 1.2 times the most that earlier "
                     "jobs of the stage took",
                     {0.001, most_memory_gb}});
}

/// Cuts and bins of instrument response and DL3, in the blocks of lstchain's configuration of
/// lstchain_create_irf_files and lstchain_create_dl3_file, with their defaults.
void add_dl3(std::vector<Option>& options) {
  const auto number = [&](const std::string& key, double value, const char* unit,
                          const char* description, Limits limits = {}) {
    options.push_back({key, K::number, value, unit, description, limits});
  };
  const auto count = [&](const std::string& key, int value, const char* description,
                         Limits limits) {
    options.push_back({key, K::integer, value, "", description, limits});
  };
  const Limits fraction{0, 1}, positive{1e-12}, positive_fraction{1e-12, 1};
  options.push_back({"EventSelector.filters", K::ranges,
                     json{{"r", {0.0, 1.0}},
                          {"wl", {0.01, 1.0}},
                          {"leakage_intensity_width_2", {0.0, 1.0}},
                          {"event_type", {32.0, 32.0}}},
                     "", "columns of DL2 and their values in the events of DL3 and response"});
  options.push_back({"EventSelector.finite_params", K::words,
                     json::array({"intensity", "length", "width"}), "",
                     "columns of DL2 that must be finite in these events"});
  options.push_back({"DL3Cuts.allowed_tels", K::words, json::array({"1"}), "",
                     "numbers of the telescopes whose events are taken"});
  number("DL3Cuts.min_event_p_en_bin", 100, "events",
         "a bin of energy with fewer takes its cut from its neighbours");
  number("DL3Cuts.global_gh_cut", 0.6, "", "events with a greater gammaness are kept", {0, 1});
  number("DL3Cuts.gh_efficiency", 0.95, "",
         "fraction of the gammas that an energy-dependent gammaness cut keeps", positive_fraction);
  number("DL3Cuts.min_gh_cut", 0.1, "", "least energy-dependent gammaness cut", fraction);
  number("DL3Cuts.max_gh_cut", 0.95, "", "greatest energy-dependent gammaness cut", fraction);
  number("DL3Cuts.global_theta_cut", 0.2, "deg", "events nearer to the source are kept");
  number("DL3Cuts.theta_containment", 0.68, "",
         "fraction of the gammas that an energy-dependent theta cut keeps", positive_fraction);
  number("DL3Cuts.min_theta_cut", 0.1, "deg", "least energy-dependent theta cut");
  number("DL3Cuts.max_theta_cut", 0.32, "deg", "greatest energy-dependent theta cut");
  number("DL3Cuts.fill_theta_cut", 0.32, "deg", "what a bin with few events counts as at first");
  number("DL3Cuts.global_alpha_cut", 20, "deg",
         "events with a smaller alpha are kept, in source-dependent analysis");
  number("DL3Cuts.alpha_containment", 0.68, "",
         "fraction of the gammas that an energy-dependent alpha cut keeps", positive_fraction);
  number("DL3Cuts.min_alpha_cut", 1, "deg", "least energy-dependent alpha cut");
  number("DL3Cuts.max_alpha_cut", 20, "deg", "greatest energy-dependent alpha cut");
  number("DL3Cuts.fill_alpha_cut", 20, "deg", "what a bin with few events counts as at first");
  const auto logarithmic = [&](const std::string& name, double low, double high, int bins,
                               const char* unit, const std::string& text) {
    options.push_back(
        {"DataBinning." + name + "_min", K::number, low, unit, text + ": least value", positive});
    options.push_back({"DataBinning." + name + "_max", K::number, high, unit,
                       text + ": greatest value", positive});
    count("DataBinning." + name + "_n_bins", bins, "bins, equal in the logarithm", {1, 10000});
  };
  const auto linear = [&](const std::string& name, double low, double high, int edges,
                          const std::string& text) {
    options.push_back(
        {"DataBinning." + name + "_min", K::number, low, "deg", text + ": least value"});
    options.push_back(
        {"DataBinning." + name + "_max", K::number, high, "deg", text + ": greatest value"});
    count("DataBinning." + name + "_n_edges", edges, "edges of the bins, equal in width",
          {2, 10000});
  };
  logarithmic("true_energy", 0.005, 500, 25, "TeV", "true energy of response");
  logarithmic("reco_energy", 0.005, 500, 25, "TeV", "reconstructed energy of response");
  logarithmic("energy_migration", 0.2, 5, 30, "", "reconstructed over true energy");
  linear("fov_offset", 0.1, 1.1, 9, "distance of diffuse gammas from the pointing");
  linear("bkg_fov_offset", 0, 10, 21, "distance of the background from the pointing");
  linear("source_offset", 0, 1, 101, "distance from the source in the point-spread function");
  number("DataBinning.scale_true_energy", 1, "",
         "factor on the true energies, to see what a wrong light yield does", positive);
  const auto choice = [&](const char* key, const char* description) {
    options.push_back({key, K::boolean, false, "", description});
  };
  choice("irf.point_like", "response behind a cut in direction (theta, or alpha)");
  choice("irf.energy_dependent_gh", "gammaness cuts by energy, from DL3Cuts.gh_efficiency");
  choice("irf.energy_dependent_theta", "theta cuts by energy, from DL3Cuts.theta_containment");
  choice("irf.energy_dependent_alpha", "alpha cuts by energy, from DL3Cuts.alpha_containment");
  choice("irf.source_dependent", "response of the source-dependent analysis: alpha, not theta");
}

std::vector<Option> make_options() {
  return {
      {"telescope", K::integer, 1, "", "number of the telescope, 1 to 4", {1, 4}},
      {"prod_id", K::name, "", "",
       "name of the production; empty: v<version>_v00. Passes go on with a night under the name "
       "that it "
       "was begun with; by hand --prod-id says which is meant"},

      {"paths.r0", K::path, "R0", "", "raw data, one folder a night (YYYYMMDD)"},
      {"paths.run_summary", K::path, "monitoring/RunSummary", "", "RunSummary_<date>.ecsv files"},
      {"paths.drive", K::path, "monitoring/DrivePositioning", "", "drive logs"},
      {"paths.calibration", K::path, "monitoring/PixelCalibration", "",
       "root of the calibration tree (Cat-A/…)"},
      {"paths.r0g", K::path, "R0G", "", "gain-selected raw data"},
      {"paths.pedestal_ids", K::path, "auxiliary/PedestalFinder", "",
       "pedestal_ids_RunRRRRR.SSSS.h5 files, one folder a night"},
      {"paths.tailcuts", K::path, "auxiliary/TailCuts", "", "cleaning levels of runs"},
      {"paths.products", K::path, ".", "", "root of DL1/, DL2/, DL3/ and seals/"},
      {"paths.state", K::path, "state", "", "state database; a local disk"},
      {"paths.osa", K::path, "OSA", "", "flags of closed nights, as LSTOSA keeps them"},
      {"paths.running_analysis", K::path, "running_analysis", "",
       "links to the products of closed nights, as in LSTOSA's working folders"},

      {"provenance.index", K::text, "", "",
       "index of provenance: file on a local disk, or postgresql://…; empty: "
       "<paths.state>/provenance.sqlite"},
      {"provenance.moved_from", K::words, json::array(), "",
       "roots where the data tree stood when it was recorded: provenance names its files below "
       "paths.products now; alisio night does a moved tree again"},
      {"provenance.journals", K::path, "", "",
       "folder of journals besides those of the products: records of other programs"},

      {"calibration.drs4_pedestal", K::path, "", "",
       "DRS4 pedestal file; empty: found by date and run"},
      {"calibration.charge", K::path, "", "",
       "charge calibration file; empty: found by date and run"},
      {"calibration.time", K::path, "", "", "time calibration file; empty: found by date and run"},
      {"calibration.look_back_days", K::integer, 30, "days",
       "how old DRS4 and charge constants may be; time calibrations hold for years"},

      {"steps.run_summary", K::boolean, true, "", "a night makes its run summary if there is none"},
      {"steps.calibration", K::boolean, true, "",
       "a night makes the constants of its calibration runs that have none"},
      {"steps.gain_select", K::boolean, false, "", "a night writes gain-selected raw data (R0G)"},
      {"steps.cat_b", K::boolean, false, "",
       "a night makes Cat-B constants from interleaved events; dl1ab applies them"},
      {"steps.tailcuts", K::boolean, false, "",
       "a night finds the cleaning levels of each run; dl1ab applies them"},
      {"steps.dl1ab", K::boolean, false, "",
       "a night cleans and parametrises DL1 again; DL2 is made of the result"},
      {"steps.muons", K::boolean, true, "", "a night looks for muon rings"},
      {"steps.data_check", K::boolean, true, "", "a night checks its DL1"},
      {"steps.merge", K::boolean, true, "",
       "a night merges the DL1, DL2, muon and data-check files of each run"},
      {"steps.dl3", K::boolean, false, "",
       "a night makes DL3 of its runs, and their index; needs dl3.irf"},
      {"steps.significance", K::boolean, false, "",
       "a night counts events on and off the sources of its runs: significance, excess, rates"},
      {"steps.report", K::boolean, true, "", "a night ends with its report"},

      {"source_config.LSTEventSource.default_trigger_type", K::text, "ucts", "",
       "device whose trigger bits count when both are present", no_limits, trigger_devices()},
      {"source_config.LSTEventSource.LSTR0Corrections.calib_scale_high_gain", K::number, 1.088, "",
       "factor on the high-gain charge"},
      {"source_config.LSTEventSource.LSTR0Corrections.calib_scale_low_gain", K::number, 1.004, "",
       "factor on the low-gain charge"},
      {"source_config.LSTEventSource.LSTR0Corrections.gain_selection_threshold", K::number, 3500.0,
       "ADC", "a high-gain sample above it selects low gain"},
      {"source_config.LSTEventSource.LSTR0Corrections.spike_correction_method",
       K::text,
       "subtraction",
       "",
       "how spikes of the DRS4 chips are removed: subtraction (of the DRS4 pedestal file's "
       "heights) or interpolation",
       no_limits,
       {"subtraction", "interpolation"}},
      {"source_config.LSTEventSource.use_flatfield_heuristic", K::boolean_or_null, nullptr, "",
       "tell flat-field events by their charges, not by their trigger; null: in runs before 2022"},
      {"source_config.LSTEventSource.min_flatfield_adc", K::number, 3000.0, "ADC",
       "least high-gain charge of a pixel in an event that the heuristic calls flat-field"},
      {"source_config.LSTEventSource.max_flatfield_adc", K::number, 12000.0, "ADC",
       "greatest high-gain charge of such a pixel"},
      {"source_config.LSTEventSource.min_flatfield_pixel_fraction", K::number, 0.8, "",
       "fraction of such pixels in the camera from which an event is a flat-field"},
      {"gain_select.threshold", K::number, 3900.0, "ADC",
       "a raw high-gain sample above it keeps the low gain in gain-selected raw data"},
      {"image_extractor", K::text, "LocalPeakWindowSum", "",
       "charge extractor of DL1 images; no other is done"},
      {"LocalPeakWindowSum.window_width", K::integer, 8, "samples", "integration window", {1, 40}},
      {"LocalPeakWindowSum.window_shift", K::integer, 4, "samples", "window start before the peak"},

      {"tailcut.picture_thresh", K::number, 8.0, "p.e.", "picture threshold"},
      {"tailcut.boundary_thresh", K::number, 4.0, "p.e.", "boundary threshold"},
      {"tailcut.keep_isolated_pixels", K::boolean, false, "",
       "keep picture pixels without neighbours"},
      {"tailcut.min_number_picture_neighbors",
       K::integer,
       2,
       "pixels",
       "picture neighbours that a picture pixel needs",
       {0, 6}},
      {"tailcut.use_only_main_island", K::boolean, false, "", "keep the largest island only"},
      {"tailcut.delta_time", K::number_or_null, 2.0, "ns",
       "a pixel needs a neighbour closer in time; null: off"},
      {"dynamic_cleaning.apply", K::boolean, true, "", "raise the threshold of bright images"},
      {"dynamic_cleaning.threshold", K::number, 267.0, "p.e.",
       "mean charge of the three brightest pixels from which it acts"},
      {"dynamic_cleaning.fraction_cleaning_intensity",
       K::number,
       0.03,
       "",
       "fraction of that mean that a pixel must reach",
       {0, 1}},

      {"tailcuts_clean_with_pedestal_threshold.picture_thresh", K::number, 8.0, "p.e.",
       "picture threshold of quiet pixels, in dl1ab"},
      {"tailcuts_clean_with_pedestal_threshold.boundary_thresh", K::number, 4.0, "p.e.",
       "boundary threshold in dl1ab"},
      {"tailcuts_clean_with_pedestal_threshold.sigma", K::number, 2.5, "",
       "a pixel's picture threshold is its pedestal plus so many standard deviations, if higher"},
      {"tailcuts_clean_with_pedestal_threshold.keep_isolated_pixels", K::boolean, false, "",
       "keep picture pixels without neighbours"},
      {"tailcuts_clean_with_pedestal_threshold.min_number_picture_neighbors", K::integer, 2,
       "pixels", "picture neighbours that a picture pixel needs"},
      {"tailcuts_clean_with_pedestal_threshold.use_only_main_island", K::boolean, false, "",
       "keep the largest island only"},
      {"tailcuts_clean_with_pedestal_threshold.delta_time", K::number_or_null, 2.0, "ns",
       "a pixel needs a neighbour closer in time; null: off"},
      {"dl1ab.pedestal_cleaning", K::boolean, true, "",
       "picture thresholds from pedestals; false: the tailcut block, as for simulations"},
      {"dl1ab.store_images", K::boolean, true, "", "write the images, not the parameters alone"},
      {"dl1ab.max_unusable_pixels", K::integer, 70, "pixels",
       "a Cat-B interval with this many unusable pixels or more is no good time interval"},

      {"find_tailcuts.max_subruns", K::integer, 10, "", "about so many subruns are looked at"},
      {"find_tailcuts.quantile", K::number, 0.95, "",
       "quantile of a pixel's charge in pedestal events: its noise level"},
      {"find_tailcuts.min_pedestal_events", K::integer, 100, "events", "needed in a subrun"},
      {"find_tailcuts.min_valid_pixels", K::integer, 1000, "pixels", "needed in a subrun"},
      {"find_tailcuts.outlier_deviations", K::number, 5.0, "",
       "pixels and subruns further from the median, in median absolute deviations, are left out"},
      {"find_tailcuts.min_relative_statistics", K::number, 0.5, "",
       "a subrun needs more than this fraction of the median number of pedestals"},
      {"find_tailcuts.min_used_fraction", K::number, 0.5, "",
       "fraction of the subruns looked at that must give a level"},
      {"find_tailcuts.standard_if_not_measurable", K::boolean, true, "",
       "write the configured thresholds, with a warning, if the run gives no level; false: fail"},

      {"find_pedestals.frequency", K::number, 0.0, "Hz",
       "rate of interleaved pedestals; 0: 100 after run 2708, 50 up to it"},
      {"find_pedestals.flatfield_intensity", K::number, 3e4, "p.e.",
       "an event brighter than this and evenly lit is a flat-field event"},
      {"find_pedestals.flatfield_concentration", K::number, 0.005, "",
       "evenly lit: the brightest pixel holds less than this fraction"},
      {"find_pedestals.brightest_dropped", K::integer, 10, "events",
       "brightest events in the pedestals' time window that are left out: showers"},

      {"LSTCalibrationCalculator.PedestalIntegrator.sample_size", K::integer, 10000, "events",
       "interleaved pedestals in one set"},
      {"LSTCalibrationCalculator.PedestalIntegrator.sample_duration", K::number, 100000.0, "s",
       "longest time span of one set"},
      {"LSTCalibrationCalculator.FlasherFlatFieldCalculator.sample_size", K::integer, 10000,
       "events", "interleaved flat-fields in one set"},
      {"LSTCalibrationCalculator.FlasherFlatFieldCalculator.sample_duration", K::number, 100000.0,
       "s", "longest time span of one set"},

      {"write_interleaved_events.DataWriter.write_r1_waveforms", K::boolean, false, "",
       "r0-to-dl1 writes the interleaved events too, as with --interleaved"},

      {"DRS4PedestalAndSpikeHeight.max_events", K::integer, 20000, "events",
       "events read of a DRS4 pedestal run"},
      {"DRS4PedestalAndSpikeHeight.skip_samples_front", K::integer, 10, "samples",
       "noisy samples at the start of a readout that are left out"},
      {"DRS4PedestalAndSpikeHeight.skip_samples_end", K::integer, 1, "samples",
       "the same at its end"},
      {"TimeCorrectionCalculate.max_events", K::integer, 20000, "events",
       "events read for the time calibration"},
      {"TimeCorrectionCalculate.minimum_charge", K::number, 200.0, "ADC",
       "charge of a flat-field pulse that counts"},

      {"gates.drs4_pedestal.baseline", K::range, json::array({200.0, 600.0}), "ADC",
       "camera mean of the baseline that a DRS4 pedestal may have"},
      {"gates.drs4_pedestal.subtracted_baseline", K::range, json::array({-50.0, 50.0}), "ADC",
       "the same if the event builder has subtracted the baseline"},
      {"gates.drs4_pedestal.empty_capacitors", K::number, 0.05, "",
       "greatest fraction of capacitors without a readout"},
      {"gates.drs4_pedestal.spike_height", K::range, json::array({10.0, 100.0}), "ADC",
       "camera mean of each of the three samples of a spike"},
      {"gates.time_calibration.channels_without_data", K::number, 0.05, "",
       "greatest fraction of channels without a delay curve"},
      {"gates.time_calibration.amplitude", K::range, json::array({0.3, 10.0}), "ns",
       "camera median of the sum of the harmonics"},
      {"gates.camera_calibration.unusable_pixels", K::number, 0.1, "",
       "greatest fraction of unusable pixels in either gain, Cat-A and Cat-B"},
      {"gates.camera_calibration.pedestal_per_sample", K::range, json::array({-10.0, 10.0}), "ADC",
       "camera median of the pedestal left after the DRS4 baseline"},
      {"gates.camera_calibration.gain_spread", K::number, 0.3, "",
       "greatest standard deviation of the F-factor gain over its mean"},
      {"gates.camera_calibration.dc_to_pe_spread", K::number, 0.3, "", "the same of dc_to_pe"},
      {"gates.camera_calibration.photoelectrons", K::range, json::array({20.0, 300.0}), "p.e.",
       "camera median of a flat-field pulse"},
      {"gates.camera_calibration.flatfield_events", K::integer, 200, "events",
       "least number of flat-field events"},
      {"gates.camera_calibration.pedestal_events", K::integer, 200, "events",
       "least number of pedestal events"},
      {"gates.data.cosmics_rate", K::range, json::array({100.0, 20000.0}), "Hz",
       "rate of cosmics that a subrun and a run may have"},
      {"gates.data.unusable_pixels", K::number, 0.1, "",
       "greatest fraction of unusable pixels: by the calibration in either gain, or of the same "
       "charge in all events, or of a flat-field charge below 0.5 or above 1.5 camera medians"},
      {"gates.data.pedestal_charge", K::range, json::array({-1.0, 5.0}), "p.e.",
       "camera mean of the charge of pedestal events"},
      {"gates.data.pedestal_spread", K::range, json::array({0.3, 6.0}), "p.e.",
       "camera mean of the standard deviation of the charge of pedestal events"},
      {"gates.data.flatfield_charge", K::range, json::array({40.0, 150.0}), "p.e.",
       "camera mean of the charge of flat-field events"},
      {"gates.data.muon_efficiency", K::range, json::array({0.1, 0.3}), "",
       "mean efficiency of the contained muon rings of a run"},
      {"gates.data.min_muon_rings", K::integer, 50, "",
       "contained rings that a run must have for its muon efficiency to be judged"},
      {"gates.data.ucts_jumps", K::integer, 0, "", "greatest number of jumps of the UCTS clock"},
      {"gates.data.mistagged_events", K::number, 0.01, "",
       "greatest fraction of flat-field events among the cosmics, and of others among flat-fields"},
      {"gates.data.missing_subruns", K::integer, 0, "", "greatest number of subruns without DL1"},
      {"gates.on_failure",
       K::text,
       "warn",
       "",
       "what a night does with a run whose data fail a gate: warn, or stop its further steps",
       no_limits,
       {"warn", "stop"}},

      {"muons.write", K::boolean, true, "", "r0-to-dl1 writes a file of muon rings"},
      {"data_check.write", K::boolean, true, "", "r0-to-dl1 and dl1ab write a data check"},

      {"dl2.models", K::path, "", "",
       "forest file, or a folder of model sets; empty: the small set that ships"},
      {"dl2.choice",
       K::text,
       "fixed",
       "",
       "fixed: dl2.models is the set; by_declination_and_nsb: chosen per run in the folder "
       "dl2.models",
       no_limits,
       {"fixed", "by_declination_and_nsb"}},
      {"dl2.catalogue", K::path, "", "",
       "run catalogue (run_id, source_name, source_ra, source_dec, in deg), ECSV or CSV, or a "
       "folder "
       "of RunCatalog_YYYYMMDD.ecsv; believed before night.catalogue_command and the drive's log"},
      {"dl2.nsb", K::number, 0.0, "p.e./ns",
       "additional night-sky level of runs that have no own value"},
      {"dl2.source_dependent", K::boolean, false, "",
       "reconstruct for an assumed source position, with models trained for that"},
      {"dl2.observation_mode",
       K::text,
       "wobble",
       "",
       "where that source is: on (in the camera centre) or wobble (where the sky puts it)",
       no_limits,
       {"on", "wobble"}},
      {"dl2.n_off_wobble",
       K::integer,
       1,
       "",
       "positions off the source, which are analysed like it",
       {1, 12}},
      {"dl2.source_name", K::text, "", "", "that source, as the catalogue of sources names it"},
      {"dl2.source_ra", K::number_or_null, nullptr, "deg",
       "its right ascension (ICRS), in place of the catalogue's"},
      {"dl2.source_dec", K::number_or_null, nullptr, "deg", "its declination", {-90, 90}},
      {"disp_method",
       K::text,
       "disp_norm_sign",
       "",
       "how the direction is reconstructed: its distance and sign apart, or as a vector",
       no_limits,
       {"disp_norm_sign", "disp_vector"}},
      {"random_forest_zd_interpolation.interpolate_energy", K::boolean, true, "",
       "interpolate in zenith between training nodes"},
      {"random_forest_zd_interpolation.interpolate_gammaness", K::boolean, true, "", "the same"},
      {"random_forest_zd_interpolation.interpolate_direction", K::boolean, true, "", "the same"},
      {"events_filters",
       K::ranges,
       {{"intensity", non_negative()},
        {"width", non_negative()},
        {"length", non_negative()},
        {"wl", non_negative()},
        {"r", non_negative()},
        {"leakage_intensity_width_2", non_negative()}},
       "",
       "columns of DL1 and their values in the events that DL2 is made of; a NaN is in no range",
       {},
       parameter_column_names()},

      {"dl3.irf", K::path, "", "",
       "instrument response of DL3: a file of alisio irf, or a folder of such files"},
      {"significance.catalogue", K::path, "", "",
       "table of sources (name, ra_deg, dec_deg, aliases); empty: the one that ships"},
      {"significance.max_separation", K::number, 1.0, "deg",
       "a run is of the nearest source of the catalogue within this angle of its mean pointing"},
      {"significance.gammaness_cut", K::number, 0.7, "", "events above it count"},
      {"significance.interleaved", K::boolean, false, "",
       "count flat-field and pedestal events too"},
      {"significance.theta2_cut", K::number, 0.04, "deg^2",
       "events nearer to the source, or to an off position, count as on, or off"},
      {"significance.theta2_max", K::number, 1.0, "deg^2", "end of the histograms of theta^2"},
      {"significance.theta2_norm", K::range, json::array({0.5, 1.0}), "deg^2",
       "range whose events give the ratio of the exposures on and off"},
      {"significance.alpha_cut", K::number, 20.0, "deg",
       "the same cut on alpha, for source-dependent DL2"},
      {"significance.alpha_max", K::number, 90.0, "deg", "end of the histograms of alpha"},
      {"significance.alpha_norm", K::range, json::array({30.0, 90.0}), "deg",
       "range of alpha whose events give the ratio of the exposures"},
      {"significance.normalisation",
       K::text,
       "counts",
       "",
       "counts: the ratio comes from these ranges; positions: it is 1 / n_off",
       no_limits,
       {"counts", "positions"}},
      {"significance.n_off",
       K::integer,
       1,
       "",
       "off positions: the source turned about the camera centre; 1: mirrored",
       {1, 12}},
      {"significance.focal_length",
       K::number,
       28.0,
       "m",
       "puts the source into the camera: 28 as in lstosa; 29.30565 is that of reconstructed "
       "directions",
       {1}},
      {"significance.degree_per_metre",
       K::number,
       2.0,
       "deg/m",
       "turns distances in the camera into theta: 2 as in lstosa; 1.95511 with 29.30565 m",
       {0.01}},

      {"night.jobs", K::integer, 0, "", "processes at a time; 0: as many as processors"},
      {"night.threads", K::integer, 1, "", "threads of each process", {1, 256}},
      {"night.retries", K::integer, 1, "",
       "further tries of a job that failed for want of a resource"},
      {"night.catalogue_command",
       K::words,
       json::array(),
       "",
       "program and arguments that print a run catalogue as of dl2.catalogue: "
       "[/site/bin/catalogue, \"{date}\", \"{telescope}\"]; asked once per pass if a data run is "
       "not known, its answers are kept; empty: none",
       no_limits,
       {},
       {is_word_of_night, "words whose braces hold date or telescope: \"{date}\""}},
      {"night.catalogue_timeout",
       K::number,
       20.0,
       "s",
       "after which that program is killed, and the night goes on without an answer",
       {0.1, 600}},
      {"night.without_drive_log",
       K::text,
       "wait",
       "",
       "what becomes of subruns while there is no drive log of their night: wait (they are made "
       "when it comes, and missing until then) or go_on (without pointings)",
       no_limits,
       {"wait", "go_on"}},
      {"night.pause",
       K::text,
       "",
       "",
       "times of the day, UTC, in which the telescope observes and no new job starts: "
       "\"18:00-07:00\"; several with commas; empty: none",
       no_limits,
       {},
       {[](const std::string& text) { return parse_day_windows(text).has_value(); },
        "times of the day as \"18:00-07:00\", UTC"}},
      {"night.jobs_while_observing", K::integer, 0, "", "processes at a time within night.pause"},

      {"notify.command", K::text, "", "",
       "shell command that gets what happened to a night as JSON on its standard input"},
      {"notify.mail",
       K::text,
       "",
       "",
       "address to which the same is mailed",
       no_limits,
       {},
       {is_mail_address, "one mail address, without blanks"}},
      {"notify.sendmail", K::text, "/usr/sbin/sendmail", "", "program that takes mail, with -t"},
      {"notify.on", K::words, notified_events(), "",
       "which events are told, as they occur and each once", no_limits, notified_events()},
      {"notify.gather",
       K::number,
       30.0,
       "s",
       "failed jobs are told together, when none has followed for so long",
       {0}},
      {"notify.interval",
       K::number,
       600.0,
       "s",
       "least time between two messages of a night's failed jobs, and the longest that one waits",
       {0}},
      {"notify.stalled_after",
       K::number,
       7200.0,
       "s",
       "a night that has jobs to run, and on which nothing has gone on for so long, is stalled; "
       "times in night.pause are no stall",
       {1}},
      {"notify.time_limit", K::number, 30.0, "s", "of each of these commands", {0.1, 3600}},

      {"daemon.settle_s",
       K::number,
       60.0,
       "s",
       "a subrun that none follows is complete when its files are whole and unchanged for so long, "
       "and the last run is over, so that its subruns are merged, when nothing has come of it for "
       "ten times as long",
       {0, day_s}},
      {"daemon.poll_s",
       K::number,
       10.0,
       "s",
       "how often the raw data are looked at where their disk tells nothing of changes",
       {0.1, day_s}},
      {"daemon.pass_every_s",
       K::number,
       600.0,
       "s",
       "how often a night that is not done is passed over though nothing new came",
       {1}},
      {"daemon.look_back_days",
       K::integer,
       7,
       "days",
       "nights before the present one that the daemon takes care of",
       {0, 36500}},

      {"web.address", K::text, "127.0.0.1", "",
       "address that the pages are served at; others than the loopback are open to the network"},
      {"web.port", K::integer, 8642, "", "port of the pages; 0: any that is free", {0, 65535}},
      {"web.token_file", K::path, "", "",
       "file whose first line is the token, of 16 characters at least, that allows to retry, veto "
       "and close on the pages; readable by its owner alone; empty: the pages are read-only"},
      {"web.max_connections", K::integer, 512, "", "connections that are served at once", {1}},
      {"web.max_connections_per_address",
       K::integer,
       256,
       "",
       "the same from one address; all, if a proxy stands before the server",
       {1}},
  };
}

void add_closing(std::vector<Option>& options) {
  options.insert(
      options.end(),
      {{"clean.intermediate",
        K::words,
        json::array({"interleaved"}),
        "",
        "products that alisio clean may remove of closed nights",
        no_limits,
        {"interleaved", "dl1_subrun", "dl1b_subrun", "muons", "dl2_subrun"}},
       {"clean.intermediate_days",
        K::number,
        60.0,
        "d",
        "days after the closing when they, and what was set aside and made anew, may go; .inf: "
        "never",
        {0}},
       {"clean.logs_days",
        K::number,
        180.0,
        "d",
        "days after the closing when the logs of jobs that are done may go; .inf: never",
        {0}},
       {"closing.auto", K::boolean, true, "",
        "scheduled passes (alisio night --pass) close a night when all that can be done is done"},
       {"closing.earliest_hour",
        K::number,
        8.0,
        "h",
        "no night closes before this UTC hour of the day after its evening: the telescope may "
        "still "
        "observe",
        {0, 1e6}},
       {"closing.incomplete_hour",
        K::number,
        14.0,
        "h",
        "a night of which something is missing closes by itself from this UTC hour on: raw files "
        "may be late; .inf: never",
        {0}},
       {"closing.allowed_missing_subruns",
        K::text,
        "100 %",
        "",
        "so many subruns of a run may be missing, each named: a number, or a part as in \"5 %\"",
        no_limits,
        {},
        {[](const std::string& text) { return MissingLimit::parse(text).has_value(); },
         "a number of subruns as 3, or a part as \"5 %\", up to \"100 %\""}},
       {"closing.gates",
        K::text,
        "ignore",
        "",
        "require: runs whose data fail their quality gates keep the night open until accepted; "
        "ignore: they are named",
        no_limits,
        {"require", "ignore"}},
       {"closing.reopen_for_late_raw", K::boolean, false, "",
        "a pass (--pass) over a closed night opens it again if raw files of data runs came after "
        "its "
        "closing; else it says so only"},
       {"closing.lstosa_flags", K::boolean, true, "",
        "write NightFinished.txt, sequence_*.closed and links to the products where LSTOSA has "
        "them"},
       {"closing.key", K::path, "", "",
        "private Ed25519 key (PEM) that signs the seals of nights; empty: they are not signed"},
       {"closing.public_key", K::path, "", "",
        "public key (PEM) that seals must be signed with to hold; empty: that of closing.key, else "
        "the one in the seal"}});
}

/// Return a value as it may stand in a YAML file, in one line.
std::string yaml_text(const json& value) {
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const json& item : value) items.push_back(yaml_text(item));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  if (value.is_object()) {
    for (const auto& [name, item] : value.items())
      items.push_back(fmt::format("{}: {}", name, yaml_text(item)));
    return fmt::format("{{{}}}", fmt::join(items, ", "));
  }
  if (value.is_number_float() && std::isinf(value.get<double>()))
    return value.get<double>() > 0 ? ".inf" : "-.inf";
  return value.dump();
}

const char* kind_name(OptionKind kind) {
  switch (kind) {
    case K::integer:
      return "integer";
    case K::integer_or_null:
      return "integer or null";
    case K::number:
      return "number";
    case K::number_or_null:
      return "number or null";
    case K::range:
      return "[low, high], -.inf or .inf where it is open";
    case K::ranges:
      return "names with [low, high], -.inf or .inf where it is open";
    case K::numbers:
      return "names with numbers";
    case K::words:
      return "list of words";
    case K::boolean:
      return "true or false";
    case K::boolean_or_null:
      return "true, false or null";
    case K::text:
      return "text";
    case K::name:
      return "name";
    case K::path:
      return "path";
  }
  return "";
}

/// Return what an option may be or hold as a line of the help; nothing if that is anything.
std::string names_text(const Option& option) {
  if (option.names.empty()) return "";
  return fmt::format("    {}: {}\n", option.kind == K::text ? "one of" : "may hold",
                     fmt::join(option.names, ", "));
}

}  // namespace

std::span<const Option> options() {
  static const std::vector<Option> all = [] {
    std::vector<Option> options = make_options();
    add_charge_calibrations(options);
    add_dl3(options);
    add_execution(options);
    add_slurm(options);
    add_closing(options);
    // Whoever uses them counts in int.
    for (Option& option : options)
      if (option.kind == K::integer || option.kind == K::integer_or_null)
        option.limits.high = std::min(option.limits.high, double{std::numeric_limits<int>::max()});
    return options;
  }();
  return all;
}

std::string options_as_text() {
  std::string text =
      "  JSON files may be lstchain's. What they ask for beyond these keys is done, or refused by "
      "the\n"
      "  stages that do it otherwise; what a block of them leaves out is what lstchain takes "
      "then.\n"
      "  A JSON file with the key 'telescope' is Alisio's own.\n";
  for (const Option& option : options())
    text += fmt::format("{} ({}{}{}; default {})\n    {}\n{}", option.key, kind_name(option.kind),
                        option.unit.empty() ? "" : ", ", option.unit,
                        yaml_text(option.default_value), option.description, names_text(option));
  return text;
}

}  // namespace alisio::config
