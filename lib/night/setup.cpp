#include "lib/night/setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/io/text/ecsv.hpp"
#include "lib/night/models.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

std::string product_name(const char* level, int telescope, int run, int subrun) {
  return fmt::format("{}_{}.Run{}.{}.h5", level, telescope_text(telescope), run_text(run),
                     subrun_text(subrun));
}

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

std::optional<double> declination_in_catalogue(const fs::path& given, const NightDate& date,
                                               int run) {
  if (given.empty()) return std::nullopt;
  const fs::path file =
      fs::is_directory(given) ? given / fmt::format("RunCatalog_{}.ecsv", date.compact()) : given;
  const text::EcsvTable table = text::EcsvTable::read(file);
  for (std::size_t row = 0; row < table.row_count(); ++row)
    if (table.integer(row, "run_id") == run) return table.number(row, "source_dec");
  return std::nullopt;
}

/// Choose the models of a run, or say in the reason why there are none.
void choose_run_models(const SetupRequest& request, RunSetup& run) {
  if (!request.dl2) return;
  try {
    if (request.models.empty())
      throw Error(ErrorKind::configuration, "no models are named", "dl2.models");
    if (!request.models_by_pointing) {
      run.models = forest_file_of(request.models);
      run.models_reason = "named by the configuration";
      return;
    }
    auto declination =
        declination_in_catalogue(request.source_catalogue, request.key.date, run.entry.run);
    if (!declination)
      declination = declination_in_target_log(
          request.drive / fmt::format("Target_log_{}.txt", request.key.date.compact()),
          run.entry.start_unix_s);
    const ModelChoice choice =
        choose_models(list_model_sets(request.models),
                      declination.value_or(std::numeric_limits<double>::quiet_NaN()), request.nsb,
                      request.picture_threshold);
    run.models = forest_file_of(choice.set.path);
    run.models_reason = choice.reason;
  } catch (const Error& error) {
    run.models_reason = error.what();
  }
}

void add_if_there(std::vector<PortFile>& inputs, const char* port, const fs::path& file) {
  if (!file.empty() && fs::exists(file)) inputs.push_back({port, file.string()});
}

SubrunTask task_of(const NightSetup& setup, const RunSetup& run, int subrun) {
  SubrunTask task;
  task.run = run.entry.run;
  task.subrun = subrun;
  const int telescope = setup.key.telescope;
  task.dl1_file = setup.folders.dl1 / product_name("dl1", telescope, task.run, subrun);
  task.dl2_file = setup.folders.dl2 / product_name("dl2", telescope, task.run, subrun);
  for (const auto& [port, choice] : {std::pair{"drs4_pedestal", &run.constants.drs4_pedestal},
                                     std::pair{"charge_calibration", &run.constants.charge},
                                     std::pair{"time_calibration", &run.constants.time}}) {
    if (!choice->file.empty())
      task.dl1_inputs.push_back({port, choice->file.string()});
    else if (std::string(port) != "time_calibration" && task.dl1_obstacle.empty())
      task.dl1_obstacle = choice->reason;
  }
  if (!setup.drive_log.empty()) {
    task.dl1_inputs.push_back({"pointing", setup.drive_log.string()});
    // The stage reads this file by itself; one that appears later must still be noticed.
    add_if_there(task.dl1_inputs, "pointing_correction", text::bending_log_of(setup.drive_log));
  }
  add_if_there(task.dl1_inputs, "run_summary", setup.catalogue.run_summary);
  if (run.models.empty())
    task.dl2_obstacle = run.models_reason;
  else
    task.dl2_inputs.push_back({"models", run.models.string()});
  return task;
}

}  // namespace

fs::path NightFolders::log(const std::string& stage, bool dry_run) const {
  const fs::path folder = (stage == "dl1_to_dl2" ? dl2 : dl1) / "log";
  return dry_run ? folder / "dry_run" : folder;
}

fs::path forest_file_of(const fs::path& path) {
  if (fs::is_regular_file(path)) return fs::absolute(path).lexically_normal();
  if (!fs::is_directory(path))
    throw Error(ErrorKind::configuration, "the models do not exist", path.string(),
                "check dl2.models; scripts/convert-models makes such a file");
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.is_regular_file() && entry.path().filename().string().front() != '.')
      files.push_back(entry.path());
  if (files.size() > 1)
    std::erase_if(files, [](const fs::path& file) { return file.extension() != ".forest"; });
  if (files.size() != 1)
    throw Error(ErrorKind::configuration,
                files.empty() ? "there is no forest file" : "there are several forest files",
                path.string(), "name the file in dl2.models");
  return fs::absolute(files.front()).lexically_normal();
}

NightSetup set_up_night(const SetupRequest& request, const FileProbe& probe) {
  NightSetup setup;
  setup.key = request.key;
  const std::string date = request.key.date.compact();
  setup.folders = {request.products / "DL1" / date / request.key.prod_id,
                   request.products / "DL2" / date / request.key.prod_id};
  setup.catalogue =
      find_runs(request.r0, request.run_summaries, request.key.telescope, request.key.date, probe);
  const fs::path drive_log = text::drive_log_of(request.drive, request.key.date);
  if (!drive_log.empty())
    setup.drive_log = fs::absolute(drive_log).lexically_normal();
  else
    setup.catalogue.notes.push_back(fmt::format(
        "there is no drive log of {} in {}: pointings will be NaN", date, request.drive.string()));

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
    const bool wanted = request.runs.empty() || std::find(request.runs.begin(), request.runs.end(),
                                                          entry.run) != request.runs.end();
    if (!wanted || entry.type != "DATA") continue;
    RunSetup run;
    run.entry = entry;
    run.constants =
        choose_constants(request.calibration, request.given, request.key.date, entry.run);
    choose_run_models(request, run);
    for (const SubrunFiles& files : entry.subruns) {
      SubrunTask task = task_of(setup, run, files.subrun);
      std::vector<PortFile> raw;
      for (const fs::path& stream : files.streams) raw.push_back({"r0_subrun", stream.string()});
      task.dl1_inputs.insert(task.dl1_inputs.begin(), raw.begin(), raw.end());
      if (!files.first_stream) {
        task.dl1_obstacle = fmt::format("stream 1 of subrun {}.{} does not exist",
                                        run_text(entry.run), subrun_text(files.subrun));
        task.missing_raw = true;
      }
      run.tasks.push_back(setup.tasks.size());
      setup.tasks.push_back(std::move(task));
    }
    setup.runs.push_back(std::move(run));
  }
  return setup;
}

void add_recorded_subruns(NightSetup& setup, const StateSnapshot& state) {
  for (RunSetup& run : setup.runs) {
    std::set<int> known;
    for (const SubrunFiles& files : run.entry.subruns) known.insert(files.subrun);
    for (const auto& [key, job] : state.jobs) {
      if (key.stage != "r0_to_dl1" || key.run != run.entry.run || known.contains(key.subrun) ||
          job.status != JobStatus::done)
        continue;
      SubrunTask task = task_of(setup, run, key.subrun);
      task.dl1_obstacle = fmt::format("the raw files of subrun {}.{} are no longer there",
                                      run_text(key.run), subrun_text(key.subrun));
      task.missing_raw = true;
      run.tasks.push_back(setup.tasks.size());
      setup.tasks.push_back(std::move(task));
    }
  }
}

}  // namespace alisio::night
