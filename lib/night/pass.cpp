#include "lib/night/pass.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/failure.hpp"
#include "lib/night/process.hpp"
#include "lib/night/progress.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// How long jobs may take to end after SIGTERM before they are killed, seconds.
constexpr double patience_s = 15;
constexpr int log_tail_lines = 10;
/// How often a running night is shown anew, seconds.
constexpr double show_every_s = 1;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Return the hashes of a file, or nothing if its content is damaged.
std::optional<FileHashes> sound_hashes(const NightServices& services, const std::string& path) {
  if (!services.hash) return FileHashes{hash_file(path), ""};
  try {
    return services.hash(path);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    return std::nullopt;
  }
}

}  // namespace

FileHashes hashes_of_file(const NightServices& services, const std::string& path) {
  const std::optional<FileHashes> hashes = sound_hashes(services, path);
  return hashes ? *hashes : FileHashes{hash_file(path), ""};
}

FileAccess disk_access(const NightServices& services) {
  return {[](const std::string& path) { return stamp_of(path); },
          [&services](const std::string& path) { return hashes_of_file(services, path); }};
}

Pass::Pass(std::function<NightSetup()> set_up, const NightServices& services, State& state,
           PlanSettings settings, PassOptions options)
    : set_up_(std::move(set_up)),
      services_(services),
      state_(state),
      settings_(std::move(settings)),
      options_(std::move(options)),
      setup_(set_up_()),
      planner_(setup_, settings_, disk_access(services)),
      start_(Clock::now()) {}

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
  plan_everything();
}

void Pass::set_aside() {
  try {
    for (const fs::path& file :
         set_aside_discarded(state_, setup_.key, services_.record_invalidation))
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
  if (now == settings_.decisions) return;
  for (const Decision& decision : now) {
    if (std::find(settings_.decisions.begin(), settings_.decisions.end(), decision) !=
        settings_.decisions.end())
      continue;
    spdlog::info("decided: {}", decision.line());
    if (decision.kind != DecisionKind::retry) continue;
    std::erase_if(events_.given_up,
                  [&](const auto& given_up) { return decision.concerns(given_up.first); });
    std::erase_if(tries_, [&](const auto& tries) {
      return decision.concerns(tries.first) && !events_.running.contains(tries.first);
    });
  }
  settings_.decisions = std::move(now);
  set_aside();
  plan_everything();
  hand_on_hashes();
}

void Pass::plan_everything() {
  std::vector<FileStamp> rehashed;
  plan_ = planner_.plan(snapshot_, events_, rehashed);
  if (!rehashed.empty())
    spdlog::debug("{} file{} changed on disk: hashed anew", rehashed.size(),
                  rehashed.size() == 1 ? "" : "s");
  state_.remember_files(rehashed);
  keep_verdicts();
}

/// Reading a file to judge it takes a thousand times as long as looking up what was said of it.
void Pass::keep_verdicts() {
  state_.remember_verdicts(settings_.gates, planner_.take_fresh_verdicts());
}

void Pass::judge_data() {
  verdicts_ = planner_.judge_data(plan_, snapshot_);
  keep_verdicts();
}

void Pass::decide_again(const std::vector<JobKey>& changed) {
  const auto any = [&](const auto& test) {
    return std::any_of(changed.begin(), changed.end(),
                       [&](const JobKey& key) { return test(key); });
  };
  if (any([](const JobKey& key) { return key.stage == "run_summary"; })) setup_ = set_up_();
  if (any([](const JobKey& key) { return Planner::changes_choices(key.stage); })) {
    plan_everything();
    hand_on_hashes();
    return;
  }
  std::vector<JobKey> affected = changed;
  for (const PlannedJob& planned : plan_.jobs)
    if (planned.job.last && !events_.running.contains(planned.job.key))
      affected.push_back(planned.job.key);
  std::vector<FileStamp> rehashed;
  planner_.update(plan_, affected, snapshot_, events_, rehashed);
  state_.remember_files(rehashed);
}

/// Jobs that have been tried and would still run must not run for ever.
void Pass::give_up_what_failed(const std::vector<JobKey>& keys) {
  std::vector<JobKey> given_up;
  for (const PlannedJob& planned : plan_.jobs) {
    const JobKey& key = planned.job.key;
    if (planned.step.status != StepStatus::to_run ||
        std::find(keys.begin(), keys.end(), key) == keys.end())
      continue;
    const auto record = snapshot_.jobs.find(key);
    const bool failed =
        record != snapshot_.jobs.end() && record->second.status == JobStatus::failed;
    if (failed && transient_[key] && tries_[key] <= options_.retries) {
      spdlog::warn("job {} {} is tried again: {}", key.stage, job_name(key),
                   record->second.message);
      continue;
    }
    if (tries_[key] == 0) continue;
    events_.given_up[key] = failed ? record->second.message : planned.step.reason;
    given_up.push_back(key);
  }
  if (!given_up.empty()) decide_again(given_up);
}

bool Pass::anything_to_run() const {
  return plan_.count(StepStatus::to_run) > 0;
}

bool Pass::only_night_left() const {
  return std::all_of(plan_.jobs.begin(), plan_.jobs.end(), [](const PlannedJob& planned) {
    return !planned.step.pending() ||
           (planned.job.key.run == whole_night && planned.job.key.stage != "run_summary");
  });
}

bool Pass::is_ready(const PlannedJob& planned) const {
  if (planned.step.status != StepStatus::to_run || plan_.goes_with_dl1(planned)) return false;
  const auto pending = [&](std::size_t position) { return plan_.jobs[position].step.pending(); };
  if (std::any_of(planned.needs.begin(), planned.needs.end(), pending)) return false;
  if (planned.job.last &&
      std::any_of(plan_.jobs.begin(), plan_.jobs.end(), [&](const PlannedJob& other) {
        return &other != &planned && other.step.pending();
      }))
    return false;
  // What kind of run each is, and with that what becomes of it, comes from the run summary.
  const PlannedJob& first = plan_.jobs.front();
  return &first == &planned || first.job.key.stage != "run_summary" || !first.step.pending();
}

int Pass::processes_to_start() const {
  return static_cast<int>(
      std::count_if(plan_.jobs.begin(), plan_.jobs.end(), [&](const PlannedJob& planned) {
        return planned.step.status == StepStatus::to_run && !plan_.goes_with_dl1(planned);
      }));
}

// --- an earlier pass ---

void Pass::complete_record(JobRecord& job, const ProcessRecord& process) const {
  const auto key = std::find_if(process.jobs.begin(), process.jobs.end(),
                                [&](const JobKey& known) { return known.stage == job.key.stage; });
  job.key = key != process.jobs.end() ? *key : process.jobs.front();
  const auto facts = settings_.stages.find(job.key.stage);
  if (facts != settings_.stages.end()) job.configuration = facts->second.configuration;
  job.log_file = process.log_file;
  job.ended_at = utc_now_text();
}

void Pass::recover() {
  for (const ProcessRecord& process : state_.unfinished_processes(setup_.key)) {
    const pid_t pid = static_cast<pid_t>(process.pid);
    if (process.host == host_name() && pid > 0) {
      end_left_process(pid, process.pid_start, patience_s);
      remove_part_files(process.products, pid);
    }
    std::optional<JobReport> report;
    try {
      report = read_report(process.report_file);
    } catch (const Error& error) {
      spdlog::warn("{}", error.what());
    }
    if (report) {
      for (JobRecord& job : report->jobs) complete_record(job, process);
      state_.process_ended(setup_.key, process.id, report->jobs, report->files);
    } else {
      state_.process_vanished(setup_.key, process);
    }
    std::error_code ignored;
    fs::remove(process.report_file, ignored);
    spdlog::info("job {} of an earlier pass, started {}, {}", job_name(process.jobs.front()),
                 process.started_at,
                 report ? "had ended; its report is taken over" : "was interrupted");
  }
}

// --- running ---

/// Hash the files that many jobs share, once per content, and hand them on.
void Pass::hand_on_hashes() {
  std::set<std::string> paths;
  for (const PlannedJob& planned : plan_.jobs)
    for (const PortFile& input : planned.inputs)
      if (input.port != "r0_subrun" && input.port != "dl1_subrun" && input.port != "interleaved" &&
          !input.port.starts_with("dl1_datacheck") && !input.port.starts_with("muons") &&
          input.port != "dl2_subrun")
        paths.insert(input.path);
  if (!options_.config_file.empty()) paths.insert(options_.config_file.string());
  std::vector<FileStamp> known, fresh;
  for (const std::string& path : paths) {
    std::optional<FileStamp> stamp = stamp_of(path);
    if (!stamp) continue;
    if (const auto recorded = state_.known_file(path);
        recorded && same_stamp(*recorded, *stamp) && !recorded->sha256.empty()) {
      known.push_back(*recorded);
      continue;
    }
    if (const auto hashes = sound_hashes(services_, path)) {
      stamp->sha256 = hashes->sha256;
      stamp->data_hash = hashes->data_hash;
      fresh.push_back(*stamp);
    }
  }
  state_.remember_files(fresh);
  known.insert(known.end(), fresh.begin(), fresh.end());
  write_known_hashes(writer().known_hashes_file(), known);
}

void Pass::start(const PlannedJob& planned) {
  const PlannedJob* with_dl2 = plan_.one_pass_partner(planned);
  Running running;
  running.request = writer().write(planned, with_dl2);
  running.inputs.push_back(planned.inputs);
  if (with_dl2 != nullptr) running.inputs.push_back(with_dl2->inputs);
  const JobRequest& request = running.request;
  for (const JobKey& key : request.jobs) {
    ++tries_[key];
    events_.running.insert(key);
  }
  ProcessRecord record;
  record.jobs = request.jobs;
  record.host = host_name();
  record.report_file = request.report_file.string();
  record.log_file = request.log_file.string();
  record.started_at = utc_now_text();
  record.products = request.products;
  std::error_code ignored;
  fs::remove(request.report_file, ignored);
  running.process_id = state_.process_starts(setup_.key, record);
  const pid_t pid =
      start_process(services_.executable, request.arguments, request.log_file, [&](pid_t child) {
        state_.process_has_pid(running.process_id, child, process_start_time(child));
      });
  ++jobs_run_;
  const std::vector<JobKey> keys = request.jobs;
  running_.emplace(pid, std::move(running));
  std::vector<FileStamp> rehashed;
  planner_.update(plan_, keys, snapshot_, events_, rehashed);
  state_.remember_files(rehashed);
}

void Pass::start_ready() {
  for (std::size_t position = 0;
       position < plan_.jobs.size() && static_cast<int>(running_.size()) < options_.max_jobs;
       ++position)
    if (is_ready(plan_.jobs[position])) start(plan_.jobs[position]);
}

std::vector<JobRecord> Pass::outcome(const Running& running, const ProcessEnd& end,
                                     std::vector<FileStamp>& files) const {
  const JobRequest& request = running.request;
  std::vector<JobRecord> jobs;
  std::string fault;
  try {
    if (std::optional<JobReport> report = read_report(request.report_file)) {
      jobs = std::move(report->jobs);
      files = std::move(report->files);
    }
  } catch (const Error& error) {
    fault = error.what();
  }
  const bool any_failed = std::any_of(jobs.begin(), jobs.end(), [](const JobRecord& job) {
    return job.status == JobStatus::failed;
  });
  if (!any_failed && (jobs.size() < request.jobs.size() || end.exit_code != 0)) {
    // The process ended without saying why: the next stage that it owed an answer for has failed.
    const std::size_t owed = std::min(jobs.size(), request.jobs.size() - 1);
    jobs.resize(owed);
    JobRecord job;
    job.key = request.jobs[owed];
    job.status = JobStatus::failed;
    job.exit_code = end.exit_code;
    job.stage_version = settings_.stages.at(job.key.stage).version;
    job.cpu_s = end.cpu_s;
    if (end.signal != 0)
      job.message = fmt::format("killed by signal {} ({})", end.signal, strsignal(end.signal));
    else if (!fault.empty())
      job.message = fault;
    else
      job.message = last_error(request.log_file);
    if (job.message.empty())
      job.message = fmt::format("ended with code {} and no report", end.exit_code);
    jobs.push_back(std::move(job));
  }
  ProcessRecord process;
  process.jobs = request.jobs;
  process.log_file = request.log_file.string();
  for (JobRecord& job : jobs) {
    complete_record(job, process);
    job.max_rss_bytes = std::max(job.max_rss_bytes, end.max_rss_bytes);
    if (job.status == JobStatus::failed) {
      if (job.message.empty()) job.message = fmt::format("failed with code {}", job.exit_code);
      job.log_tail = last_lines(request.log_file, log_tail_lines);
      const auto place = std::find(request.jobs.begin(), request.jobs.end(), job.key);
      if (place != request.jobs.end())
        note_unread_inputs(job,
                           running.inputs[static_cast<std::size_t>(place - request.jobs.begin())]);
    }
  }
  return jobs;
}

void Pass::adopt(std::vector<JobRecord>& jobs, const std::vector<FileStamp>& files) {
  for (const FileStamp& file : files) snapshot_.files[file.path] = file;
  for (JobRecord& job : jobs) {
    const auto known = snapshot_.jobs.find(job.key);
    job.attempts = (known == snapshot_.jobs.end() ? 0 : known->second.attempts) + 1;
    snapshot_.jobs[job.key] = std::move(job);
  }
}

void Pass::ended(pid_t pid, const ProcessEnd& end, bool stopped) {
  const Running running = std::move(running_.at(pid));
  running_.erase(pid);
  const JobRequest& request = running.request;
  remove_part_files(request.products, pid);
  std::vector<FileStamp> files;
  std::vector<JobRecord> jobs;
  if (!stopped || fs::exists(request.report_file)) jobs = outcome(running, end, files);
  // A job that was told to stop has not failed, whatever it says.
  if (stopped)
    std::erase_if(jobs, [](const JobRecord& job) { return job.status == JobStatus::failed; });
  for (const JobRecord& job : jobs) {
    transient_[job.key] =
        job.status == JobStatus::failed && classify(job).try_again == TryAgain::now;
    if (job.status == JobStatus::failed)
      spdlog::error("{} {}: {}", job.key.stage, job_name(job.key), job.message);
  }
  if (jobs.empty()) {
    ProcessRecord process;
    process.id = running.process_id;
    process.jobs = request.jobs;
    state_.process_vanished(setup_.key, process);
  } else {
    state_.process_ended(setup_.key, running.process_id, jobs, files);
  }
  for (const JobKey& key : request.jobs) {
    events_.running.erase(key);
    // Behind one that failed, it was not tried.
    if (std::none_of(jobs.begin(), jobs.end(),
                     [&](const JobRecord& job) { return job.key == key; }))
      --tries_[key];
  }
  adopt(jobs, files);
  if (decision_about(settings_.decisions, DecisionKind::discard, request.jobs.front()) != nullptr)
    set_aside();
  std::error_code ignored;
  fs::remove(request.report_file, ignored);
  if (stopped) return;
  decide_again(request.jobs);
  give_up_what_failed(request.jobs);
}

void Pass::stop_all() {
  for (const auto& [pid, job] : running_) ::kill(-pid, SIGTERM);
  const Clock::time_point start = Clock::now();
  bool killed = false;
  while (!running_.empty()) {
    for (auto job = running_.begin(); job != running_.end();) {
      const pid_t pid = (job++)->first;
      ProcessEnd end;
      if (has_ended(pid, end)) ended(pid, end, true);
    }
    if (!killed && seconds_since(start) > patience_s) {
      for (const auto& [pid, job] : running_) ::kill(-pid, SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int Pass::run() {
  SignalWait signals;
  hand_on_hashes();
  Progress progress;
  try {
    for (start_ready(); !running_.empty(); start_ready()) {
      progress.show(static_cast<int>(running_.size()), processes_to_start());
      if (seconds_since(shown_at_) > show_every_s) show();
      if (const int signal = signals.wait(0.5); signal != 0) {
        spdlog::warn("{}: stopping {} job{}", strsignal(signal), running_.size(),
                     running_.size() == 1 ? "" : "s");
        stop_all();
        return signal;
      }
      for (auto job = running_.begin(); job != running_.end();) {
        const pid_t pid = (job++)->first;
        ProcessEnd end;
        if (!has_ended(pid, end)) continue;
        const int run = running_.at(pid).request.jobs.front().run;
        ended(pid, end, false);
        progress.job_ended(end.exit_code == 0);
        const bool open = std::any_of(plan_.jobs.begin(), plan_.jobs.end(), [&](const auto& other) {
          return other.job.key.run == run && other.step.pending();
        });
        if (!open) merge_run(run);
      }
      heed_decisions();
    }
  } catch (...) {
    // The state cannot be kept (disk full?): without it the jobs must not go on.
    for (const auto& [pid, job] : running_) ::kill(-pid, SIGTERM);
    throw;
  }
  return 0;
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
  state_.show(setup_.key, summary_json(summary()).dump(), changed, gone);
  shown_ = std::move(now);
  shown_at_ = Clock::now();
}

// --- provenance ---

void Pass::merge_run(int run) {
  std::string activities;
  std::vector<std::string> did;
  for (const PlannedJob& planned : plan_.jobs) {
    if (planned.job.key.run != run) continue;
    const auto record = snapshot_.jobs.find(planned.job.key);
    if (record == snapshot_.jobs.end() || record->second.activity_id.empty()) continue;
    const JobKey& key = planned.job.key;
    activities += fmt::format("{} {} {}\n", key.stage, key.subrun, record->second.activity_id);
    if (std::find(did.begin(), did.end(), key.stage) == did.end()) did.push_back(key.stage);
  }
  if (!services_.merge || run == whole_night) return;
  const std::string signature = hash_text(activities);
  const bool both = std::find(did.begin(), did.end(), "dl1_to_dl2") != did.end();
  for (const std::string& stage : documented_stages(did)) {
    const fs::path document = setup_.folders.log(stage) / document_name(stage, run);
    if (fs::exists(document) && state_.merged_signature(setup_.key, stage, run) == signature)
      continue;
    const std::string fault = merge(services_, merge_job(setup_, plan_, stage, run, both, false));
    if (fault.empty()) {
      state_.set_merged(setup_.key, stage, run, signature);
      merged_a_run_ = true;
    } else {
      merge_notes_.push_back(fault);
    }
  }
}

/// The documents of the night and of its observations name those of the runs, so they come last.
void Pass::merge_night() {
  if (!services_.merge) return;
  std::string activities;
  for (const PlannedJob& planned : plan_.jobs)
    if (const auto record = snapshot_.jobs.find(planned.job.key);
        record != snapshot_.jobs.end() && !record->second.activity_id.empty())
      activities += fmt::format("{} {} {} {}\n", planned.job.key.stage, planned.job.key.run,
                                planned.job.key.subrun, record->second.activity_id);
  if (activities.empty()) return;
  const std::string signature = hash_text(activities);
  const fs::path document = setup_.folders.log("r0_to_dl1") /
                            fmt::format("night_{}_prov.json", setup_.key.date.compact());
  if (!merged_a_run_ && fs::exists(document) &&
      state_.merged_signature(setup_.key, "night", whole_night) == signature)
    return;
  std::vector<MergeJob> jobs = observation_merge_jobs(setup_, plan_, false);
  // A run of which nothing was done yet is no reason to complain.
  std::erase_if(jobs, [&](const MergeJob& job) {
    return std::none_of(plan_.jobs.begin(), plan_.jobs.end(), [&](const PlannedJob& planned) {
      const auto record = snapshot_.jobs.find(planned.job.key);
      return record != snapshot_.jobs.end() && !record->second.activity_id.empty() &&
             std::find(job.runs.begin(), job.runs.end(), planned.job.key.run) != job.runs.end();
    });
  });
  jobs.push_back(night_merge_job(setup_, plan_, false));
  bool all_merged = true;
  for (const MergeJob& job : jobs)
    if (std::string fault = merge(services_, job); !fault.empty()) {
      merge_notes_.push_back(std::move(fault));
      all_merged = false;
    }
  if (!all_merged) return;
  state_.set_merged(setup_.key, "night", whole_night, signature);
  merged_a_run_ = false;
}

void Pass::merge_all() {
  merge_notes_.clear();
  std::set<int> runs;
  for (const PlannedJob& planned : plan_.jobs) runs.insert(planned.job.key.run);
  for (const int run : runs) merge_run(run);
  merge_night();
}

NightSummary Pass::summary() const {
  NightSummary summary = summarize(setup_, snapshot_, plan_, verdicts_);
  summary.notes.insert(summary.notes.end(), merge_notes_.begin(), merge_notes_.end());
  for (const int run : settings_.accepted) {
    const auto is_it = [&](const auto& other) { return other.run == run; };
    if (std::none_of(setup_.catalogue.runs.begin(), setup_.catalogue.runs.end(), is_it) &&
        std::none_of(plan_.gate_faults.begin(), plan_.gate_faults.end(), is_it))
      summary.notes.push_back(fmt::format(
          "--accept {}: this night has no such run, and takes no constants that failed from it",
          run));
  }
  summary.jobs_run = jobs_run_;
  summary.wall_s = seconds_since(start_);
  return summary;
}

}  // namespace alisio::night
