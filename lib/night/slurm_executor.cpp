#include "lib/night/slurm_executor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/base/observer.hpp"
#include "lib/night/local_executor.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// How long to wait before a submission is tried again, seconds: one that is still on its way must
/// have become known to Slurm by then.
constexpr double submit_again_s = 30;
/// How often to say that Slurm does not answer, seconds.
constexpr double warn_every_s = 60;

}  // namespace

SlurmExecutor::SlurmExecutor(State& state, NightKey night, SlurmClient client, SlurmPolicy policy)
    : state_(state),
      night_(std::move(night)),
      client_(std::move(client)),
      policy_(std::move(policy)),
      needs_(state.needs(night_)) {
  make_folder(policy_.folder);
  // The greatest index is one less, and indices count from 0.
  policy_.array_limit = std::max(1, std::min(policy_.array_limit, client_.array_limit()));
}

std::size_t SlurmExecutor::under_way() const {
  std::size_t count = given_back_.size();
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open) count += task.size();
  return count;
}

std::map<JobKey, std::string> SlurmExecutor::waiting() const {
  std::map<JobKey, std::string> waiting;
  const auto note = [&](const ProcessRecord& process, const std::string& what) {
    for (const JobKey& key : process.jobs) waiting[key] = what;
  };
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open) {
      const auto begun = array.begun.find(index);
      const auto reason = array.reasons.find(index);
      const bool told =
          reason != array.reasons.end() && !reason->second.empty() && reason->second != "None";
      for (const auto& [step, process] : task)
        if (array.job.empty())
          note(process, fmt::format("not in Slurm yet: {}",
                                    array.refusal.empty() ? "no answer" : array.refusal));
        else if (begun == array.begun.end())
          note(process, told ? "queued in Slurm: " + reason->second : "queued in Slurm");
        else if (step >= begun->second)
          note(process, "queued in Slurm behind others of its task");
    }
  return waiting;
}

std::vector<ExecutionEnd> SlurmExecutor::withdraw(const std::set<JobKey>& jobs) {
  std::vector<std::string> elements;
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open) {
      const bool is_meant = std::any_of(task.begin(), task.end(), [&](const auto& place) {
        const std::vector<JobKey>& its = place.second.jobs;
        return std::any_of(its.begin(), its.end(),
                           [&](const JobKey& key) { return jobs.contains(key); });
      });
      if (!is_meant || !withdraw_task(array.task_file, index)) continue;
      if (!array.job.empty()) elements.push_back(fmt::format("{}_{}", array.job, index));
    }
  client_.cancel(elements);
  std::vector<ExecutionEnd> ends;
  take_told_ends(ends);
  forget_finished();
  return ends;
}

// --- what an earlier pass left ---

Recovery SlurmExecutor::recover(const std::vector<ProcessRecord>& left) {
  Recovery recovery;
  for (const ProcessRecord& process : left) {
    if (process.submission.empty()) {
      recovery.ended.push_back(end_left(process));
      continue;
    }
    const fs::path file = policy_.folder / (process.submission + ".json");
    auto known = arrays_.find(process.submission);
    if (known == arrays_.end()) {
      if (!fs::exists(file)) {
        // The pass ended before it came to submit.
        recovery.ended.push_back({process, {}, Fate::displaced, ""});
        continue;
      }
      Array array{.task_file = file,
                  .submission = read_task_file(file).submission,
                  .job = process.scheduler_job,
                  .next_try = {},
                  .open = {},
                  .begun = {},
                  .reasons = {},
                  .refusal = {}};
      known = arrays_.emplace(process.submission, std::move(array)).first;
    }
    known->second.open[process.task][process.step] = process;
  }
  for (ExecutionEnd& end : look()) recovery.ended.push_back(std::move(end));
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open)
      for (const auto& [step, process] : task) recovery.running.push_back(process);
  return recovery;
}

// --- submitting ---

JobNeed SlurmExecutor::need_of(const JobRequest& request) const {
  JobNeed need;
  for (const JobKey& key : request.jobs) {
    need.memory_bytes = std::max(need.memory_bytes, policy_.memory_of_stage(key.stage));
    need.time_s += policy_.time_of_stage(key.stage);
    if (const auto known = needs_.find(key); known != needs_.end()) {
      need.memory_bytes = std::max(need.memory_bytes, known->second.memory_bytes);
      need.time_s = std::max(need.time_s, known->second.time_s);
    }
  }
  return need;
}

bool SlurmExecutor::take(const JobRequest& request) {
  // Of what was given back the pass must know first: the request may wait for it.
  if (!given_back_.empty()) return false;
  std::size_t tasks = 0;
  for (const auto& [name, array] : arrays_) {
    // Slurm did not take the last one, or did not answer: wait until that is settled.
    if (array.job.empty()) return false;
    tasks += array.open.size();
  }
  if (tasks + taken_.size() >= static_cast<std::size_t>(std::max(1, policy_.queue_limit)))
    return false;
  taken_.push_back(request);
  return true;
}

/// Return what is to be packed: what was taken, with its need and the tasks that it waits for.
std::vector<PackItem> SlurmExecutor::items() const {
  std::map<JobKey, SlurmPlace> places;
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open)
      for (const auto& [step, process] : task)
        for (const JobKey& key : process.jobs) places[key] = {array.job, index};
  std::vector<PackItem> items;
  for (const JobRequest& request : taken_) {
    std::set<SlurmPlace> after;
    for (const JobKey& key : request.after) after.insert(places.at(key));
    items.push_back({&request, need_of(request), {after.begin(), after.end()}});
  }
  return items;
}

/// Name an array and take down what each of its processes is.
SlurmExecutor::Array SlurmExecutor::prepare(PackedArray packed,
                                            std::vector<ProcessRecord>& records) const {
  const JobRequest& first = taken_[packed.tasks.begin()->second.front()];
  const auto& [stage, run, subrun] = first.jobs.front();
  Array array;
  array.submission = std::move(packed.submission);
  SlurmSubmission& asked = array.submission;
  asked.name = fmt::format("alisio_{}_{}_{}_{}", night_.date.compact(), stage, run,
                           hash_text(new_uuid7()).substr(0, 12));
  asked.comment = fmt::format("{} {} {} {} {} attempt {}", telescope_text(night_.telescope),
                              night_.date.compact(), night_.prod_id, stage, run, first.attempt);
  asked.processors = policy_.processors;
  asked.log_folder = policy_.folder;
  array.task_file = policy_.folder / (asked.name + ".json");
  for (const auto& [index, positions] : packed.tasks)
    for (std::size_t step = 0; step < positions.size(); ++step) {
      const JobRequest& request = taken_[positions[step]];
      ProcessRecord& record = records[positions[step]];
      record.jobs = request.jobs;
      record.report_file = request.report_file.string();
      record.log_file = request.log_file.string();
      record.started_at = utc_now_text();
      record.products = request.products;
      record.submission = asked.name;
      record.task = index;
      record.step = static_cast<int>(step);
    }
  return array;
}

std::vector<ProcessRecord> SlurmExecutor::launch() {
  std::vector<ProcessRecord> records(taken_.size());
  if (taken_.empty()) return records;
  std::vector<Array> arrays;
  for (PackedArray& packed : pack(
           items(),
           {.processes_per_task = static_cast<std::size_t>(std::max(1, policy_.processes_per_task)),
           .tasks_per_array = static_cast<std::size_t>(policy_.array_limit)}))
    arrays.push_back(prepare(std::move(packed), records));
  state_.together([&] {
    for (ProcessRecord& record : records) record.id = state_.process_starts(night_, record);
  });
  for (Array& array : arrays) {
    TaskFile file{.program = policy_.program, .submission = array.submission, .tasks = {}};
    file.tasks.resize(static_cast<std::size_t>(array.submission.indices.back()) + 1);
    for (std::size_t at = 0; at < records.size(); ++at) {
      const ProcessRecord& record = records[at];
      if (record.submission != array.submission.name) continue;
      file.tasks[static_cast<std::size_t>(record.task)].push_back(taken_[at]);
      array.open[record.task][record.step] = record;
    }
    write_task_file(array.task_file, file);
    submit(array);
    arrays_.emplace(array.submission.name, std::move(array));
  }
  taken_.clear();
  forget_finished();
  return records;
}

void SlurmExecutor::submit(Array& array) {
  SlurmSubmission asked = array.submission;
  asked.command = {(policy_.folder / "run-task.sh").string(), policy_.runner.string(), "run-task",
                   array.task_file.string()};
  write_runner_script(asked.command.front());
  const std::size_t tasks = asked.indices.size();
  const SubmissionAnswer answer = client_.submit(asked);
  array.next_try = Clock::now() + std::chrono::seconds(static_cast<int>(submit_again_s));
  switch (answer.end) {
    case SubmissionEnd::accepted:
      array.job = answer.job;
      state_.submission_accepted(asked.name, answer.job);
      spdlog::info("{}: {} task{} in Slurm as {}", asked.comment, tasks, tasks == 1 ? "" : "s",
                   answer.job);
      return;
    case SubmissionEnd::refused:
      give_back(array, Fate::refused, "Slurm refuses the job: " + answer.text);
      return;
    case SubmissionEnd::too_late:
      give_back(array, Fate::displaced, "");
      return;
    case SubmissionEnd::not_now:
    case SubmissionEnd::unknown:
      array.refusal = answer.text;
      warn_away(fmt::format("{} could not be submitted and is tried again: {}", asked.comment,
                            answer.text));
      return;
  }
}

void SlurmExecutor::give_back(Array& array, Fate fate, const std::string& why) {
  for (const auto& [index, task] : array.open)
    for (const auto& [step, process] : task)
      given_back_.push_back({.process = process,
                             .end = {.exit_code = exit_code(ErrorKind::resource)},
                             .fate = fate,
                             .message = why});
  array.open.clear();
}

/// Find out whether Slurm has an array after all; submit it again if not.
void SlurmExecutor::settle(Array& array, const SlurmQueue& queue) {
  for (const auto& [index, task] : array.open)
    if (const auto journal = read_task_journal(journal_of_task(array.task_file, index));
        journal && !journal->job.empty()) {
      array.job = journal->job.substr(0, journal->job.find('_'));
      break;
    }
  if (const auto known = queue.job_of_name.find(array.submission.name);
      array.job.empty() && known != queue.job_of_name.end())
    array.job = known->second;
  if (!array.job.empty())
    state_.submission_accepted(array.submission.name, array.job);
  else if (Clock::now() >= array.next_try)
    submit(array);
}

void SlurmExecutor::warn_away(const std::string& what) {
  const Clock::time_point now = Clock::now();
  if (away_ && std::chrono::duration<double>(now - warned_at_).count() < warn_every_s) return;
  away_ = true;
  warned_at_ = now;
  spdlog::warn("{}", what);
}

// --- what has ended ---

std::vector<ExecutionEnd> SlurmExecutor::poll() {
  if (given_back_.empty() &&
      std::chrono::duration<double>(Clock::now() - looked_at_).count() < policy_.poll_s)
    return {};
  return look();
}

std::vector<ExecutionEnd> SlurmExecutor::look() {
  std::vector<ExecutionEnd> ends = std::exchange(given_back_, {});
  take_told_ends(ends);
  forget_finished();
  if (!arrays_.empty()) {
    if (const std::optional<SlurmQueue> queue = client_.queue()) {
      if (away_) spdlog::info("Slurm answers");
      away_ = false;
      for (auto& [name, array] : arrays_)
        if (array.job.empty()) settle(array, *queue);
      take_other_ends(*queue, ends);
    } else {
      warn_away("Slurm does not answer: what is known of its jobs stands until it does");
    }
  }
  forget_finished();
  looked_at_ = Clock::now();
  return ends;
}

}  // namespace alisio::night
