#include "lib/pipeline/time_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "calib/constants/constants.hpp"
#include "calib/drs4/readout.hpp"
#include "calib/quality/gates.hpp"
#include "calib/r0/stream_files.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/pipeline/constants_quality.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/reference_time.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::pipeline {
namespace {

using Measured = calib::MeasuredTimeCalibration;

calib::TimeCalibrationOptions meter_options(const config::Configuration& configuration,
                                            double sampling_rate) {
  const std::string window = "camera_calibration.LocalPeakWindowSum.";
  calib::TimeCalibrationOptions options;
  options.window.width = int(configuration.integer(window + "window_width"));
  options.window.shift = int(configuration.integer(window + "window_shift"));
  options.minimum_charge = configuration.number("TimeCorrectionCalculate.minimum_charge");
  options.sampling_rate = sampling_rate;
  if (options.window.width < 1 || options.window.width > int(calib::readout::n_kept_samples))
    throw Error(ErrorKind::configuration,
                fmt::format("'{}window_width' must be between 1 and {} samples, not {}", window,
                            calib::readout::n_kept_samples, options.window.width));
  if (options.window.shift < 0 || options.window.shift >= options.window.width)
    throw Error(ErrorKind::configuration,
                fmt::format("'{}window_shift' must be between 0 and the window's width, not {}",
                            window, options.window.shift));
  return options;
}

std::filesystem::path product_of(const TimeCalibrationRequest& request) {
  return request.output_dir / stage::product_name("time_calibration", subrun_of(request.input));
}

/// Say which channels have no plain curve.
void warn_of(const Measured& calibration, const std::string& file) {
  const auto channels = [&](std::uint8_t flag) {
    return std::count(calibration.flags.begin(), calibration.flags.end(), flag);
  };
  const std::size_t all = calibration.flags.size();
  if (const auto n = channels(Measured::dead); n > 0)
    spdlog::warn("{}: {} of {} channels have no pulse; they get no time correction", file, n, all);
  if (const auto n = channels(Measured::flat); n > 0)
    spdlog::warn(
        "{}: {} of {} channels have pulses for less than half of the capacitors; they get no time "
        "correction",
        file, n, all);
  if (const auto n = channels(Measured::interpolated); n > 0)
    spdlog::warn("{}: {} of {} channels lack pulses for some capacitors, which are interpolated",
                 file, n, all);
}

}  // namespace

ActivityNote time_calibration_activity(const TimeCalibrationRequest& request,
                                       const JobContext& context,
                                       const config::Configuration& configuration) {
  const SubrunId id = subrun_of(request.input);
  ActivityNote note = activity_note("time_calibration", id, context, configuration);
  note.parameters["CalibrationRun"] = run_text(id.run);
  note.parameters["PedestalRun"] = run_in_name(request.drs4_pedestal);
  return note;
}

std::int64_t time_calibration(stage::StageRun& run, const TimeCalibrationRequest& request,
                              const config::Configuration& configuration,
                              const instrument::Telescope& telescope) {
  const std::filesystem::path target = product_of(request);
  const int run_number = subrun_of(request.input).run;
  if (run.activity().dry_run) {
    run.use("r0_subrun", request.input);
    if (request.all_subruns)
      for (const auto& file : calib::following_subruns(request.input)) run.use("r0_subrun", file);
    run.use("drs4_pedestal", request.drs4_pedestal);
    use_reference_time(run, request.run_summary, run_number);
    run.plan_product("time_calibration", target);
    return 0;
  }
  const std::size_t n_pixels = telescope.geometry.n_pixels;
  const calib::TimeCalibrationOptions options =
      meter_options(configuration, telescope.readout.sampling_rate);
  calib::R0Options r0;
  r0.max_events =
      request.max_events.value_or(configuration.integer("TimeCorrectionCalculate.max_events"));
  r0.reference_time = use_reference_time(run, request.run_summary, run_number);
  r0.all_subruns = request.all_subruns;
  r0.trigger_source = calib::TriggerSource::tib;
  calib::R0Source source(request.input, r0);
  for (const auto& file : source.files()) run.use("r0_subrun", file);
  run.use("drs4_pedestal", request.drs4_pedestal);

  calib::Drs4Corrector corrector(std::make_shared<calib::Drs4Pedestal>(
                                     calib::read_drs4_pedestal(request.drs4_pedestal, n_pixels)),
                                 source.camera(), {});
  calib::TimeCalibrationMeter meter(n_pixels, options);
  const auto total = std::int64_t(source.event_count());
  std::int64_t events = 0;
  flow::ThreadPool pool(request.threads);
  calib::RawBlock block;
  calib::CorrectedBlock waveforms;
  std::vector<std::uint8_t> wanted;
  while (source.next_block(block, pool)) {
    corrector.prepare(block, waveforms);
    meter.begin(block);
    wanted.clear();
    for (const calib::RawEvent& event : block.events)
      wanted.push_back(event.type == EventType::flatfield ? 1 : 0);
    pool.parallel_for(corrector.module_count(), [&](std::size_t module) {
      corrector.correct(block, module, waveforms, wanted);
      meter.add(block, waveforms, corrector.pixels_of(module));
    });
    events += std::int64_t(block.events.size());
    if (request.progress) request.progress(events, total);
  }
  if (events == 0)
    throw Error(ErrorKind::bad_input, "holds no events", request.input.string(),
                "give another run, or copy its files again");
  const Measured calibration = meter.finish();
  if (calibration.events == 0)
    throw Error(
        ErrorKind::bad_input,
        fmt::format("none of {} events is a flat-field: this is no calibration run", events),
        request.input.string(), "give the run of flat-field events");
  if (const auto empty = source.counters().empty_events; empty > 0)
    spdlog::warn("{}: {} empty events skipped", request.input.string(), empty);
  warn_of(calibration, request.input.string());
  const auto gates =
      calib::time_calibration_gates(calibration.curve, time_calibration_limits(configuration));
  if (!all_passed(gates))
    spdlog::warn("{}: quality gates failed: {}", request.input.string(), failed_gates(gates));

  PendingFile& file = run.create("time_calibration", target);
  write_time_calibration(file.path(), calibration, n_pixels, run.activity().configuration_json,
                         run.metadata("time_calibration"));
  run.publish("time_calibration", {{"quality", verdict(gates)}});
  return events;
}

void write_time_calibration(const std::filesystem::path& path, const Measured& calibration,
                            std::size_t n_pixels, const std::string& configuration_json,
                            const ProductMetadata& metadata) {
  hdf5::File file = hdf5::File::create(path);
  const std::vector<std::size_t> curve{calib::n_gains, n_pixels, calibration.curve.n_harmonics};
  const std::vector<std::size_t> channels{calib::n_gains, n_pixels};
  file.write_array("/fan", calibration.curve.fan, curve);
  file.write_array("/fbn", calibration.curve.fbn, curve);
  const auto write = [&](const char* name, const auto& values) {
    file.write_array(name, std::vector<double>(values.begin(), values.end()), channels);
  };
  write("/quality/flag", calibration.flags);
  write("/quality/counts", calibration.counts);
  write("/quality/empty_bins", calibration.empty_bins);
  file.write_attribute("/quality/flag", "VALUES",
                       std::string("0 complete, 1 interpolated, 2 too few pulses, 3 no pulse"));
  file.write_attribute("/", "n_events", std::int64_t(calibration.events));
  file.write_attribute("/", "n_harm", std::int64_t(calibration.curve.n_harmonics));
  file.write_attribute("/", "config", configuration_json);
  write_file_attributes(file, metadata, "time_calibration");
  file.close();
}

}  // namespace alisio::pipeline
