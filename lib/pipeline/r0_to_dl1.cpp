#include "lib/pipeline/r0_to_dl1.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "calib/charge/image_producer.hpp"
#include "calib/drs4/readout.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/io/text/log_part.hpp"
#include "lib/pipeline/check_dl1.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/interleaved_file.hpp"
#include "lib/pipeline/muons.hpp"
#include "lib/pipeline/options.hpp"
#include "lib/pipeline/pedestal_ids.hpp"
#include "lib/pipeline/reference_time.hpp"
#include "lib/pipeline/unusable_pixels.hpp"
#include "lib/sky/time.hpp"
#include "lib/stage/description.hpp"
#include "lib/stage/product_name.hpp"
#include "reco/params/process_block.hpp"

namespace alisio::pipeline {
namespace {

void warn_of(const calib::R0Source& source, const calib::ImageProducer& producer,
             const R0ToDl1Request& request) {
  const auto& read = source.counters();
  const auto& made = producer.counters();
  const std::string file = request.input.string();
  if (read.empty_events > 0) spdlog::warn("{}: {} empty events skipped", file, read.empty_events);
  if (read.ucts_jumps > 0)
    spdlog::warn("{}: {} jumps of the UCTS clock repaired", file, read.ucts_jumps);
  if (read.ucts_behind > 0)
    spdlog::warn("{}: UCTS lags behind the module clock in {} events", file, read.ucts_behind);
  if (read.made_pedestal + read.made_physics > 0)
    spdlog::info("{}: by the list of pedestals {} events became pedestals and {} physics", file,
                 read.made_pedestal, read.made_physics);
  if (made.made_flatfield + made.made_unknown > 0)
    spdlog::info("{}: by their charges {} events became flat-fields and {} unknown", file,
                 made.made_flatfield, made.made_unknown);
  if (made.one_gain_interleaved > 0)
    spdlog::warn(
        "{}: {} flat-field and pedestal events hold one gain: gain selection took them for physics",
        file, made.one_gain_interleaved);
  if (made.outside_drive_log > 0)
    spdlog::warn("{}: {} events lie outside the drive log and have no pointing", file,
                 made.outside_drive_log);
  if (made.nan_constants > 0)
    spdlog::warn("{}: {} channels have NaN constants and are unusable",
                 request.charge_calibration.string(), made.nan_constants);
}

/// Refuse a list of another subrun: all that was tagged would be taken for physics. A few events
/// (max_events) may hold no pedestal. @throws Error(bad_input).
void check_listed_are_here(const calib::R0Source& source, const R0ToDl1Request& request,
                           bool any_listed) {
  if (!any_listed || source.counters().listed > 0 || request.max_events > 0) return;
  throw Error(ErrorKind::bad_input,
              fmt::format("lists no pedestal of {}", request.input.filename().string()),
              request.pedestal_ids.string(), "give the file of this subrun");
}

/// Make the interleaved events of a calibrated block ready for their file.
std::vector<InterleavedWriter::Prepared> prepare_interleaved(
    const InterleavedWriter& writer, calib::WorkBlock& block,
    const std::vector<std::uint16_t>& pixel_ids) {
  const std::size_t n = block.waveforms.n_pixels;
  std::vector<InterleavedWriter::Prepared> out;
  std::vector<std::uint8_t> missing(calib::n_gains * n), status(n);
  std::vector<const float*> waveforms(calib::n_gains * n);
  for (std::size_t k = 0; k < block.interleaved().size(); ++k) {
    const std::size_t e = block.interleaved()[k];
    const calib::RawEvent& event = block.raw.events[e];
    std::fill(missing.begin(), missing.end(), std::uint8_t{0});
    if (event.n_gains == 1)
      for (std::size_t p = 0; p < n; ++p)
        missing[(block.waveforms.stored_gain[e * n + p] == 0 ? n : 0) + p] = 1;
    std::fill(status.begin(), status.end(), std::uint8_t{0});
    for (std::size_t p = 0; p < event.pixel_status.size(); ++p)
      status[pixel_ids[p]] = event.pixel_status[p];
    const std::span<const float> times(&block.interleaved_times[k * calib::n_gains * n],
                                       calib::n_gains * n);
    for (std::size_t c = 0; c < calib::n_gains * n; ++c)
      waveforms[c] = block.waveforms.waveform_of(e, c / n, c % n);
    out.push_back(writer.prepare({.event_id = event.event_id,
                                  .time_tai_ns = event.time_tai_ns,
                                  .type = event.type,
                                  .waveforms = waveforms,
                                  .missing = missing,
                                  .peak_time = times,
                                  .pixel_status = status}));
  }
  return out;
}

/// From the first to the last event, UTC unix, s.
struct TimeSpan {
  double from = std::numeric_limits<double>::infinity();
  double to = -std::numeric_limits<double>::infinity();

  void extend(std::span<const double> times) {
    for (const double time : times) {
      if (!std::isfinite(time)) continue;
      from = std::min(from, time);
      to = std::max(to, time);
    }
  }
};

/// A log that pointings come from, and the port that it comes through.
struct PointingLog {
  std::string port;
  text::LogSamples samples;
};

std::vector<PointingLog> read_pointing_logs(const std::filesystem::path& drive_log) {
  std::vector<PointingLog> logs;
  if (drive_log.empty()) return logs;
  logs.push_back({"pointing", text::read_log_samples(drive_log)});
  if (const auto bending = text::bending_log_of(drive_log); !bending.empty())
    logs.push_back({"pointing_correction", text::read_log_samples(bending)});
  return logs;
}

/// Name what a span of time takes of each log, by port: the logs grow, and what is said of later
/// events concerns others.
std::map<std::string, std::string> parts_of(const std::vector<PointingLog>& logs,
                                            const TimeSpan& span) {
  std::map<std::string, std::string> parts;
  if (span.from <= span.to)
    for (const PointingLog& log : logs)
      parts[log.port] = text::log_part(log.samples, span.from, span.to);
  return parts;
}

/// Note the logs that pointings come from.
/// @param parts what is taken of them, by port; empty: all
void use_pointing(stage::StageRun& run, const std::filesystem::path& drive_log,
                  const std::map<std::string, std::string>& parts) {
  if (drive_log.empty()) return;
  const auto use = [&](const std::string& port, const std::filesystem::path& file) {
    const auto part = parts.find(port);
    if (part == parts.end())
      run.use(port, file);
    else
      run.use(port, file, {{"part", part->second}});
  };
  use("pointing", drive_log);
  if (const auto bending = text::bending_log_of(drive_log); !bending.empty())
    use("pointing_correction", bending);
}

/// Files that a job makes; those that are not wanted are empty.
struct Targets {
  std::filesystem::path dl1, interleaved, muons, check;
};

Targets targets_of(const R0ToDl1Request& request, const config::Configuration& configuration) {
  const SubrunId subrun = subrun_of(request.input);
  Targets targets;
  targets.dl1 = request.output_dir / stage::product_name("dl1_subrun", subrun);
  if (request.interleaved ||
      configuration.boolean("write_interleaved_events.DataWriter.write_r1_waveforms"))
    targets.interleaved =
        request.output_dir / "interleaved" / stage::product_name("interleaved", subrun);
  if (request.muons && configuration.boolean("muons.write"))
    targets.muons = request.output_dir / stage::product_name("muons", subrun);
  if (configuration.boolean("data_check.write"))
    targets.check = request.output_dir / stage::product_name("dl1_datacheck", subrun);
  return targets;
}

void use_constants(stage::StageRun& run, const R0ToDl1Request& request) {
  run.use("drs4_pedestal", request.drs4_pedestal);
  run.use("charge_calibration", request.charge_calibration);
  if (!request.time_calibration.empty()) run.use("time_calibration", request.time_calibration);
  if (!request.pedestal_ids.empty()) run.use("pedestal_ids", request.pedestal_ids);
}

/// What a dry run does: name inputs and products.
void plan(stage::StageRun& run, const R0ToDl1Request& request, const Targets& targets) {
  run.use("r0_subrun", request.input);
  use_constants(run, request);
  use_reference_time(run, request.run_summary, subrun_of(request.input).run);
  use_pointing(run, request.drive_log, {});
  run.plan_product("dl1_subrun", targets.dl1);
  if (!targets.interleaved.empty()) run.plan_product("interleaved", targets.interleaved);
  if (!targets.muons.empty()) run.plan_product("muons", targets.muons);
  if (!targets.check.empty()) run.plan_product("dl1_datacheck", targets.check);
}

/// @param drive_log where the pointings come from; nullptr: nowhere
calib::CalibrationConstants read_constants(const R0ToDl1Request& request, std::size_t n_pixels,
                                           std::shared_ptr<const text::DriveLog> drive_log) {
  calib::CalibrationConstants constants;
  constants.drs4_pedestal = std::make_shared<calib::Drs4Pedestal>(
      calib::read_drs4_pedestal(request.drs4_pedestal, n_pixels));
  if (!constants.drs4_pedestal->has_spike_heights)
    spdlog::warn(
        "{}: holds no heights of spikes, as files before 2022; spikes stay in the waveforms",
        request.drs4_pedestal.string());
  constants.camera = std::make_shared<calib::CameraCalibration>(
      calib::read_camera_calibration(request.charge_calibration, n_pixels));
  if (!request.time_calibration.empty())
    constants.time = std::make_shared<calib::TimeCalibration>(
        calib::read_time_calibration(request.time_calibration, n_pixels));
  constants.drive_log = std::move(drive_log);
  return constants;
}

/// What is made of a block where blocks are worked on side by side, for where they are in order.
struct BlockResult {
  hdf5::CompressedChunk images;
  std::vector<InterleavedWriter::Prepared> interleaved;
  std::vector<MuonRing> muon_candidates;
  check::Prepared checked;
};

/// Hands results over, by the numbers of their blocks.
class HandOver {
 public:
  void put(std::size_t block, BlockResult result) {
    const std::scoped_lock lock(mutex_);
    results_.emplace(block, std::move(result));
  }
  [[nodiscard]] BlockResult take(std::size_t block) {
    const std::scoped_lock lock(mutex_);
    return std::move(results_.extract(block).mapped());
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, BlockResult> results_;
};

}  // namespace

std::int64_t r0_to_dl1(stage::StageRun& run, const R0ToDl1Request& request,
                       const config::Configuration& configuration,
                       const instrument::Telescope& telescope, dl2::Dl1Columns* rows,
                       stage::FileStamp* product) {
  const Targets targets = targets_of(request, configuration);
  const SubrunId subrun = subrun_of(request.input);
  const int run_number = subrun.run;
  if (run.activity().dry_run) {
    plan(run, request, targets);
    if (product != nullptr) product->path = targets.dl1.string();
    return 0;
  }

  const std::size_t n_pixels = telescope.geometry.n_pixels;
  const clean::CleaningOptions cleaning = cleaning_options(configuration);
  calib::R0Options r0;
  r0.max_events = request.max_events;
  r0.timings = &run.timings();
  r0.reference_time = use_reference_time(run, request.run_summary, run_number);
  r0.trigger_source = trigger_source(configuration);
  if (!request.pedestal_ids.empty())
    r0.pedestal_ids = read_pedestal_ids(request.pedestal_ids, subrun);
  const bool any_listed = r0.pedestal_ids && !r0.pedestal_ids->empty();
  calib::R0Source source(request.input, r0);
  for (const auto& file : source.files()) run.use("r0_subrun", file);
  use_constants(run, request);
  calib::CalibrationOptions calibration =
      calibration_options(configuration, source.camera().run_start_utc_s);
  calibration.keep_interleaved_times = !targets.interleaved.empty();
  calibration.timings = &run.timings();
  std::optional<TimedPart> timed;
  timed.emplace(&run.timings(), "read constants");

  // Read before what the pointings come from: what is appended between the two is no part of it.
  const std::vector<PointingLog> pointing = read_pointing_logs(request.drive_log);
  std::shared_ptr<const text::DriveLog> drive_log;
  if (!request.drive_log.empty())
    drive_log = std::make_shared<text::DriveLog>(text::read_drive_log(request.drive_log));
  calib::ImageProducer producer(source, read_constants(request, n_pixels, std::move(drive_log)),
                                telescope.geometry, telescope.readout.sampling_rate, calibration);

  timed.reset();
  PendingFile& file = run.create("dl1_subrun", targets.dl1);
  Dl1Writer writer(file.path(), telescope, run_number, r0.block_events,
                   run.activity().configuration_json);
  std::optional<InterleavedWriter> interleaved;
  if (!targets.interleaved.empty()) {
    const std::int64_t start_ns =
        sky::utc_to_tai_ns(static_cast<std::int64_t>(source.camera().run_start_utc_s * 1e9));
    interleaved.emplace(run.create("interleaved", targets.interleaved).path(), telescope,
                        run_number, calib::readout::n_kept_samples, start_ns);
  }
  std::optional<MuonFinder> muons;
  PendingFile* muon_file = nullptr;
  if (!targets.muons.empty()) {
    muons.emplace(producer, telescope);
    muon_file = &run.create("muons", targets.muons);
  }
  std::optional<check::Accumulator> data_check;
  if (!targets.check.empty()) data_check.emplace(telescope, run_number, subrun.subrun);
  flow::ScratchPool<params::Scratch> scratches(
      [&] { return std::make_unique<params::Scratch>(n_pixels); });
  HandOver results;
  const auto process = [&](calib::WorkBlock& block) {
    const auto timed_part = [&](const char* part, const auto& work) {
      const TimedPart measured(&run.timings(), part);
      return work();
    };
    scratches.with_scratch([&](params::Scratch& scratch) {
      timed_part("clean and parametrise", [&] {
        params::process_block(block.events, 0, block.events.size, telescope, cleaning, {}, scratch);
      });
    });
    BlockResult made;
    made.images = timed_part("compress images", [&] { return writer.prepare(block.events); });
    if (interleaved)
      made.interleaved = timed_part("compress interleaved", [&] {
        return prepare_interleaved(*interleaved, block, source.camera().pixel_ids);
      });
    if (muons) made.muon_candidates = timed_part("muons", [&] { return muons->find(block); });
    if (data_check)
      timed_part("data check", [&] { data_check->prepare(events_of(block.events), made.checked); });
    results.put(block.events.sequence, std::move(made));
  };
  std::int64_t events = 0;
  TimeSpan span;
  const auto consume = [&](calib::WorkBlock& block) {
    BlockResult made = results.take(block.events.sequence);
    if (data_check) {
      const TimedPart part(&run.timings(), "data check");
      data_check->add(events_of(block.events), made.checked);
    }
    const TimedPart part(&run.timings(), "write");
    if (muons) muons->add(std::move(made.muon_candidates), block.events.size);
    for (const InterleavedWriter::Prepared& event : made.interleaved) interleaved->write(event);
    writer.write(block.events, made.images);
    if (rows != nullptr) append_rows(*rows, block.events, telescope, run_number);
    events += std::int64_t(block.events.size);
    span.extend({block.events.time_unix_s.data(), block.events.size});
    if (request.progress) request.progress(events, std::int64_t(source.event_count()));
  };
  flow::ThreadPool pool(request.threads);
  producer.run(pool, process, consume);
  warn_of(source, producer, request);
  if (events == 0)
    throw Error(ErrorKind::bad_input, "holds no events", request.input.string(),
                "leave the subrun out, or copy its files again");
  check_listed_are_here(source, request, any_listed);

  use_pointing(run, request.drive_log, parts_of(pointing, span));
  // It waits for the hashes of the inputs, which is a part of its own.
  const ProductMetadata metadata = run.metadata("dl1_subrun");
  timed.emplace(&run.timings(), "finish files");
  std::vector<MonitoringParts> parts;
  for (const auto& part : producer.monitoring().parts())
    parts.push_back({part.pedestal, part.flatfield});
  writer.write_monitoring(producer.monitoring().rows(), parts);
  writer.finish(metadata);
  timed.reset();
  run.hash_ahead("dl1_subrun");
  if (interleaved) {
    const ProductMetadata of_interleaved = run.metadata("interleaved");
    timed.emplace(&run.timings(), "finish files");
    interleaved->finish(of_interleaved);
    timed.reset();
    run.hash_ahead("interleaved");
  }
  const stage::FileStamp stamp = run.publish("dl1_subrun");
  if (product != nullptr) *product = stamp;
  if (interleaved) run.publish("interleaved");
  if (muons) {
    write_muons(muon_file->path(), muons->table(), run.metadata("muons").attributes);
    run.publish("muons");
  }
  if (data_check) {
    check::SubrunCheck checked = data_check->finish();
    add_calibration(checked,
                    flagged_in_either_gain(producer.unusable_pixels(), telescope.geometry.n_pixels,
                                           request.input.string()));
    if (muons) add_muons(checked.summary, muons->table());
    publish_check(run, targets.check, checked, run.activity().configuration_json, configuration);
  }
  return events;
}

}  // namespace alisio::pipeline
