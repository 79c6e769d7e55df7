#include "apps/status_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/json_text.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/dates.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/lstosa_table.hpp"
#include "lib/night/night.hpp"
#include "lib/night/pause.hpp"
#include "lib/night/status_text.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

constexpr std::size_t nights_shown = 30;
constexpr auto watch_every = std::chrono::seconds(2);

CommandHelp help_text() {
  return {
      "status", "[DATE] --config FILE [options]",
      "Says how a night stands, from the state alone, at any time and in nobody's way: how far\n"
      "it is, a line a run, what is missing, what failed, as what the failure is known, and\n"
      "what to do. DATE is YYYYMMDD or YYYY-MM-DD; without it, the night whose evening was\n"
      "yesterday, UTC. If that was not processed, the nights that were are listed (code 4).\n"
      "Exit code 0 if all of the night is done, 7 if not, 4 if it is not known.",
      "  alisio status --config alisio.yaml\n"
      "  alisio status 20240215 --why --config alisio.yaml\n"
      "  alisio status 20240215 --run 17000 --subrun 12 --why --config alisio.yaml\n"
      "  alisio status --table lstosa --watch --config alisio.yaml"};
}

struct StatusRequest {
  night::NightKey key;
  night::StatusScope scope;
  fs::path state_folder;
  bool json = false, lstosa = false, watch = false, named_date = false;
};

bool is_complete(const night::NightRecord& record) {
  const auto summary = nlohmann::json::parse(record.summary);
  return summary.value("complete", false) && summary.value("not_asked", std::string()).empty();
}

std::string night_line(const night::NightRecord& record) {
  return fmt::format("{}  {:<24} {:<13} {}", record.key.date.iso(), record.key.prod_id,
                     is_complete(record) ? "complete" : "not complete",
                     record.updated_at.substr(0, 19));
}

/// Return the document for a night that is not known: which nights are.
nlohmann::json known_nights_json(const StatusRequest& request, night::State* state,
                                 const std::vector<night::ShownNight>& nights) {
  nlohmann::json document{{"telescope", request.key.telescope},
                          {"date", request.key.date.iso()},
                          {"prod_id", request.key.prod_id},
                          {"on_record", false},
                          {"nights", nlohmann::json::array()}};
  for (const night::ShownNight& shown : nights)
    if (const auto record = state->night(shown.key))
      document["nights"].push_back({{"telescope", record->key.telescope},
                                    {"date", record->key.date.iso()},
                                    {"prod_id", record->key.prod_id},
                                    {"complete", is_complete(*record)},
                                    {"updated_at", record->updated_at}});
  return document;
}

/// Say which nights are known in the place of one that is not.
int tell_known_nights(const StatusRequest& request, night::State* state) {
  const std::vector<night::ShownNight> nights =
      state == nullptr ? std::vector<night::ShownNight>() : state->nights();
  if (request.json) std::cout << json_text(known_nights_json(request, state, nights), 2) << '\n';
  const std::string missing = fmt::format("night {} has not been processed as production {}",
                                          request.key.date.iso(), request.key.prod_id);
  std::string known;
  for (const night::ShownNight& record : nights)
    if (record.key.date == request.key.date)
      known += (known.empty() ? "" : ", ") + record.key.prod_id;
  if (request.named_date || nights.empty())
    throw Error(ErrorKind::missing_input, missing, request.state_folder.string(),
                !known.empty()   ? "its productions: " + known + "; choose with --prod-id"
                : nights.empty() ? "no night has been: `alisio night DATE` does it"
                                 : "`alisio status` without a date lists those that have been");
  if (request.json) return exit_code(ErrorKind::missing_input);
  std::cout << missing << ". Nights on record:\n";
  for (std::size_t at = 0; at < std::min(nights.size(), nights_shown); ++at)
    if (const auto record = state->night(nights[at].key))
      std::cout << "  " << night_line(*record) << '\n';
  if (nights.size() > nights_shown)
    std::cout << fmt::format("  … and {} more\n", nights.size() - nights_shown);
  return exit_code(ErrorKind::missing_input);
}

bool is_known(const night::NightStatus& status, const night::StatusScope& scope) {
  const bool run = std::any_of(status.summary.runs.begin(), status.summary.runs.end(),
                               [&](const night::RunLine& line) { return line.run == scope.run; });
  return (run && !scope.subrun) ||
         std::any_of(status.jobs.begin(), status.jobs.end(), [&](const auto& job) {
           return job.key.run == scope.run && (!scope.subrun || job.key.subrun == scope.subrun);
         });
}

/// Leave in the JSON what was asked for.
nlohmann::json scoped_json(const night::NightStatus& status, const night::StatusScope& scope,
                           const std::string& closed_at) {
  nlohmann::json document = night::status_json(status);
  if (!scope.worker.empty()) document["worker"] = scope.worker;
  document["closed_at"] = closed_at.empty() ? nlohmann::json() : nlohmann::json(closed_at);
  if (!scope.run) return document;
  nlohmann::json jobs = nlohmann::json::array();
  for (nlohmann::json& job : document["jobs"])
    if (job["run"] == *scope.run && (!scope.subrun || job["subrun"] == *scope.subrun))
      jobs.push_back(std::move(job));
  document["jobs"] = std::move(jobs);
  return document;
}

int tell_once(const StatusRequest& request) {
  std::optional<night::State> state = night::State::open_read_only(request.state_folder);
  std::optional<night::NightStatus> status;
  if (state) status = night::read_status(*state, request.key);
  if (!status) return tell_known_nights(request, state ? &*state : nullptr);
  if (request.scope.run && !is_known(*status, request.scope))
    throw Error(ErrorKind::usage,
                fmt::format("run {}{} is not of this night", *request.scope.run,
                            request.scope.subrun ? fmt::format(".{}", *request.scope.subrun) : ""),
                request.key.date.iso(), "`alisio status` without --run lists its runs");
  night::StatusScope scope = request.scope;
  scope.worker =
      night::lock_holder(request.state_folder / (night::night_name(request.key) + ".lock"));
  const auto closing = state->closing(request.key);
  const std::string closed_at = closing && closing->closed() ? closing->closed_at : std::string();
  if (request.json)
    std::cout << json_text(scoped_json(*status, scope, closed_at), 2) << '\n';
  else if (request.lstosa)
    night::print_lstosa_table(*status, *state, std::cout);
  else
    night::print_status(*status, scope, std::cout);
  if (!closed_at.empty() && !request.json && !request.lstosa)
    std::cout << fmt::format("closed since {}: `alisio reopen` opens it\n",
                             closed_at.substr(0, 19));
  std::cout << std::flush;
  return status->complete() ? 0 : exit_code(ErrorKind::incomplete);
}

/// Tell it anew until somebody interrupts.
int watch(const StatusRequest& request) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const StopOnSignal signals;
  for (;;) {
    if (terminal) std::cout << "\x1b[H\x1b[2J";
    const int code = tell_once(request);
    if (!std::cout) return code;
    const auto until = std::chrono::steady_clock::now() + watch_every;
    while (std::chrono::steady_clock::now() < until) {
      try {
        throw_if_interrupted();
      } catch (const Error&) {
        // Being interrupted is how watching ends.
        return code;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    if (!terminal) std::cout << '\n';
  }
}

}  // namespace

int run_status_command(const std::vector<std::string>& arguments, const Program&) {
  std::string date, config_file, prod_id, table = "alisio";
  int run = 0, subrun = 0;
  StatusRequest request;
  po::options_description described("Options");
  auto add = described.add_options();
  add("config", po::value(&config_file), "configuration file: says where the state is");
  add("prod-id", po::value(&prod_id), "name of the production (default: as configured)");
  add("run", po::value(&run),
      "this run, with the reason of each of its jobs; 0: of the whole night");
  add("subrun", po::value(&subrun), "this subrun of --run, with what each try took");
  add("why", po::bool_switch(&request.scope.why), "the last lines of the logs of what failed");
  add("watch", po::bool_switch(&request.watch), "tell it anew every 2 s until interrupted");
  add("json", po::bool_switch(&request.json), "everything as JSON");
  add("table", po::value(&table), "alisio, or lstosa: the table of LSTOSA's sequencer");
  add("date", po::value(&date), "date of the evening (the positional argument)");
  po::positional_options_description positional;
  positional.add("date", 1);
  const auto given = parse_arguments(arguments, help_text(), described, positional);
  if (!given) return 0;
  if (table != "alisio" && table != "lstosa")
    throw Error(ErrorKind::usage, fmt::format("'{}' is no table", table), "--table",
                "known: alisio, lstosa");
  if (given->count("subrun") != 0 && given->count("run") == 0)
    throw Error(ErrorKind::usage, "--subrun needs --run", "alisio status", "see --help");
  if (request.json && table == "lstosa")
    throw Error(ErrorKind::usage, "the table of LSTOSA is text", "--json", "leave one of both out");
  const config::Configuration configuration = configuration_of(config_file);
  request.named_date = !date.empty();
  request.key = night::night_key(
      configuration, date.empty() ? night::last_night() : NightDate::parse(date), prod_id);
  request.state_folder = configuration.path("paths.state");
  request.scope.pause = night::pause_text(night::pause_of(configuration)).value_or("");
  request.scope.night_words = request.key.date.compact();
  if (!prod_id.empty()) request.scope.night_words += " --prod-id " + prod_id;
  if (!config_file.empty()) request.scope.night_words += " --config " + config_file;
  request.lstosa = table == "lstosa";
  if (given->count("run") != 0) request.scope.run = run;
  if (given->count("subrun") != 0) request.scope.subrun = subrun;
  return request.watch ? watch(request) : tell_once(request);
}

}  // namespace alisio::apps
