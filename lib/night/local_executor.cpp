#include "lib/night/local_executor.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/night/slurm_task.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

/// How long processes may take to end after SIGTERM before they are killed, seconds.
constexpr double patience_s = 15;

ProcessRecord record_of(const JobRequest& request) {
  ProcessRecord record;
  record.jobs = request.jobs;
  record.host = host_name();
  record.report_file = request.report_file.string();
  record.log_file = request.log_file.string();
  record.started_at = utc_now_text();
  record.products = request.products;
  return record;
}

/// Return the final paths of all that a process may be writing.
std::vector<std::string> written_by(const ProcessRecord& process) {
  std::vector<std::string> paths = process.products;
  paths.push_back(process.report_file);
  return paths;
}

}  // namespace

ExecutionEnd end_left(const ProcessRecord& process) {
  const pid_t pid = static_cast<pid_t>(process.pid);
  if (process.host == host_name() && pid > 0) {
    end_left_process(pid, process.pid_start, patience_s);
    remove_part_files(written_by(process), pid);
  }
  return {.process = process, .end = {}, .fate = Fate::left, .message = ""};
}

LocalExecutor::LocalExecutor(State& state, NightKey night, fs::path program, LocalLimits limits)
    : state_(state),
      night_(std::move(night)),
      program_(std::move(program)),
      limits_(std::move(limits)) {}

Recovery LocalExecutor::recover(const std::vector<ProcessRecord>& left) {
  Recovery recovery;
  for (const ProcessRecord& process : left) {
    if (!process.submission.empty()) {
      const fs::path tasks = limits_.slurm_folder / (process.submission + ".json");
      const bool never_submitted = process.scheduler_job.empty() && !fs::exists(tasks);
      if (never_submitted || (fs::exists(tasks) && withdraw_task(tasks, process.task))) {
        recovery.ended.push_back({process, {}, Fate::displaced, ""});
        continue;
      }
      throw Error(ErrorKind::configuration,
                  fmt::format("job {} of this night is in Slurm (as {})",
                              job_name(process.jobs.front()), process.scheduler_job),
                  "night.executor", "say 'slurm' until its jobs there have ended");
    }
    recovery.ended.push_back(end_left(process));
  }
  return recovery;
}

/// Stages in one process follow each other: the largest counts.
std::uint64_t LocalExecutor::memory_of(const JobRequest& request) const {
  std::uint64_t most = 0;
  if (!limits_.memory_of_stage) return most;
  for (const JobKey& key : request.jobs) most = std::max(most, limits_.memory_of_stage(key.stage));
  return most;
}

/// The average of a minute knows of a process only by and by: what it misses of the new ones is
/// added.
double LocalExecutor::expected_load() const {
  constexpr double averaged_s = 60;
  double unseen = static_cast<double>(taken_.size());
  const Clock::time_point now = Clock::now();
  for (const auto& [pid, running] : running_)
    unseen += std::exp(-std::chrono::duration<double>(now - running.started).count() / averaged_s);
  return limits_.load() + limits_.threads * unseen;
}

bool LocalExecutor::take(const JobRequest& request) {
  const std::size_t busy = running_.size() + taken_.size();
  if (busy >= static_cast<std::size_t>(std::max(1, limits_.processes))) return false;
  const std::uint64_t memory = memory_of(request);
  if (busy > 0 && limits_.memory_bytes > 0 && memory_taken_ + memory > limits_.memory_bytes)
    return false;
  if (busy > 0 && limits_.most_load > 0 && expected_load() >= limits_.most_load) return false;
  memory_taken_ += memory;
  taken_.push_back(request);
  return true;
}

std::vector<ProcessRecord> LocalExecutor::launch() {
  std::vector<ProcessRecord> records;
  if (taken_.empty()) return records;
  HeldProcesses held;
  for (const JobRequest& request : taken_) {
    std::error_code ignored;
    fs::remove(request.report_file, ignored);
    ProcessRecord record = record_of(request);
    const pid_t pid = held.add(program_, request.arguments, request.log_file, limits_.nice);
    record.pid = pid;
    record.pid_start = process_start_time(pid);
    records.push_back(std::move(record));
  }
  state_.together([&] {
    for (ProcessRecord& record : records) record.id = state_.process_starts(night_, record);
  });
  held.release();
  for (std::size_t at = 0; at < records.size(); ++at)
    running_.emplace(static_cast<pid_t>(records[at].pid),
                     Running{.process = records[at],
                             .memory_bytes = memory_of(taken_[at]),
                             .started = Clock::now()});
  taken_.clear();
  return records;
}

std::vector<ExecutionEnd> LocalExecutor::poll() {
  std::vector<ExecutionEnd> ends;
  for (auto at = running_.begin(); at != running_.end();) {
    const auto& [pid, running] = *at;
    ProcessEnd end;
    if (!has_ended(pid, end)) {
      ++at;
      continue;
    }
    // Only a process that came to no good end leaves some; looking for them reads the folder.
    if (end.exit_code != 0) remove_part_files(written_by(running.process), pid);
    memory_taken_ -= std::min(memory_taken_, running.memory_bytes);
    ends.push_back({.process = running.process, .end = end, .fate = Fate::ended, .message = ""});
    at = running_.erase(at);
  }
  return ends;
}

std::vector<ExecutionEnd> LocalExecutor::stop() {
  for (const auto& [pid, running] : running_) ::kill(-pid, SIGTERM);
  EndingPatience patience(patience_s);
  std::vector<ExecutionEnd> ends;
  while (!running_.empty()) {
    for (ExecutionEnd& end : poll()) {
      end.fate = Fate::stopped;
      ends.push_back(std::move(end));
    }
    const EndingPatience::Step step = patience.next();
    if (step == EndingPatience::Step::kill)
      for (const auto& [pid, running] : running_) ::kill(-pid, SIGKILL);
    if (step == EndingPatience::Step::give_up) {
      // The next pass finds them by the state.
      for (const auto& [pid, running] : running_)
        spdlog::error("process {} does not die: it is left", pid);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return ends;
}

void LocalExecutor::abandon() noexcept {
  for (const auto& [pid, running] : running_) ::kill(-pid, SIGTERM);
}

}  // namespace alisio::night
