#include "lib/pipeline/check_dl1.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/event/image_parameter_columns.hpp"
#include "lib/flow/ordered_pipeline.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/data_quality.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/unusable_pixels.hpp"
#include "lib/stage/product_name.hpp"
#include "reco/check/gates.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t block_events = 32;

/// Some consecutive events on their way through the check.
struct Block {
  std::size_t size = 0;
  hdf5::Rows images, rows;
  std::vector<float> image, peak_time;  ///< [event][pixel]
  CheckColumns columns;
  std::vector<double> numbers;
  std::vector<ImageParameters> parameters;
  check::Prepared prepared;

  [[nodiscard]] check::Events events() const {
    return columns.events(parameters, image, peak_time);
  }
};

/// The parameters that the check looks at.
constexpr std::array checked_parameters = {"intensity",
                                           "x",
                                           "y",
                                           "r",
                                           "length",
                                           "width",
                                           "psi",
                                           "skewness",
                                           "intercept",
                                           "time_gradient",
                                           "concentration_pixel",
                                           "n_pixels",
                                           "n_islands"};
static_assert(std::ranges::all_of(checked_parameters, [](const char* name) {
  return find_image_parameter(name).has_value();
}));

/// Turn the rows that were read into columns.
void unpack(Block& b, bool has_jumps) {
  b.images.arrays_into("image", b.image);
  b.images.arrays_into("peak_time", b.peak_time);
  b.columns.read(b.rows, has_jumps);
  b.parameters.resize(b.size);
  for (const char* name : checked_parameters) {
    b.rows.column_into(name, b.numbers);
    const auto fill = [&]<typename T>(T ImageParameters::*member) {
      for (std::size_t i = 0; i < b.size; ++i)
        b.parameters[i].*member = static_cast<T>(b.numbers[i]);
    };
    std::visit(fill, find_image_parameter(name)->member);
  }
}

void check_input(const hdf5::File& dl1, std::size_t n_pixels) {
  const std::string where = dl1.path().string();
  if (!dl1.exists(parameters_path))
    throw Error(ErrorKind::bad_input, fmt::format("is no DL1 file (no '{}')", parameters_path),
                where, "give dl1_LST-1.RunRRRRR.SSSS.h5 of r0-to-dl1 or lstchain");
  if (!dl1.exists(images_path))
    throw Error(ErrorKind::bad_input, fmt::format("holds no images ('{}')", images_path), where,
                "give the file that r0-to-dl1 made; --no-image and merging leave images out");
  const hdf5::TableReader images(dl1, images_path), rows(dl1, parameters_path);
  if (images.row_count() != rows.row_count())
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} images and the parameters of {} events", images.row_count(),
                            rows.row_count()),
                where, "make or copy the file again");
  if (rows.row_count() == 0)
    throw Error(ErrorKind::bad_input, "holds no events", where,
                "leave the subrun out, or make its DL1 again");
  for (const char* name : {"image", "peak_time"})
    if (const auto& column = hdf5::find_column(images.columns(), name, where);
        column.items != n_pixels)
      throw Error(ErrorKind::bad_input,
                  fmt::format("column '{}' holds {} pixels, not {}", name, column.items, n_pixels),
                  where, "give the telescope's own file");
}

}  // namespace

void CheckColumns::read(const hdf5::Rows& rows, bool has_jumps) {
  rows.column_into("event_id", event_id);
  rows.column_into("dragon_time", dragon_time);
  rows.column_into("ucts_time", ucts_time);
  rows.column_into("tib_time", tib_time);
  rows.column_into("alt_tel", alt_tel);
  rows.column_into("az_tel", az_tel);
  rows.column_into("event_type", type_number);
  rows.column_into("trigger_type", trigger_type);
  rows.column_into("ucts_trigger_type", ucts_trigger_type);
  if (has_jumps) rows.column_into("ucts_jump", ucts_jump);
  event_type.resize(rows.size());
  std::ranges::transform(type_number, event_type.begin(),
                         [](std::uint8_t number) { return EventType(number); });
}

check::Events CheckColumns::events(std::span<const ImageParameters> parameters,
                                   std::span<const float> image,
                                   std::span<const float> peak_time) const {
  return {.size = event_id.size(),
          .event_id = event_id,
          .dragon_time = dragon_time,
          .ucts_time = ucts_time,
          .tib_time = tib_time,
          .alt_tel = alt_tel,
          .az_tel = az_tel,
          .event_type = event_type,
          .trigger_type = trigger_type,
          .ucts_trigger_type = ucts_trigger_type,
          .ucts_jump = ucts_jump,
          .parameters = parameters,
          .image = image,
          .peak_time = peak_time};
}

check::Events events_of(const EventBlock& b) {
  return {.size = b.size,
          .event_id = b.event_id,
          .dragon_time = b.time_unix_s,
          .ucts_time = {},
          .tib_time = {},
          .alt_tel = b.alt_tel,
          .az_tel = b.az_tel,
          .event_type = b.event_type,
          .trigger_type = b.tib_trigger_type,
          .ucts_trigger_type = b.ucts_trigger_type,
          .ucts_jump = b.ucts_jump,
          .parameters = b.parameters,
          .image = b.image,
          .peak_time = b.peak_time};
}

void add_muons(check::SubrunSummary& summary, const MuonTable& muons) {
  double sum = 0;
  std::int64_t count = 0;
  for (const MuonRing& ring : muons.rings) {
    if (!contained(ring)) continue;
    sum += ring.muon_efficiency;
    ++count;
  }
  summary.num_muon_rings = std::int64_t(muons.rings.size());
  summary.num_contained_rings = count;
  if (count > 0) summary.muon_efficiency = sum / double(count);
}

void add_calibration(check::SubrunCheck& check, std::span<const std::uint8_t> unusable) {
  const auto of = [&](check::EventClass c) -> const check::ClassCheck* {
    const auto& row = check.classes[std::size_t(c)];
    return row ? &*row : nullptr;
  };
  using enum check::EventClass;
  check::fill_from_classes(check.summary, of(pedestals), of(flatfield), of(cosmics), unusable);
}

void publish_check(stage::StageRun& run, const fs::path& target, const check::SubrunCheck& check,
                   const std::string& configuration_json,
                   const config::Configuration& configuration) {
  const std::vector<Gate> gates = check::subrun_gates(check.summary, data_limits(configuration));
  if (!all_passed(gates))
    spdlog::warn("{}: quality gates failed: {}", target.string(), failed_gates(gates));
  DataCheckWriter writer(run.create("dl1_datacheck", target).path());
  for (const check::EventClass c : check::event_classes) {
    const auto& row = check.classes[std::size_t(c)];
    if (row)
      writer.write(c, *row);
    else
      spdlog::info("{}: fewer than two events of the class {}", target.string(),
                   check::class_name(c));
  }
  writer.write(check.summary);
  writer.finish(configuration_json, run.metadata("dl1_datacheck"), run.activity().stage);
  run.publish("dl1_datacheck", {{"quality", verdict(gates)}});
}

ActivityNote check_dl1_activity(const CheckDl1Request& request, const JobContext& context,
                                const config::Configuration& configuration) {
  return activity_note("check_dl1", subrun_of(request.input), context, configuration);
}

std::int64_t check_dl1(stage::StageRun& run, const CheckDl1Request& request,
                       const config::Configuration& configuration,
                       const instrument::Telescope& telescope) {
  const SubrunId id = subrun_of(request.input);
  const fs::path target = request.output_dir / stage::product_name("dl1_datacheck", id);
  run.use("dl1_subrun", request.input);
  if (!request.muons.empty()) run.use("muons", request.muons);
  if (run.activity().dry_run) {
    run.plan_product("dl1_datacheck", target);
    return 0;
  }
  const hdf5::File dl1 = hdf5::File::open(request.input);
  inherit_cut(run, dl1);
  check_input(dl1, telescope.geometry.n_pixels);
  const hdf5::TableReader image_rows(dl1, images_path), parameter_rows(dl1, parameters_path);
  const bool has_jumps = parameter_rows.has_column("ucts_jump");
  const std::size_t total = image_rows.row_count();
  // Whole chunks, so that none is decoded twice.
  const std::size_t chunk = std::max<std::size_t>(1, image_rows.chunk_rows());
  const std::size_t rows_per_block = (std::max(block_events, chunk) + chunk - 1) / chunk * chunk;

  check::Accumulator accumulator(telescope, id.run, id.subrun);
  std::size_t first = 0;
  const auto produce = [&](Block& block) {
    block.size = std::min(rows_per_block, total - first);
    if (block.size == 0) return false;
    block.images = image_rows.read(first, block.size);
    block.rows = parameter_rows.read(first, block.size);
    first += block.size;
    return true;
  };
  const auto work = [&](Block& block) {
    unpack(block, has_jumps);
    accumulator.prepare(block.events(), block.prepared);
  };
  const auto consume = [&](Block& block) {
    accumulator.add(block.events(), block.prepared);
    if (request.progress)
      request.progress(std::int64_t(accumulator.event_count()), std::int64_t(total));
  };
  flow::ThreadPool pool(request.threads);
  std::vector<Block> blocks(request.threads > 1 ? 2 * std::size_t(request.threads) : 1);
  flow::run_ordered<Block>(pool, blocks, {produce, work, consume});

  const bool has_config = dl1.has_attribute(parameters_path, "config");
  check::SubrunCheck checked = accumulator.finish();
  add_calibration(checked, unusable_in_dl1(dl1, telescope.geometry.n_pixels));
  if (!request.muons.empty()) add_muons(checked.summary, read_muons(request.muons));
  publish_check(run, target, checked,
                has_config ? dl1.text_attribute(parameters_path, "config") : "", configuration);
  return std::int64_t(total);
}

}  // namespace alisio::pipeline
