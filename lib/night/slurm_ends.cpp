// What has become of processes in Slurm: by their journals, or by what Slurm tells.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/night/report.hpp"
#include "lib/night/slurm_executor.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// How long after its end a task's journal may take to be seen from here, seconds.
constexpr double settle_s = 5;
constexpr double growth = 2;
/// How often a process may be taken from its node before that is called a failure.
constexpr int losses_at_most = 10;

bool is_exit_of_its_own(const TaskStep& step) {
  return step.end && step.end->signal == 0 &&
         step.end->exit_code != exit_code(ErrorKind::interrupted);
}

/// Return the seconds since an instant as the client gives it; infinity if it is none.
double seconds_since(const std::string& unix_s) {
  std::time_t instant = 0;
  const char* const end = unix_s.data() + unix_s.size();
  const auto [after, problem] = std::from_chars(unix_s.data(), end, instant);
  if (problem != std::errc() || after != end) return std::numeric_limits<double>::infinity();
  return std::difftime(std::time(nullptr), instant);
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

/// What the journals of the tasks tell.
void SlurmExecutor::take_told_ends(std::vector<ExecutionEnd>& ends) {
  for (auto& [name, array] : arrays_)
    for (auto& [index, task] : array.open) {
      const auto journal = read_task_journal(journal_of_task(array.task_file, index));
      if (!journal) continue;
      if (journal->job == withdrawn) {
        for (const auto& [step, process] : task) ends.push_back({process, {}, Fate::displaced, ""});
        task.clear();
        continue;
      }
      array.begun[index] = static_cast<int>(journal->steps.size());
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
      const auto known = queue.tasks.find(element);
      array.reasons[index] = known == queue.tasks.end() ? "" : known->second.reason;
      if (known == queue.tasks.end()) forgotten.insert(element.substr(0, element.find('_')));
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
    if (end.fate == Fate::displaced && told.begun && lost_too_often(process)) {
      end.fate = Fate::ended;
      end.message = fmt::format("taken from its node {} times ({})", losses_at_most, said.word);
    }
    // What waited for another that failed is no news.
    if (end.fate == Fate::displaced && said.state == SlurmState::displaced && told.begun)
      spdlog::warn("job {} was not done: {} in Slurm, it is tried again",
                   job_name(process.jobs.front()), said.word);
    ends.push_back(std::move(end));
    first = false;
  }
  array.open[index].clear();
}

/// Tell whether processes of the same jobs have often begun in Slurm, since one last came to an end
/// of its own, and come to none.
bool SlurmExecutor::lost_too_often(const ProcessRecord& process) const {
  const JobKey& key = process.jobs.front();
  sqlite::Statement query = state_.database().prepare(
      "SELECT count(*) FROM process WHERE telescope = ?1 AND date = ?2 AND prod_id = ?3 AND "
      "scheduler_job != '' AND json_extract(jobs, '$[0][0]') = ?4 AND json_extract(jobs, "
      "'$[0][1]') = ?5 AND json_extract(jobs, '$[0][2]') = ?6 AND started_at > coalesce((SELECT "
      "ended_at FROM job WHERE telescope = ?1 AND date = ?2 AND prod_id = ?3 AND stage = ?4 AND "
      "run = ?5 AND subrun = ?6), '')");
  query.bind(night_.telescope, night_.date.compact(), night_.prod_id, key.stage, key.run,
             key.subrun);
  return query.step() && query.integer(0) > losses_at_most;
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
    for (const int index : array.submission.indices) {
      fs::remove(journal_of_task(array.task_file, index), ignored);
      const fs::path said = policy_.folder / fmt::format("{}.{}.out", name, index);
      if (fs::exists(said, ignored) && fs::file_size(said, ignored) == 0) fs::remove(said, ignored);
    }
    at = arrays_.erase(at);
  }
}

}  // namespace alisio::night
