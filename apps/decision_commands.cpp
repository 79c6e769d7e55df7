#include "apps/decision_commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_index.hpp"
#include "apps/stage_name.hpp"
#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/catalogue.hpp"
#include "lib/night/dates.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/instant.hpp"
#include "lib/night/night.hpp"
#include "lib/night/tree_owner.hpp"
#include "lib/night/words.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

using night::Decision;
using night::DecisionKind;

/// What a command line decides.
struct Request {
  std::string command;
  night::NightKey key;
  config::Configuration configuration;
  std::optional<int> run, subrun;
  std::string stage, reason, author;
  bool undo = false;

  [[nodiscard]] int decided_run() const { return run.value_or(night::whole_night); }
  [[nodiscard]] int decided_subrun() const { return subrun.value_or(night::whole_run); }
  [[nodiscard]] std::string place() const {
    return run ? night::job_name({"", *run, decided_subrun()}) : "the night";
  }
};

/// What a command takes.
struct Grammar {
  CommandHelp help;
  bool needs_run = true, needs_subrun = false, takes_subrun = true;
  bool needs_reason = true, takes_stage = false, takes_undo = false;
};

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// Take RUN or RUN.SUBRUN. @return false if the word is neither.
bool take_place(const std::string& word, Request& request) {
  const std::size_t dot = word.find('.');
  request.run = number_of(std::string_view(word).substr(0, dot));
  if (dot != std::string::npos) request.subrun = number_of(std::string_view(word).substr(dot + 1));
  return request.run && *request.run > 0 && (dot == std::string::npos || request.subrun);
}

/// Tell apart what the positional words say: a date, and RUN or RUN.SUBRUN.
void take_words(const std::vector<std::string>& words, const Grammar& grammar, Request& request) {
  const std::string where = "alisio " + request.command;
  std::optional<NightDate> date;
  for (const std::string& word : words) {
    const auto as_date = NightDate::try_parse(word);
    if (as_date && !date)
      date = as_date;
    else if (as_date || request.run || !take_place(word, request))
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is neither a date nor RUN{}", word,
                              grammar.takes_subrun ? " or RUN.SUBRUN" : ""),
                  where, "see --help");
  }
  if (grammar.needs_run && !request.run)
    throw Error(ErrorKind::usage, "the run is missing", where,
                grammar.needs_subrun ? "give RUN.SUBRUN" : "give RUN or RUN.SUBRUN");
  if (grammar.needs_subrun && !request.subrun)
    throw Error(ErrorKind::usage, "single subruns are discarded, not whole runs", where,
                fmt::format("give RUN.SUBRUN; `alisio veto {}` leaves out a run", *request.run));
  if (request.subrun && !grammar.takes_subrun)
    throw Error(ErrorKind::usage, "whole runs are held, not single subruns", where,
                fmt::format("give {}, or `alisio veto {}`", *request.run, request.place()));
  request.key.date = date ? *date : night::last_night();
}

std::optional<Request> parse_request(const std::vector<std::string>& arguments,
                                     const Grammar& grammar) {
  Request request;
  request.command = grammar.help.name;
  std::vector<std::string> words;
  std::string config_file, prod_id;
  po::options_description described("Options");
  auto add = described.add_options();
  add("config", po::value(&config_file), "configuration file: says where the state is");
  add("reason", po::value(&request.reason),
      grammar.needs_reason ? "why; it is shown wherever the decision is" : "why (may be left out)");
  add("author", po::value(&request.author), "who decides (default: the account)");
  add("prod-id", po::value(&prod_id), "name of the production (default: as configured)");
  if (grammar.takes_stage)
    add("stage", po::value(&request.stage), "only jobs of this stage, for example dl1_to_dl2");
  if (grammar.takes_undo)
    add("undo", po::bool_switch(&request.undo),
        "take the decision back: the subrun counts again, and its products get their names back");
  add("words", po::value(&words)->composing(), "what, and which night (the positional arguments)");
  po::positional_options_description positional;
  positional.add("words", -1);
  if (!parse_arguments(arguments, grammar.help, described, positional)) return std::nullopt;
  take_words(words, grammar, request);
  request.reason = night::said_text(request.reason);
  if (request.reason.empty() && grammar.needs_reason)
    throw Error(ErrorKind::usage, "the reason is missing", "alisio " + request.command,
                "give --reason TEXT");
  request.author = night::said_text(request.author.empty() ? account_name() : request.author);
  request.configuration = configuration_of(config_file);
  request.key = night::night_key(request.configuration, request.key.date, prod_id);
  return request;
}

/// Refuse runs and subruns that the night does not have, by its raw files and its record.
void check_place(const Request& request, night::State& state) {
  if (!request.run) return;
  std::map<int, std::set<int>> known;
  for (const night::StepRecord& step : state.steps(request.key))
    if (step.key.run != night::whole_night) known[step.key.run].insert(step.key.subrun);
  std::string fault;
  try {
    for (const night::RunEntry& entry :
         night::find_runs(request.configuration.path("paths.r0"),
                          request.configuration.path("paths.run_summary"), request.key.telescope,
                          request.key.date)
             .runs) {
      std::set<int>& subruns = known[entry.run];
      for (const night::SubrunFiles& files : entry.subruns) subruns.insert(files.subrun);
      // One whose raw files will never come is decided about, too.
      for (int subrun = 0; subrun < entry.expected_subruns.value_or(0); ++subrun)
        subruns.insert(subrun);
    }
  } catch (const Error& error) {
    if (known.empty()) throw;
  }
  const auto run = known.find(*request.run);
  const std::string night = fmt::format("night {}", request.key.date.iso());
  if (run == known.end()) {
    std::vector<int> runs;
    for (const auto& [number, subruns] : known) runs.push_back(number);
    throw Error(ErrorKind::usage, fmt::format("run {} is not of this night", *request.run), night,
                fmt::format("its runs: {}", fmt::join(runs, ", ")));
  }
  if (request.subrun && !run->second.contains(*request.subrun))
    throw Error(ErrorKind::usage, fmt::format("there is no subrun {}", request.place()), night,
                "check the number");
}

/// Return the first of some decisions that is of a kind and about exactly what is asked.
const Decision* find_decision(const std::vector<Decision>& decisions, DecisionKind kind,
                              const Request& request) {
  const auto found =
      std::find_if(decisions.begin(), decisions.end(), [&](const Decision& decision) {
        return decision.kind == kind && decision.run == request.decided_run() &&
               decision.subrun == request.decided_subrun();
      });
  return found == decisions.end() ? nullptr : &*found;
}

/// Return what puts a decision, or its end, into the journal of notes.
night::DecisionWriter journal_of(const Request& request, const Program& program) {
  return [&request, record = night_services(program).record_decision](const Decision& decision) {
    record(request.configuration.path("paths.products"), request.key, decision);
  };
}

/// Put a decision into journal and state, and say so.
void record(const Request& request, DecisionKind kind, night::State& state,
            const Program& program) {
  Decision decision;
  decision.kind = kind;
  decision.run = request.decided_run();
  decision.subrun = request.decided_subrun();
  decision.stage = request.stage;
  decision.reason = request.reason;
  decision.author = request.author;
  decision =
      night::take_decision(state, request.key, std::move(decision), journal_of(request, program));
  std::cout << fmt::format("night {}, production {}: {}\n", request.key.date.iso(),
                           request.key.prod_id, decision.line());
}

/// Make a decision that stands until it is ended.
int decide(const Request& request, DecisionKind kind, night::State& state, const Program& program) {
  check_place(request, state);
  const std::vector<Decision> decisions = night::standing_decisions(state, request.key);
  if (const Decision* before = find_decision(decisions, kind, request))
    throw Error(ErrorKind::usage, fmt::format("it is so already: {}", before->line()),
                fmt::format("night {}", request.key.date.iso()), "nothing was changed");
  record(request, kind, state, program);
  return 0;
}

/// Say what a veto comes too late for.
void tell_what_is_made(const Request& request, night::State& state) {
  Decision about;
  about.run = request.decided_run();
  about.subrun = request.decided_subrun();
  std::set<night::JobKey> made;
  for (const auto& [key, job] : state.snapshot(request.key).jobs)
    if (job.status == night::JobStatus::done && about.concerns(key)) made.insert(key);
  for (const night::ProcessRecord& process : state.unfinished_processes(request.key))
    for (const night::JobKey& key : process.jobs)
      if (about.concerns(key)) made.insert(key);
  if (made.empty()) return;
  std::cout << fmt::format(
      "  {} of its jobs {} done or under way: what they make stays, and is part of the run's and "
      "the night's products while it is current (`alisio discard RUN.SUBRUN` takes a subrun out of "
      "them at once)\n",
      made.size(), made.size() == 1 ? "is" : "are");
}

/// End a decision that stands.
int end(const Request& request, DecisionKind kind, night::State& state, const Program& program) {
  const std::vector<Decision> ended = night::end_decisions(
      state, request.key, kind, request.decided_run(), request.decided_subrun(), request.author,
      request.reason, journal_of(request, program));
  if (ended.empty()) {
    std::string others;
    for (const Decision& decision : night::standing_decisions(state, request.key))
      if (decision.kind == kind) others += (others.empty() ? "" : "; ") + decision.line();
    throw Error(ErrorKind::usage,
                fmt::format("{} is not {}", request.place(), night::participle(kind)),
                fmt::format("night {}", request.key.date.iso()),
                others.empty() ? "nothing of this night is" : others);
  }
  std::cout << fmt::format("night {}, production {}: {} no longer {}\n", request.key.date.iso(),
                           request.key.prod_id, request.place(), night::participle(kind));
  return 0;
}

/// Take back the last discard of a subrun. What was stopped on its way is gone on with.
std::vector<fs::path> undo_discard(const Request& request, night::State& state,
                                   const fs::path& products,
                                   const night::InvalidationRecorder& recorder,
                                   const Program& program) {
  std::vector<Decision> decisions = night::all_decisions(state, request.key);
  std::reverse(decisions.begin(), decisions.end());
  const Decision* const last = find_decision(decisions, DecisionKind::discard, request);
  const bool stands = last != nullptr && last->ended_at.empty();
  if (stands) end(request, DecisionKind::discard, state, program);
  std::vector<fs::path> files;
  if (last != nullptr)
    files = night::bring_back(state, request.key, products, *last, request.reason, request.author,
                              recorder);
  // It says that there is nothing to take back.
  if (!stands && files.empty()) end(request, DecisionKind::discard, state, program);
  return files;
}

int discard(const Request& request, night::State& state, const Program& program) {
  const night::InvalidationRecorder recorder = night_services(program).record_invalidation;
  const fs::path products = request.configuration.path("paths.products");
  if (request.undo) {
    for (const fs::path& file : undo_discard(request, state, products, recorder, program))
      std::cout << "  as before: " << file.string() << '\n';
    index_night(request.configuration, request.key.date, program);
    return 0;
  }
  decide(request, DecisionKind::discard, state, program);
  for (const fs::path& file : night::set_aside_discarded(state, request.key, products, recorder))
    std::cout << "  set aside: " << file.string() << '\n';
  index_night(request.configuration, request.key.date, program);
  return 0;
}

int retry(const Request& request, night::State& state, const Program& program) {
  if (!request.stage.empty()) check_stage(request.stage);
  Decision about;
  about.run = request.decided_run();
  about.subrun = request.decided_subrun();
  about.stage = request.stage;
  int failed = 0;
  for (const auto& [key, job] : state.snapshot(request.key).jobs)
    failed += job.status == night::JobStatus::failed && about.concerns(key);
  if (failed == 0)
    throw Error(ErrorKind::usage,
                fmt::format("no job of {} has failed{}", request.place(),
                            request.stage.empty() ? "" : " in " + request.stage),
                fmt::format("night {}", request.key.date.iso()), "see `alisio status --why`");
  check_place(request, state);
  // One that was given before has been followed or has become this one.
  night::end_decisions(state, request.key, DecisionKind::retry, request.decided_run(),
                       request.decided_subrun(), request.author, "given anew",
                       journal_of(request, program));
  record(request, DecisionKind::retry, state, program);
  std::cout << fmt::format("  {} failed job{} will be tried once more by the next pass\n", failed,
                           failed == 1 ? "" : "s");
  return 0;
}

const char* const obeyed =
    "It is kept in state and journals with author and reason, shown by plan, table and status, "
    "survives\n"
    "restarts, and is obeyed by every pass, also by one under way. DATE is the night's, by "
    "default\n"
    "the one whose evening was yesterday, UTC.\n"
    "Exit code 0, or 2 if there is nothing to decide (no such run, decided already).";

Grammar veto_grammar() {
  return {.help = {"veto", "RUN[.SUBRUN] [DATE] --reason TEXT --config FILE",
                   fmt::format("Takes a run, or a subrun, out of the processing: no job of it is "
                               "started, and the night\n"
                               "is complete without it. What was made before stays in the run's "
                               "products while it is\n"
                               "current; once it would have to be made again (other settings, "
                               "`alisio reprocess --redo`),\n"
                               "it is not, and leaves them. `alisio discard` takes a subrun out at "
                               "once. Constants of a\n"
                               "calibration run are not used: what was made with them is made with "
                               "others, and is open\n"
                               "while there are none.\n{}",
                               obeyed),
                   "  alisio veto 17000 20240215 --reason \"test of the drive\" --config "
                   "alisio.yaml"}};
}

Grammar unveto_grammar() {
  return {.help = {"unveto", "RUN[.SUBRUN] [DATE] [--reason TEXT] --config FILE",
                   fmt::format("Takes a veto back.\n{}", obeyed),
                   "  alisio unveto 17000 20240215 --config alisio.yaml"},
          .needs_reason = false};
}

Grammar hold_grammar() {
  return {
      .help = {"hold", "[RUN] [DATE] --reason TEXT --config FILE",
               fmt::format("Lets nothing new start, of a run or of the whole night, until "
                           "`alisio release`. What runs,\n"
                           "runs on; the night is not complete meanwhile.\n{}",
                           obeyed),
               "  alisio hold 20240215 --reason \"file server in repair\" --config alisio.yaml\n"
               "  alisio hold 17000 20240215 --reason \"drive log to come\" --config "
               "alisio.yaml"},
      .needs_run = false,
      .takes_subrun = false};
}

Grammar release_grammar() {
  return {.help = {"release", "[RUN] [DATE] [--reason TEXT] --config FILE",
                   fmt::format("Ends a hold.\n{}", obeyed),
                   "  alisio release 20240215 --config alisio.yaml"},
          .needs_run = false,
          .takes_subrun = false,
          .needs_reason = false};
}

Grammar discard_grammar() {
  return {.help = {"discard", "RUN.SUBRUN [DATE] --reason TEXT --config FILE",
                   fmt::format("Says that a subrun is bad: it is left out of what is made of its "
                               "run, and the night is\n"
                               "complete without it. What was made of it is renamed beside its "
                               "place (.discarded-TIME),\n"
                               "never removed, and noted as invalidated in the provenance.\n{}",
                               obeyed),
                   "  alisio discard 17000.0123 20240215 --reason \"no pedestals\" --config "
                   "alisio.yaml\n"
                   "  alisio discard 17000.0123 20240215 --undo --reason \"raw file mended\" "
                   "--config alisio.yaml"},
          .needs_subrun = true,
          .takes_undo = true};
}

Grammar retry_grammar() {
  return {.help = {"retry", "[RUN[.SUBRUN]] [DATE] [--stage STAGE] --config FILE",
                   fmt::format("Has what failed tried once more by the next pass (`alisio night "
                               "--pass`), also what failed\n"
                               "for good or too often.\n{}",
                               obeyed),
                   "  alisio retry 20240215 --config alisio.yaml\n"
                   "  alisio retry 17000.0123 20240215 --stage dl1_to_dl2 --config alisio.yaml"},
          .needs_run = false,
          .needs_reason = false,
          .takes_stage = true};
}

/// Return the command of a grammar and of what is done with what it took.
Command command_of(const std::string& summary, Grammar (*grammar)(),
                   std::function<int(const Request&, night::State&, const Program&)> act) {
  return {grammar().help.name, summary,
          [grammar, act = std::move(act)](const std::vector<std::string>& arguments,
                                          const Program& program) {
            const std::optional<Request> request = parse_request(arguments, grammar());
            if (!request) return 0;
            const std::filesystem::path folder = request->configuration.path("paths.state");
            night::require_own_products(request->configuration.path("paths.products"), folder);
            night::State state = night::State::open(folder);
            night::require_open(state, request->key);
            return act(*request, state, program);
          }};
}

}  // namespace

std::vector<Command> decision_commands() {
  const auto decider = [](DecisionKind kind) {
    return [kind](const Request& request, night::State& state, const Program& program) {
      return decide(request, kind, state, program);
    };
  };
  const auto ender = [](DecisionKind kind) {
    return [kind](const Request& request, night::State& state, const Program& program) {
      return end(request, kind, state, program);
    };
  };
  return {
      command_of("take a run or subrun out of the processing", veto_grammar,
                 [](const Request& request, night::State& state, const Program& program) {
                   const int code = decide(request, DecisionKind::veto, state, program);
                   tell_what_is_made(request, state);
                   return code;
                 }),
      command_of("take a veto back", unveto_grammar, ender(DecisionKind::veto)),
      command_of("let nothing of a run or night start", hold_grammar, decider(DecisionKind::hold)),
      command_of("end a hold", release_grammar, ender(DecisionKind::hold)),
      command_of("leave out a bad subrun, set its products aside", discard_grammar, discard),
      command_of("have failed jobs tried once more", retry_grammar, retry)};
}

}  // namespace alisio::apps
