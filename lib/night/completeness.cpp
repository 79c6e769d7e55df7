#include "lib/night/completeness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lib/night/absent.hpp"
#include "lib/night/root_cause.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

constexpr double hour_s = 3600;

constexpr const char* limit_key = "closing.allowed_missing_subruns";

/// Only what is not made for want of something else's product is a trouble of its own.
bool is_root_cause(const PlannedJob& planned, const NightPlan& plan) {
  return planned.step.status == StepStatus::failed || !waits_for_another(planned, plan);
}

RunCompleteness run_of(const RunEntry& entry, const NightPlan& plan, const DataVerdicts& verdicts,
                       const std::vector<Decision>& decisions, const std::set<int>& accepted) {
  RunCompleteness run;
  run.run = entry.run;
  run.expected_subruns = entry.full_number();
  for (const int subrun : absent_subruns(entry, plan, decisions))
    run.missing.push_back({subrun, "", "there are no raw files"});
  for (const int subrun : unreadable_subruns(entry, decisions))
    run.missing.push_back(
        {subrun, "r0_to_dl1", fmt::format("the {} calls the run ERROR", entry.type_from)});
  const auto verdict = verdicts.find({entry.run, whole_run});
  if (verdict != verdicts.end() && !verdict->second.passed && !accepted.contains(entry.run))
    run.failed_gates = verdict->second.text;
  return run;
}

void add_trouble(const PlannedJob& planned, Completeness& found) {
  const JobKey& key = planned.job.key;
  const auto run = std::find_if(found.runs.begin(), found.runs.end(),
                                [&](const RunCompleteness& known) { return known.run == key.run; });
  if (run == found.runs.end() || key.subrun == whole_run) {
    found.unfinished.push_back({key, planned.step.reason});
    return;
  }
  const auto told = std::any_of(run->missing.begin(), run->missing.end(),
                                [&](const auto& other) { return other.subrun == key.subrun; });
  if (!told) run->missing.push_back({key.subrun, key.stage, planned.step.reason});
}

/// True if no subrun of any data run got as far as DL1, for another reason than want of raw files.
bool nothing_was_made(const Completeness& found) {
  bool any_raw = false;
  for (const RunCompleteness& run : found.runs) {
    if (static_cast<int>(run.missing.size()) < run.expected_subruns) return false;
    for (const MissingSubrun& one : run.missing) {
      if (!one.stage.empty() && one.stage != "r0_to_dl1" && one.stage != "gain_select")
        return false;
      any_raw = any_raw || !one.stage.empty();
    }
  }
  return any_raw;
}

std::string subruns_text(const std::vector<MissingSubrun>& missing) {
  std::vector<int> subruns;
  for (const MissingSubrun& one : missing) subruns.push_back(one.subrun);
  return ranges_text(subruns);
}

}  // namespace

ClosingPolicy closing_policy(const config::Configuration& configuration) {
  return {.automatic = configuration.boolean("closing.auto"),
          .earliest_hour = configuration.number("closing.earliest_hour"),
          .incomplete_hour = configuration.number("closing.incomplete_hour"),
          .allowed_missing = config::MissingLimit::parse(configuration.text(limit_key)).value(),
          .gates_required = configuration.text("closing.gates") == "require",
          .lstosa_flags = configuration.boolean("closing.lstosa_flags"),
          .reopens_for_late_raw = configuration.boolean("closing.reopen_for_late_raw"),
          .key = configuration.path("closing.key"),
          .products = configuration.path("paths.products"),
          .osa = configuration.path("paths.osa"),
          .running_analysis = configuration.path("paths.running_analysis")};
}

bool Completeness::complete() const {
  return pending.empty() && unfinished.empty() &&
         std::all_of(runs.begin(), runs.end(),
                     [](const RunCompleteness& run) { return run.missing.empty(); });
}

Completeness assess_completeness(const NightSetup& setup, const NightPlan& plan,
                                 const DataVerdicts& verdicts,
                                 const std::vector<Decision>& decisions,
                                 const std::set<int>& accepted) {
  Completeness found;
  for (const RunEntry& entry : setup.catalogue.runs)
    if ((entry.type == "DATA" || !unreadable_subruns(entry, {}).empty()) &&
        !plan.vetoed.contains(entry.run))
      found.runs.push_back(run_of(entry, plan, verdicts, decisions, accepted));
  for (const PlannedJob& planned : plan.jobs) {
    if (planned.step.done() || planned.step.status == StepStatus::vetoed) continue;
    if (planned.step.pending())
      found.pending.push_back({planned.job.key, planned.step.reason});
    else if (is_root_cause(planned, plan))
      add_trouble(planned, found);
  }
  for (RunCompleteness& run : found.runs)
    std::sort(run.missing.begin(), run.missing.end(),
              [](const auto& left, const auto& right) { return left.subrun < right.subrun; });
  return found;
}

std::vector<std::string> missing_lines(const Completeness& found) {
  std::vector<std::string> lines;
  for (const RunCompleteness& run : found.runs)
    for (const MissingSubrun& missing : run.missing)
      lines.push_back(
          fmt::format("{}.{}: {}", run_text(run.run), subrun_text(missing.subrun), missing.reason));
  for (const std::vector<OpenJob>* jobs : {&found.unfinished, &found.pending})
    for (const OpenJob& job : *jobs)
      lines.push_back(fmt::format("{} {}: {}", job_name(job.key), job.key.stage, job.reason));
  return lines;
}

std::vector<std::string> obstacles_to_closing(const Completeness& found,
                                              const ClosingPolicy& policy) {
  std::vector<std::string> obstacles;
  if (!found.pending.empty()) {
    const OpenJob& first = found.pending.front();
    obstacles.push_back(fmt::format("{} job{} can still run, the first of them {} {}: {}",
                                    found.pending.size(), found.pending.size() == 1 ? "" : "s",
                                    first.key.stage, job_name(first.key), first.reason));
  }
  if (nothing_was_made(found))
    obstacles.push_back("nothing could be made of any data run, though there are raw files");
  for (const RunCompleteness& run : found.runs) {
    const int missing = static_cast<int>(run.missing.size());
    if (!policy.allowed_missing.allows(missing, run.expected_subruns))
      obstacles.push_back(
          fmt::format("run {} lacks {} of its {} subruns ({}), {} may be missing ({})",
                      run_text(run.run), missing, run.expected_subruns, subruns_text(run.missing),
                      policy.allowed_missing.text(), limit_key));
    if (policy.gates_required && !run.failed_gates.empty())
      obstacles.push_back(fmt::format("the data of run {} fail their gates: {} (closing.gates)",
                                      run_text(run.run), run.failed_gates));
  }
  return obstacles;
}

double hour_after(const NightDate& night, double unix_utc_s) {
  return (unix_utc_s - instant_at_hour(night, 0)) / hour_s;
}

double instant_at_hour(const NightDate& night, double hour) {
  const std::chrono::sys_days evening = std::chrono::year(night.year) / night.month / night.day;
  const auto midnight = (evening + std::chrono::days(1)).time_since_epoch();
  return std::chrono::duration<double>(midnight).count() + hour * hour_s;
}

}  // namespace alisio::night
