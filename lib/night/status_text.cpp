#include "lib/night/status_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>
#include <vector>

#include "lib/night/advice.hpp"
#include "lib/night/judge.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

constexpr std::size_t failures_shown = 12, running_shown = 4, missing_shown = 15;
constexpr int log_lines_shown = 6;

bool is_in_scope(const JobKey& key, const StatusScope& scope) {
  return (!scope.run || key.run == *scope.run) && (!scope.subrun || key.subrun == *scope.subrun);
}

std::string times_text(int count) {
  return fmt::format("{} time{}", count, count == 1 ? "" : "s");
}

/// "00101.0000-0003", "00101" or "night".
std::string place_text(int run, const std::vector<int>& subruns) {
  if (subruns.front() == whole_run) return job_name({"", run, whole_run});
  return fmt::format("{}.{}", run_text(run), ranges_text(subruns));
}

std::string head_line(const NightStatus& status) {
  const NightProgress& progress = status.progress;
  std::string line = fmt::format("{} of {} jobs done", progress.done, progress.jobs);
  for (const auto& [count, words] :
       {std::pair{progress.running, "running"}, std::pair{progress.queued, "queued"},
        std::pair{progress.to_run, "to run"}, std::pair{progress.in_trouble, "failed or blocked"}})
    if (count > 0) line += fmt::format(", {} {}", count, words);
  if (progress.left_s)
    line += fmt::format("; {} {} left", progress.left_at_least ? "at least" : "about",
                        duration_text(*progress.left_s));
  return line;
}

void print_running(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  std::size_t shown = 0;
  bool any_lost = false;
  for (const RunningView& process : status.running) {
    if (process.jobs.empty() || !is_in_scope(process.jobs.front(), scope)) continue;
    any_lost = any_lost || process.lost;
    if (++shown > running_shown) break;
    std::string stages;
    for (const JobKey& key : process.jobs) stages += (stages.empty() ? "" : ", ") + key.stage;
    out << fmt::format("{}: {} {}, since {} on {}\n",
                       process.lost     ? "lost"
                       : process.queued ? "queued"
                                        : "running",
                       job_name(process.jobs.front()), stages, process.started_at.substr(0, 19),
                       process.host);
  }
  if (any_lost)
    out << fmt::format(
        "    do: the next pass takes up what was lost: `alisio night {}`\n",
        scope.night_words.empty() ? status.summary.key.date.compact() : scope.night_words);
  if (status.running.size() > running_shown)
    out << fmt::format("… and {} more\n", status.running.size() - running_shown);
}

/// Print what each run has not got yet: "00101: DL1 0003, DL2 0003-0007".
void print_missing(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  std::map<int, std::map<std::string, std::vector<int>>> missing;
  for (const JobStatusView& job : status.jobs)
    if (job.status != to_string(StepStatus::done) && job.status != to_string(StepStatus::vetoed) &&
        is_in_scope(job.key, scope)) {
      std::vector<int>& subruns = missing[job.key.run][column_title(job.key.stage)];
      if (std::find(subruns.begin(), subruns.end(), job.key.subrun) == subruns.end())
        subruns.push_back(job.key.subrun);
    }
  std::size_t shown = 0;
  for (const auto& [run, stages] : missing) {
    if (++shown > missing_shown) break;
    std::string text;
    for (const auto& [title, subruns] : stages)
      text += subruns.front() == whole_run
                  ? fmt::format("{}{}", text.empty() ? "" : "; ", title)
                  : fmt::format("{}{} {}", text.empty() ? "" : "; ", title, ranges_text(subruns));
    out << fmt::format("missing of {}: {}\n", job_name({"", run, whole_run}), text);
  }
  if (missing.size() > missing_shown)
    out << fmt::format("… and of {} more runs\n", missing.size() - missing_shown);
}

/// Failures of a run that are one: same stage, same words.
struct FailureGroup {
  const JobStatusView* first = nullptr;
  std::vector<int> subruns;
};

const std::string& words_of(const JobStatusView& job) {
  return job.last_end == "failed" ? job.message : job.reason;
}

std::vector<FailureGroup> group_failures(const NightStatus& status, const StatusScope& scope) {
  std::vector<FailureGroup> groups;
  for (const JobStatusView& job : status.jobs) {
    if (!job.in_trouble || !is_in_scope(job.key, scope)) continue;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const FailureGroup& group) {
      return group.first->key.run == job.key.run && group.first->key.stage == job.key.stage &&
             words_of(*group.first) == words_of(job);
    });
    if (same == groups.end())
      groups.push_back({&job, {job.key.subrun}});
    else
      same->subruns.push_back(job.key.subrun);
  }
  return groups;
}

void print_log(const JobStatusView& job, std::ostream& out) {
  if (!job.log_file.empty()) out << fmt::format("    log: {}\n", job.log_file);
  std::istringstream lines(job.log_tail);
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  const std::size_t first = all.size() > log_lines_shown ? all.size() - log_lines_shown : 0;
  for (std::size_t line = first; line < all.size(); ++line)
    out << fmt::format("    | {}\n", all[line]);
}

void print_failures(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  const std::vector<FailureGroup> groups = group_failures(status, scope);
  for (std::size_t number = 0; number < groups.size(); ++number) {
    if (number == failures_shown && !scope.run) {
      out << fmt::format("… and {} more (--run N shows those of a run)\n", groups.size() - number);
      break;
    }
    const JobStatusView& job = *groups[number].first;
    out << fmt::format("{} {}: {}: {}", place_text(job.key.run, groups[number].subruns),
                       job.key.stage, job.failure ? to_string(job.failure->kind) : job.status,
                       words_of(job));
    if (job.last_end == "failed")
      out << fmt::format(" (tried {}, last {})", times_text(job.attempts),
                         job.ended_at.substr(0, 19));
    out << '\n';
    if (scope.why) print_log(job, out);
    if (job.failure)
      out << fmt::format("    do: {}\n",
                         runnable_advice(job.failure->advice, job.key, scope.night_words));
  }
}

/// Print how the jobs of one run stand; subruns that share their fate are told together.
void print_run(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  std::vector<std::pair<std::string, std::vector<int>>> fates;
  for (const JobStatusView& job : status.jobs) {
    if (!is_in_scope(job.key, scope)) continue;
    const std::string fate = fmt::format("{:<15} {}: {}", job.key.stage, job.status, job.reason);
    const auto same = std::find_if(fates.begin(), fates.end(),
                                   [&](const auto& known) { return known.first == fate; });
    if (same == fates.end())
      fates.push_back({fate, {job.key.subrun}});
    else
      same->second.push_back(job.key.subrun);
  }
  for (const auto& [fate, subruns] : fates)
    out << fmt::format("    {}  {}\n", ranges_text(subruns), fate);
}

/// Print what the last tries of one subrun's jobs took.
void print_tries(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  constexpr double megabyte = 1e6;
  for (const JobStatusView& job : status.jobs)
    if (job.attempts > 0 && is_in_scope(job.key, scope))
      out << fmt::format(
          "    {} {} {}, exit code {}, {} events, {} of time, {:.1f} s of CPU, {:.0f} MB, tried "
          "{}\n    log: {}\n",
          job.key.stage, job.last_end, job.ended_at.substr(0, 19), job.exit_code, job.events,
          duration_text(job.wall_s), job.cpu_s, static_cast<double>(job.max_rss_bytes) / megabyte,
          times_text(job.attempts), job.log_file);
}

/// The word for what a night is.
std::string standing_of(const NightStatus& status) {
  if (!status.complete()) return "not complete";
  if (!status.goes_on) return "complete";
  return fmt::format(
      "complete so far (more raw files may come until {} UTC, closing.earliest_hour)",
      status.summary.open_until.substr(11, 5));
}

}  // namespace

void print_status(const NightStatus& status, const StatusScope& scope, std::ostream& out) {
  const NightKey& key = status.summary.key;
  out << fmt::format("Night {} of {}, production {}: {}\n", key.date.iso(),
                     telescope_text(key.telescope), key.prod_id, standing_of(status));
  out << fmt::format(
      "{}; as of {}, {}\n", head_line(status), status.updated_at.substr(0, 19),
      scope.worker.empty() ? "nobody works on it now" : "under way by " + scope.worker);
  if (!scope.pause.empty() && status.progress.to_run > 0) out << scope.pause << '\n';
  NightSummary summary = status.summary;
  if (scope.run)
    std::erase_if(summary.runs, [&](const RunLine& line) { return line.run != *scope.run; });
  if (scope.run != whole_night) print_table(summary, out);
  if (scope.run) print_run(status, scope, out);
  if (scope.subrun) print_tries(status, scope, out);
  print_running(status, scope, out);
  if (!scope.run) print_missing(status, scope, out);
  print_failures(status, scope, out);
  for (const Trouble& trouble : troubles_without_jobs(status))
    if (is_in_scope(trouble.key, scope))
      out << fmt::format("{}: {}\n", job_name(trouble.key), trouble.reason);
  for (const Decision& decision : status.decisions)
    if (!scope.run || decision.run == whole_night || decision.run == *scope.run)
      out << "decision: " << decision.line() << '\n';
  if (scope.run) return;
  for (const std::string& note : summary.notes) out << "note: " << note << '\n';
  if (!summary.not_asked.empty()) out << "left: " << summary.not_asked << '\n';
}

}  // namespace alisio::night
