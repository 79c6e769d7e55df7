#include "lib/pipeline/find_tailcuts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/event/event_type.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/unusable_pixels.hpp"
#include "lib/stage/product_name.hpp"
#include "reco/tailcuts/tailcuts.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

constexpr const char* cleaning_block = "tailcuts_clean_with_pedestal_threshold";
constexpr std::size_t block_events = 32;

std::string run_name(const FindTailcutsRequest& request) {
  return run_text(subrun_of(request.inputs.front()).run);
}

tailcuts::Options options_of(const config::Configuration& c) {
  const std::string block = "find_tailcuts.";
  tailcuts::Options options;
  options.quantile = c.number(block + "quantile");
  options.min_pedestal_events = c.integer(block + "min_pedestal_events");
  options.min_valid_pixels = c.integer(block + "min_valid_pixels");
  options.outlier_deviations = c.number(block + "outlier_deviations");
  options.min_relative_statistics = c.number(block + "min_relative_statistics");
  options.min_used_fraction = c.number(block + "min_used_fraction");
  if (!(options.quantile >= 0 && options.quantile <= 1))
    throw Error(ErrorKind::configuration, "'find_tailcuts.quantile' must be between 0 and 1");
  if (c.integer(block + "max_subruns") < 1)
    throw Error(ErrorKind::configuration, "'find_tailcuts.max_subruns' must be positive");
  return options;
}

/// Return 1 for the pixels that the calibration run found unusable in either gain.
std::vector<std::uint8_t> unusable_pixels(const hdf5::File& dl1, std::size_t n_pixels) {
  std::vector<std::uint8_t> flags = unusable_in_dl1(dl1, n_pixels);
  if (flags.empty()) {
    spdlog::warn("{}: has no flags of unusable pixels; all pixels count as usable",
                 dl1.path().string());
    flags.assign(n_pixels, 0);
  }
  return flags;
}

tailcuts::SubrunLevel measure(const fs::path& path, std::size_t n_pixels,
                              const tailcuts::Options& options) {
  const hdf5::File dl1 = hdf5::File::open(path);
  const hdf5::TableReader parameters(dl1, parameters_path);
  const auto types = parameters.read_all().column<std::int64_t>("event_type");
  const auto is_pedestal = [&](std::size_t i) {
    return types[i] == std::int64_t(EventType::sky_pedestal);
  };
  if (!dl1.exists(images_path))
    throw Error(ErrorKind::bad_input, fmt::format("holds no images ('{}')", images_path),
                path.string(),
                "give the files that r0-to-dl1 made; --no-image and merging leave images out");
  const hdf5::TableReader images(dl1, images_path);
  if (images.row_count() != types.size())
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} images and the parameters of {} events", images.row_count(),
                            types.size()),
                path.string(), "make or copy the file again");
  if (hdf5::find_column(images.columns(), "image", path.string()).items != n_pixels)
    throw Error(ErrorKind::bad_input, fmt::format("its images are not of {} pixels", n_pixels),
                path.string(), "give the telescope's own files");
  const std::size_t step = std::max(block_events, images.chunk_rows());
  std::vector<float> charges, block;
  for (std::size_t first = 0; first < types.size(); first += step) {
    throw_if_interrupted();
    const std::size_t n = std::min(step, types.size() - first);
    bool any = false;
    for (std::size_t i = first; i < first + n; ++i) any = any || is_pedestal(i);
    if (!any) continue;
    images.read(first, n).arrays_into("image", block);
    for (std::size_t i = 0; i < n; ++i)
      if (is_pedestal(first + i))
        charges.insert(charges.end(), block.begin() + std::ptrdiff_t(i * n_pixels),
                       block.begin() + std::ptrdiff_t((i + 1) * n_pixels));
  }
  return tailcuts::subrun_level(charges, n_pixels, unusable_pixels(dl1, n_pixels), options);
}

/// A whole number is written as one, as the peers' files have it; NaN, a step that is off, as null.
Json number(double value) {
  if (std::isnan(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::int64_t(value);
  return value;
}

Json cleaning_json(const config::Configuration& c, const tailcuts::RunLevel& level) {
  const std::string block = std::string(cleaning_block) + ".";
  const auto keep = [&](const char* key) { return c.boolean(block + key); };
  double picture = c.number(block + "picture_thresh");
  double boundary = c.number(block + "boundary_thresh");
  if (level.measured()) {
    picture = tailcuts::picture_threshold(level.level);
    boundary = picture / 2;
  }
  return {{cleaning_block,
           {{"picture_thresh", number(picture)},
            {"boundary_thresh", number(boundary)},
            {"sigma", number(c.number(block + "sigma"))},
            {"keep_isolated_pixels", keep("keep_isolated_pixels")},
            {"min_number_picture_neighbors", c.integer(block + "min_number_picture_neighbors")},
            {"use_only_main_island", keep("use_only_main_island")},
            {"delta_time", number(c.number(block + "delta_time"))}}},
          {"dynamic_cleaning",
           {{"apply", c.boolean("dynamic_cleaning.apply")},
            {"threshold", number(c.number("dynamic_cleaning.threshold"))},
            {"fraction_cleaning_intensity",
             number(c.number("dynamic_cleaning.fraction_cleaning_intensity"))}}},
          {"tailcut", Json::object()}};
}

}  // namespace

std::vector<fs::path> dl1_files_of_run(const fs::path& folder, int run) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::optional<RunFileName> name = parse_run_file_name(entry.path());
    if (name && name->kind == "dl1" && name->is_product() && name->has_usual_digits &&
        name->run == run && name->subrun && name->ending == ".h5")
      found.push_back(entry.path());
  }
  if (failed || found.empty())
    throw Error(ErrorKind::missing_input,
                failed ? failed.message() : "holds no DL1 file of run " + run_text(run),
                folder.string(), "expected dl1_LST-1.RunRRRRR.SSSS.h5");
  std::ranges::sort(found);
  return found;
}

ActivityNote find_tailcuts_activity(const FindTailcutsRequest& request, const JobContext& context,
                                    const config::Configuration& configuration) {
  ActivityNote note =
      activity_note("find_tailcuts", subrun_of(request.inputs.front()), context, configuration);
  note.subrun = -1;
  note.parameters.erase("ObservationSubRun");
  return note;
}

std::int64_t find_tailcuts(stage::StageRun& run, const FindTailcutsRequest& request,
                           const config::Configuration& configuration,
                           const instrument::Telescope& telescope) {
  std::vector<fs::path> inputs = request.inputs;
  std::ranges::sort(inputs, {}, [](const fs::path& path) { return subrun_of(path).subrun; });
  for (const fs::path& input : inputs)
    if (subrun_of(input).run != subrun_of(inputs.front()).run)
      throw Error(ErrorKind::usage, "is of another run than " + inputs.front().string(),
                  input.string(), "give the files of one run");
  const auto twice = std::ranges::adjacent_find(
      inputs, {}, [](const fs::path& path) { return subrun_of(path).subrun; });
  if (twice != inputs.end())
    throw Error(ErrorKind::usage, fmt::format("is of the same subrun as {}", twice->string()),
                std::next(twice)->string(), "give each subrun once");
  const fs::path target =
      request.output_dir / stage::product_name("tailcuts", subrun_of(inputs.front()));
  const tailcuts::Options options = options_of(configuration);
  const auto sampled = tailcuts::sampled_subruns(
      inputs.size(), std::size_t(configuration.integer("find_tailcuts.max_subruns")));
  // All files decide which are looked at, so all are inputs.
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool looked_at = std::ranges::find(sampled, i) != sampled.end();
    run.use("dl1_subrun", inputs[i], {{"looked_at", looked_at ? "yes" : "no"}});
  }
  if (run.activity().dry_run) {
    run.plan_product("tailcuts", target);
    return 0;
  }

  std::vector<tailcuts::SubrunLevel> levels;
  std::int64_t pedestals = 0;
  for (const std::size_t i : sampled) {
    levels.push_back(measure(inputs[i], telescope.geometry.n_pixels, options));
    const tailcuts::SubrunLevel& level = levels.back();
    pedestals += level.pedestal_events;
    if (!level.enough_events)
      spdlog::warn("{}: only {} pedestal events (at least {}); left out", inputs[i].string(),
                   level.pedestal_events, options.min_pedestal_events);
    else if (std::isnan(level.level))
      spdlog::warn("{}: only {} pixels have a noise level (at least {})", inputs[i].string(),
                   level.valid_pixels, options.min_valid_pixels);
  }
  const tailcuts::RunLevel level = tailcuts::run_level(levels, options);
  if (level.low_statistics > 0)
    spdlog::warn("run {}: {} subruns of low statistics left out", run_name(request),
                 level.low_statistics);
  if (level.outliers > 0)
    spdlog::warn("run {}: {} subruns far from the others left out", run_name(request),
                 level.outliers);
  if (!level.measured()) {
    if (!configuration.boolean("find_tailcuts.standard_if_not_measurable"))
      throw Error(ErrorKind::bad_input, "no cleaning levels can be found: " + level.fault,
                  "run " + run_name(request),
                  "set find_tailcuts.standard_if_not_measurable=true to take the configured ones");
    spdlog::warn("run {}: {}; the configured thresholds are written", run_name(request),
                 level.fault);
  }

  Json json = cleaning_json(configuration, level);
  Json& result = json["find_tailcuts_result"];
  result["measured"] = level.measured();
  std::map<std::string, std::string> attributes;
  if (level.measured()) {
    const double nsb = tailcuts::additional_nsb(level.level);
    result["pedestal_charge_quantile"] = level.level;
    result["additional_nsb"] = nsb;
    attributes = {{"quality", "passed"},
                  {"additional_nsb", fmt::format("{:.4f}", nsb)},
                  {"pedestal_charge_quantile", fmt::format("{:.4f}", level.level)}};
    spdlog::info(
        "run {}: {:.0f} % quantile of the pedestal charge {:.3f} p.e., picture threshold "
        "{} p.e., additional night-sky background {:.4f} p.e./ns",
        run_name(request), 100 * options.quantile, level.level,
        tailcuts::picture_threshold(level.level), nsb);
  } else {
    result["fault"] = level.fault;
    attributes = {{"quality", "failed: " + level.fault}};
  }
  result["subruns"] = level.subruns;
  result["subruns_used"] = level.used;

  PendingFile& product = run.create("tailcuts", target);
  std::ofstream file(product.path());
  file << json.dump(2) << '\n';
  file.close();
  if (!file)
    throw Error(ErrorKind::resource, "cannot be written", target.string(),
                "is there room on the disk?");
  run.publish("tailcuts", attributes);
  return pedestals;
}

}  // namespace alisio::pipeline
