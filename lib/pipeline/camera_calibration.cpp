#include "lib/pipeline/camera_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calib/quality/gates.hpp"
#include "calib/r0/stream_files.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/constants_file.hpp"
#include "lib/pipeline/constants_quality.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/reference_time.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

fs::path product_of(const CameraCalibrationRequest& request,
                    const config::Configuration& configuration) {
  return request.output_dir / stage::product_name("charge_calibration", subrun_of(request.input),
                                                  configuration.text("camera_calibration.filters"));
}

void use_constants(stage::StageRun& run, const CameraCalibrationRequest& request) {
  run.use("drs4_pedestal", request.drs4_pedestal);
  if (!request.time_calibration.empty()) run.use("time_calibration", request.time_calibration);
  if (!request.ffactor_systematics.empty())
    run.use("ffactor_systematics", request.ffactor_systematics);
}

calib::R0Options r0_options(stage::StageRun& run, const CameraCalibrationRequest& request,
                            const config::Configuration& configuration) {
  calib::R0Options r0;
  r0.max_events = request.max_events;
  r0.all_subruns = request.all_subruns;
  const std::string key = "camera_calibration.LSTEventSource.default_trigger_type";
  r0.trigger_source =
      configuration.text(key) == "tib" ? calib::TriggerSource::tib : calib::TriggerSource::ucts;
  r0.reference_time = use_reference_time(run, request.run_summary, subrun_of(request.input).run);
  return r0;
}

/// Say what is odd about the calibration.
void warn_of(const calib::CameraCalibration& made, const calib::CollectorOptions& options,
             const std::string& file) {
  const auto short_sample = [&](const char* kind, std::int64_t events, std::size_t wanted) {
    if (events < std::int64_t(wanted))
      spdlog::warn("{}: {} {} events, {} were asked for; they give the constants", file, events,
                   kind, wanted);
  };
  short_sample("pedestal", made.row.pedestal.n_events, options.pedestal_sample_size);
  short_sample("flat-field", made.row.flatfield.n_events, options.flatfield_sample_size);
  const auto& unusable = made.row.calibration.unusable_pixels;
  const auto half = std::ptrdiff_t(unusable.size() / calib::n_gains);
  spdlog::info("{}: {} high-gain and {} low-gain pixels are unusable", file,
               std::count(unusable.begin(), unusable.begin() + half, 1),
               std::count(unusable.begin() + half, unusable.end(), 1));
}

/// Return how many first events do not count: as many as configured, else the peers' number, but no
/// more than a tenth of the run, so that a short run gives constants too.
std::size_t events_to_skip(const config::Configuration& configuration, std::size_t events,
                           const fs::path& input) {
  constexpr std::size_t usual = 1000;
  const char* key = "camera_calibration.CalibrationHDF5Writer.events_to_skip";
  if (const auto said = configuration.integer_or_null(key)) return std::size_t(*said);
  const std::size_t skip = std::min(usual, events / 10);
  if (skip < usual)
    spdlog::warn("{}: a short run of {} events: the first {} are left out, not {} ({})",
                 input.string(), events, skip, usual, key);
  return skip;
}

}  // namespace

calib::CollectorOptions collector_options(const config::Configuration& configuration,
                                          const std::string& block) {
  const std::string calculator = block + ".LSTCalibrationCalculator.",
                    pedestal = block + ".PedestalIntegrator.",
                    flatfield = block + ".FlasherFlatFieldCalculator.";
  const auto cut = [&](const std::string& key, double(&range)[2]) {
    std::tie(range[0], range[1]) = configuration.range(key);
  };
  calib::CollectorOptions options;
  calib::StatisticsOptions& s = options.statistics;
  s.squared_excess_noise_factor = configuration.number(calculator + "squared_excess_noise_factor");
  s.relative_qe_dispersion = configuration.number(calculator + "relative_qe_dispersion");
  s.use_scaled_low_gain = configuration.boolean(calculator + "use_scaled_low_gain");
  s.gain_ratio = configuration.number(calculator + "hg_lg_ratio");
  cut(calculator + "npe_median_cut_outliers", s.n_pe_cut);
  cut(pedestal + "charge_median_cut_outliers", s.pedestal_median_cut);
  cut(pedestal + "charge_std_cut_outliers", s.pedestal_std_cut);
  cut(flatfield + "charge_median_cut_outliers", s.flatfield_median_cut);
  cut(flatfield + "charge_std_cut_outliers", s.flatfield_std_cut);
  cut(flatfield + "time_cut_outliers", s.flatfield_time_cut);
  s.pedestal_window_width = int(configuration.integer(block + ".FixedWindowSum.window_width"));
  options.pedestal_sample_size = std::size_t(configuration.integer(pedestal + "sample_size"));
  options.flatfield_sample_size = std::size_t(configuration.integer(flatfield + "sample_size"));
  options.pedestal_duration = configuration.number(pedestal + "sample_duration");
  options.flatfield_duration = configuration.number(flatfield + "sample_duration");
  return options;
}

calib::ExtractionWindows extraction_windows(const config::Configuration& configuration,
                                            const std::string& block, double sampling_rate) {
  const auto integer = [&](const char* key) {
    return int(configuration.integer(block + "." + key));
  };
  calib::ExtractionWindows windows;
  windows.flatfield = {integer("LocalPeakWindowSum.window_width"),
                       integer("LocalPeakWindowSum.window_shift")};
  windows.pedestal = {integer("FixedWindowSum.window_width"),
                      integer("FixedWindowSum.window_shift")};
  windows.pedestal_peak = integer("FixedWindowSum.peak_index");
  windows.sampling_rate = sampling_rate;
  return windows;
}

ActivityNote camera_calibration_activity(const CameraCalibrationRequest& request,
                                         const JobContext& context,
                                         const config::Configuration& configuration) {
  const SubrunId id = subrun_of(request.input);
  ActivityNote note = activity_note("camera_calibration", id, context, configuration);
  note.parameters["CalibrationRun"] = run_text(id.run);
  note.parameters["PedestalRun"] = run_in_name(request.drs4_pedestal);
  note.parameters["Filters"] = configuration.text("camera_calibration.filters");
  return note;
}

std::int64_t camera_calibration(stage::StageRun& run, const CameraCalibrationRequest& request,
                                const config::Configuration& configuration,
                                const instrument::Telescope& telescope) {
  const fs::path target = product_of(request, configuration);
  if (run.activity().dry_run) {
    run.use("r0_subrun", request.input);
    if (request.all_subruns)
      for (const auto& file : calib::following_subruns(request.input)) run.use("r0_subrun", file);
    use_constants(run, request);
    use_reference_time(run, request.run_summary, subrun_of(request.input).run);
    run.plan_product("charge_calibration", target);
    return 0;
  }
  const std::size_t n_pixels = telescope.geometry.n_pixels;
  const calib::CollectorOptions options = collector_options(configuration, "camera_calibration");
  const calib::ExtractionWindows windows =
      extraction_windows(configuration, "camera_calibration", telescope.readout.sampling_rate);
  calib::R0Source source(request.input, r0_options(run, request, configuration));
  for (const auto& file : source.files()) run.use("r0_subrun", file);
  use_constants(run, request);
  const auto skip = events_to_skip(configuration, source.event_count(), request.input);
  std::optional<calib::TimeCalibration> time;
  if (!request.time_calibration.empty())
    time = calib::read_time_calibration(request.time_calibration, n_pixels);
  std::vector<double> quadratic_term;
  if (!request.ffactor_systematics.empty())
    quadratic_term = read_quadratic_term(request.ffactor_systematics, n_pixels);
  calib::CameraCalibrationMeter meter(source.camera(), n_pixels, time ? &*time : nullptr, windows,
                                      options, std::move(quadratic_term), skip);
  std::int64_t events = 0;
  const auto total = std::int64_t(source.event_count());
  {
    calib::Drs4Corrector drs4(std::make_shared<calib::Drs4Pedestal>(
                                  calib::read_drs4_pedestal(request.drs4_pedestal, n_pixels)),
                              source.camera(), {});
    flow::ThreadPool pool(request.threads);
    calib::RawBlock block;
    calib::CorrectedBlock waveforms;
    while (meter.collector().rows().empty() && source.next_block(block, pool)) {
      meter.begin(block);
      drs4.prepare(block, waveforms);
      pool.parallel_for(drs4.module_count(), [&](std::size_t module) {
        drs4.correct(block, module, waveforms, meter.wanted());
        meter.add(block, waveforms, drs4.pixels_of(module));
      });
      meter.end(block, waveforms);
      events += std::int64_t(block.events.size());
      if (request.progress) request.progress(events, total);
    }
  }
  calib::ChargeCollector& collector = meter.collector();
  collector.finish();
  if (collector.rows().empty())
    throw Error(
        ErrorKind::bad_input,
        fmt::format("no calibration: {} flat-field and {} pedestal events in {} events, "
                    "the first {} left out",
                    collector.flatfield_events(), collector.pedestal_events(), events, skip),
        request.input.string(), "give the run of flat-field and pedestal events");
  if (const auto empty = source.counters().empty_events; empty > 0)
    spdlog::warn("{}: {} empty events skipped", request.input.string(), empty);
  const calib::CameraCalibration& made = collector.rows().front();
  warn_of(made, options, request.input.string());
  const auto gates =
      calib::camera_calibration_gates(made.row, camera_calibration_limits(configuration));
  if (!all_passed(gates))
    spdlog::warn("{}: quality gates failed: {}", request.input.string(), failed_gates(gates));

  PendingFile& file = run.create("charge_calibration", target);
  write_charge_calibration(file.path(), {made},
                           {.telescope = telescope.tel_id,
                            .stage = "camera_calibration",
                            .configuration_json = run.activity().configuration_json},
                           run.metadata("charge_calibration"));
  run.publish("charge_calibration", {{"quality", verdict(gates)}});
  return events;
}

}  // namespace alisio::pipeline
