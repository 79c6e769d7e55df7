#include "lib/night/show_records.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/json_text.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/table.hpp"

namespace alisio::night {
namespace {

/// Return the type of the runs that a stage works on.
std::string type_of(const std::string& stage) {
  for (const ConstantsKind kind : constants_kinds)
    if (facts_of(kind).stage == stage) return facts_of(kind).run_type;
  return "DATA";
}

bool reads_raw(const std::string& stage) {
  return stage == "r0_to_dl1" || type_of(stage) != "DATA";
}

StepRecord step_of(const JobRecord& job) {
  if (job.status == JobStatus::done) return {job.key, to_string(StepStatus::done), "as recorded"};
  if (job.status == JobStatus::failed) return {job.key, to_string(StepStatus::failed), job.message};
  return {job.key, to_string(StepStatus::to_run), "the last try was interrupted"};
}

void count(const JobRecord& job, RunLine& line) {
  StageCount& counts = line.stages[job.key.stage];
  if (job.status == JobStatus::done)
    ++counts.done;
  else if (job.status == JobStatus::failed)
    ++counts.failed;
  else
    ++counts.other;
  line.time_s += job.wall_s;
  if (reads_raw(job.key.stage)) line.events += job.events;
}

/// Return the lines of the runs that have jobs, or of which something is missing.
std::map<int, RunLine> lines_of(const std::vector<JobRecord>& jobs, const Completeness& found) {
  std::map<int, RunLine> lines;
  std::map<int, std::set<int>> subruns;
  for (const JobRecord& job : jobs) {
    if (job.key.run == whole_night) continue;
    RunLine& line = lines[job.key.run];
    line.type = type_of(job.key.stage);
    line.processed = true;
    count(job, line);
    if (job.key.subrun != whole_run) subruns[job.key.run].insert(job.key.subrun);
  }
  for (auto& [run, line] : lines)
    line.subruns = line.expected_subruns = static_cast<int>(subruns[run].size());
  for (const RunCompleteness& run : found.runs) {
    RunLine& line = lines[run.run];
    if (line.type.empty()) line.type = "DATA";
    line.expected_subruns = std::max(line.expected_subruns, run.expected_subruns);
  }
  for (auto& [run, line] : lines) line.run = run;
  return lines;
}

}  // namespace

void show_records(State& state, const NightKey& night, const std::filesystem::path& products,
                  const std::vector<JobRecord>& jobs, const Completeness& found) {
  NightSummary summary;
  summary.key = night;
  summary.folders.dl1 = production_folder(products, "DL1", night);
  summary.folders.dl2 = production_folder(products, "DL2", night);
  for (auto& [run, line] : lines_of(jobs, found)) summary.runs.push_back(std::move(line));
  std::vector<StepRecord> steps;
  for (const JobRecord& job : jobs) {
    steps.push_back(step_of(job));
    if (job.status != JobStatus::done)
      summary.troubles.push_back({job.key, steps.back().reason, job.log_file, job.log_tail});
  }
  for (const RunCompleteness& run : found.runs)
    for (const auto& missing : run.missing)
      summary.troubles.push_back({{"r0_to_dl1", run.run, missing.subrun}, missing.reason, "", ""});
  summary.notes.emplace_back("this is told by the records alone, without a look at the raw files");
  state.show(night, json_text(summary_json(summary)), steps, {});
}

}  // namespace alisio::night
