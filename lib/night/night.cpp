#include "lib/night/night.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <map>
#include <ostream>
#include <set>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/base/version.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/process.hpp"
#include "lib/night/progress.hpp"
#include "lib/night/report.hpp"
#include "lib/night/setup.hpp"
#include "lib/night/table.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr const char* dl1_stage = "r0_to_dl1";
constexpr const char* dl2_stage = "dl1_to_dl2";
/// How long jobs may take to end after SIGTERM before they are killed, seconds.
constexpr double patience_s = 15;
constexpr int log_tail_lines = 10;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string prod_id_of(const NightOptions& options, const config::Configuration& configuration) {
  if (!options.prod_id.empty()) return options.prod_id;
  const std::string configured = configuration.text("prod_id");
  return configured.empty() ? version_tag() + "_v00" : configured;
}

void check_prod_id(const std::string& prod_id) {
  const bool clean = std::all_of(prod_id.begin(), prod_id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '+';
  });
  if (!clean || prod_id.front() == '.')
    throw Error(ErrorKind::usage,
                fmt::format("'{}' cannot name a production: it becomes a folder", prod_id),
                "prod_id", "use letters, digits, '.', '_', '-'");
}

SetupRequest request_of(const NightOptions& options, const config::Configuration& configuration,
                        const NightServices& services) {
  SetupRequest request;
  request.key = {static_cast<int>(configuration.integer("telescope")), options.date,
                 prod_id_of(options, configuration)};
  check_prod_id(request.key.prod_id);
  request.r0 = configuration.path("paths.r0");
  request.run_summaries = configuration.path("paths.run_summary");
  request.drive = configuration.path("paths.drive");
  request.calibration = configuration.path("paths.calibration");
  request.products = configuration.path("paths.products");
  request.given = {configuration.path("calibration.drs4_pedestal"),
                   configuration.path("calibration.charge"),
                   configuration.path("calibration.time")};
  request.models = configuration.path("dl2.models");
  if (request.models.empty()) request.models = services.default_models;
  const std::string choice = configuration.text("dl2.choice");
  if (choice != "fixed" && choice != "by_declination_and_nsb")
    throw Error(ErrorKind::configuration, fmt::format("'{}' is no way to choose models", choice),
                "dl2.choice", "known: fixed, by_declination_and_nsb");
  request.models_by_pointing = choice == "by_declination_and_nsb";
  request.source_catalogue = configuration.path("dl2.catalogue");
  request.nsb = configuration.number("dl2.nsb");
  request.picture_threshold = configuration.number("tailcut.picture_thresh");
  request.dl2 = options.dl2;
  request.runs = options.runs;
  return request;
}

StageFacts facts_of(const char* stage, const config::Configuration& configuration) {
  const stage::StageDescription& description = stage::description(stage);
  return {description.version, configuration.section_json(description.configuration_sections)};
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

/// Return the hashes of a file. A damaged file has no data hash: it differs from what was recorded,
/// and the job that reads it says what is wrong.
FileHashes hashes_of(const NightServices& services, const std::string& path) {
  const std::optional<FileHashes> hashes = sound_hashes(services, path);
  return hashes ? *hashes : FileHashes{hash_file(path), ""};
}

std::string job_name(int run, int subrun) {
  return fmt::format("{}.{}", run_text(run), subrun_text(subrun));
}

/// The command lines of jobs.
class RequestMaker {
 public:
  RequestMaker(const NightOptions& options, const NightSetup& setup, fs::path scratch, int threads,
               bool dry_run)
      : options_(options),
        setup_(setup),
        scratch_(std::move(scratch)),
        threads_(threads),
        dry_run_(dry_run) {}

  [[nodiscard]] fs::path known_hashes_file() const { return scratch_ / "known_hashes.json"; }

  [[nodiscard]] fs::path journal_folder(int run) const {
    return setup_.folders.log(dl1_stage, dry_run_) / "journal" / run_text(run);
  }

  [[nodiscard]] JobRequest make(const SubrunTask& task, bool dl1, bool dl2) const {
    JobRequest request;
    request.run = task.run;
    request.subrun = task.subrun;
    const std::string name = job_name(task.run, task.subrun);
    const char* stage = dl1 ? dl1_stage : dl2_stage;
    request.report_file = scratch_ / fmt::format("{}_{}.json", stage, name);
    request.log_file =
        setup_.folders.log(stage, dry_run_) / "jobs" / fmt::format("{}_{}.log", stage, name);
    std::vector<std::string>& words = request.arguments;
    if (dl1) {
      request.jobs.push_back({dl1_stage, task.run, task.subrun});
      request.products.push_back(task.dl1_file);
      words = {"r0-to-dl1", "--output-dir", setup_.folders.dl1.string()};
      add_inputs(task.dl1_inputs, words);
      if (dl2) {
        words.insert(words.end(), {"--dl2", "--dl2-output-dir", setup_.folders.dl2.string()});
        add_inputs(task.dl2_inputs, words);
      }
    } else {
      words = {"dl1-to-dl2", "--input", task.dl1_file, "--output-dir", setup_.folders.dl2.string()};
      add_inputs(task.dl2_inputs, words);
    }
    if (dl2) {
      request.jobs.push_back({dl2_stage, task.run, task.subrun});
      request.products.push_back(task.dl2_file);
    }
    if (!options_.config_file.empty())
      words.insert(words.end(), {"--config", options_.config_file.string()});
    words.insert(words.end(),
                 {"--prod-id", setup_.key.prod_id, "--date", setup_.key.date.compact(), "--report",
                  request.report_file.string(), "--journal-dir", journal_folder(task.run).string(),
                  "--known-hashes", known_hashes_file().string()});
    if (dl1) words.insert(words.end(), {"--threads", std::to_string(threads_)});
    if (dry_run_) words.push_back("--dry-run");
    return request;
  }

 private:
  static void add_inputs(const std::vector<PortFile>& inputs, std::vector<std::string>& words) {
    static const std::map<std::string, std::string> options{
        {"r0_subrun", "--input"},
        {"drs4_pedestal", "--drs4-pedestal"},
        {"charge_calibration", "--calibration"},
        {"time_calibration", "--time-calibration"},
        {"pointing", "--drive-log"},
        {"run_summary", "--run-summary"},
        {"models", "--models"}};
    std::set<std::string> said;
    for (const PortFile& input : inputs) {
      const auto option = options.find(input.port);
      // The stage finds the other streams and the files beside the drive log by itself.
      if (option == options.end() || !said.insert(input.port).second) continue;
      words.insert(words.end(), {option->second, input.path});
    }
  }

  const NightOptions& options_;
  const NightSetup& setup_;
  fs::path scratch_;
  int threads_;
  bool dry_run_;
};

/// Hash the files that many jobs share, once per content, and hand them on.
void hash_shared_files(const NightSetup& setup, const fs::path& config_file,
                       const fs::path& known_hashes, State& state, const NightServices& services) {
  std::set<std::string> paths;
  for (const SubrunTask& task : setup.tasks) {
    for (const PortFile& input : task.dl1_inputs)
      if (input.port != "r0_subrun") paths.insert(input.path);
    for (const PortFile& input : task.dl2_inputs) paths.insert(input.path);
  }
  if (!config_file.empty()) paths.insert(config_file.string());
  std::vector<FileRecord> known, fresh;
  for (const std::string& path : paths) {
    const std::optional<FileStamp> stamp = stamp_of(path);
    if (!stamp) continue;
    if (const auto recorded = state.known_file(path); recorded && recorded->stamp == *stamp) {
      known.push_back(*recorded);
      continue;
    }
    if (const auto hashes = sound_hashes(services, path)) fresh.push_back({path, *stamp, *hashes});
  }
  state.remember_files(fresh);
  known.insert(known.end(), fresh.begin(), fresh.end());
  write_known_hashes(known_hashes, known);
}

/// Merge the provenance of a run's stage. Return false, with a note, if that fails.
bool merge_stage(const NightSetup& setup, const NightServices& services, const char* stage, int run,
                 const fs::path& journals, bool dl2, bool dry_run,
                 std::vector<std::string>& notes) {
  if (!services.merge) return true;
  MergeJob job;
  job.stage = stage;
  job.run = run;
  job.journal_folder = journals;
  job.output_folder = setup.folders.log(stage, dry_run);
  if (dl2)
    job.link_folder =
        setup.folders.log(std::string(stage) == dl1_stage ? dl2_stage : dl1_stage, dry_run);
  job.date = setup.key.date;
  job.prod_id = setup.key.prod_id;
  job.telescope = setup.key.telescope;
  job.dry_run = dry_run;
  try {
    services.merge(job);
    return true;
  } catch (const Error& error) {
    notes.push_back(fmt::format("the provenance of run {} ({}) could not be merged: {}",
                                run_text(run), stage, error.what()));
    return false;
  }
}

/// One process under way.
struct Running {
  JobRequest request;
  std::size_t task = 0;
  std::int64_t process_id = 0;
};

/// One pass over a night: everything between planning and the table.
class Pass {
 public:
  Pass(const NightOptions& options, const NightServices& services, NightSetup& setup, State& state,
       PlanSettings settings, RequestMaker requests, int max_jobs, int retries)
      : services_(services),
        setup_(setup),
        state_(state),
        settings_(std::move(settings)),
        requests_(std::move(requests)),
        max_jobs_(max_jobs),
        retries_(retries),
        config_file_(options.config_file) {}

  /// End what an earlier night left running, adopt what its jobs finished, remove their fragments.
  void recover();
  void plan();
  /// Run all that can run. @returns the signal that asked for a stop, or 0.
  int run();
  void merge_all();

  [[nodiscard]] bool anything_to_run() const {
    return std::any_of(plans_.begin(), plans_.end(),
                       [](const SubrunPlan& plan) { return plan.runs_anything(); });
  }
  [[nodiscard]] const std::vector<SubrunPlan>& plans() const { return plans_; }
  [[nodiscard]] NightSummary summary() const;
  [[nodiscard]] bool complete() const { return merge_notes_.empty() && summary().complete(); }

 private:
  void plan_task(std::size_t task);
  bool enqueue(std::size_t task);
  void start(std::size_t task);
  void ended(Running& running, const ProcessEnd& end, bool stopped);
  std::vector<JobRecord> outcome(const Running& running, const ProcessEnd& end,
                                 std::vector<FileRecord>& files) const;
  void adopt(std::vector<JobRecord>& jobs, const std::vector<FileRecord>& files);
  void merge_run(const RunSetup& run);
  [[nodiscard]] FileAccess file_access() const;
  void stop_all(std::map<pid_t, Running>& running);

  const NightServices& services_;
  NightSetup& setup_;
  State& state_;
  PlanSettings settings_;
  RequestMaker requests_;
  int max_jobs_, retries_;
  fs::path config_file_;

  StateSnapshot snapshot_;
  std::vector<SubrunPlan> plans_;
  std::deque<std::size_t> queue_;
  std::map<pid_t, Running> running_;
  std::map<JobKey, int> tries_;       ///< of this pass
  std::map<JobKey, bool> transient_;  ///< the last failure may pass
  std::map<int, int> open_in_run_;    ///< jobs queued or running, by run
  std::vector<std::string> merge_notes_;
  int jobs_run_ = 0;
  Clock::time_point start_ = Clock::now();
};

FileAccess Pass::file_access() const {
  return {[](const std::string& path) { return stamp_of(path); },
          [this](const std::string& path) { return hashes_of(services_, path); }};
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
      for (JobRecord& job : report->jobs) {
        job.key.run = process.jobs.front().run;
        job.key.subrun = process.jobs.front().subrun;
        job.log_file = process.log_file;
        job.ended_at = utc_now_text();
        job.configuration = (job.key.stage == dl1_stage ? settings_.r0_to_dl1.configuration
                                                        : settings_.dl1_to_dl2.configuration);
      }
      state_.process_ended(setup_.key, process.id, report->jobs, report->files);
    } else {
      state_.process_vanished(setup_.key, process);
    }
    std::error_code ignored;
    fs::remove(process.report_file, ignored);
    spdlog::info("job {} of an earlier pass, started {}, {}",
                 job_name(process.jobs.front().run, process.jobs.front().subrun),
                 process.started_at,
                 report ? "had ended; its report is taken over" : "was interrupted");
  }
}

void Pass::plan_task(std::size_t task) {
  std::vector<FileRecord> rehashed;
  plans_[task] = plan_subrun(setup_.tasks[task], snapshot_, settings_, file_access(), rehashed);
  state_.remember_files(rehashed);
}

void Pass::plan() {
  snapshot_ = state_.snapshot(setup_.key);
  add_recorded_subruns(setup_, snapshot_);
  plans_.resize(setup_.tasks.size());
  std::vector<FileRecord> rehashed;
  const FileAccess access = file_access();
  for (std::size_t task = 0; task < setup_.tasks.size(); ++task)
    plans_[task] = plan_subrun(setup_.tasks[task], snapshot_, settings_, access, rehashed);
  if (!rehashed.empty())
    spdlog::info("{} file{} changed on disk: hashed anew", rehashed.size(),
                 rehashed.size() == 1 ? "" : "s");
  state_.remember_files(rehashed);
}

/// Queue what the task needs next, if it may be tried. Return false if there is nothing.
bool Pass::enqueue(std::size_t task) {
  const SubrunPlan& plan = plans_[task];
  if (!plan.runs_anything()) return false;
  const SubrunTask& subrun = setup_.tasks[task];
  const JobKey first{plan.dl1.status == StepStatus::to_run ? dl1_stage : dl2_stage, subrun.run,
                     subrun.subrun};
  if (const int tried = tries_[first]; tried > 0) {
    if (!transient_[first] || tried > retries_) return false;
    spdlog::warn("job {} is tried again: {}", job_name(subrun.run, subrun.subrun),
                 snapshot_.jobs.at(first).message);
  }
  queue_.push_back(task);
  ++open_in_run_[subrun.run];
  return true;
}

void Pass::start(std::size_t task) {
  const SubrunPlan& plan = plans_[task];
  Running running;
  running.task = task;
  running.request = requests_.make(setup_.tasks[task], plan.dl1.status == StepStatus::to_run,
                                   plan.dl2.status == StepStatus::to_run);
  const JobRequest& request = running.request;
  for (const JobKey& key : request.jobs) ++tries_[key];
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
  running_.emplace(pid, std::move(running));
}

std::vector<JobRecord> Pass::outcome(const Running& running, const ProcessEnd& end,
                                     std::vector<FileRecord>& files) const {
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
    job.stage_version =
        job.key.stage == dl1_stage ? settings_.r0_to_dl1.version : settings_.dl1_to_dl2.version;
    job.cpu_s = end.cpu_s;
    if (end.signal != 0)
      job.message = fmt::format("killed by signal {} ({})", end.signal, strsignal(end.signal));
    else if (!fault.empty())
      job.message = fault;
    else
      job.message = fmt::format("ended with code {} and no report: {}", end.exit_code,
                                last_lines(request.log_file, 1));
    jobs.push_back(std::move(job));
  }
  for (JobRecord& job : jobs) {
    job.key.run = request.run;
    job.key.subrun = request.subrun;
    job.configuration = job.key.stage == dl1_stage ? settings_.r0_to_dl1.configuration
                                                   : settings_.dl1_to_dl2.configuration;
    job.log_file = request.log_file.string();
    job.ended_at = utc_now_text();
    job.max_rss_bytes = std::max(job.max_rss_bytes, end.max_rss_bytes);
    if (job.status == JobStatus::failed) {
      if (job.message.empty()) job.message = fmt::format("failed with code {}", job.exit_code);
      job.log_tail = last_lines(request.log_file, log_tail_lines);
    }
  }
  return jobs;
}

void Pass::adopt(std::vector<JobRecord>& jobs, const std::vector<FileRecord>& files) {
  for (const FileRecord& file : files) snapshot_.files[file.path] = file;
  for (JobRecord& job : jobs) {
    const auto known = snapshot_.jobs.find(job.key);
    job.attempts = (known == snapshot_.jobs.end() ? 0 : known->second.attempts) + 1;
    snapshot_.jobs[job.key] = std::move(job);
  }
}

void Pass::ended(Running& running, const ProcessEnd& end, bool stopped) {
  const JobRequest& request = running.request;
  std::vector<FileRecord> files;
  std::vector<JobRecord> jobs;
  if (!stopped || fs::exists(request.report_file)) jobs = outcome(running, end, files);
  // A job that was told to stop has not failed, whatever it says.
  if (stopped)
    std::erase_if(jobs, [](const JobRecord& job) { return job.status == JobStatus::failed; });
  for (const JobRecord& job : jobs) {
    transient_[job.key] = job.status == JobStatus::failed &&
                          (end.signal != 0 || job.exit_code == exit_code(ErrorKind::resource));
    if (job.status == JobStatus::failed)
      spdlog::error("{} {}: {}", job.key.stage, job_name(request.run, request.subrun), job.message);
  }
  if (jobs.empty()) {
    ProcessRecord process;
    process.id = running.process_id;
    process.jobs = request.jobs;
    state_.process_vanished(setup_.key, process);
  } else {
    state_.process_ended(setup_.key, running.process_id, jobs, files);
  }
  adopt(jobs, files);
  std::error_code ignored;
  fs::remove(request.report_file, ignored);
}

void Pass::stop_all(std::map<pid_t, Running>& running) {
  for (const auto& [pid, job] : running) ::kill(-pid, SIGTERM);
  const Clock::time_point start = Clock::now();
  bool killed = false;
  while (!running.empty()) {
    for (auto job = running.begin(); job != running.end();) {
      ProcessEnd end;
      if (!has_ended(job->first, end)) {
        ++job;
        continue;
      }
      remove_part_files(job->second.request.products, job->first);
      ended(job->second, end, true);
      job = running.erase(job);
    }
    if (!killed && seconds_since(start) > patience_s) {
      for (const auto& [pid, job] : running) ::kill(-pid, SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int Pass::run() {
  SignalWait signals;
  for (std::size_t task = 0; task < plans_.size(); ++task) enqueue(task);
  Progress progress(static_cast<int>(queue_.size()));
  try {
    while (!queue_.empty() || !running_.empty()) {
      while (!queue_.empty() && static_cast<int>(running_.size()) < max_jobs_) {
        const std::size_t task = queue_.front();
        queue_.pop_front();
        start(task);
      }
      progress.show(static_cast<int>(running_.size()));
      if (const int signal = signals.wait(0.5); signal != 0) {
        spdlog::warn("{}: stopping {} job{}", strsignal(signal), running_.size(),
                     running_.size() == 1 ? "" : "s");
        stop_all(running_);
        return signal;
      }
      for (auto job = running_.begin(); job != running_.end();) {
        ProcessEnd end;
        if (!has_ended(job->first, end)) {
          ++job;
          continue;
        }
        Running finished = std::move(job->second);
        remove_part_files(finished.request.products, job->first);
        job = running_.erase(job);
        ended(finished, end, false);
        plan_task(finished.task);
        const int run = finished.request.run;
        progress.job_ended(end.exit_code == 0);
        if (enqueue(finished.task)) progress.add_job();
        if (--open_in_run_[run] == 0)
          for (const RunSetup& setup : setup_.runs)
            if (setup.entry.run == run) merge_run(setup);
      }
    }
  } catch (...) {
    // The state cannot be kept (disk full?): without it the jobs must not go on.
    for (const auto& [pid, job] : running_) ::kill(-pid, SIGTERM);
    throw;
  }
  return 0;
}

void Pass::merge_run(const RunSetup& run) {
  std::string activities;
  bool dl1 = false, dl2 = false;
  for (const std::size_t position : run.tasks)
    for (const char* stage : {dl1_stage, dl2_stage}) {
      const SubrunTask& task = setup_.tasks[position];
      const auto job = snapshot_.jobs.find({stage, task.run, task.subrun});
      if (job == snapshot_.jobs.end() || job->second.activity_id.empty()) continue;
      activities += fmt::format("{} {} {}\n", stage, task.subrun, job->second.activity_id);
      (stage == dl1_stage ? dl1 : dl2) = true;
    }
  const std::string signature = hash_text(activities);
  for (const char* stage : {dl1_stage, dl2_stage}) {
    if (stage == dl1_stage ? !dl1 : !(dl2 && settings_.dl2)) continue;
    const fs::path document =
        setup_.folders.log(stage) / fmt::format("{}_{}_prov.json", stage, run_text(run.entry.run));
    if (!services_.merge ||
        (fs::exists(document) &&
         state_.merged_signature(setup_.key, stage, run.entry.run) == signature))
      continue;
    if (merge_stage(setup_, services_, stage, run.entry.run,
                    requests_.journal_folder(run.entry.run), dl2, false, merge_notes_))
      state_.set_merged(setup_.key, stage, run.entry.run, signature);
  }
}

void Pass::merge_all() {
  merge_notes_.clear();
  for (const RunSetup& run : setup_.runs) merge_run(run);
}

NightSummary Pass::summary() const {
  NightSummary summary = summarize(setup_, snapshot_, plans_);
  summary.notes.insert(summary.notes.end(), merge_notes_.begin(), merge_notes_.end());
  summary.jobs_run = jobs_run_;
  summary.wall_s = seconds_since(start_);
  return summary;
}

/// Walk through every subrun without computing, then merge.
int dry_run_night(const NightSetup& setup, const RequestMaker& requests, State& state,
                  const NightOptions& options, const NightServices& services, std::ostream& out) {
  if (!services.dry_run_stage)
    throw Error(ErrorKind::bug, "no way to walk through a stage was given");
  const Clock::time_point start = Clock::now();
  hash_shared_files(setup, options.config_file, requests.known_hashes_file(), state, services);
  std::vector<std::string> notes = setup.catalogue.notes;
  int walked = 0, obstacles = 0, faults = 0;
  for (const RunSetup& run : setup.runs) {
    std::error_code ignored;
    fs::remove_all(requests.journal_folder(run.entry.run), ignored);
    bool dl1 = false, dl2 = false;
    for (const std::size_t position : run.tasks) {
      const SubrunTask& task = setup.tasks[position];
      if (!task.dl1_obstacle.empty()) {
        ++obstacles;
        notes.push_back(fmt::format("{} would not be processed: {}",
                                    job_name(task.run, task.subrun), task.dl1_obstacle));
        continue;
      }
      const bool with_dl2 = options.dl2 && task.dl2_obstacle.empty();
      if (options.dl2 && !with_dl2) {
        ++obstacles;
        notes.push_back(fmt::format("{} would have no DL2: {}", job_name(task.run, task.subrun),
                                    task.dl2_obstacle));
      }
      try {
        services.dry_run_stage(requests.make(task, true, with_dl2));
        dl1 = true;
        dl2 = dl2 || with_dl2;
        ++walked;
      } catch (const Error& error) {
        ++faults;
        notes.push_back(fmt::format("{}: {}", job_name(task.run, task.subrun), error.what()));
      }
    }
    for (const char* stage : {dl1_stage, dl2_stage})
      if (stage == dl1_stage ? dl1 : dl2)
        faults += merge_stage(setup, services, stage, run.entry.run,
                              requests.journal_folder(run.entry.run), dl2, true, notes)
                      ? 0
                      : 1;
  }
  out << fmt::format(
      "Dry run of night {} of {}, production {}: {} subrun{} of {} run{} in {}; nothing was "
      "computed\n",
      setup.key.date.iso(), telescope_text(setup.key.telescope), setup.key.prod_id, walked,
      walked == 1 ? "" : "s", setup.runs.size(), setup.runs.size() == 1 ? "" : "s",
      duration_text(seconds_since(start)));
  out << "planned provenance: " << setup.folders.log(dl1_stage, true).string() << '\n';
  for (const std::string& note : notes) out << "note: " << note << '\n';
  return obstacles + faults == 0 ? 0 : exit_code(ErrorKind::incomplete);
}

/// Print a plan from the state as it is, changing nothing.
int print_plan_only(NightSetup& setup, const fs::path& state_folder, const PlanSettings& settings,
                    const NightOptions& options, const NightServices& services, std::ostream& out) {
  StateSnapshot snapshot;
  if (auto state = State::open_read_only(state_folder)) snapshot = state->snapshot(setup.key);
  add_recorded_subruns(setup, snapshot);
  const FileAccess access{[](const std::string& path) { return stamp_of(path); },
                          [&](const std::string& path) { return hashes_of(services, path); }};
  std::vector<FileRecord> rehashed;
  std::vector<SubrunPlan> plans;
  for (const SubrunTask& task : setup.tasks)
    plans.push_back(plan_subrun(task, snapshot, settings, access, rehashed));
  if (options.json)
    print_plan_json(setup, plans, out);
  else
    print_plan(setup, plans, out);
  return 0;
}

}  // namespace

int run_night(const NightOptions& options, const config::Configuration& configuration,
              const NightServices& services, std::ostream& out) {
  const SetupRequest request = request_of(options, configuration, services);
  const fs::path state_folder = configuration.path("paths.state");
  const std::string night_name = fmt::format("{}_{}_{}", telescope_text(request.key.telescope),
                                             request.key.date.compact(), request.key.prod_id);
  PlanSettings settings;
  settings.r0_to_dl1 = facts_of(dl1_stage, configuration);
  settings.dl1_to_dl2 = facts_of(dl2_stage, configuration);
  settings.dl2 = options.dl2;
  settings.retry_failed = !options.pass;

  if (options.plan) {
    NightSetup setup = set_up_night(request, services.probe);
    return print_plan_only(setup, state_folder, settings, options, services, out);
  }

  const NightLock lock =
      NightLock::take(state_folder / (night_name + (options.dry_run ? ".dry_run.lock" : ".lock")));
  if (!lock.holds()) {
    if (options.pass) {
      spdlog::info("{} is being processed by {}", night_name, lock.holder());
      return 0;
    }
    throw Error(ErrorKind::resource,
                fmt::format("this night is being processed by {}", lock.holder()), night_name,
                "wait for its end, or stop it");
  }

  NightSetup setup = set_up_night(request, services.probe);
  State state = State::open(state_folder);
  const int threads = std::max<int>(
      1, options.threads > 0 ? options.threads
                             : static_cast<int>(configuration.integer("night.threads")));
  const int configured_jobs =
      options.jobs > 0 ? options.jobs : static_cast<int>(configuration.integer("night.jobs"));
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int max_jobs = configured_jobs > 0 ? configured_jobs : std::max(1, processors / threads);
  RequestMaker requests(options, setup,
                        state_folder / "jobs" / (night_name + (options.dry_run ? "_dry" : "")),
                        threads, options.dry_run);

  if (options.dry_run) return dry_run_night(setup, requests, state, options, services, out);

  Pass pass(options, services, setup, state, settings, requests, max_jobs,
            static_cast<int>(configuration.integer("night.retries")));
  pass.recover();
  pass.plan();
  const bool idle = !pass.anything_to_run();
  if (!idle) {
    hash_shared_files(setup, options.config_file, requests.known_hashes_file(), state, services);
    if (const int signal = pass.run(); signal != 0)
      throw Error(ErrorKind::interrupted,
                  fmt::format("stopped by {}; the state is kept", strsignal(signal)), night_name,
                  "the same command goes on from here");
  }
  pass.merge_all();
  const NightSummary summary = pass.summary();
  if (options.json) {
    print_summary_json(summary, out);
  } else {
    if (idle && pass.complete())
      out << fmt::format(
          "Nothing to do: {} subrun{} are done, with inputs, configuration, stage versions and "
          "products as recorded\n",
          setup.tasks.size(), setup.tasks.size() == 1 ? "" : "s");
    else if (idle)
      out << "Nothing can be done now; see the reasons below the table\n";
    print_summary(summary, out);
  }
  return pass.complete() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::night
