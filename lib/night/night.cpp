#include "lib/night/night.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/base/version.hpp"
#include "lib/config/response_files.hpp"
#include "lib/night/catalogue_command.hpp"
#include "lib/night/closing.hpp"
#include "lib/night/dry_run.hpp"
#include "lib/night/end_of_pass.hpp"
#include "lib/night/file_hashes.hpp"
#include "lib/night/instant.hpp"
#include "lib/night/kept_configuration.hpp"
#include "lib/night/late_raw.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/lost_record.hpp"
#include "lib/night/make_executor.hpp"
#include "lib/night/messenger.hpp"
#include "lib/night/pass.hpp"
#include "lib/night/plan_text.hpp"
#include "lib/night/process.hpp"
#include "lib/night/production.hpp"
#include "lib/night/provenance_merges.hpp"
#include "lib/night/tree_owner.hpp"
#include "lib/night/words.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

std::string configured_production(const config::Configuration& configuration) {
  const std::string named = configuration.text("prod_id");
  return named.empty() ? version_tag() + "_v00" : named;
}

Steps steps_of(const NightOptions& options, const config::Configuration& configuration) {
  const Steps steps{
      .run_summary = configuration.boolean("steps.run_summary"),
      .calibration = configuration.boolean("steps.calibration"),
      .gain_select = configuration.boolean("steps.gain_select"),
      .cat_b = configuration.boolean("steps.cat_b"),
      .tailcuts = configuration.boolean("steps.tailcuts"),
      .dl1ab = configuration.boolean("steps.dl1ab"),
      .dl2 = options.dl2,
      // What the stages are told not to write is no step of the night.
      .muons = configuration.boolean("steps.muons") && configuration.boolean("muons.write"),
      .data_check =
          configuration.boolean("steps.data_check") && configuration.boolean("data_check.write"),
      .merge = configuration.boolean("steps.merge"),
      .report = configuration.boolean("steps.report"),
      .dl3 = configuration.boolean("steps.dl3"),
      .significance = configuration.boolean("steps.significance"),
      .stop_on_gates = configuration.text("gates.on_failure") == "stop"};
  if (steps.stop_on_gates && !steps.data_check)
    throw Error(ErrorKind::configuration,
                "'stop' needs the data check, whose numbers the gates judge", "gates.on_failure",
                "switch steps.data_check and data_check.write on, or say 'warn'");
  return steps;
}

/// Refuse what a file of lstchain asks of the night's stages that they do not do: their jobs get
/// the values that were understood, and could not tell.
void require_followed(const Steps& steps, const config::Configuration& configuration) {
  std::vector<const char*> stages{"r0_to_dl1"};
  if (steps.calibration) stages.insert(stages.end(), {"time_calibration", "camera_calibration"});
  if (steps.cat_b) stages.push_back("cat_b");
  if (steps.dl1ab) stages.push_back("dl1ab");
  if (steps.dl2) stages.push_back("dl1_to_dl2");
  for (const char* stage : stages) configuration.require_followed(stage);
}

SetupRequest request_of(const NightOptions& options, const config::Configuration& configuration,
                        const NightServices& services) {
  SetupRequest request;
  request.key = night_key(configuration, options.date, options.prod_id);
  request.r0 = configuration.path("paths.r0");
  request.r0g = configuration.path("paths.r0g");
  request.run_summaries = configuration.path("paths.run_summary");
  request.drive = configuration.path("paths.drive");
  request.waits_for_drive_log = configuration.text("night.without_drive_log") == "wait";
  request.calibration = configuration.path("paths.calibration");
  request.tailcuts = configuration.path("paths.tailcuts");
  request.pedestal_ids = configuration.path("paths.pedestal_ids");
  request.products = configuration.path("paths.products");
  request.given_constants = {configuration.path("calibration.drs4_pedestal"),
                             configuration.path("calibration.charge"),
                             configuration.path("calibration.time")};
  request.look_back_days = configuration.integer("calibration.look_back_days");
  request.filters = configuration.text("camera_calibration.filters");
  request.models = configuration.path("dl2.models");
  if (request.models.empty()) request.models = services.default_models;
  request.models_by_pointing = configuration.text("dl2.choice") == "by_declination_and_nsb";
  request.source_catalogue = configuration.path("dl2.catalogue");
  request.responses = configuration.path("dl3.irf");
  request.sources = configuration.path("significance.catalogue");
  if (request.sources.empty()) request.sources = services.default_sources;
  request.nsb = configuration.number("dl2.nsb");
  request.steps = steps_of(options, configuration);
  require_followed(request.steps, configuration);
  const std::string cleaning = configuration.boolean("dl1ab.pedestal_cleaning")
                                   ? "tailcuts_clean_with_pedestal_threshold"
                                   : "tailcut";
  request.levels = {configuration.number(cleaning + ".picture_thresh"),
                    configuration.number(cleaning + ".boundary_thresh")};
  request.picture_threshold =
      request.steps.dl1ab ? request.levels.picture : configuration.number("tailcut.picture_thresh");
  request.runs = options.runs;
  request.settle_s = options.settle_s;
  return request;
}

/// Name what decides on verdicts beside the file: the configuration, and the code that judges.
std::string gates_name(const config::Configuration& configuration) {
  const std::optional<FileStamp> program = stamp_of("/proc/self/exe");
  return hash_text(configuration.all().dump() +
                   (program ? fmt::format("{} {}", program->size, program->mtime_ns) : ""));
}

/// Add the instrument responses to what DL3 depends on. Which of them a run needs is not known
/// before it is made, so that any change may concern it.
std::string with_responses(const std::string& dl3_configuration, const fs::path& responses) {
  nlohmann::json facts = nlohmann::json::parse(dl3_configuration);
  for (const fs::path& file : config::response_files(responses)) {
    const std::optional<FileStamp> stamp = stamp_of(file);
    facts["responses"][file.filename().string()] =
        stamp ? fmt::format("{} bytes, mtime {} ns", stamp->size, stamp->mtime_ns) : "absent";
  }
  return facts.dump();
}

PlanSettings settings_of(const NightOptions& options, const config::Configuration& configuration,
                         const NightServices& services) {
  PlanSettings settings;
  settings.stages = stage_facts(configuration);
  settings.retry_failed = !options.pass && !options.close;
  settings.accepted = {options.accepted.begin(), options.accepted.end()};
  if (services.check_constants)
    settings.check_constants = [&](const std::string& kind, const fs::path& file,
                                   const ExpectedSubruns& expected) {
      return services.check_constants(kind, file, configuration, expected);
    };
  settings.gates = gates_name(configuration);
  return settings;
}

/// Ask what the raw files of each run hold. What cannot be read is said by its job.
InputStates describe_inputs(const NightSetup& setup, const NightServices& services) {
  InputStates states;
  if (!services.describe_input) return states;
  for (const RunEntry& entry : setup.catalogue.runs) {
    if (entry.subruns.empty()) continue;
    try {
      states[entry.run] = services.describe_input(entry.subruns.front().streams.front());
    } catch (const Error& error) {
      states[entry.run] = error.problem();
    }
  }
  return states;
}

/// Return the decisions to make again what is asked for: one, or one for each run.
std::vector<Decision> redo_decisions(const NightOptions& options) {
  std::vector<Decision> decisions;
  if (!options.redo) return decisions;
  Decision redo;
  redo.kind = DecisionKind::redo;
  redo.stage = options.redo->stage;
  redo.reason = said_text(options.redo->reason);
  redo.author = said_text(options.redo->author);
  for (const int run : options.runs.empty() ? std::vector<int>{whole_night} : options.runs) {
    redo.run = run;
    decisions.push_back(redo);
  }
  return decisions;
}

/// Return those of them that were not said before: saying the same again goes on with it.
std::vector<Decision> new_decisions(std::vector<Decision> asked,
                                    const std::vector<Decision>& said) {
  std::erase_if(asked, [&](const Decision& one) {
    return std::any_of(said.begin(), said.end(), [&](const Decision& other) {
      return other.kind == one.kind && other.run == one.run && other.stage == one.stage &&
             other.reason == one.reason;
    });
  });
  return asked;
}

/// Take over what the state knows of a night beyond its jobs.
void take_over(State& state, const NightKey& night, PlanSettings& settings) {
  settings.decisions = standing_decisions(state, night);
  settings.cleaned = cleaned_files(state, night);
  settings.used_elsewhere = files_of_other_productions(state, night);
}

/// Leave a night to the process that is at it. @throws Error(resource) unless this is a pass.
int leave_to_another(const std::string& why, const std::string& remedy, const NightKey& night,
                     const fs::path& state_folder, const NightOptions& options, std::ostream& out) {
  if (!options.pass) throw Error(ErrorKind::resource, why, night_name(night), remedy);
  if (options.json) out << json_text(shown_night(state_folder, night, why), 2) << '\n';
  spdlog::info("{}: {}", night_name(night), why);
  return 0;
}

/// Print a plan from the state as it is, changing nothing.
int print_plan_only(NightSetup setup, const Pause& pause, const fs::path& state_folder,
                    PlanSettings settings, const NightOptions& options,
                    const NightServices& services, std::ostream& out) {
  StateSnapshot snapshot;
  std::optional<State> state = State::open_read_only(state_folder);
  std::vector<Decision> said;
  std::string closed;
  if (state) {
    if (const auto closing = state->closing(setup.key); closing && closing->closed())
      closed = fmt::format("{}: nothing of this runs before `alisio reopen {}` opens it",
                           closed_text(*closing), setup.key.date.compact());
    snapshot = state->snapshot(setup.key);
    said = all_decisions(*state, setup.key);
    take_over(*state, setup.key, settings);
    settings.known_verdict = [&](const std::string& gates, const FileStamp& file) {
      return state->known_verdict(gates, file);
    };
  }
  for (Decision& redo : new_decisions(redo_decisions(options), said)) {
    redo.at = utc_now_after(state ? latest_instant(*state, setup.key) : "");
    settings.decisions.push_back(std::move(redo));
  }
  std::vector<FileStamp> rehashed;
  Planner planner(setup, settings, disk_access(services));
  const NightPlan plan = planner.plan(snapshot, {}, rehashed);
  if (const auto text = pause_text(pause); text && plan.count(StepStatus::to_run) > 0)
    setup.catalogue.notes.push_back(*text);
  const InputStates states = describe_inputs(setup, services);
  if (options.json) {
    if (!closed.empty()) setup.catalogue.notes.push_back(closed);
    print_plan_json(setup, plan, states, out);
  } else {
    print_plan(setup, plan, states, out);
    if (!closed.empty()) out << closed << '\n';
  }
  return 0;
}

PassOptions pass_options(const NightOptions& options, const config::Configuration& configuration,
                         const fs::path& scratch) {
  PassOptions made;
  made.config_file = options.config_file;
  made.scratch = scratch;
  made.threads = std::max<int>(1, options.threads > 0
                                      ? options.threads
                                      : static_cast<int>(configuration.integer("night.threads")));
  made.retries = static_cast<int>(configuration.integer("night.retries"));
  made.pause = pause_of(configuration);
  made.leave_in_pause = options.pass;
  made.may_leave = options.pass;
  made.open_until = utc_text(static_cast<std::int64_t>(
      instant_at_hour(options.date, closing_policy(configuration).earliest_hour) * 1e6));
  if (options.settle_s) made.look_for_raw_s = configuration.number("daemon.poll_s");
  return made;
}

/// Return what is left to make of a night of which a pass was asked for no DL2; one line, empty:
/// nothing.
std::string left_without_dl2(SetupRequest request, const Pass& pass, StateSnapshot snapshot,
                             const NightServices& services) {
  // What else can run, if the pass did not wait for it, is under way or not of DL2.
  const auto to_run = [&](bool dl2) {
    request.steps.dl2 = dl2;
    const NightSetup setup = set_up_night(request, services.probe);
    std::vector<FileStamp> rehashed;
    return Planner(setup, pass.settings(), disk_access(services))
        .plan(snapshot, {}, rehashed)
        .count(StepStatus::to_run);
  };
  std::size_t jobs = 0;
  try {
    const std::size_t with_dl2 = to_run(true);
    jobs = with_dl2 - std::min(with_dl2, to_run(false));
  } catch (const Error& error) {
    return fmt::format("DL2, which was not asked for (--no-dl2), cannot be planned: {}",
                       error.what());
  }
  if (jobs == 0) return "";
  return fmt::format(
      "{} job{} can still run, of DL2 and what is made of it, which {} not asked for "
      "(--no-dl2): a pass without it makes them",
      jobs, jobs == 1 ? "" : "s", jobs == 1 ? "was" : "were");
}

/// Say what there was to do if nothing ran.
void print_idle(const NightSummary& summary, std::size_t done, std::ostream& out) {
  if (summary.complete())
    out << fmt::format(
        "Nothing to do: {} job{} done, with inputs, configuration, stage versions and products as "
        "recorded\n",
        done, done == 1 ? " is" : "s are");
  else
    out << "Nothing can be done now; see the reasons below the table\n";
}

}  // namespace

std::map<std::string, StageFacts> stage_facts(const config::Configuration& configuration) {
  std::map<std::string, StageFacts> stages;
  for (const stage::StageDescription& stage : stage::descriptions())
    stages[stage.name] = {stage.version, configuration.section_json(stage.configuration_sections)};
  if (const fs::path responses = configuration.path("dl3.irf"); !responses.empty()) {
    std::string& facts = stages.at("dl3").configuration;
    facts = with_responses(facts, responses);
  }
  return stages;
}

NightKey night_key(const config::Configuration& configuration, const NightDate& date,
                   const std::string& prod_id) {
  NightKey key{static_cast<int>(configuration.integer("telescope")), date, prod_id};
  if (key.prod_id.empty()) key.prod_id = configured_production(configuration);
  check_prod_id(key.prod_id);
  if (!prod_id.empty()) return key;
  try {
    if (auto state = State::open_read_only(configuration.path("paths.state")))
      key.prod_id = production_of(*state, key);
  } catch (const Error& error) {
    // Whoever works with the state says what is wrong with it.
    spdlog::debug("the productions of {} are not known: {}", date.iso(), error.what());
  }
  return key;
}

std::string night_name(const NightKey& key) {
  return fmt::format("{}_{}_{}", telescope_text(key.telescope), key.date.compact(), key.prod_id);
}

NightPlan plan_night(const NightOptions& options, const config::Configuration& configuration,
                     const NightServices& services, StateSnapshot& recorded) {
  const NightSetup setup =
      set_up_night(request_of(options, configuration, services), services.probe);
  const PlanSettings settings = settings_of(options, configuration, services);
  std::vector<FileStamp> rehashed;
  return Planner(setup, settings, disk_access(services)).plan(recorded, {}, rehashed);
}

void take_over_documents(const NightOptions& options, const config::Configuration& configuration,
                         const NightServices& services, State& state) {
  const NightSetup setup =
      set_up_night(request_of(options, configuration, services), services.probe);
  PlanSettings settings = settings_of(options, configuration, services);
  take_over(state, setup.key, settings);
  StateSnapshot snapshot = state.snapshot(setup.key);
  std::vector<FileStamp> rehashed;
  const NightPlan plan =
      Planner(setup, settings, disk_access(services)).plan(snapshot, {}, rehashed);
  ProvenanceMerges(services, state).take_over({setup, plan, snapshot});
}

/// Refuse to guess, for people, which production is meant: the one that a night was begun under
/// would be made again with the settings of another.
void require_named_production(const NightOptions& options,
                              const config::Configuration& configuration, const NightKey& key) {
  const std::string named = configuration.text("prod_id");
  const bool by_hand = !options.pass && !options.close;
  if (!by_hand || !options.prod_id.empty() || named.empty() || named == key.prod_id) return;
  throw Error(
      ErrorKind::usage,
      fmt::format("was begun as production {}, the configuration names {}", key.prod_id, named),
      "night " + key.date.iso(),
      fmt::format("give --prod-id {} to make it anew, or --prod-id {} to go on with it", named,
                  key.prod_id));
}

int run_night(const NightOptions& options, const config::Configuration& configuration,
              const NightServices& services, std::ostream& out) {
  const HandOverIgnored deaf;
  SetupRequest request = request_of(options, configuration, services);
  require_named_production(options, configuration, request.key);
  request.fill_catalogue =
      catalogue_fill(catalogue_command(configuration, request.key), !options.plan);
  PlanSettings settings = settings_of(options, configuration, services);
  const NotifyOptions notifications = notify_options(configuration);
  check_closing(configuration);
  const fs::path state_folder = configuration.path("paths.state");
  const std::string name = night_name(request.key);
  const auto set_up = [&] { return set_up_night(request, services.probe); };
  if (options.plan)
    return print_plan_only(set_up(), pause_of(configuration), state_folder, settings, options,
                           services, out);

  // Of a night that nobody took or processed, a wrong date for example, no trace is left.
  if (std::error_code absent; !fs::exists(night_lock_file(state_folder, request.key), absent))
    require_raw_data(request.r0, options.date);

  const NightLock lock =
      NightLock::take(options.dry_run ? state_folder / (name + ".dry_run.lock")
                                      : night_lock_file(state_folder, request.key));
  if (!lock.holds())
    return leave_to_another(fmt::format("this night is being processed by {}", lock.holder()),
                            "wait for its end, or stop it", request.key, state_folder, options,
                            out);

  if (const std::string usual = configured_production(configuration);
      options.prod_id.empty() && usual != request.key.prod_id)
    spdlog::info("this night goes on as {}, as which it was begun; --prod-id {} makes it anew",
                 request.key.prod_id, usual);
  State state = State::open(state_folder);
  if (!options.dry_run) claim_products(request.products, state_folder);
  std::optional<CloseRequest> reopening;
  if (options.close && options.close->reopen) reopening = options.close;
  if (const auto closing = state.closing(request.key);
      closing && closing->closed() && !options.dry_run && !reopening) {
    tell_owed_closing(state, *closing, notifications);
    const LateSubruns late = late_raw_files(state, *closing, request.r0, request.run_summaries);
    const std::vector<std::string> missing = missing_of(state, *closing);
    if (!late.empty() && options.pass && closing_policy(configuration).reopens_for_late_raw)
      reopening = CloseRequest{.reopen = true, .reason = late_raw_text(late)};
    else if (options.close && options.json)
      print_closing(closed_before(*closing, missing), request.key, true, out);
    else
      print_closed(state_folder, *closing, missing, options.json, out);
    tell_of_late_raw(state, *closing, late,
                     reopening ? "the night is opened again (closing.reopen_for_late_raw)"
                               : fmt::format("`alisio reopen {}` lets them be processed",
                                             options.date.compact()),
                     notifications, options.json ? std::cerr : out);
    // Who closes asks whether the night is closed, who processes it whether all is done.
    const bool as_asked = late.empty() && (options.close || missing.empty());
    if (!reopening) return as_asked ? 0 : exit_code(ErrorKind::incomplete);
  }
  if (!options.dry_run) refuse_forgotten_seal(state, request.key, request.products);
  settings.known_verdict = [&](const std::string& gates, const FileStamp& file) {
    return state.known_verdict(gates, file);
  };
  if (!options.dry_run)
    for (Decision& redo :
         new_decisions(redo_decisions(options), all_decisions(state, request.key))) {
      redo.at = utc_now_after(latest_instant(state, request.key));
      if (services.record_decision) services.record_decision(request.products, request.key, redo);
      record_decision(state, request.key, redo);
    }
  take_over(state, request.key, settings);
  PassOptions how =
      pass_options(options, configuration,
                   scratch_folder(configuration) / (name + (options.dry_run ? "_dry" : "")));
  if (options.dry_run)
    return dry_run_night(set_up(), settings, state, how, services, options.json, out);
  how.config_file = keep_configuration(configuration, options.config_file, how.scratch);
  for (Decision& retry : retries_for_configuration(state, request.key, how.config_file))
    settings.decisions.push_back(std::move(retry));

  const std::unique_ptr<Executor> executor = make_executor(configuration,
                                                           {.program = services.executable,
                                                            .scratch = how.scratch,
                                                            .threads = how.threads,
                                                            .processes = options.jobs,
                                                            .most_load = options.max_load},
                                                           request.key, state);
  Messenger messenger(state, request.key, notifications);
  how.meanwhile = [&](std::size_t troubled, bool paused) { messenger.look(troubled, paused); };
  Pass pass(set_up, services, state, *executor, settings, how);
  const auto closing_night = [&] {
    return ClosingNight{.setup = pass.setup(),
                        .snapshot = pass.snapshot(),
                        .state = state,
                        .settings = pass.settings(),
                        .services = services,
                        .policy = closing_policy(configuration),
                        .config_file = options.config_file,
                        .state_folder = state_folder,
                        .merge_faults = pass.merge_faults()};
  };
  if (reopening) {
    const std::string seal = reopen_night(closing_night(), reopening->author, reopening->reason);
    (options.json ? std::cerr : out) << fmt::format("{} is open again; {}\n", name, seal);
    if (options.close) return 0;
  }
  pass.recover();
  if (options.close && executor->under_way() > 0)
    return print_closing(stays_open_for(executor->under_way()), request.key, options.json, out);
  pass.plan();
  NightLock shared;
  if (pass.makes_shared()) {
    shared = NightLock::take(shared_lock_file(state_folder, request.key));
    if (!shared.holds())
      return leave_to_another(
          fmt::format("what all productions of this night share is being made by {}",
                      shared.holder()),
          "wait for its end", request.key, state_folder, options, out);
  }
  const bool idle = !pass.anything_to_run() || (options.close && !pass.only_night_left());
  if (!idle)
    if (const int signal = pass.run(); signal != 0)
      throw Error(ErrorKind::interrupted,
                  fmt::format("stopped by {}; the state is kept", strsignal(signal)), name,
                  "the same command goes on from here");
  pass.end_followed_decisions();
  pass.merge_all();
  pass.judge_data();
  pass.look_for_not_current();
  if (!options.dl2) pass.leaves(left_without_dl2(request, pass, pass.snapshot(), services));
  pass.show();
  const NightSummary summary = pass.summary();
  const bool complete = summary.complete();
  if (options.close) {
    const int code =
        print_closing(close_night(closing_night(), *options.close), request.key, options.json, out);
    tell_of_end(messenger, state, request.key, how, false, closing_policy(configuration));
    return code;
  }
  if (options.json) {
    out << json_text(summary_json(summary), 2) << '\n';
  } else {
    if (idle) print_idle(summary, pass.done(), out);
    print_summary(summary, out);
  }
  bool open = false;
  if (closes_by_itself(options, closing_policy(configuration), pass, complete, state, request.key))
    open = !close_by_itself(closing_night(), options.json ? std::cerr : out);
  tell_of_end(messenger, state, request.key, how, options.pass, closing_policy(configuration));
  return complete && !open ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::night
