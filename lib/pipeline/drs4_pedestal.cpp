#include "lib/pipeline/drs4_pedestal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calib/quality/gates.hpp"
#include "calib/r0/stream_files.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/constants_quality.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ScalarType;

/// Events of a block: enough that the statistics of a channel, once in the cache, serve several.
constexpr std::size_t block_events = 128;
/// Part of flat-field events from which a run is no DRS4 run.
constexpr double most_flatfields = 0.1;

calib::Drs4PedestalOptions meter_options(const config::Configuration& configuration) {
  const auto samples = [&](const char* key) {
    const std::int64_t value = configuration.integer(key);
    if (value < 0)
      throw Error(ErrorKind::configuration, fmt::format("'{}' must not be negative", key));
    return std::size_t(value);
  };
  return {.skip_front = samples("DRS4PedestalAndSpikeHeight.skip_samples_front"),
          .skip_end = samples("DRS4PedestalAndSpikeHeight.skip_samples_end")};
}

std::filesystem::path product_of(const Drs4PedestalRequest& request) {
  return request.output_dir / stage::product_name("drs4_pedestal", subrun_of(request.input));
}

/// Say what is odd about the result.
void warn_of(const calib::MeasuredDrs4Pedestal& pedestal, const std::string& file) {
  const std::size_t channels = calib::n_gains * pedestal.n_pixels();
  if (pedestal.odd.missing_channels > 0)
    spdlog::warn("{}: {} of {} channels have no data; their baseline is 0", file,
                 pedestal.odd.missing_channels, channels);
  if (pedestal.odd.empty_cells > 0)
    spdlog::warn("{}: {} capacitors were never read out; they get the mean of their channel", file,
                 pedestal.odd.empty_cells);
  if (pedestal.unknown_spikes > pedestal.odd.missing_channels)
    spdlog::warn("{}: spikes of {} of {} channels are unknown; they get the mean of the camera",
                 file, pedestal.unknown_spikes, channels);
  if (pedestal.baseline_subtracted) {
    if (pedestal.odd.large_cells > 0)
      spdlog::warn("{}: the baseline of {} capacitors is more than 25 ADC counts from 0", file,
                   pedestal.odd.large_cells);
    return;
  }
  if (pedestal.odd.negative_cells > 0)
    spdlog::critical("{}: the baseline of {} capacitors is negative", file,
                     pedestal.odd.negative_cells);
  if (pedestal.odd.small_cells > 0)
    spdlog::warn("{}: the baseline of {} capacitors is below 25 ADC counts", file,
                 pedestal.odd.small_cells);
}

}  // namespace

ActivityNote drs4_pedestal_activity(const Drs4PedestalRequest& request, const JobContext& context,
                                    const config::Configuration& configuration) {
  const SubrunId id = subrun_of(request.input);
  ActivityNote note = activity_note("drs4_pedestal", id, context, configuration);
  note.parameters["PedestalRun"] = run_text(id.run);
  return note;
}

std::int64_t drs4_pedestal(stage::StageRun& run, const Drs4PedestalRequest& request,
                           const config::Configuration& configuration,
                           const instrument::Telescope& telescope) {
  const std::filesystem::path target = product_of(request);
  if (run.activity().dry_run) {
    run.use("r0_subrun", request.input);
    if (request.all_subruns)
      for (const auto& file : calib::following_subruns(request.input)) run.use("r0_subrun", file);
    run.plan_product("drs4_pedestal", target);
    return 0;
  }
  const calib::Drs4PedestalOptions options = meter_options(configuration);
  calib::R0Options r0;
  r0.block_events = block_events;
  r0.max_events =
      request.max_events.value_or(configuration.integer("DRS4PedestalAndSpikeHeight.max_events"));
  r0.all_subruns = request.all_subruns;
  r0.trigger_source = calib::TriggerSource::tib;
  calib::R0Source source(request.input, r0);
  for (const auto& file : source.files()) run.use("r0_subrun", file);

  const auto total = std::int64_t(source.event_count());
  std::int64_t events = 0, flatfields = 0;
  calib::MeasuredDrs4Pedestal pedestal;
  {
    calib::Drs4PedestalMeter meter(source.camera(), telescope.geometry.n_pixels, options);
    flow::ThreadPool pool(request.threads);
    calib::RawBlock block;
    while (source.next_block(block, pool)) {
      meter.begin(block);
      pool.parallel_for(meter.module_count(),
                        [&](std::size_t module) { meter.add(block, module); });
      events += std::int64_t(block.events.size());
      flatfields += std::count_if(
          block.events.begin(), block.events.end(),
          [](const calib::RawEvent& event) { return event.type == EventType::flatfield; });
      if (request.progress) request.progress(events, total);
    }
    if (events == 0)
      throw Error(ErrorKind::bad_input, "holds no events", request.input.string(),
                  "give another run, or copy its files again");
    if (double(flatfields) > most_flatfields * double(events))
      throw Error(ErrorKind::bad_input,
                  fmt::format("{} of {} events are flat-fields: this is no DRS4 pedestal run",
                              flatfields, events),
                  request.input.string(), "give the run of random triggers");
    pedestal = meter.finish(pool);
  }
  if (const auto empty = source.counters().empty_events; empty > 0)
    spdlog::warn("{}: {} empty events skipped", request.input.string(), empty);
  warn_of(pedestal, request.input.string());
  const auto gates = calib::drs4_pedestal_gates(pedestal.constants(), pedestal.baseline_counts(),
                                                drs4_pedestal_limits(configuration));
  if (!all_passed(gates))
    spdlog::warn("{}: quality gates failed: {}", request.input.string(), failed_gates(gates));

  PendingFile& file = run.create("drs4_pedestal", target);
  write_drs4_pedestal(file.path(), pedestal, telescope.tel_id, run.metadata("drs4_pedestal"));
  run.publish("drs4_pedestal", {{"quality", verdict(gates)}});
  return events;
}

void write_drs4_pedestal(const std::filesystem::path& path,
                         const calib::MeasuredDrs4Pedestal& pedestal, std::int64_t telescope,
                         const ProductMetadata& metadata) {
  hdf5::File file = hdf5::File::create(path);
  const std::vector<std::size_t> cells{calib::n_gains, pedestal.n_pixels(), calib::n_capacitors};
  const auto column = [](const char* name, ScalarType type, const std::vector<std::size_t>& shape,
                         const char* description) {
    hdf5::ColumnSpec spec;
    spec.name = name;
    spec.type = type;
    spec.shape = shape;
    spec.description = description;
    return spec;
  };
  hdf5::TableWriter table(
      file,
      {.path = fmt::format("/r1/monitoring/drs4_baseline/tel_{:03}", telescope),
       .title = "DRS4 baseline and spike heights, ADC counts",
       .columns = {column("baseline_mean", ScalarType::int16, cells,
                          "Mean baseline of each capacitor [gain][pixel][capacitor]"),
                   column("baseline_std", ScalarType::int16, cells,
                          "Standard deviation of the baseline of each capacitor"),
                   column("baseline_counts", ScalarType::uint16, cells,
                          "Readouts of each capacitor without a spike; 0: the baseline is the mean "
                          "of the channel"),
                   column("spike_height", ScalarType::int16,
                          {calib::n_gains, pedestal.n_pixels(), 3},
                          "Height of the three samples of a spike")},
       .chunk_rows = 1,
       .compression_level = 1});
  table.write_chunk(table.compress(pedestal.row(), 1));
  table.finish();
  write_file_attributes(file, metadata, "drs4_pedestal");
  file.close();
}

}  // namespace alisio::pipeline
