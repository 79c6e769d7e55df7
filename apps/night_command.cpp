#include "apps/night_command.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <iostream>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/lost_record.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/log.hpp"
#include "lib/night/dates.hpp"
#include "lib/night/open_nights.hpp"
#include "lib/night/pause.hpp"
#include "lib/night/process.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

/// Tell whether a night has a folder of raw data. That of all nights must be there: without it, its
/// disk is away. @throws Error(missing_input)
bool has_raw_data(const NightDate& date, const config::Configuration& configuration) {
  const fs::path root = configuration.path("paths.r0");
  if (!is_folder(root))
    throw Error(ErrorKind::missing_input, "there is no folder of raw data", root.string(),
                "is its disk mounted? check paths.r0");
  return is_folder(root / date.compact());
}

/// Pass over last night and those before it that are open still. A night that fails does not keep
/// the others from it. @returns the exit code: the first that is not 0
int pass_over_nights(const NightDate& last, const config::Configuration& configuration,
                     const std::function<int(const NightDate&)>& process) {
  std::vector<NightDate> nights = night::open_nights_before(last, configuration);
  std::erase_if(nights, [&](const auto& night) { return !has_raw_data(night, configuration); });
  if (has_raw_data(last, configuration))
    nights.insert(nights.begin(), last);
  else
    std::cout << fmt::format("night {} has no raw data: nothing to do\n", last.iso());
  int first_code = 0;
  for (const NightDate& night : nights) {
    int code = 0;
    try {
      code = process(night);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      spdlog::error("night {}: {}", night.iso(), error.what());
      code = exit_code(error.kind());
    }
    if (first_code == 0) first_code = code;
  }
  return first_code;
}

}  // namespace

int run_night_command(const std::vector<std::string>& arguments, night::NightServices services,
                      const Program& program) {
  const CommandHelp help{
      "night", "[DATE] --config FILE [options]",
      "Processes a night, raw data to DL1 and DL2 with its provenance: makes the run summary and\n"
      "the constants that are not there yet, pairs each data run with its constants, runs one job\n"
      "per subrun, merges the provenance of each run and prints a table. What is done and "
      "unchanged\n"
      "is not done again. DATE is YYYYMMDD or YYYY-MM-DD; without it, the night whose evening was\n"
      "yesterday, UTC. The configuration keys steps.* say what else is made: Cat-B constants,\n"
      "cleaning levels, re-cleaned DL1, gain-selected raw data, DL3, and what was counted on and\n"
      "off the night's sources.\n"
      "\n"
      "A data run is served by the constants of the nearest calibration run at or before it, of\n"
      "this night or of the nights before (calibration.look_back_days), else of the first one "
      "after\n"
      "it. Constants that are missing, cannot be made or fail their quality gates are passed "
      "over;\n"
      "plan, table and provenance say which were taken instead, and why.\n"
      "With --pass and without DATE, the nights before, by at most daemon.look_back_days, that "
      "are\n"
      "open still are passed over too, and a night without raw data is none.\n"
      "Exit code 0 only if all is done, 7 if part of it is not.",
      "  alisio night 20240215 --config alisio.yaml --plan\n"
      "  alisio night 2024-02-15 --config alisio.yaml --run 17000 17001 --jobs 8"};
  night::NightOptions options;
  std::string date, config_file;
  po::options_description described("Options");
  auto add = described.add_options();
  add("config", po::value(&config_file), "configuration file");
  add("run", po::value(&options.runs)->multitoken(),
      "process these runs only, and the calibration runs that they need");
  add("accept", po::value(&options.accepted)->multitoken(),
      "go on with these runs even if they fail their quality gates: use their constants (to be "
      "said with every pass), make DL2 of their data (gates.on_failure: stop)");
  add("jobs", po::value(&options.jobs), "processes at a time (default: as configured)");
  add("threads", po::value(&options.threads), "threads of each process");
  add("max-load", po::value(&options.max_load),
      "no process starts beside another while so many threads run on this machine, of other "
      "programs "
      "too (default: as configured)");
  add("dry-run", po::bool_switch(&options.dry_run),
      "capture and merge the provenance of the whole night without computing");
  add("plan", po::bool_switch(&options.plan), "print what would run and why, and change nothing");
  add("no-dl2", "stop at DL1");
  add("prod-id", po::value(&options.prod_id), "name of the production");
  add("pass", po::bool_switch(&options.pass),
      "for cron: return quietly if the night is being processed, leave alone what failed for good");
  add("settle", po::value<double>(),
      "for nights that are being taken: leave out subruns whose files have not been whole and "
      "unchanged for so many seconds, unless others follow, take those that come meanwhile, and "
      "gather the subruns of the last run when nothing has come of it for ten times as long");
  add("json", po::bool_switch(&options.json), "print the plan or the table as JSON");
  add("date", po::value(&date), "date of the evening (the positional argument)");
  add("executable", po::value<std::string>(), "program that runs the stages (default: this one)");
  po::positional_options_description positional;
  positional.add("date", 1);

  const auto given = parse_arguments(arguments, help, described, positional);
  if (!given) return 0;
  for (const auto& [name, value] :
       {std::pair{"jobs", options.jobs}, std::pair{"threads", options.threads}})
    if (given->count(name) != 0 && value < 1)
      throw Error(ErrorKind::usage, "must be at least 1", std::string("--") + name);
  if (given->count("max-load") != 0 && !(options.max_load > 0))
    throw Error(ErrorKind::usage, "must be more than 0", "--max-load");
  if (given->count("settle") != 0) {
    options.settle_s = (*given)["settle"].as<double>();
    if (!(*options.settle_s >= 0) || !std::isfinite(*options.settle_s))
      throw Error(ErrorKind::usage, "must be a number of seconds, not negative", "--settle",
                  "give seconds");
  }
  options.date = date.empty() ? night::last_night() : NightDate::parse(date);
  options.dl2 = given->count("no-dl2") == 0;
  if (given->count("executable") != 0)
    services.executable = (*given)["executable"].as<std::string>();
  if (!config_file.empty()) options.config_file = std::filesystem::weakly_canonical(config_file);
  const config::Configuration configuration = configuration_of(options.config_file);
  const auto process = [&](const NightDate& night) {
    // The daemon asks for the hand-over as long as this process lives.
    const night::HandOverIgnored deaf;
    options.date = night;
    take_up_lost_record(options, configuration, program);
    const int code = night::run_night(options, configuration, services, std::cout);
    // While the telescope observes, the disks are its own: the next pass indexes.
    const bool paused =
        options.pass && night::pause_text(night::pause_of(configuration)).has_value();
    if (!options.plan && !options.dry_run && !paused) index_night(configuration, night, program);
    return code;
  };
  const bool scheduled = date.empty() && options.pass && !options.plan && !options.dry_run &&
                         !options.json && options.runs.empty() && options.prod_id.empty();
  return scheduled ? pass_over_nights(options.date, configuration, process) : process(options.date);
}

}  // namespace alisio::apps
