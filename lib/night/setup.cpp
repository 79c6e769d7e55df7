#include "lib/night/setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <sstream>
#include <tuple>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/log.hpp"
#include "lib/base/version.hpp"
#include "lib/config/models_file.hpp"
#include "lib/config/response_files.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/io/text/log_part.hpp"
#include "lib/night/growing.hpp"
#include "lib/night/models.hpp"
#include "lib/night/observation.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Return the declination of what was observed at an instant, from the drive's target log:
/// "<unix> TrackStart <ra_deg> <dec_deg> <name>".
std::optional<double> declination_in_target_log(const fs::path& file, double unix_s) {
  std::error_code ignored;
  if (unix_s <= 0 || !fs::exists(file, ignored)) return std::nullopt;
  std::istringstream lines(read_text_file(file));
  std::optional<double> declination;
  std::string line;
  // A run may begin shortly before its tracking: the last target that started before the run, else
  // the first one after it.
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    double start = 0, ra = 0, dec = 0;
    std::string what;
    if (!(words >> start >> what >> ra >> dec) || what != "TrackStart") continue;
    if (start > unix_s && declination) break;
    declination = dec;
  }
  return declination;
}

/// Return the file that tells the sources of a night: it, or the folder that it is in, is given.
fs::path run_catalogue_of(const fs::path& given, const NightDate& date) {
  if (given.empty() || !fs::is_directory(given)) return given;
  return given / fmt::format("RunCatalog_{}.ecsv", date.compact());
}

/// Read what the run catalogues say of the data runs. A file that cannot be read is told of.
void read_catalogues(const SetupRequest& request, NightSetup& setup) {
  std::error_code ignored;
  const fs::path file = run_catalogue_of(request.source_catalogue, request.key.date);
  const bool of_all_nights = file == request.source_catalogue;
  if (!file.empty() && (of_all_nights || fs::exists(file, ignored))) try {
      setup.run_catalogue = read_run_catalogue(file);
    } catch (const Error& error) {
      setup.catalogue.notes.push_back(
          fmt::format("the run catalogue is not used: {}", error.what()));
    }
  if (!request.fill_catalogue) return;
  std::vector<int> runs;
  for (const RunEntry& entry : setup.catalogue.runs)
    if (entry.type == "DATA" && setup.is_asked(entry.run)) runs.push_back(entry.run);
  for (std::string& note : request.fill_catalogue(runs, setup.run_catalogue)) {
    spdlog::warn("{}", note);
    setup.catalogue.notes.push_back(std::move(note));
  }
}

/// Return the declination of what a run observed, and who says so.
std::pair<double, std::string> declination_of(const SetupRequest& request,
                                              const RunCatalogue& catalogue, RunSetup& run) {
  if (const auto row = catalogue.find(run.entry.run);
      row != catalogue.end() && !std::isnan(row->second.dec_deg)) {
    run.run_catalogue = row->second.file;
    return {row->second.dec_deg, fmt::format("pointing of {} by {}", row->second.source,
                                             row->second.file.filename().string())};
  }
  const fs::path targets =
      request.drive / fmt::format("Target_log_{}.txt", request.key.date.compact());
  const auto declination = declination_in_target_log(targets, run.entry.start_unix_s);
  return {declination.value_or(std::numeric_limits<double>::quiet_NaN()),
          "pointing by " + targets.filename().string()};
}

/// Choose the models of a run by what is configured, or say in the reason why there are none.
void choose_run_models(const SetupRequest& request, NightSetup& setup, RunSetup& run) {
  if (!request.steps.dl2) return;
  try {
    if (request.models.empty())
      throw Error(ErrorKind::configuration, "no models are named", "dl2.models");
    if (!request.models_by_pointing) {
      run.models = config::models_file(request.models);
      run.models_reason = "named by the configuration";
      return;
    }
    std::tie(run.declination_deg, run.declination_by) =
        declination_of(request, setup.run_catalogue, run);
    if (setup.model_sets.empty()) setup.model_sets = list_model_sets(request.models);
    const ModelChoice choice = choose_models(setup.model_sets, run.declination_deg, request.nsb,
                                             request.picture_threshold);
    run.models = config::models_file(choice.set.path);
    run.models_reason = choice.reason + "; " + run.declination_by;
  } catch (const Error& error) {
    run.models_reason = error.what();
  }
}

/// Name what each data run observed. That it is not known stops nothing.
std::map<int, std::string> sources_of_runs(const NightSetup& setup) {
  std::map<int, std::string> sources;
  fs::path targets;
  std::error_code ignored;
  if (!setup.drive_log.empty()) targets = text::target_log_of(setup.drive_log);
  if (!fs::exists(targets, ignored)) targets.clear();
  try {
    for (const Observation& observation :
         find_observations(setup.catalogue.runs, targets, setup.run_catalogue))
      for (const int run : observation.runs) sources[run] = observation.source;
  } catch (const Error& error) {
    spdlog::debug("the sources of the runs are not known: {}", error.what());
  }
  return sources;
}

/// Return the end of a drive log to which lines are being added, UTC unix, s; 0 if there are none.
double end_of_growing_log(const fs::path& file, double settle_s) {
  const double now = static_cast<double>(std::time(nullptr));
  const double since = now - quiet_settlings * settle_s;
  const std::optional<FileStamp> stamp = stamp_of(file);
  if (!stamp || static_cast<double>(stamp->mtime_ns) * 1e-9 < since) return 0;
  try {
    const text::LogSamples log = text::read_log_samples(file);
    return log.time.empty() || log.time.back() < since ? 0 : log.time.back();
  } catch (const Error& error) {
    // A line may be half written; of a damaged log the jobs say more.
    spdlog::debug("the end of the drive log is not known: {}", error.what());
    return 0;
  }
}

void find_drive_log(const SetupRequest& request, NightSetup& setup) {
  const fs::path file = text::drive_log_of(request.drive, request.key.date);
  if (!file.empty()) {
    setup.drive_log = fs::weakly_canonical(file);
    if (request.settle_s)
      setup.pointing_until_unix_s = end_of_growing_log(setup.drive_log, *request.settle_s);
    return;
  }
  std::string absent = fmt::format("there is no drive log of {} in {}", request.key.date.compact(),
                                   request.drive.string());
  if (request.waits_for_drive_log)
    setup.no_drive_log = std::move(absent);
  else
    setup.catalogue.notes.push_back(absent + ": pointings will be NaN");
}

}  // namespace

bool NightSetup::is_asked(int run) const {
  return asked.empty() || std::find(asked.begin(), asked.end(), run) != asked.end();
}

NightSetup set_up_night(const SetupRequest& request, const FileProbe& probe) {
  NightSetup setup;
  setup.key = request.key;
  setup.steps = request.steps;
  setup.levels = request.levels;
  setup.asked = request.runs;
  setup.filters = request.filters;
  setup.sources = request.sources;
  if (!request.responses.empty()) setup.responses = config::response_files(request.responses);
  setup.given_constants = request.given_constants;
  const std::string date = request.key.date.compact();
  setup.folders = {.dl1 = production_folder(request.products, "DL1", request.key),
                   .dl2 = production_folder(request.products, "DL2", request.key),
                   .dl3 = production_folder(request.products, "DL3", request.key),
                   .calibration = request.calibration,
                   .run_summaries = request.run_summaries,
                   .tailcuts = request.tailcuts,
                   .r0g = request.r0g / date,
                   .pedestal_ids = request.pedestal_ids / date,
                   .date = date,
                   .version = version_tag()};
  setup.catalogue =
      find_runs(request.r0, request.run_summaries, request.key.telescope, request.key.date, probe);
  if (request.settle_s) {
    Growing growing = leave_out_growing(setup.catalogue, *request.settle_s,
                                        static_cast<double>(std::time(nullptr)));
    setup.growing_subruns = growing.subruns;
    setup.taken_runs = std::move(growing.runs);
  }
  find_drive_log(request, setup);
  read_catalogues(request, setup);
  setup.run_sources = sources_of_runs(setup);
  for (const ConstantsKind kind : constants_kinds)
    setup.shelves.at(static_cast<std::size_t>(kind)) =
        find_constants(request.calibration, kind, request.key.date,
                       kind == ConstantsKind::time ? -1 : request.look_back_days);
  setup.ffactor_systematics = find_ffactor_systematics(request.calibration, request.key.date);

  for (const int wanted : request.runs)
    if (std::none_of(setup.catalogue.runs.begin(), setup.catalogue.runs.end(),
                     [&](const RunEntry& entry) { return entry.run == wanted; })) {
      std::string known;
      for (const RunEntry& entry : setup.catalogue.runs)
        known += (known.empty() ? "" : ", ") + std::to_string(entry.run);
      throw Error(ErrorKind::usage, fmt::format("run {} is not of this night", wanted),
                  request.key.date.iso(), known.empty() ? "it has no runs" : "its runs: " + known);
    }
  for (const RunEntry& entry : setup.catalogue.runs) {
    if (entry.type != "DATA" || !setup.is_asked(entry.run)) continue;
    RunSetup run;
    run.entry = entry;
    choose_run_models(request, setup, run);
    setup.runs.push_back(std::move(run));
  }
  return setup;
}

}  // namespace alisio::night
