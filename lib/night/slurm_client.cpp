#include "lib/night/slurm_client.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "lib/base/log.hpp"
#include "lib/night/program_output.hpp"

namespace alisio::night {
namespace {

/// How long Slurm's programs may take, seconds. They try for a while themselves.
constexpr double patience_s = 60;
constexpr int default_array_limit = 1001;

/// In local time, which is Slurm's habit, an hour comes twice in autumn.
constexpr const char* times_in_unix_seconds = "SLURM_TIME_FORMAT=%s";

std::vector<std::string> split(const std::string& line, char mark) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, mark);) parts.push_back(part);
  return parts;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool contains_any(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

SubmissionEnd kind_of_refusal(const ProgramOutput& said) {
  if (said.timed_out || said.exit_code > 128 ||
      contains_any(said.err, {"timed out", "Unable to contact", "Connection refused",
                              "Zero Bytes were transmitted", "Communication"}))
    return SubmissionEnd::unknown;
  if (contains_any(said.err, {"dependency", "Dependency"})) return SubmissionEnd::too_late;
  if (contains_any(said.err, {"node configuration is not available", "Memory specification"}))
    return SubmissionEnd::refused;
  return SubmissionEnd::not_now;
}

/// Return the elements that an id of sacct stands for: "12_3", or "12_[0-2,5%4]" of those that
/// never began.
std::vector<std::string> elements_of(const std::string& id) {
  const std::size_t bracket = id.find('[');
  if (bracket == std::string::npos) return {id};
  std::vector<std::string> elements;
  const std::string inside = id.substr(bracket + 1, id.find_first_of("%]", bracket) - bracket - 1);
  for (const std::string& range : split(inside, ',')) {
    const std::vector<std::string> ends = split(range, '-');
    int first = 0, last = 0;
    if (ends.empty() || !(std::istringstream(ends.front()) >> first) ||
        !(std::istringstream(ends.back()) >> last))
      continue;
    for (int index = first; index <= last; ++index)
      elements.push_back(fmt::format("{}{}", id.substr(0, bracket), index));
  }
  return elements;
}

/// Slurm takes whole minutes.
std::string time_text(double seconds) {
  return std::to_string(std::max(1L, std::lround(std::ceil(seconds / 60))));
}

}  // namespace

std::string array_text(const std::vector<int>& indices) {
  std::string text;
  for (std::size_t first = 0; first < indices.size();) {
    std::size_t last = first;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    text += text.empty() ? "" : ",";
    text += first == last ? std::to_string(indices[first])
                          : fmt::format("{}-{}", indices[first], indices[last]);
    first = last + 1;
  }
  return text;
}

SlurmState slurm_state(const std::string& word) {
  const std::string first = word.substr(0, word.find_first_of(" +"));
  static const std::map<std::string, SlurmState> states{
      {"PENDING", SlurmState::waiting},
      {"REQUEUED", SlurmState::waiting},
      {"REQUEUE_HOLD", SlurmState::waiting},
      {"REQUEUE_FED", SlurmState::waiting},
      {"SPECIAL_EXIT", SlurmState::waiting},
      {"RESV_DEL_HOLD", SlurmState::waiting},
      {"COMPLETED", SlurmState::completed},
      {"FAILED", SlurmState::failed},
      {"CANCELLED", SlurmState::cancelled},
      {"REVOKED", SlurmState::displaced},
      {"TIMEOUT", SlurmState::timed_out},
      {"DEADLINE", SlurmState::timed_out},
      {"OUT_OF_MEMORY", SlurmState::out_of_memory},
      {"PREEMPTED", SlurmState::displaced},
      {"NODE_FAIL", SlurmState::displaced},
      {"BOOT_FAIL", SlurmState::displaced}};
  const auto known = states.find(first);
  // CONFIGURING, COMPLETING, SUSPENDED, STAGE_OUT, …: it is not over.
  return known == states.end() ? SlurmState::running : known->second;
}

std::string SlurmClient::program(const char* name) const {
  return settings_.programs.empty() ? name : (settings_.programs / name).string();
}

SubmissionAnswer SlurmClient::submit(const SlurmSubmission& submission) const {
  std::vector<std::string> words{
      program("sbatch"),
      "--parsable",
      "--no-requeue",
      "--job-name=" + submission.name,
      "--comment=" + submission.comment,
      "--array=" + array_text(submission.indices),
      fmt::format("--cpus-per-task={}", submission.processors),
      fmt::format("--mem={}M", (submission.memory_bytes + 999'999) / 1'000'000),
      "--time=" + time_text(submission.time_s),
      "--output=" + (submission.log_folder / (submission.name + ".%a.out")).string()};
  // Slurm would keep what waits for a task that failed for ever.
  if (!submission.dependency.empty()) {
    words.push_back("--dependency=" + submission.dependency);
    words.push_back("--kill-on-invalid-dep=yes");
  }
  if (!settings_.partition.empty()) words.push_back("--partition=" + settings_.partition);
  if (!settings_.account.empty()) words.push_back("--account=" + settings_.account);
  if (!settings_.qos.empty()) words.push_back("--qos=" + settings_.qos);
  words.insert(words.end(), settings_.options.begin(), settings_.options.end());
  words.insert(words.end(), submission.command.begin(), submission.command.end());
  const ProgramOutput said = run_program(words, patience_s);
  SubmissionAnswer answer;
  answer.text = first_line(said.err.empty() ? said.out : said.err);
  if (said.exit_code == 0) {
    // "12" or "12;cluster"
    answer.job = first_line(said.out).substr(0, first_line(said.out).find(';'));
    const bool is_number =
        !answer.job.empty() && answer.job.find_first_not_of("0123456789") == std::string::npos;
    answer.end = is_number ? SubmissionEnd::accepted : SubmissionEnd::unknown;
    if (!is_number) answer.job.clear();
  } else if (said.exit_code == 127) {
    answer.end = SubmissionEnd::not_now;
    answer.text = words.front() + " cannot be executed";
  } else {
    answer.end = kind_of_refusal(said);
  }
  return answer;
}

std::optional<SlurmQueue> SlurmClient::queue() const {
  const ProgramOutput said = run_program(
      {"env", times_in_unix_seconds, program("squeue"), "--noheader", "--array", "--states=all",
       fmt::format("--user={}", ::geteuid()), "--format=%F|%K|%T|%r|%e|%j"},
      patience_s);
  if (said.exit_code != 0 || said.timed_out) {
    spdlog::debug("squeue: {}", first_line(said.err));
    return std::nullopt;
  }
  SlurmQueue queue;
  std::istringstream lines(said.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> parts = split(line, '|');
    if (parts.size() < 6) continue;
    const SlurmState state =
        parts[3] == "DependencyNeverSatisfied" ? SlurmState::displaced : slurm_state(parts[2]);
    queue.tasks[parts[0] + "_" + parts[1]] = {
        .state = state, .word = parts[2], .reason = parts[3], .ended_at = parts[4]};
    queue.job_of_name.emplace(parts[5], parts[0]);
  }
  return queue;
}

std::map<std::string, SlurmTask> SlurmClient::accounting(
    const std::vector<std::string>& jobs) const {
  std::map<std::string, SlurmTask> tasks;
  if (jobs.empty()) return tasks;
  const ProgramOutput said = run_program(
      {"env", times_in_unix_seconds, program("sacct"), "--noheader", "--parsable2", "--allocations",
       fmt::format("--jobs={}", fmt::join(jobs, ",")), "--format=JobID,State,End,Reason"},
      patience_s);
  if (said.exit_code != 0 || said.timed_out) {
    spdlog::debug("sacct: {}", first_line(said.err));
    return tasks;
  }
  std::istringstream lines(said.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> parts = split(line, '|');
    if (parts.size() < 4) continue;
    // Whom a person cancels is "CANCELLED by" that person.
    const bool lost_what_it_waited_for = parts[1] == "CANCELLED" && parts[3] == "Dependency";
    const SlurmTask task{
        .state = lost_what_it_waited_for ? SlurmState::displaced : slurm_state(parts[1]),
        .word = parts[1],
        .reason = parts[3],
        .ended_at = parts[2]};
    for (const std::string& element : elements_of(parts[0])) tasks[element] = task;
  }
  return tasks;
}

void SlurmClient::cancel(const std::vector<std::string>& tasks) const {
  if (tasks.empty()) return;
  std::vector<std::string> words{program("scancel")};
  words.insert(words.end(), tasks.begin(), tasks.end());
  if (const ProgramOutput said = run_program(words, patience_s); said.exit_code != 0)
    spdlog::debug("scancel: {}", first_line(said.err));
}

int SlurmClient::array_limit() const {
  const ProgramOutput said = run_program({program("scontrol"), "show", "config"}, patience_s);
  std::istringstream lines(said.out);
  for (std::string line; std::getline(lines, line);) {
    int limit = 0;
    if (line.starts_with("MaxArraySize") &&
        std::istringstream(line.substr(line.find('=') + 1)) >> limit && limit > 0)
      return limit;
  }
  return default_array_limit;
}

}  // namespace alisio::night
