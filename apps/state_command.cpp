#include "apps/state_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_index.hpp"
#include "apps/provenance_setup.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/suggest.hpp"
#include "lib/night/cleaned.hpp"
#include "lib/night/decision_journal.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/lstosa_import.hpp"
#include "lib/night/night.hpp"
#include "lib/night/rebuild.hpp"
#include "lib/night/show_records.hpp"
#include "lib/night/state_files.hpp"
#include "lib/night/tree_owner.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Texts = std::vector<std::string>;
namespace {

/// The nights that have products, by their folders.
std::vector<NightDate> nights_on_disk(const config::Configuration& configuration) {
  std::set<NightDate> dates;
  for (const char* level : {"DL1", "DL2"}) {
    std::error_code absent;
    for (fs::directory_iterator at(configuration.path("paths.products") / level, absent);
         !absent && at != fs::directory_iterator(); at.increment(absent))
      if (const auto date = NightDate::try_parse(at->path().filename().string()))
        dates.insert(*date);
  }
  return {dates.begin(), dates.end()};
}

/// Hold the locks of all productions of a night that have folders: nobody changes them meanwhile.
std::vector<night::NightLock> lock_night(const config::Configuration& configuration,
                                         const night::RebuildRequest& request) {
  std::set<std::string> productions;
  if (!request.prod_id.empty()) productions.insert(request.prod_id);
  std::error_code absent;
  for (fs::directory_iterator at(request.products / "DL1" / request.date.compact(), absent);
       !absent && at != fs::directory_iterator(); at.increment(absent))
    productions.insert(at->path().filename().string());
  std::vector<night::NightLock> locks;
  for (const std::string& prod_id : productions) {
    const fs::path file = night::night_lock_file(configuration.path("paths.state"),
                                                 {request.telescope, request.date, prod_id});
    locks.push_back(night::NightLock::take(file));
    if (!locks.back().holds())
      throw Error(ErrorKind::resource,
                  fmt::format("this night is being processed by {}", locks.back().holder()),
                  file.string(), "wait for its end, or stop it");
  }
  return locks;
}

night::NightOptions options_of(const night::NightKey& key, const std::string& config_file) {
  night::NightOptions options;
  options.date = key.date;
  options.prod_id = key.prod_id;
  if (!config_file.empty()) options.config_file = fs::weakly_canonical(config_file);
  return options;
}

/// Note the inputs that failed jobs did not come to read, as planning names them: without, each
/// would be tried once more.
void note_what_was_not_read(night::RebuiltNight& rebuilt, const std::string& config_file,
                            const config::Configuration& configuration, const Program& program) {
  night::StateSnapshot recorded;
  for (const night::JobRecord& job : rebuilt.jobs) recorded.jobs[job.key] = job;
  for (const night::FileStamp& file : rebuilt.files) recorded.files[file.path] = file;
  const night::NightOptions options = options_of(rebuilt.key, config_file);
  try {
    const night::NightPlan plan =
        night::plan_night(options, configuration, night_services(program), recorded);
    for (night::JobRecord& job : rebuilt.jobs)
      for (const night::PlannedJob& planned : plan.jobs)
        if (planned.job.key == job.key && job.status == night::JobStatus::failed)
          night::note_unread_inputs(job, planned.inputs);
  } catch (const Error& error) {
    // The raw data may be gone; what is done is told all the same.
    spdlog::warn("what failed in {} is tried once more: {}", rebuilt.key.date.iso(), error.what());
  }
}

/// Find the provenance documents that need not be merged again.
void take_over_documents(const night::NightKey& key, const std::string& config_file,
                         const config::Configuration& configuration, const Program& program,
                         night::State& state) {
  try {
    night::take_over_documents(options_of(key, config_file), configuration, night_services(program),
                               state);
  } catch (const Error& error) {
    // Raw data or summary may be gone; merging again changes nothing that stands.
    spdlog::warn("the provenance of {} is merged once more: {}", key.date.iso(), error.what());
  }
}

/// @throws Error(missing_input) if a production is named that no journal tells of.
void require_production(night::RebuildRequest request,
                        const std::map<NightDate, std::vector<fs::path>>& journals) {
  if (request.prod_id.empty()) return;
  request.verify_content = false;
  for (const auto& [date, files] : journals) {
    request.date = date;
    request.journals = files;
    if (!files.empty() && !night::read_nights_from_disk(request).empty()) return;
  }
  throw Error(ErrorKind::missing_input, "no journal of these nights tells of this production",
              "--prod-id " + request.prod_id, "check its name: it is that of a folder in DL1/DATE");
}

int rebuild(const Texts& arguments, const Program& program) {
  std::string config_file;
  Texts dates;
  night::RebuildRequest request;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file")(
      "date", po::value(&dates), "nights (the positional arguments; default: all)")(
      "prod-id", po::value(&request.prod_id), "this production only (default: all)")(
      "verify-content", po::bool_switch(&request.verify_content),
      "read every file; else those of the recorded size that were not modified since are trusted");
  po::positional_options_description positional;
  positional.add("date", -1);
  const auto given = parse_arguments(
      arguments,
      {.name = "state rebuild",
       .synopsis = "[DATE...] --config FILE [options]",
       .text = "Makes what the state database holds of nights anew, from the provenance journals,\n"
               "the files that they name, and the seals: what was done with which inputs and\n"
               "settings, what failed, what operators decided, what was cleaned, what is closed,\n"
               "which provenance documents are up to date. A database that is damaged is put\n"
               "aside first, one that is sound is copied. After it, alisio night finds done what\n"
               "is done. Not in the journals, and lost: what Slurm was asked for beyond the\n"
               "configuration for jobs that failed for want of it (a hint: they fail once more\n"
               "and ask again), what people were told of by mail, which logs were cleaned.\n"
               "Products that are not as recorded are named, and made again by the next pass.\n"
               "Exit code 0, or 7 if there were any.",
       .examples = "  alisio state rebuild --config alisio.yaml\n"
                   "  alisio state rebuild 20240215 20240216 --config alisio.yaml"},
      options, positional);
  if (!given) return 0;
  const config::Configuration configuration = configuration_of(config_file);
  const fs::path folder = configuration.path("paths.state");
  night::require_own_products(configuration.path("paths.products"), folder);
  std::vector<NightDate> nights;
  for (const std::string& date : dates) nights.push_back(NightDate::parse(date));
  if (nights.empty()) nights = nights_on_disk(configuration);
  // A mistyped date costs no copy, nor does a mistyped production.
  std::map<NightDate, std::vector<fs::path>> journals;
  for (const NightDate& date : nights)
    if (journals[date] = find_journals(configuration, date.compact());
        journals[date].empty() && !dates.empty())
      throw Error(ErrorKind::missing_input, "this night has no journals", date.iso(),
                  "check paths.products");
  std::erase_if(nights, [&](const NightDate& date) {
    if (!journals.at(date).empty()) return false;
    spdlog::warn("{}: this night has no journals; it is left out", date.iso());
    return true;
  });
  request.telescope = static_cast<int>(configuration.integer("telescope"));
  request.products = configuration.path("paths.products");
  request.logger = load_logger(program.cfg_folder);
  request.present = night::stage_facts(configuration);
  require_production(request, journals);
  if (const fs::path aside = night::put_damaged_state_aside(folder); !aside.empty())
    std::cout << fmt::format("the damaged state is kept in {}\n", aside.string());
  if (fs::exists(night::state_file(folder)))
    std::cout << fmt::format("the state is copied to {}\n", night::back_up_state(folder).string());

  night::State state = night::State::open(folder);
  std::size_t gone = 0;
  for (const NightDate& date : nights) {
    request.date = date;
    request.journals = journals.at(date);
    const std::vector<night::NightLock> locks = lock_night(configuration, request);
    for (night::RebuiltNight& night : night::read_nights_from_disk(request)) {
      if (std::any_of(night.jobs.begin(), night.jobs.end(), [](const night::JobRecord& job) {
            return job.status == night::JobStatus::failed;
          }))
        note_what_was_not_read(night, config_file, configuration, program);
      state.restore_night(night.key, night.jobs, night.closings, night.files);
      night::restore_decisions(state, night.key, night.decisions);
      night::record_cleaned(state, night.key, night.cleaned);
      take_over_documents(night.key, config_file, configuration, program, state);
      night::show_records(state, night.key, request.products, night.jobs, {});
      gone += night.gone.size();
      std::cout << fmt::format("{} {}: {} jobs, {} files, {} closings, {} decisions, {} cleaned\n",
                               date.iso(), night.key.prod_id, night.jobs.size(), night.files.size(),
                               night.closings.size(), night.decisions.size(), night.cleaned.size());
      for (const std::string& path : night.gone)
        std::cout << fmt::format("  not as recorded: {}\n", path);
    }
  }
  return gone == 0 ? 0 : exit_code(ErrorKind::incomplete);
}

int backup(const Texts& arguments, const Program&) {
  std::string config_file, target;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file")(
      "file", po::value(&target), "the copy (the positional argument; default: beside the state)");
  po::positional_options_description positional;
  positional.add("file", 1);
  const auto given = parse_arguments(
      arguments,
      {.name = "state backup",
       .synopsis = "[FILE] --config FILE",
       .text = "Copies the state database whole, while passes go on. Of the copies beside it the\n"
               "last five are kept, and the last of each schema; one is made by itself before the "
               "schema\n"
               "changes.",
       .examples = "  alisio state backup --config alisio.yaml\n"
                   "  alisio state backup /backup/alisio-20240215.sqlite --config alisio.yaml"},
      options, positional);
  if (!given) return 0;
  const config::Configuration configuration = configuration_of(config_file);
  std::cout << night::back_up_state(configuration.path("paths.state"), target).string() << '\n';
  return 0;
}

int rollback(const Texts& arguments, const Program&) {
  std::string config_file, to;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file")(
      "to", po::value(&to), "the copy to go back to");
  const auto given = parse_arguments(
      arguments,
      {.name = "state rollback",
       .synopsis = "[--to FILE] --config FILE",
       .text =
           "Goes back to a copy of the state beside it, for an earlier program after an upgrade:\n"
           "the last one of another schema than the present one's, or the last one if there is\n"
           "none. What was the state is kept under another name. What was done since is found by\n"
           "alisio state rebuild.",
       .examples = "  alisio state rollback --config alisio.yaml\n"
                   "  alisio state rollback --to state/alisio.sqlite.v8-20240215T073000.000000Z "
                   "--config alisio.yaml"},
      options);
  if (!given) return 0;
  const config::Configuration configuration = configuration_of(config_file);
  const night::StateRollback done = night::roll_back_state(configuration.path("paths.state"), to);
  std::cout << fmt::format("the state is that of {}\n", done.restored.string());
  if (!done.aside.empty())
    std::cout << fmt::format("what it was is kept in {}\n", done.aside.string());
  for (const std::string& night : done.forgotten)
    std::cout << fmt::format(
        "this copy does not know all that was done of night {}: alisio state rebuild {}\n", night,
        night.substr(0, night.find(' ')));
  return 0;
}

int check(const Texts& arguments, const Program&) {
  std::string config_file;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file");
  const auto given = parse_arguments(
      arguments,
      {.name = "state check",
       .synopsis = "--config FILE",
       .text = "Tells whether the state database is sound: its pages, its references, its schema.\n"
               "Exit code 0, or 7 with the faults.",
       .examples = "  alisio state check --config alisio.yaml"},
      options);
  if (!given) return 0;
  const fs::path folder = configuration_of(config_file).path("paths.state");
  const Texts faults = night::check_state(folder);
  for (const std::string& fault : faults) std::cout << fault << '\n';
  if (faults.empty()) std::cout << night::state_file(folder).string() << " is sound\n";
  return faults.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

int import_lstosa(const Texts& arguments, const Program& program) {
  std::string config_file, date;
  night::NightOptions options;
  po::options_description described("Options");
  described.add_options()("config", po::value(&config_file), "configuration file")(
      "prod-id", po::value(&options.prod_id), "name of the production (default: as configured)")(
      "date", po::value(&date), "date of the evening (the positional argument)");
  po::positional_options_description positional;
  positional.add("date", 1);
  const auto given = parse_arguments(
      arguments,
      {.name = "state import-lstosa",
       .synopsis = "DATE --config FILE [--prod-id NAME]",
       .text =
           "Takes in a night that LSTOSA made, so that it counts as done: the history files in\n"
           "paths.running_analysis say which subruns ended well, the products below DL1/, DL2/\n"
           "and DL3/ are hashed, and the night is closed under a seal of all of them. Subruns\n"
           "whose last history line has another exit code than 0, or whose DL1 is not there,\n"
           "are named as missing. Nothing is made again unless alisio reopen asks for it.",
       .examples = "  alisio state import-lstosa 20220115 --prod-id v0.9.6 --config alisio.yaml"},
      described, positional);
  if (!given) return 0;
  if (date.empty())
    throw Error(ErrorKind::usage, "the date is missing", "alisio state import-lstosa",
                "give YYYYMMDD");
  options.date = NightDate::parse(date);
  const config::Configuration configuration = configuration_of(config_file);
  const night::NightKey key = night::night_key(configuration, options.date, options.prod_id);
  const fs::path folder = configuration.path("paths.state");
  night::require_own_products(configuration.path("paths.products"), folder);
  const night::NightLock lock = night::NightLock::take(night::night_lock_file(folder, key));
  if (!lock.holds())
    throw Error(ErrorKind::resource,
                fmt::format("this night is being processed by {}", lock.holder()), key.date.iso(),
                "wait for its end, or stop it");
  return night::print_import(night::import_lstosa_night({.key = key,
                                                         .configuration = configuration,
                                                         .services = night_services(program),
                                                         .config_file = config_file}),
                             std::cout);
}

struct StateCommand {
  const char* name;
  const char* what;
  int (*run)(const Texts&, const Program&);
};

/// In the order of the help text.
constexpr StateCommand state_commands[] = {
    {"rebuild", "make it anew from the files on disk and their provenance", rebuild},
    {"backup", "copy it", backup},
    {"rollback", "go back to the last copy", rollback},
    {"check", "tell whether it is sound", check},
    {"import-lstosa", "take in a night that LSTOSA made", import_lstosa},
};

}  // namespace

int run_state_command(const Texts& arguments, const Program& program) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << "Usage: alisio state COMMAND [options]\n\n"
                 "The database of what is done, failed and closed.\n\nCommands:\n";
    for (const StateCommand& command : state_commands)
      std::cout << fmt::format("  {:<14} {}\n", command.name, command.what);
    return arguments.empty() ? exit_code(ErrorKind::usage) : 0;
  }
  Texts names;
  for (const StateCommand& command : state_commands) {
    if (arguments[0] == command.name)
      return command.run({arguments.begin() + 1, arguments.end()}, program);
    names.emplace_back(command.name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown command '{}'", arguments[0]), "alisio state",
              suggestion(arguments[0], names));
}

}  // namespace alisio::apps
