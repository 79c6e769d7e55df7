#include "lib/night/slurm_executor.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <iomanip>
#include <limits>
#include <set>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/base/observer.hpp"
#include "lib/night/local_executor.hpp"
#include "lib/night/report.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// How long to wait before a submission is tried again, seconds: one that is still on its way must
/// have become known to Slurm by then.
constexpr double submit_again_s = 30;
/// How long after its end a task's journal may take to be seen from here, seconds.
constexpr double settle_s = 5;
/// How often to say that Slurm does not answer, seconds.
constexpr double warn_every_s = 60;
constexpr double growth = 2;

bool is_exit_of_its_own(const TaskStep& step) {
  return step.end && step.end->signal == 0 &&
         step.end->exit_code != exit_code(ErrorKind::interrupted);
}

/// Return the seconds since a local time as Slurm writes it; infinity if it is none.
double seconds_since(const std::string& local_time) {
  std::tm parts{};
  std::istringstream in(local_time);
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  if (!in) return std::numeric_limits<double>::infinity();
  parts.tm_isdst = -1;
  return std::difftime(std::time(nullptr), std::mktime(&parts));
}

/// Return the seconds since a file was written to; nothing if there is none.
std::optional<double> age_of(const fs::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return std::nullopt;
  return std::difftime(std::time(nullptr), facts.st_mtime);
}

Fate fate_of(SlurmState state) {
  switch (state) {
    case SlurmState::cancelled:
      return Fate::cancelled;
    case SlurmState::timed_out:
      return Fate::timed_out;
    case SlurmState::out_of_memory:
      return Fate::out_of_memory;
    case SlurmState::displaced:
      return Fate::displaced;
    default:
      return Fate::ended;
  }
}

/// Slurm says FAILED or CANCELLED where it is not the kernel that ends what takes too much memory;
/// the words are then in what it wrote into the task's output.
bool tells_of_memory(const fs::path& output) {
  const std::string said = last_lines(output, 20);
  for (const char* words : {"exceeded memory limit", "oom_kill", "oom-kill", "Out Of Memory"})
    if (said.find(words) != std::string::npos) return true;
  return false;
}

std::string message_of(Fate fate, const SlurmTask& said, const SlurmSubmission& asked) {
  switch (fate) {
    case Fate::cancelled:
      return fmt::format("cancelled in Slurm ({})", said.word);
    case Fate::timed_out:
      return fmt::format("not done in the {:.0f} minutes that it was given ({})", asked.time_s / 60,
                         said.word);
    case Fate::out_of_memory:
      return fmt::format("took more than the {:.1f} GB that it was given ({})",
                         static_cast<double>(asked.memory_bytes) / 1e9, said.word);
    default:
      return "";
  }
}

}  // namespace

SlurmExecutor::SlurmExecutor(State& state, NightKey night, SlurmClient client, SlurmPolicy policy)
    : state_(state),
      night_(std::move(night)),
      client_(std::move(client)),
      policy_(std::move(policy)),
      needs_(state.needs(night_)) {
  fs::create_directories(policy_.folder);
  // The greatest index is one less, and indices count from 0.
  policy_.array_limit = std::max(1, std::min(policy_.array_limit, client_.array_limit()));
}

std::size_t SlurmExecutor::under_way() const {
  std::size_t count = refused_.size();
  for (const auto& [name, array] : arrays_)
    for (const auto& [index, task] : array.open) count += task.size();
  return count;
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
                  .open = {}};
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

/// Put requests of one stage and run into arrays, several to a task.
void SlurmExecutor::pack(std::vector<Array>& arrays, std::vector<ProcessRecord>& records,
                         const std::vector<std::size_t>& group, const JobNeed& need) {
  const JobKey& first = taken_[group.front()].jobs.front();
  const bool again = taken_[group.front()].attempt > 1;
  const std::size_t per_task =
      again ? 1 : static_cast<std::size_t>(std::max(1, policy_.processes_per_task));
  const std::size_t per_array = per_task * static_cast<std::size_t>(policy_.array_limit);
  for (std::size_t start = 0; start < group.size(); start += per_array) {
    const std::size_t count = std::min(per_array, group.size() - start);
    Array array;
    SlurmSubmission& asked = array.submission;
    asked.name = fmt::format("alisio_{}_{}_{}_{}", night_.date.compact(), first.stage, first.run,
                             hash_text(new_uuid7()).substr(0, 12));
    asked.comment = fmt::format("{} {} {} {} {} attempt {}", telescope_text(night_.telescope),
                                night_.date.compact(), night_.prod_id, first.stage, first.run,
                                taken_[group.front()].attempt);
    asked.tasks = static_cast<int>((count + per_task - 1) / per_task);
    asked.processors = policy_.processors;
    asked.memory_bytes = need.memory_bytes;
    asked.time_s = need.time_s * static_cast<double>(std::min(per_task, count));
    asked.log_folder = policy_.folder;
    array.task_file = policy_.folder / (asked.name + ".json");
    for (std::size_t at = 0; at < count; ++at) {
      const JobRequest& request = taken_[group[start + at]];
      ProcessRecord& record = records[group[start + at]];
      record.jobs = request.jobs;
      record.report_file = request.report_file.string();
      record.log_file = request.log_file.string();
      record.started_at = utc_now_text();
      record.products = request.products;
      record.submission = asked.name;
      record.task = static_cast<int>(at / per_task);
      record.step = static_cast<int>(at % per_task);
    }
    arrays.push_back(std::move(array));
  }
}

std::vector<ProcessRecord> SlurmExecutor::launch() {
  std::vector<ProcessRecord> records(taken_.size());
  if (taken_.empty()) return records;
  using Kind = std::tuple<std::string, int, bool, std::uint64_t, double>;
  std::map<Kind, std::vector<std::size_t>> groups;
  for (std::size_t at = 0; at < taken_.size(); ++at) {
    const JobNeed need = need_of(taken_[at]);
    const JobKey& key = taken_[at].jobs.front();
    groups[{key.stage, key.run, taken_[at].attempt > 1, need.memory_bytes, need.time_s}].push_back(
        at);
  }
  std::vector<Array> arrays;
  for (const auto& [kind, group] : groups)
    pack(arrays, records, group, {std::get<3>(kind), std::get<4>(kind)});
  state_.together([&] {
    for (ProcessRecord& record : records) record.id = state_.process_starts(night_, record);
  });
  for (Array& array : arrays) {
    TaskFile file{.program = policy_.program, .submission = array.submission, .tasks = {}};
    file.tasks.resize(static_cast<std::size_t>(array.submission.tasks));
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
  const SubmissionAnswer answer = client_.submit(asked);
  array.next_try = Clock::now() + std::chrono::seconds(static_cast<int>(submit_again_s));
  switch (answer.end) {
    case SubmissionEnd::accepted:
      array.job = answer.job;
      state_.submission_accepted(asked.name, answer.job);
      spdlog::info("{}: {} task{} in Slurm as {}", asked.comment, asked.tasks,
                   asked.tasks == 1 ? "" : "s", answer.job);
      return;
    case SubmissionEnd::refused:
      refuse(array, answer.text);
      return;
    case SubmissionEnd::not_now:
    case SubmissionEnd::unknown:
      warn_away(fmt::format("{} could not be submitted and is tried again: {}", asked.comment,
                            answer.text));
      return;
  }
}

void SlurmExecutor::refuse(Array& array, const std::string& why) {
  for (const auto& [index, task] : array.open)
    for (const auto& [step, process] : task)
      refused_.push_back({.process = process,
                          .end = {.exit_code = exit_code(ErrorKind::resource)},
                          .fate = Fate::refused,
                          .message = "Slurm refuses the job: " + why});
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
  if (refused_.empty() &&
      std::chrono::duration<double>(Clock::now() - looked_at_).count() < policy_.poll_s)
    return {};
  return look();
}

std::vector<ExecutionEnd> SlurmExecutor::look() {
  std::vector<ExecutionEnd> ends = std::exchange(refused_, {});
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

/// What the journals of the tasks tell.
void SlurmExecutor::take_told_ends(std::vector<ExecutionEnd>& ends) {
  for (auto& [name, array] : arrays_)
    for (auto& [index, task] : array.open) {
      const auto journal = read_task_journal(journal_of_task(array.task_file, index));
      if (!journal) continue;
      for (auto at = task.begin(); at != task.end();) {
        const auto& [place, process] = *at;
        const auto step = static_cast<std::size_t>(place);
        if (step >= journal->steps.size() || !is_exit_of_its_own(journal->steps[step])) {
          ++at;
          continue;
        }
        ends.push_back({process, *journal->steps[step].end, Fate::ended, ""});
        at = task.erase(at);
      }
    }
}

/// What Slurm tells of tasks whose journals say no end.
void SlurmExecutor::take_other_ends(const SlurmQueue& queue, std::vector<ExecutionEnd>& ends) {
  struct Open {
    Array& array;
    int index;
    std::string element;
  };
  std::vector<Open> open;
  std::set<std::string> forgotten;
  for (auto& [name, array] : arrays_)
    for (auto& [index, task] : array.open) {
      if (task.empty() || array.job.empty()) continue;
      std::string element = fmt::format("{}_{}", array.job, index);
      // Of two arrays of one name the one that took the task counts.
      if (const auto journal = read_task_journal(journal_of_task(array.task_file, index));
          journal && !journal->job.empty())
        element = journal->job;
      if (!queue.tasks.contains(element)) forgotten.insert(element.substr(0, element.find('_')));
      open.push_back({array, index, std::move(element)});
    }
  const std::map<std::string, SlurmTask> accounts =
      client_.accounting({forgotten.begin(), forgotten.end()});
  for (const auto& [array, index, element] : open) {
    SlurmTask said{
        .state = SlurmState::displaced, .word = "not heard of", .reason = "", .ended_at = ""};
    if (const auto known = queue.tasks.find(element); known != queue.tasks.end()) {
      said = known->second;
    } else if (const auto account = accounts.find(element); account != accounts.end()) {
      said = account->second;
    } else {
      // No answer is no end. Only long silence is.
      const auto journal_age = age_of(journal_of_task(array.task_file, index));
      const auto file_age = age_of(array.task_file);
      const double silence = journal_age ? *journal_age : file_age.value_or(0);
      if (silence < policy_.patience_s) continue;
    }
    if (!is_over(said.state)) continue;
    if (seconds_since(said.ended_at) < settle_s) continue;
    end_task(array, index, said, ends);
  }
}

/// A task is over that did not say the end of all its processes.
void SlurmExecutor::end_task(Array& array, int index, const SlurmTask& said,
                             std::vector<ExecutionEnd>& ends) {
  const TaskJournal journal =
      read_task_journal(journal_of_task(array.task_file, index)).value_or(TaskJournal{});
  const fs::path output = policy_.folder / fmt::format("{}.{}.out", array.submission.name, index);
  Fate fate = fate_of(said.state);
  if ((fate == Fate::ended || fate == Fate::cancelled) && tells_of_memory(output))
    fate = Fate::out_of_memory;
  bool first = true;
  for (const auto& [place, process] : array.open[index]) {
    const auto step = static_cast<std::size_t>(place);
    const TaskStep told = step < journal.steps.size() ? journal.steps[step] : TaskStep{};
    ExecutionEnd end{process, told.end.value_or(ProcessEnd{.exit_code = 1}), fate,
                     message_of(fate, said, array.submission)};
    if (!first && !told.begun && fate != Fate::cancelled)
      // The process before it ended the task: this one was not tried.
      end.fate = Fate::displaced;
    else if (fate == Fate::ended && !told.end)
      end.message =
          fmt::format("its task in Slurm ended ({}) {}, see {}", said.word,
                      told.begun ? "without a word of it" : "before it began", output.string());
    if (end.fate == Fate::timed_out || end.fate == Fate::out_of_memory)
      ask_for_more(process, array, end.fate);
    if (end.fate == Fate::displaced)
      spdlog::warn("job {} was not done: {} in Slurm, it is tried again",
                   job_name(process.jobs.front()), said.word);
    ends.push_back(std::move(end));
    first = false;
  }
  array.open[index].clear();
}

/// The next try of a job gets more of what it lacked, as far as the limits allow.
void SlurmExecutor::ask_for_more(const ProcessRecord& process, const Array& array, Fate fate) {
  for (const JobKey& key : process.jobs) {
    JobNeed& need = needs_[key];
    const SlurmSubmission& had = array.submission;
    if (fate == Fate::out_of_memory)
      need.memory_bytes = std::max(had.memory_bytes,
                                   std::min(policy_.memory_limit_bytes,
                                            static_cast<std::uint64_t>(growth) * had.memory_bytes));
    else
      need.time_s = std::max(had.time_s, std::min(policy_.time_limit_s, growth * had.time_s));
    state_.set_need(night_, key, need);
  }
}

/// Drop what has ended, and the files of arrays that have nothing open.
void SlurmExecutor::forget_finished() {
  for (auto at = arrays_.begin(); at != arrays_.end();) {
    auto& [name, array] = *at;
    std::erase_if(array.open, [](const auto& item) { return item.second.empty(); });
    if (!array.open.empty()) {
      ++at;
      continue;
    }
    std::error_code ignored;
    // First the tasks, then who took them: whoever comes late finds one or the other.
    fs::remove(array.task_file, ignored);
    for (int index = 0; index < array.submission.tasks; ++index) {
      fs::remove(journal_of_task(array.task_file, index), ignored);
      const fs::path said = policy_.folder / fmt::format("{}.{}.out", name, index);
      if (fs::exists(said, ignored) && fs::file_size(said, ignored) == 0) fs::remove(said, ignored);
    }
    at = arrays_.erase(at);
  }
}

}  // namespace alisio::night
