#include "lib/night/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "lib/night/cleaned.hpp"
#include "lib/night/holds.hpp"
#include "lib/night/judge.hpp"
#include "lib/night/process.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

std::vector<JobStatusView> read_jobs(sqlite::Database& database, const NightKey& night) {
  sqlite::Statement query = database.prepare(
      "SELECT step.stage, step.run, step.subrun, step.status, step.reason, job.attempts, "
      "coalesce(job.status, ''), job.exit_code, coalesce(job.message, ''), "
      "coalesce(job.log_file, ''), coalesce(job.log_tail, ''), job.events, job.wall_s, job.cpu_s, "
      "job.max_rss_bytes, coalesce(job.ended_at, '') "
      "FROM step LEFT JOIN job USING (telescope, date, prod_id, stage, run, subrun) "
      "WHERE step.telescope = ? AND step.date = ? AND step.prod_id = ? "
      "ORDER BY step.run, step.subrun, step.stage");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::vector<JobStatusView> jobs;
  while (query.step()) {
    JobStatusView job;
    job.key = {query.text(0), static_cast<int>(query.integer(1)),
               static_cast<int>(query.integer(2))};
    job.status = query.text(3);
    job.reason = query.text(4);
    job.attempts = static_cast<int>(query.integer(5));
    job.last_end = query.text(6);
    job.exit_code = static_cast<int>(query.integer(7));
    job.message = query.text(8);
    job.log_file = query.text(9);
    job.log_tail = query.text(10);
    job.events = query.integer(11);
    job.wall_s = query.number(12);
    job.cpu_s = query.number(13);
    job.max_rss_bytes = static_cast<std::uint64_t>(query.integer(14));
    job.ended_at = query.text(15);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<RunningView> read_running(State& state, const NightKey& night) {
  const std::string here = host_name();
  std::vector<RunningView> running;
  for (ProcessRecord& process : state.unfinished_processes(night)) {
    RunningView view;
    view.jobs = std::move(process.jobs);
    view.pid = process.pid;
    view.lost = process.host == here && process.pid > 0 &&
                process_start_time(static_cast<pid_t>(process.pid)) != process.pid_start;
    view.host = std::move(process.host);
    view.started_at = std::move(process.started_at);
    view.log_file = std::move(process.log_file);
    running.push_back(std::move(view));
  }
  return running;
}

/// What the pass showed is up to a second old: processes under way are known better.
void mark_running(std::vector<RunningView>& running, std::vector<JobStatusView>& jobs) {
  std::map<JobKey, RunningView*> by_job;
  for (RunningView& process : running)
    if (!process.lost)
      for (const JobKey& key : process.jobs) by_job[key] = &process;
  const std::string word = to_string(StepStatus::running);
  for (JobStatusView& job : jobs) {
    const auto process = by_job.find(job.key);
    if (process != by_job.end() && job.status == to_string(StepStatus::queued)) {
      process->second->queued = true;
    } else if (process != by_job.end()) {
      job.running_since = process->second->started_at;
      job.status = job.reason = word;
    } else if (job.status == word) {
      job.reason = "its pass is gone; the next one finds out what became of it";
    }
  }
}

/// Count the jobs of each run as they stand now.
void count_again(const std::vector<JobStatusView>& jobs, NightSummary& summary) {
  std::map<int, RunLine*> lines;
  for (RunLine& line : summary.runs) {
    line.stages.clear();
    lines[line.run] = &line;
  }
  for (const JobStatusView& job : jobs) {
    const auto line = lines.find(job.key.run);
    if (line == lines.end()) continue;
    StageCount& count = line->second->stages[job.key.stage];
    if (job.status == to_string(StepStatus::done))
      ++count.done;
    else if (job.status == to_string(StepStatus::vetoed))
      ++count.vetoed;
    else if (job.last_end == "failed" && job.running_since.empty())
      ++count.failed;
    else
      ++count.other;
  }
}

/// Tell the troubles that are a job's own, and what they are known as.
void recognise_failures(const NightSummary& summary, std::vector<JobStatusView>& jobs) {
  std::set<JobKey> own;
  for (const Trouble& trouble : summary.troubles) own.insert(trouble.key);
  for (JobStatusView& job : jobs) {
    const bool failed = job.last_end == "failed" && job.running_since.empty() &&
                        job.status != to_string(StepStatus::done) &&
                        job.status != to_string(StepStatus::vetoed);
    const bool stuck = job.status == to_string(StepStatus::failed) ||
                       job.status == to_string(StepStatus::blocked) ||
                       job.status == to_string(StepStatus::missing_input);
    job.in_trouble = failed || (stuck && own.contains(job.key));
    if (failed)
      job.failure = classify({job.exit_code, job.message, job.log_tail, job.key.stage});
    else if (job.in_trouble)
      job.failure = classify({exit_code(ErrorKind::missing_input), job.reason, "", job.key.stage});
  }
}

/// Note that the jobs are shown as they were before operators decided something.
void tell_decided_since(State& state, const NightKey& night, NightStatus& status) {
  const std::vector<Decision> all = all_decisions(state, night);
  const auto is_new = [&](const Decision& decision) {
    return std::max(decision.at, decision.ended_at) > status.updated_at;
  };
  // Holds are told as they stand now: what they keep from being made is open without this.
  status.decided_since = std::any_of(all.begin(), all.end(), [&](const Decision& decision) {
    return decision.kind != DecisionKind::hold && is_new(decision);
  });
  if (std::any_of(all.begin(), all.end(), is_new))
    status.summary.notes.emplace_back(
        "operators have decided something since: the next pass follows it");
}

/// Tell what was cleaned since: no pass shows a closed night anew.
void tell_cleaned(State& state, const NightKey& night, NightStatus& status) {
  std::vector<CleanedFile> files = cleaned_files_of(state, night);
  // What could not be removed stands; the next cleaning tries it again.
  std::erase_if(files, [](const CleanedFile& file) {
    std::error_code ignored;
    return std::filesystem::exists(file.path, ignored);
  });
  if (files.empty()) return;
  const std::map<JobKey, std::string> jobs = cleaned_jobs(state, night);
  for (JobStatusView& job : status.jobs)
    if (const auto cleaned = jobs.find(job.key);
        cleaned != jobs.end() && job.status == to_string(StepStatus::done))
      job.reason = fmt::format("as recorded; products were cleaned by {}", cleaned->second);
  constexpr double megabyte = 1e6;
  std::uint64_t bytes = 0;
  const CleanedFile* last = &files.front();
  for (const CleanedFile& file : files) {
    bytes += file.size_bytes;
    if (last->at < file.at) last = &file;
  }
  status.summary.notes.push_back(
      fmt::format("{} file{} of {:.1f} MB {} cleaned, last by {}, {}", files.size(),
                  files.size() == 1 ? "" : "s", static_cast<double>(bytes) / megabyte,
                  files.size() == 1 ? "was" : "were", last->author, last->at.substr(0, 19)));
}

json subrun_json(int subrun) {
  return subrun == whole_run ? json() : json(subrun);
}

json key_json(const JobKey& key) {
  return {{"stage", key.stage}, {"run", key.run}, {"subrun", subrun_json(key.subrun)}};
}

json job_json(const JobStatusView& job) {
  json entry = key_json(job.key);
  entry["status"] = job.status;
  entry["reason"] = job.reason;
  entry["attempts"] = job.attempts;
  if (!job.running_since.empty()) entry["running_since"] = job.running_since;
  entry["in_trouble"] = job.in_trouble;
  if (job.failure)
    entry["failure"] = {{"class", to_string(job.failure->kind)},
                        {"cause", job.failure->cause},
                        {"advice", job.failure->advice},
                        {"try_again", to_string(job.failure->try_again)}};
  if (job.attempts == 0) return entry;
  entry["last_end"] = job.last_end;
  entry["exit_code"] = job.exit_code;
  entry["message"] = job.message;
  entry["log_file"] = job.log_file;
  entry["log_tail"] = job.log_tail;
  entry["events"] = job.events;
  entry["wall_s"] = job.wall_s;
  entry["cpu_s"] = job.cpu_s;
  entry["max_rss_bytes"] = job.max_rss_bytes;
  entry["ended_at"] = job.ended_at;
  return entry;
}

}  // namespace

NightProgress progress_of(const std::vector<JobStatusView>& jobs,
                          const std::vector<RunningView>& running, const std::string& now) {
  struct Mean {
    double sum_s = 0;
    int count = 0;
  };
  std::map<std::string, Mean> done;
  NightProgress progress;
  progress.jobs = static_cast<int>(jobs.size());
  for (const JobStatusView& job : jobs) {
    progress.done += job.status == to_string(StepStatus::done);
    progress.running += !job.running_since.empty();
    progress.queued += job.status == to_string(StepStatus::queued);
    progress.to_run += job.status == to_string(StepStatus::to_run);
    progress.in_trouble += job.status == to_string(StepStatus::failed) ||
                           job.status == to_string(StepStatus::blocked) ||
                           job.status == to_string(StepStatus::missing_input);
    if (job.last_end != "done" || job.wall_s <= 0) continue;
    done[job.key.stage].sum_s += job.wall_s;
    ++done[job.key.stage].count;
  }
  const auto at_once =
      std::count_if(running.begin(), running.end(),
                    [](const RunningView& process) { return !process.lost && !process.queued; });
  if (at_once == 0 || done.empty()) return progress;
  const auto mean_of = [&](const std::string& stage) {
    const auto mean = done.find(stage);
    if (mean != done.end()) return mean->second.sum_s / mean->second.count;
    progress.left_at_least = true;
    return 0.0;
  };
  double work_s = 0;
  for (const JobStatusView& job : jobs)
    if (job.status == to_string(StepStatus::to_run) || job.status == to_string(StepStatus::queued))
      work_s += mean_of(job.key.stage);
  for (const RunningView& process : running) {
    if (process.lost || process.queued) continue;
    double whole_s = 0;
    for (const JobKey& key : process.jobs) whole_s += mean_of(key.stage);
    work_s += std::max(0.0, whole_s - (unix_seconds(now) - unix_seconds(process.started_at)));
  }
  progress.left_s = work_s / static_cast<double>(at_once);
  return progress;
}

std::optional<NightStatus> read_status(State& state, const NightKey& night) {
  const std::optional<NightRecord> record = state.night(night);
  if (!record) return std::nullopt;
  NightStatus status;
  status.summary = parse_summary(json::parse(record->summary));
  status.updated_at = record->updated_at;
  status.jobs = read_jobs(state.database(), night);
  status.running = read_running(state, night);
  status.decisions = standing_decisions(state, night);
  status.summary.decisions.clear();
  for (const Decision& decision : status.decisions)
    status.summary.decisions.push_back(decision.line());
  show_holds(status.decisions, status.summary);
  mark_running(status.running, status.jobs);
  count_again(status.jobs, status.summary);
  recognise_failures(status.summary, status.jobs);
  tell_cleaned(state, night, status);
  tell_decided_since(state, night, status);
  for (const JobStatusView& job : status.jobs)
    ++status.counts[{job.key.run, job.key.stage}][job.status];
  const std::string now = utc_now_text();
  status.progress = progress_of(status.jobs, status.running, now);
  status.goes_on = status.summary.goes_on(now);
  return status;
}

std::vector<Trouble> troubles_without_jobs(const NightStatus& status) {
  std::vector<Trouble> troubles;
  for (const Trouble& trouble : status.summary.troubles)
    if (std::none_of(status.jobs.begin(), status.jobs.end(),
                     [&](const JobStatusView& job) { return job.key == trouble.key; }))
      troubles.push_back(trouble);
  return troubles;
}

json status_json(const NightStatus& status) {
  const NightProgress& progress = status.progress;
  json document{{"telescope", status.summary.key.telescope},
                {"date", status.summary.key.date.iso()},
                {"prod_id", status.summary.key.prod_id},
                {"updated_at", status.updated_at},
                {"complete", status.complete()},
                {"goes_on", status.goes_on},
                {"summary", summary_json(status.summary)}};
  document["progress"] = {{"jobs", progress.jobs},
                          {"done", progress.done},
                          {"running", progress.running},
                          {"queued", progress.queued},
                          {"to_run", progress.to_run},
                          {"in_trouble", progress.in_trouble},
                          {"left_s", progress.left_s ? json(*progress.left_s) : json()},
                          {"left_at_least", progress.left_at_least}};
  json& decisions = document["decisions"] = json::array();
  for (const Decision& decision : status.decisions)
    decisions.push_back({{"decision", to_string(decision.kind)},
                         {"run", decision.run},
                         {"subrun", subrun_json(decision.subrun)},
                         {"stage", decision.stage},
                         {"reason", decision.reason},
                         {"author", decision.author},
                         {"at", decision.at}});
  json& running = document["running"] = json::array();
  for (const RunningView& process : status.running) {
    json jobs = json::array();
    for (const JobKey& key : process.jobs) jobs.push_back(key_json(key));
    running.push_back({{"jobs", std::move(jobs)},
                       {"pid", process.pid},
                       {"host", process.host},
                       {"started_at", process.started_at},
                       {"log_file", process.log_file},
                       {"queued", process.queued},
                       {"lost", process.lost}});
  }
  json& jobs = document["jobs"] = json::array();
  for (const JobStatusView& job : status.jobs) jobs.push_back(job_json(job));
  return document;
}

}  // namespace alisio::night
