#include "lib/pipeline/find_pedestals.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/stage/product_name.hpp"
#include "reco/pedestals/find_pedestals.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr const char* ids_path = "/interleaved_pedestal_ids";

/// The rate of interleaved pedestals was doubled once in the telescope's life, after this run.
constexpr int last_slow_run = 2708;
constexpr double slow_frequency = 50, fast_frequency = 100;  // Hz

pedestals::Options options_of(const config::Configuration& c, int run) {
  pedestals::Options options;
  options.frequency = c.number("find_pedestals.frequency");
  if (options.frequency == 0)
    options.frequency = run > last_slow_run ? fast_frequency : slow_frequency;
  if (!(options.frequency > 0 && options.frequency < 1e5))
    throw Error(ErrorKind::configuration,
                "'find_pedestals.frequency' must be between 0 and 100000 Hz");
  options.flatfield_intensity = c.number("find_pedestals.flatfield_intensity");
  options.flatfield_concentration = c.number("find_pedestals.flatfield_concentration");
  const std::int64_t dropped = c.integer("find_pedestals.brightest_dropped");
  if (dropped < 0)
    throw Error(ErrorKind::configuration,
                "'find_pedestals.brightest_dropped' must not be negative");
  options.brightest_dropped = std::size_t(dropped);
  return options;
}

}  // namespace

ActivityNote find_pedestals_activity(const FindPedestalsRequest& request, const JobContext& context,
                                     const config::Configuration& configuration) {
  return activity_note("find_pedestals", subrun_of(request.input), context, configuration);
}

std::int64_t find_pedestals(stage::StageRun& run, const FindPedestalsRequest& request,
                            const config::Configuration& configuration) {
  const SubrunId id = subrun_of(request.input);
  const fs::path target = request.output_dir / stage::product_name("pedestal_ids", id);
  const pedestals::Options options = options_of(configuration, id.run);
  run.use("dl1_subrun", request.input);
  if (run.activity().dry_run) {
    run.plan_product("pedestal_ids", target);
    return 0;
  }

  const hdf5::File dl1 = hdf5::File::open(request.input);
  inherit_cut(run, dl1);
  const hdf5::Rows rows = hdf5::TableReader(dl1, parameters_path).read_all();
  if (rows.size() == 0)
    throw Error(ErrorKind::bad_input, "holds no events", request.input.string(),
                "leave the subrun out, or make its DL1 again");
  const auto time = rows.column<double>("dragon_time");
  const auto intensity = rows.column<double>("intensity");
  const auto concentration = rows.column<double>("concentration_pixel");
  const std::vector<std::uint8_t> found = pedestals::find_pedestals(
      {.time = time, .intensity = intensity, .concentration_pixel = concentration}, options);

  const auto obs_id = rows.column<std::int64_t>("obs_id");
  const auto event_id = rows.column<std::int64_t>("event_id");
  std::vector<std::int64_t> obs_ids, event_ids;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == 0) continue;
    obs_ids.push_back(obs_id[i]);
    event_ids.push_back(event_id[i]);
  }
  const auto [first, last] = std::ranges::minmax(time);
  const double rate = last > first ? double(event_ids.size()) / (last - first) : 0;
  if (event_ids.empty())
    spdlog::warn("{}: no pedestal events found", request.input.string());
  else
    spdlog::info("{}: {} pedestal events, {:.2f} Hz ({} Hz expected)", request.input.string(),
                 event_ids.size(), rate, options.frequency);

  PendingFile& product = run.create("pedestal_ids", target);
  hdf5::File file = hdf5::File::create(product.path());
  hdf5::TableWriter table(file,
                          {.path = ids_path,
                           .title = "",
                           .columns = {hdf5::plain_column("obs_id", hdf5::ScalarType::int64),
                                       hdf5::plain_column("event_id", hdf5::ScalarType::int64)},
                           .chunk_rows = 4096,
                           .compression_level = 1});
  const hdf5::ColumnSource sources[] = {hdf5::ColumnSource::of(obs_ids),
                                        hdf5::ColumnSource::of(event_ids)};
  if (!event_ids.empty()) table.append(event_ids.size(), sources);
  table.finish();
  write_file_attributes(file, run.metadata("pedestal_ids"), "find_pedestals");
  file.close();
  run.publish("pedestal_ids");
  return std::int64_t(event_ids.size());
}

}  // namespace alisio::pipeline
