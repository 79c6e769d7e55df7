#include "lib/pipeline/cat_b.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calib/measure/cat_b.hpp"
#include "calib/quality/gates.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/camera_calibration.hpp"
#include "lib/pipeline/constants_file.hpp"
#include "lib/pipeline/constants_quality.hpp"
#include "lib/pipeline/interleaved_file.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

/// The subruns in their order, each once and all of one run.
std::vector<fs::path> ordered(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files(inputs);
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return subrun_of(a).subrun < subrun_of(b).subrun;
  });
  for (std::size_t i = 1; i < files.size(); ++i) {
    const SubrunId before = subrun_of(files[i - 1]), id = subrun_of(files[i]);
    if (before.run != id.run)
      throw Error(ErrorKind::bad_input,
                  fmt::format("is of run {}, another file of run {}", id.run, before.run),
                  files[i].string(), "give the files of one run");
    if (before.subrun == id.subrun)
      throw Error(ErrorKind::bad_input, fmt::format("subrun {} is given twice", id.subrun),
                  files[i].string(), "give each subrun once");
  }
  return files;
}

/// Gates of several rows: of each, the worst.
std::vector<Gate> gates_of(const std::vector<calib::CameraCalibration>& rows,
                           const config::Configuration& configuration) {
  std::vector<Gate> all;
  const calib::CameraCalibrationLimits limits = camera_calibration_limits(configuration);
  for (const calib::CameraCalibration& row : rows)
    all = worse_of(all, calib::camera_calibration_gates(row.row, limits));
  return all;
}

}  // namespace

ActivityNote cat_b_activity(const CatBRequest& request, const JobContext& context,
                            const config::Configuration& configuration) {
  SubrunId id = subrun_of(request.inputs.front());
  id.subrun = 0;
  ActivityNote note = activity_note("cat_b", id, context, configuration);
  note.parameters.erase("ObservationSubRun");
  note.parameters["CalibrationRun"] = run_in_name(request.charge_calibration);
  note.parameters["Filters"] = configuration.text("camera_calibration.filters");
  return note;
}

std::int64_t cat_b(stage::StageRun& run, const CatBRequest& request,
                   const config::Configuration& configuration,
                   const instrument::Telescope& telescope) {
  const std::vector<fs::path> files = ordered(request.inputs);
  const std::string run_name = run_text(subrun_of(files.front()).run);
  const fs::path target =
      request.output_dir / stage::product_name("catb_calibration", subrun_of(files.front()),
                                               configuration.text("camera_calibration.filters"));
  for (const fs::path& file : files) run.use("interleaved", file);
  run.use("charge_calibration", request.charge_calibration);
  if (!request.ffactor_systematics.empty())
    run.use("ffactor_systematics", request.ffactor_systematics);
  if (run.activity().dry_run) {
    run.plan_product("catb_calibration", target);
    return 0;
  }

  const std::size_t n_pixels = telescope.geometry.n_pixels;
  std::vector<double> quadratic_term;
  if (!request.ffactor_systematics.empty())
    quadratic_term = read_quadratic_term(request.ffactor_systematics, n_pixels);
  const calib::CollectorOptions options = collector_options(configuration, "cat_b");
  calib::CatBMeter meter(
      calib::read_camera_calibration(request.charge_calibration, n_pixels),
      extraction_windows(configuration, "cat_b", telescope.readout.sampling_rate), options,
      std::move(quadratic_term));
  std::int64_t events = 0, total = 0;
  for (const fs::path& file : files)
    total += std::int64_t(InterleavedReader(file, n_pixels).event_count());
  InterleavedReader::Event event;
  for (const fs::path& file : files) {
    const InterleavedReader reader(file, n_pixels);
    for (std::size_t i = 0; i < reader.event_count(); ++i) {
      throw_if_interrupted();
      reader.read(i, event);
      meter.add(event.type, event.waveform, event.peak_time, event.missing, event.unix_s);
      ++events;
    }
    if (request.progress) request.progress(events, total);
  }
  calib::ChargeCollector& collector = meter.collector();
  if (collector.finish()) {
    const MonitoringRow& row = collector.rows().front().row;
    if (row.pedestal.n_events < std::int64_t(options.pedestal_sample_size) ||
        row.flatfield.n_events < std::int64_t(options.flatfield_sample_size))
      spdlog::warn(
          "run {}: {} flat-field and {} pedestal events fill no sample of {}; they give the "
          "constants",
          run_name, row.flatfield.n_events, row.pedestal.n_events, options.flatfield_sample_size);
  }
  if (collector.rows().empty())
    throw Error(ErrorKind::bad_input,
                fmt::format("no calibration: {} flat-field and {} pedestal events in {} file{}",
                            collector.flatfield_events(), collector.pedestal_events(), files.size(),
                            files.size() == 1 ? "" : "s"),
                files.front().string(), "give the interleaved events of the whole run");
  const std::vector<Gate> gates = gates_of(collector.rows(), configuration);
  if (!all_passed(gates))
    spdlog::warn("run {}: quality gates failed: {}", run_name, failed_gates(gates));
  PendingFile& file = run.create("catb_calibration", target);
  write_charge_calibration(file.path(), collector.rows(),
                           {.telescope = telescope.tel_id,
                            .stage = "cat_b",
                            .configuration_json = run.activity().configuration_json},
                           run.metadata("catb_calibration"));
  run.publish("catb_calibration", {{"quality", verdict(gates)}});
  spdlog::info("run {}: {} row{} of Cat-B constants from {} events", run_name,
               collector.rows().size(), collector.rows().size() == 1 ? "" : "s", events);
  return events;
}

}  // namespace alisio::pipeline
