#include "lib/sim/night.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/sim/constants.hpp"
#include "lib/sim/make_run.hpp"
#include "lib/sim/run_plan.hpp"
#include "lib/sim/truth.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::sim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Raised when the same parameters give another night.
constexpr int generator_version = 1;
constexpr const char* marker_name = "simulation.json";
constexpr const char* started_name = ".simulation-in-progress.json";

json parameters_of(const NightOptions& options) {
  json parameters{{"generator", generator_version},
                  {"date", options.date.compact()},
                  {"seed", options.seed},
                  {"runs", options.data_runs},
                  {"subruns", options.subruns},
                  {"events", options.events},
                  {"calibration_events", options.calibration_events},
                  {"format", to_string(options.format)}};
  // What is as usual is not said, so that records of nights made before an option came still hold.
  const NightOptions usual;
  const auto say_if_unusual = [&](const char* name, const auto& value, const auto& usual_value) {
    if (value != usual_value) parameters[name] = value;
  };
  say_if_unusual("first_run", options.first_run, usual.first_run);
  say_if_unusual("calibration_runs", options.calibration_runs, usual.calibration_runs);
  say_if_unusual("calibration_subruns", options.calibration_subruns, usual.calibration_subruns);
  say_if_unusual("constants", options.constants, usual.constants);
  say_if_unusual("run_summary", options.run_summary, usual.run_summary);
  if (options.preprocessing.any()) parameters["preprocessed"] = options.preprocessing.text();
  if (!options.faults.empty()) {
    std::set<std::string> faults;
    for (const RunFault& fault : options.faults)
      faults.insert(fmt::format("{}={}", fault.run, to_string(fault.fault)));
    parameters["faults"] = faults;
  }
  return parameters;
}

void check_range(const char* option, long value, long low, long high) {
  if (value < low || value > high)
    throw Error(ErrorKind::usage, fmt::format("{} is not between {} and {}", value, low, high),
                option);
}

std::optional<json> read_json(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  json content = json::parse(read_text_file(file), nullptr, false);
  return content.is_object() ? std::optional(content) : std::optional(json::object());
}

/// Return how many files of a finished night are missing or not as recorded.
std::size_t count_damaged(const fs::path& folder, const json& marker) {
  std::size_t damaged = 0;
  for (const auto& [name, hash] : marker.at("files").items())
    if (!fs::exists(folder / name) || hash_file(folder / name) != hash.get<std::string>())
      ++damaged;
  return damaged;
}

/// Refuse to write where something else lies; return the result if the night is there already, and
/// count what is damaged.
std::optional<NightResult> look_at_output(const NightOptions& options, const json& parameters,
                                          std::size_t& damaged) {
  const fs::path marker_file = options.output / marker_name;
  const auto marker = read_json(marker_file);
  if (marker) {
    if (!marker->contains("files") || marker->value("parameters", json()) != parameters)
      throw Error(ErrorKind::usage,
                  marker->contains("parameters")
                      ? "another night is there, made with " + (*marker)["parameters"].dump()
                      : "the record of the night that is there cannot be read",
                  marker_file.string(), "choose another --output, or remove that folder");
    damaged = count_damaged(options.output, *marker);
    if (damaged == 0) {
      NightResult result;
      result.already_there = true;
      result.files = (*marker)["files"].size();
      return result;
    }
    return std::nullopt;
  }
  const auto started = read_json(options.output / started_name);
  if (started && *started == parameters) return std::nullopt;
  for (const fs::path& part :
       {fs::path("R0"), fs::path("monitoring"), fs::path("truth"), fs::path("alisio.yaml")})
    if (fs::exists(options.output / part))
      throw Error(ErrorKind::usage, "the folder holds data that this simulation did not make",
                  (options.output / part).string(), "choose another --output");
  return std::nullopt;
}

fs::path constants_folder(const NightOptions& options, const char* kind) {
  return options.output / "monitoring" / "PixelCalibration" / "Cat-A" / kind /
         options.date.compact() / "pro";
}

/// Make all runs, each by one thread; the first failure stops the rest.
std::vector<RunMade> make_runs(const NightModel& night, const std::vector<RunPlan>& runs,
                               std::size_t n_threads) {
  std::vector<RunMade> made(runs.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      try {
        made[i] = make_run(night, runs[i]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = runs.size();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(n_threads, runs.size()); ++i) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return made;
}

/// Write the constants that the night's DRS4 and calibration runs would give.
void write_constants(const NightModel& night, const json& parameters,
                     const std::vector<RunPlan>& runs, const std::vector<RunMade>& made) {
  const NightOptions& options = night.options;
  ConstantsOrigin origin;
  origin.description = json{{"simulated", true}, {"parameters", parameters}}.dump();
  origin.n_drs4_events = runs[0].events();
  origin.baseline_subtracted = options.preprocessing.baseline;
  origin.night_sky_scale = calibration_night_sky;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto file = [&, id = SubrunId{.run = runs[i].run}](const char* folder, const char* port) {
      return constants_folder(options, folder) / stage::product_name(port, id, "52");
    };
    if (runs[i].kind == RunKind::drs4)
      write_drs4_pedestal(night.camera, origin, file("drs4_baseline", "drs4_pedestal"));
    if (runs[i].kind != RunKind::calibration) continue;
    origin.n_flat_fields = runs[i].events() / 2;
    origin.n_pedestals = runs[i].events() - origin.n_flat_fields;
    origin.time_min = made[i].time_min;
    origin.time_max = made[i].time_max;
    write_charge_calibration(night.camera, night.tables, origin,
                             file("calibration", "charge_calibration"));
    write_time_calibration(night.camera, origin,
                           file("drs4_time_sampling_from_FF", "time_calibration"));
  }
}

}  // namespace

std::string configuration_text(const NightDate& date) {
  return fmt::format(
      "# A simulated night. Process it with: alisio night {} --config <this file>\n"
      "# Relative paths start in the folder of this file.\n"
      "telescope: 1\n"
      "paths:\n"
      "  r0: R0\n"
      "  run_summary: monitoring/RunSummary\n"
      "  drive: monitoring/DrivePositioning\n"
      "  calibration: monitoring/PixelCalibration\n"
      "  products: .\n"
      "  state: state\n"
      "# Simulated calibration runs are short, and good from their first event.\n"
      "camera_calibration:\n"
      "  CalibrationHDF5Writer:\n"
      "    events_to_skip: 0\n"
      "dl2:\n"
      "  models: \"\"  # the small set that ships\n"
      "# The small set was trained at one pointing: there is nothing to interpolate between.\n"
      "random_forest_zd_interpolation:\n"
      "  interpolate_energy: false\n"
      "  interpolate_direction: false\n"
      "  interpolate_gammaness: false\n",
      date.compact());
}

NightResult simulate_night(const NightOptions& options, const fs::path& cfg_folder,
                           const Progress& progress) {
  if (options.output.empty())
    throw Error(ErrorKind::usage, "the output folder is missing", "--output");
  check_range("--runs", options.data_runs, 1, 100);
  check_range("--subruns", options.subruns, 1, 1000);
  check_range("--events", options.events, 2 * n_streams, 100'000);
  check_range("--calibration-subruns", options.calibration_subruns, 1, 100);
  check_range("--calibration-events", options.calibration_events, 2 * n_streams, 100'000);
  check_range("--calibration-runs", options.calibration_runs, 1, 20);
  check_range("--first-run", options.first_run, 1, 99'000);
  check_range("--runs times --subruns times --events",
              static_cast<long>(options.data_runs) * options.subruns * options.events, 1,
              10'000'000);
  Preprocessing selection;
  selection.gain_selection = options.preprocessing.gain_selection;
  if (options.format == RawFormat::r0 && options.preprocessing != selection)
    throw Error(ErrorKind::usage, "event builders of the format r0 do nothing but gain selection",
                "--preprocessed", "add --format r1v1");
  const json parameters = parameters_of(options);
  NightResult result;
  if (auto there = look_at_output(options, parameters, result.remade_because_damaged))
    return *there;

  const std::vector<RunPlan> runs = plan_runs(options);
  result.runs = runs;
  for (const RunPlan& run : runs) result.events += run.events();
  std::mutex progress_mutex;
  std::size_t done = 0;
  CameraModel camera = make_camera(cfg_folder, options.seed);
  PulseTables tables = make_pulse_tables(camera);
  const Track track(camera.telescope, first_data_start(options));
  const NightModel night{options, std::move(camera), std::move(tables), track, [&] {
                           const std::lock_guard lock(progress_mutex);
                           ++done;
                           if (progress) progress(done, result.events);
                         }};
  write_file_atomically(options.output / started_name, parameters.dump(2) + "\n");

  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t n_threads = options.threads > 0 ? static_cast<std::size_t>(options.threads)
                                                    : std::min<std::size_t>(processors, 8);
  const std::vector<RunMade> made = make_runs(night, runs, n_threads);

  const std::string date = options.date.compact();
  const fs::path monitoring = options.output / "monitoring";
  if (options.run_summary) {
    std::vector<text::RunSummaryRow> rows;
    for (const RunMade& run : made) rows.push_back(run.summary);
    write_file_atomically(monitoring / "RunSummary" / ("RunSummary_" + date + ".ecsv"),
                          text::run_summary_text(rows, options.date.iso()));
  }
  const std::int64_t from = utc_seconds(options.date, 20, 20);
  const std::int64_t to = static_cast<std::int64_t>(made.back().time_max) + 600;
  const fs::path drive = monitoring / "DrivePositioning";
  write_file_atomically(drive / ("DrivePosition_log_" + date + ".txt"),
                        drive_position_log(track, from, to));
  write_file_atomically(drive / ("BendingModelCorrection_log_" + date + ".txt"),
                        bending_log(from, to));
  write_file_atomically(drive / ("Target_log_" + date + ".txt"), target_log(track, from, to));

  write_file_atomically(options.output / "truth" / "camera.ecsv",
                        camera_truth(night.camera, night.tables));
  if (options.constants) write_constants(night, parameters, runs, made);
  write_file_atomically(options.output / "alisio.yaml", configuration_text(options.date));

  json files = json::object();
  for (const char* part : {"R0", "monitoring", "truth", "alisio.yaml"}) {
    const fs::path root = options.output / part;
    if (fs::is_regular_file(root)) files[part] = hash_file(root);
    if (!fs::is_directory(root)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file() && entry.path().filename().string().front() != '.')
        files[fs::relative(entry.path(), options.output).generic_string()] =
            hash_file(entry.path());
  }
  result.files = files.size();
  write_file_atomically(options.output / marker_name,
                        json{{"parameters", parameters}, {"files", files}}.dump(2) + "\n");
  fs::remove(options.output / started_name);
  return result;
}

}  // namespace alisio::sim
