#include "lib/night/pass.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/night/absent.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/file_hashes.hpp"
#include "lib/night/followed.hpp"
#include "lib/night/holds.hpp"
#include "lib/night/instant.hpp"
#include "lib/night/kept_configuration.hpp"
#include "lib/night/not_current.hpp"
#include "lib/night/other_runs.hpp"
#include "lib/night/progress.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// How often a running night is shown anew, seconds.
constexpr double show_every_s = 1;
/// How long to wait for an end or a signal before looking again, seconds.
constexpr double look_every_s = 0.5;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Pass::Pass(std::function<NightSetup()> set_up, const NightServices& services, State& state,
           Executor& executor, PlanSettings settings, PassOptions options)
    : set_up_(std::move(set_up)),
      services_(services),
      state_(state),
      executor_(executor),
      settings_(std::move(settings)),
      options_(std::move(options)),
      setup_(set_up_()),
      planner_(setup_, settings_, disk_access(services)),
      merges_(services, state),
      latest_(latest_instant(state, setup_.key)),
      start_(Clock::now()),
      looked_at_(start_) {}

CommandWriter Pass::writer() const {
  return {.setup = setup_,
          .config_file = options_.config_file,
          .scratch = options_.scratch,
          .threads = options_.threads,
          .dry_run = false};
}

// --- planning ---

void Pass::plan() {
  set_aside();
  snapshot_ = state_.snapshot(setup_.key);
  for (StepRecord& step : state_.steps(setup_.key)) shown_[step.key] = std::move(step);
  before_ = shown_before(state_, setup_.key);
  plan_everything();
}

void Pass::set_aside() {
  try {
    for (const fs::path& file :
         set_aside_discarded(state_, setup_.key, products_around(setup_.folders.dl1),
                             services_.record_invalidation))
      spdlog::info("set aside as {}: its subrun was discarded", file.string());
  } catch (const Error& error) {
    spdlog::warn("products of a discarded subrun stay where they are: {}", error.what());
  }
}

void Pass::heed_decisions() {
  const std::int64_t version = state_.data_version();
  if (version == seen_version_) return;
  seen_version_ = version;
  std::vector<Decision> now = standing_decisions(state_, setup_.key);
  // Those that nobody took, as the tries that another configuration grants, are not on record.
  std::copy_if(settings_.decisions.begin(), settings_.decisions.end(), std::back_inserter(now),
               [](const Decision& decision) { return decision.id == 0; });
  if (now == settings_.decisions) return;
  for (const Decision& decision : now) latest_ = std::max(latest_, decision.at);
  for (const Decision& decision : now) {
    if (std::find(settings_.decisions.begin(), settings_.decisions.end(), decision) !=
        settings_.decisions.end())
      continue;
    spdlog::info("decided: {}", decision.line());
    std::erase_if(events_.given_up,
                  [&](const auto& given_up) { return grants_try(decision, given_up.first); });
    std::erase_if(tries_, [&](const auto& tries) {
      return grants_try(decision, tries.first) && !events_.running.contains(tries.first);
    });
  }
  // The plan points into those of before until it is made anew.
  const std::vector<Decision> before = std::exchange(settings_.decisions, std::move(now));
  withdraw_unwanted();
  set_aside();
  plan_everything();
  share_hashes();
}

void Pass::look_for_raw() {
  if (options_.look_for_raw_s <= 0 || seconds_since(looked_at_) < options_.look_for_raw_s) return;
  looked_at_ = Clock::now();
  try {
    NightSetup now = set_up_();
    const bool pointings = now.pointing_until_unix_s != setup_.pointing_until_unix_s &&
                           std::any_of(plan_.jobs.begin(), plan_.jobs.end(), [](const auto& one) {
                             return one.job.key.stage == "r0_to_dl1" && !one.job.too_early.empty();
                           });
    if (now.catalogue.runs == setup_.catalogue.runs && now.taken_runs == setup_.taken_runs &&
        now.drive_log == setup_.drive_log && !pointings)
      return;
    spdlog::info("other raw files are complete now than before, or their pointings are known");
    setup_ = std::move(now);
  } catch (const Error& error) {
    spdlog::warn("what raw files came cannot be told now: {}", error.what());
    return;
  }
  plan_everything();
  share_hashes();
}

void Pass::withdraw_unwanted() {
  std::set<JobKey> unwanted;
  for (const auto& [key, reason] : executor_.waiting())
    for (const DecisionKind kind : {DecisionKind::veto, DecisionKind::hold, DecisionKind::discard})
      if (decision_about(settings_.decisions, kind, key) != nullptr) unwanted.insert(key);
  if (unwanted.empty()) return;
  const std::vector<ExecutionEnd> ends = executor_.withdraw(unwanted);
  spdlog::info("{} process{} taken back from the queue", ends.size(), ends.size() == 1 ? "" : "es");
  take_ends(ends, nullptr);
}

/// Hash the files that many jobs share, once per content, and hand them on.
void Pass::share_hashes() {
  hand_on_hashes(plan_, options_.config_file, writer().known_hashes_file(), state_, services_);
}

void Pass::plan_everything() {
  std::vector<FileStamp> rehashed;
  plan_ = planner_.plan(snapshot_, events_, rehashed);
  agenda_ = Agenda(plan_);
  if (!rehashed.empty())
    spdlog::debug("{} file{} changed on disk: hashed anew", rehashed.size(),
                  rehashed.size() == 1 ? "" : "s");
  state_.remember_files(rehashed);
  keep_verdicts();
}

/// Reading a file to judge it takes a thousand times as long as looking up what was said of it.
void Pass::keep_verdicts() {
  state_.remember_verdicts(planner_.take_fresh_verdicts());
}

void Pass::judge_data() {
  verdicts_ = planner_.judge_data(plan_, snapshot_);
  keep_verdicts();
}

void Pass::look_for_not_current() {
  const FileAccess access = disk_access(services_);
  FileView files(snapshot_, access);
  not_current_ = not_current_notes(find_not_current(plan_, snapshot_, settings_.decisions, files),
                                   setup_, plan_, snapshot_);
  state_.remember_files(files.rehashed());
}

void Pass::update(const std::vector<JobKey>& changed) {
  std::vector<FileStamp> rehashed;
  agenda_.update(plan_, planner_.update(plan_, changed, snapshot_, events_, rehashed));
  state_.remember_files(rehashed);
}

void Pass::decide_again(const std::vector<JobKey>& changed) {
  const auto any = [&](const auto& test) {
    return std::any_of(changed.begin(), changed.end(),
                       [&](const JobKey& key) { return test(key); });
  };
  if (any([](const JobKey& key) { return key.stage == "run_summary"; })) setup_ = set_up_();
  if (any([](const JobKey& key) { return Planner::changes_choices(key.stage); })) {
    plan_everything();
    share_hashes();
    return;
  }
  std::vector<JobKey> affected = changed;
  for (const std::size_t position : agenda_.last())
    if (const JobKey& key = plan_.jobs[position].job.key; !events_.running.contains(key))
      affected.push_back(key);
  update(affected);
}

/// Jobs that have been tried and would still run must not run for ever.
void Pass::give_up_what_failed(const std::vector<JobKey>& keys) {
  std::vector<JobKey> given_up;
  for (const JobKey& key : keys) {
    const PlannedJob* const planned = plan_.find(key);
    if (planned == nullptr) continue;
    const Step& step = planned->step;
    if (step.status != StepStatus::to_run) continue;
    const auto record = snapshot_.jobs.find(key);
    const bool failed =
        record != snapshot_.jobs.end() && record->second.status == JobStatus::failed;
    if (failed && transient_[key] && tries_[key] <= options_.retries) {
      spdlog::warn("job {} {} is tried again: {}", key.stage, job_name(key),
                   record->second.message);
      continue;
    }
    if (tries_[key] == 0) continue;
    events_.given_up[key] = failed ? record->second.message : step.reason;
    given_up.push_back(key);
  }
  if (!given_up.empty()) decide_again(given_up);
}

bool Pass::anything_to_run() const {
  return plan_.count(StepStatus::to_run) > 0 || executor_.under_way() > 0;
}

bool Pass::makes_shared() const {
  return std::any_of(plan_.jobs.begin(), plan_.jobs.end(), [](const PlannedJob& planned) {
    return planned.job.shared && planned.step.pending();
  });
}

bool Pass::only_night_left() const {
  return std::all_of(plan_.jobs.begin(), plan_.jobs.end(), [](const PlannedJob& planned) {
    return !planned.step.pending() ||
           (planned.job.key.run == whole_night && planned.job.key.stage != "run_summary");
  });
}

// --- what has ended ---

void Pass::recover() {
  const Recovery recovery = executor_.recover(state_.unfinished_processes(setup_.key));
  for (const ProcessRecord& process : recovery.running)
    for (const JobKey& key : process.jobs) {
      events_.running.insert(key);
      tries_[key] = 1;
    }
  withdraw_unwanted();
  events_.queued = executor_.waiting();
  if (!recovery.ended.empty()) snapshot_ = state_.snapshot(setup_.key);
  state_.together([&] {
    for (const ExecutionEnd& about : recovery.ended) {
      const Outcome outcome = record_end(about);
      spdlog::info(
          "job {} of an earlier pass, started {}, {}", job_name(about.process.jobs.front()),
          about.process.started_at,
          outcome.jobs.empty() ? "was interrupted" : "had ended; its report is taken over");
    }
  });
  for (const ExecutionEnd& about : recovery.ended) {
    std::error_code ignored;
    fs::remove(about.process.report_file, ignored);
  }
}

/// Write into the state what the end of a process means.
Outcome Pass::record_end(const ExecutionEnd& about) {
  const auto inputs = inputs_.find(about.process.id);
  Outcome outcome = outcome_of(about, settings_.stages, [&](const JobKey& key) {
    std::vector<PortFile> read;
    if (inputs != inputs_.end())
      read = inputs->second.at(key);
    else if (const PlannedJob* const planned = plan_.find(key))
      read = planned->job.inputs;
    // By it a job that failed for its configuration is known to meet another.
    if (!options_.config_file.empty())
      read.push_back({configuration_port, options_.config_file.string()});
    return read;
  });
  for (JobRecord& job : outcome.jobs) {
    job.ended_at = latest_ = utc_now_after(latest_);
    const auto known = snapshot_.jobs.find(job.key);
    const PlannedJob* const planned = plan_.find(job.key);
    job.attempts = tries_in_a_row(known == snapshot_.jobs.end() ? nullptr : &known->second, job,
                                  planned == nullptr ? nullptr : planned->redo);
    if (job.status == JobStatus::failed)
      spdlog::error("{} {}: {}", job.key.stage, job_name(job.key), job.message);
  }
  if (outcome.jobs.empty())
    state_.process_vanished(setup_.key, about.process, outcome.counts);
  else
    state_.process_ended(setup_.key, about.process.id, outcome.jobs, outcome.files);
  return outcome;
}

void Pass::adopt(Outcome& outcome) {
  for (FileStamp& file : outcome.files) snapshot_.files[file.path] = std::move(file);
  for (JobRecord& job : outcome.jobs) {
    transient_[job.key] = job.status == JobStatus::failed && outcome.transient;
    snapshot_.jobs[job.key] = std::move(job);
  }
}

void Pass::take_ends(const std::vector<ExecutionEnd>& ends, Progress* progress) {
  if (ends.empty()) return;
  std::vector<Outcome> outcomes;
  state_.together([&] {
    for (const ExecutionEnd& about : ends) outcomes.push_back(record_end(about));
  });
  std::vector<JobKey> changed;
  bool discarded = false;
  for (std::size_t at = 0; at < ends.size(); ++at) {
    const ExecutionEnd& about = ends[at];
    std::set<JobKey> tried;
    bool failed = false;
    for (const JobRecord& job : outcomes[at].jobs) {
      tried.insert(job.key);
      failed = failed || job.status == JobStatus::failed;
    }
    adopt(outcomes[at]);
    discarded = discarded || decision_about(settings_.decisions, DecisionKind::discard,
                                            about.process.jobs.front()) != nullptr;
    for (const JobKey& key : about.process.jobs) {
      events_.running.erase(key);
      // Behind one that failed, it was not tried.
      if (!tried.contains(key)) --tries_[key];
      changed.push_back(key);
    }
    inputs_.erase(about.process.id);
    std::error_code ignored;
    fs::remove(about.process.report_file, ignored);
    if (progress != nullptr) progress->job_ended(!failed);
  }
  if (discarded) set_aside();
  // Without progress there is a stop under way: nothing more is decided.
  if (progress == nullptr) return;
  decide_again(changed);
  give_up_what_failed(changed);
  merge_finished_runs(changed);
}

void Pass::merge_finished_runs(const std::vector<JobKey>& ended) {
  std::set<int> runs;
  for (const JobKey& key : ended) runs.insert(key.run);
  for (const int run : runs)
    if (!agenda_.is_open(run) && !setup_.taken_runs.contains(run)) merges_.merge_run(view(), run);
}

// --- running ---

/// Start what there is room for. Return true if something that could start was left.
bool Pass::start_ready() {
  std::vector<JobRequest> requests;
  std::vector<Inputs> inputs;
  bool left = false;
  const std::optional<std::string> pause = pause_text(options_.pause);
  if (pause && pause != paused_) spdlog::info("{}", *pause);
  paused_ = pause;
  for (const std::size_t position : agenda_.ready(plan_, executor_.keeps_order())) {
    if (pause &&
        executor_.under_way() + requests.size() >= static_cast<std::size_t>(options_.pause.jobs)) {
      left = !options_.leave_in_pause;
      break;
    }
    const PlannedJob& planned = plan_.jobs[position];
    const PlannedJob* with_dl2 = plan_.one_pass_partner(planned);
    JobRequest request = writer().write(planned, with_dl2);
    if (const auto known = snapshot_.jobs.find(planned.job.key); known != snapshot_.jobs.end())
      request.attempt = known->second.attempts + 1;
    for (const std::size_t need : planned.needs)
      if (const PlannedJob& maker = plan_.jobs[need]; maker.step.under_way())
        request.after.push_back(maker.job.key);
    left = !executor_.take(request);
    if (left) break;
    inputs.push_back({{planned.job.key, planned.inputs}});
    if (with_dl2 != nullptr) inputs.back()[with_dl2->job.key] = with_dl2->inputs;
    requests.push_back(std::move(request));
  }
  if (requests.empty()) return left;
  const std::vector<ProcessRecord> started = executor_.launch();
  std::vector<JobKey> keys;
  for (std::size_t at = 0; at < started.size(); ++at) {
    inputs_[started[at].id] = std::move(inputs[at]);
    for (const JobKey& key : started[at].jobs) {
      ++tries_[key];
      events_.running.insert(key);
      keys.push_back(key);
    }
  }
  jobs_run_ += static_cast<int>(started.size());
  update(keys);
  return left;
}

bool Pass::start_all() {
  for (;;) {
    const int before = jobs_run_;
    const bool left = start_ready();
    look_at_queue();
    if (left || jobs_run_ == before || !executor_.keeps_order()) return left;
  }
}

void Pass::look_at_queue() {
  std::map<JobKey, std::string> now = executor_.waiting();
  if (now == events_.queued) return;
  events_.queued = std::move(now);
  // Nobody's inputs change by that: nothing need be decided anew.
  for (const JobKey& key : events_.running)
    if (const auto position = plan_.positions.find(key); position != plan_.positions.end())
      plan_.jobs[position->second].step = events_.step_under_way(key);
}

void Pass::stop() {
  const std::vector<ExecutionEnd> ends = executor_.stop();
  take_ends(ends, nullptr);
  std::vector<JobKey> stopped;
  for (const ExecutionEnd& end : ends)
    stopped.insert(stopped.end(), end.process.jobs.begin(), end.process.jobs.end());
  update(stopped);
  show();
}

int Pass::run() {
  SignalWait signals;
  share_hashes();
  Progress progress;
  try {
    for (;;) {
      const bool left = !hands_over_ && start_all();
      if (!left && executor_.under_way() == 0) return 0;
      if (options_.may_leave && executor_.outlives_passes()) return 0;
      progress.show(static_cast<int>(executor_.under_way()), agenda_.to_start());
      if (seconds_since(shown_at_) > show_every_s) {
        show();
        if (options_.meanwhile)
          options_.meanwhile(plan_.count(StepStatus::failed) + plan_.count(StepStatus::blocked),
                             paused_.has_value());
      }
      const int signal = signals.wait(look_every_s);
      if (signal == SIGUSR1) {
        if (!hands_over_) spdlog::info("nothing more is started: another night goes first");
        hands_over_ = true;
      } else if (signal != 0) {
        spdlog::warn("{}: {} {} job{}", strsignal(signal),
                     executor_.outlives_passes() ? "leaving" : "stopping", executor_.under_way(),
                     executor_.under_way() == 1 ? "" : "s");
        stop();
        return signal;
      }
      take_ends(executor_.poll(), &progress);
      look_at_queue();
      heed_decisions();
      look_for_raw();
    }
  } catch (...) {
    executor_.abandon();
    throw;
  }
}

// --- for those who look on ---

void Pass::show() {
  std::vector<StepRecord> changed;
  std::vector<JobKey> gone;
  std::map<JobKey, StepRecord> now;
  for (const PlannedJob& planned : plan_.jobs) {
    const JobKey& key = planned.job.key;
    const auto& [place, fresh] =
        now.insert({key, {key, to_string(planned.step.status), planned.step.reason}});
    const auto before = shown_.find(key);
    if (fresh && (before == shown_.end() || before->second != place->second))
      changed.push_back(place->second);
  }
  for (const auto& [key, step] : shown_)
    if (!now.contains(key) && setup_.is_asked(key.run)) gone.push_back(key);
  NightSummary night = summary();
  keep_other_runs(setup_, plan_, before_, night);
  state_.show(setup_.key, json_text(summary_json(night)), changed, gone);
  shown_ = std::move(now);
  shown_at_ = Clock::now();
}

// --- the end ---

void Pass::end_followed_decisions() {
  DecisionWriter write;
  if (services_.record_decision)
    write = [&](const Decision& decision) {
      services_.record_decision(products_around(setup_.folders.dl1), setup_.key, decision);
    };
  std::set<std::int64_t> followed;
  for (const Decision& decision : settings_.decisions)
    if (decision.id != 0 && is_followed(decision, plan_, snapshot_, setup_.asked)) {
      try {
        end_followed(state_, setup_.key, decision, write);
      } catch (const Error& error) {
        spdlog::warn("that a decision was followed cannot be recorded, it stands: {}: {}",
                     decision.line(), error.what());
        continue;
      }
      followed.insert(decision.id);
    }
  if (followed.empty()) return;
  std::erase_if(settings_.decisions,
                [&](const Decision& decision) { return followed.contains(decision.id); });
  // What is planned tells of decisions, and points to them.
  plan_everything();
}

void Pass::merge_all() {
  merges_.merge_all(view());
}

NightSummary Pass::summary() const {
  NightSummary summary = summarize(setup_, snapshot_, plan_, verdicts_);
  summary.open_until = options_.open_until;
  for (const RunEntry& entry : setup_.catalogue.runs) {
    if (!setup_.is_asked(entry.run)) continue;
    std::optional<Trouble> raw = trouble_of_absent(entry, plan_, settings_.decisions);
    if (!raw) raw = trouble_of_unreadable(entry, settings_.decisions);
    if (raw) summary.troubles.push_back(std::move(*raw));
  }
  show_holds(settings_.decisions, summary);
  if (setup_.growing_subruns > 0) {
    Trouble growing;
    growing.key.stage = "r0_to_dl1";
    growing.reason = fmt::format("{} subrun{} being written", setup_.growing_subruns,
                                 setup_.growing_subruns == 1 ? " is" : "s are");
    summary.troubles.push_back(std::move(growing));
  }
  for (const auto& [run, reason] : plan_.taken) {
    Trouble& taken = summary.troubles.emplace_back();
    taken.key = {"r0_to_dl1", run, whole_run};
    taken.reason = reason;
  }
  for (const std::string& fault : merges_.notes()) {
    Trouble& trouble = summary.troubles.emplace_back();
    trouble.key = {"provenance", whole_night, whole_run};
    trouble.reason = fault;
  }
  summary.not_asked = not_asked_;
  summary.notes.insert(summary.notes.end(), not_current_.begin(), not_current_.end());
  for (const int run : settings_.accepted) {
    const auto is_it = [&](const auto& other) { return other.run == run; };
    if (std::none_of(setup_.catalogue.runs.begin(), setup_.catalogue.runs.end(), is_it) &&
        std::none_of(plan_.gate_faults.begin(), plan_.gate_faults.end(), is_it))
      summary.notes.push_back(fmt::format(
          "--accept {}: this night has no such run, and takes no constants that failed from it",
          run));
  }
  if (paused_ && agenda_.to_start() > 0) summary.notes.push_back(*paused_);
  summary.jobs_run = jobs_run_;
  summary.wall_s = seconds_since(start_);
  return summary;
}

}  // namespace alisio::night
