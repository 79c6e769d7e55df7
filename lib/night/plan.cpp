#include "lib/night/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "lib/base/error.hpp"
#include "lib/night/layout.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

/// A file that the stage can do without, and one of several.
bool may_be_left_out(const std::string& stage, const std::string& port, bool others) {
  for (const stage::PortDescription& known : stage::description(stage).inputs)
    if (known.name == port)
      return (known.many && (others || !known.required)) || port == "run_summary";
  return false;
}

/// Return the latest decision to make a job, or one of those before it, again.
const Decision* redo_of(const NightPlan& plan, const PlannedJob& planned,
                        const std::vector<Decision>& decisions) {
  const Decision* latest = nullptr;
  const auto consider = [&](const Decision* decision) {
    if (decision != nullptr && (latest == nullptr || latest->at < decision->at)) latest = decision;
  };
  for (const Decision& decision : decisions)
    if (decision.kind == DecisionKind::redo && decision.concerns(planned.job.key))
      consider(&decision);
  for (const std::size_t need : planned.needs) consider(plan.jobs[need].redo);
  return latest;
}

/// Return the decision for which a job is tried once more, whatever it came to; nullptr: there is
/// none.
const Decision* owed_try(const PlannedJob& planned, const JobRecord& record,
                         const std::vector<Decision>& decisions) {
  if (planned.redo != nullptr && record.ended_at <= planned.redo->at) return planned.redo;
  return owed_retry(decisions, record);
}

/// Why a job's products are not current though its record stands, or "".
std::string outdated(const PlannedJob& planned, const JobRecord& record,
                     const StateSnapshot& state) {
  const Job& job = planned.job;
  if (planned.redo != nullptr && record.ended_at <= planned.redo->at) return planned.redo->text();
  if (record.ended_at <= job.outdated_until) return job.outdated;
  if (job.last && std::any_of(state.jobs.begin(), state.jobs.end(), [&](const auto& other) {
        return other.second.ended_at > record.ended_at;
      }))
    return "the night went on since";
  return "";
}

/// Return another production that uses what a job makes for all of them, or "".
std::string used_by(const Job& job, const PlanSettings& settings) {
  if (!job.shared) return {};
  for (const PortFile& product : job.products)
    if (const auto other = settings.used_elsewhere.find(product.path);
        other != settings.used_elsewhere.end())
      return other->second;
  return {};
}

/// Return who needs a product of a job that was cleaned, or "".
std::string wanted_by(const NightPlan& plan, const JobKey& key) {
  const auto recalled = plan.recalled.find(key);
  return recalled == plan.recalled.end() ? std::string() : recalled->second;
}

/// Find the jobs that must be done again because some of these jobs is to run and reads what was
/// cleaned. @return their positions, each once in the life of the plan
std::set<std::size_t> recall(NightPlan& plan, const std::vector<std::size_t>& positions,
                             FileView& files) {
  std::set<std::size_t> recalled;
  for (const std::size_t position : positions) {
    const PlannedJob& reader = plan.jobs[position];
    // One that lacks an input would run if it were there.
    const bool runs =
        reader.step.status == StepStatus::to_run ||
        (reader.step.status == StepStatus::missing_input && reader.job.obstacle.empty());
    if (!runs) continue;
    for (const PortFile& input : reader.inputs) {
      const auto maker = plan.makers.find(input.path);
      if (maker == plan.makers.end() || !plan.jobs[maker->second].step.done() ||
          files.exists(input.path))
        continue;
      const JobKey& key = reader.job.key;
      if (plan.recalled
              .emplace(plan.jobs[maker->second].job.key,
                       fmt::format("{} {}", key.stage, job_name(key)))
              .second)
        recalled.insert(maker->second);
    }
  }
  return recalled;
}

}  // namespace

void judge_job(NightPlan& plan, std::size_t position, const PlanSettings& settings,
               StateSnapshot& state, const PassEvents& events, FileView& files,
               Verdicts& verdicts) {
  PlannedJob& planned = plan.jobs[position];
  const Job& job = planned.job;
  planned.inputs = job.inputs;
  planned.redo = redo_of(plan, planned, settings.decisions);
  if (events.running.contains(job.key)) {
    planned.step = events.step_under_way(job.key);
    return;
  }
  if (const auto failed = events.given_up.find(job.key); failed != events.given_up.end()) {
    planned.step = obey(settings.decisions, job.key, {StepStatus::failed, failed->second});
    return;
  }
  const auto maker_of = [&](const PortFile& input) -> const PlannedJob* {
    const auto maker = plan.makers.find(input.path);
    return maker == plan.makers.end() ? nullptr : &plan.jobs[maker->second];
  };

  planned.inputs.clear();
  std::set<std::string> coming;
  std::string lost, lost_port;
  for (const PortFile& input : job.inputs) {
    const PlannedJob* maker = maker_of(input);
    if (maker == nullptr || maker->step.done()) {
      planned.inputs.push_back(input);
    } else if (maker->step.pending()) {
      planned.inputs.push_back(input);
      coming.insert(input.path);
    } else {
      const bool others =
          std::any_of(job.inputs.begin(), job.inputs.end(), [&](const PortFile& other) {
            const PlannedJob* its = maker_of(other);
            return other.port == input.port && its != nullptr &&
                   (its->step.done() || its->step.pending());
          });
      if (may_be_left_out(job.key.stage, input.port, others)) continue;
      planned.inputs.push_back(input);
      coming.insert(input.path);
      if (!lost.empty()) continue;
      lost = maker->step.reason;
      lost_port = input.port;
    }
  }
  const auto record = state.jobs.find(job.key);
  planned.step = judge(
      {.job = job,
       .inputs = planned.inputs,
       .coming = std::move(coming),
       .lost = std::move(lost),
       .lost_port = std::move(lost_port),
       .facts = settings.stages.at(job.key.stage),
       .record = record == state.jobs.end() ? nullptr : &record->second,
       .outdated =
           record == state.jobs.end() ? std::string() : outdated(planned, record->second, state),
       .retry_failed = settings.retry_failed,
       .retry = record == state.jobs.end() ? nullptr
                                           : owed_try(planned, record->second, settings.decisions),
       .cleaned = &settings.cleaned,
       .wanted_by = wanted_by(plan, job.key),
       .used_by = used_by(job, settings)},
      files);
  planned.step = obey(settings.decisions, job.key, std::move(planned.step));
  // What was made when somebody accepted the data stands.
  if (job.gate.path.empty() || planned.step.done() || planned.step.status == StepStatus::vetoed ||
      settings.accepted.contains(job.key.run))
    return;
  const PlannedJob* checker = maker_of(job.gate);
  if (checker == nullptr || !checker->step.done()) return;
  if (const Verdict found = evaluate_gates(job.gate.port, job.gate.path, settings, files, verdicts);
      !found.passed)
    planned.step = {StepStatus::blocked,
                    fmt::format("its data fail their gates: {} (--accept {} goes on)", found.text,
                                job.key.run)};
}

Verdict evaluate_gates(const std::string& port, const std::filesystem::path& file,
                       const PlanSettings& settings, FileView& files, Verdicts& verdicts,
                       const ExpectedSubruns& expected) {
  const std::optional<FileStamp> stamp = files.stamp(file.string());
  if (!settings.check_constants || !stamp) return {};
  std::string gates = settings.gates;
  if (expected != ExpectedSubruns())
    gates += fmt::format("; of {} subruns without {}", expected.number,
                         fmt::join(expected.left_out, ","));
  const auto known = verdicts.by_path.find(file.string());
  if (known != verdicts.by_path.end() && same_stamp(known->second.file, *stamp) &&
      known->second.gates == gates)
    return known->second.verdict;
  JudgedFile judged{*stamp, std::move(gates), {}};
  judged.file.path = file.string();
  std::optional<Verdict> before;
  if (settings.known_verdict) before = settings.known_verdict(judged.gates, judged.file);
  if (before) {
    judged.verdict = *before;
  } else {
    try {
      judged.verdict = settings.check_constants(port, file, expected);
      verdicts.fresh.push_back(judged);
    } catch (const Error& error) {
      // That a file could not be read may pass.
      judged.verdict = {.passed = false, .text = error.what(), .unreadable = true};
    }
  }
  return verdicts.by_path.insert_or_assign(file.string(), std::move(judged)).first->second.verdict;
}

std::size_t add_job(NightPlan& plan, Job job, const PlanSettings& settings, StateSnapshot& state,
                    const PassEvents& events, FileView& files, Verdicts& verdicts) {
  const std::size_t position = plan.jobs.size();
  PlannedJob planned;
  for (const PortFile& input : job.inputs) {
    const auto maker = plan.makers.find(input.path);
    if (maker == plan.makers.end() ||
        std::find(planned.needs.begin(), planned.needs.end(), maker->second) != planned.needs.end())
      continue;
    planned.needs.push_back(maker->second);
    plan.jobs[maker->second].serves.push_back(position);
  }
  for (const PortFile& product : job.products) plan.makers[product.path] = position;
  plan.positions.emplace(job.key, position);
  planned.job = std::move(job);
  plan.jobs.push_back(std::move(planned));
  judge_job(plan, position, settings, state, events, files, verdicts);
  return position;
}

Step PassEvents::step_under_way(const JobKey& key) const {
  const auto waits = queued.find(key);
  return waits == queued.end() ? Step{StepStatus::running, "running"}
                               : Step{StepStatus::queued, waits->second};
}

std::size_t NightPlan::count(StepStatus status) const {
  return static_cast<std::size_t>(
      std::count_if(jobs.begin(), jobs.end(),
                    [&](const PlannedJob& planned) { return planned.step.status == status; }));
}

const PlannedJob* NightPlan::find(const JobKey& key) const {
  const auto position = positions.find(key);
  return position == positions.end() ? nullptr : &jobs[position->second];
}

const PlannedJob* NightPlan::one_pass_partner(const PlannedJob& dl1) const {
  if (dl1.job.key.stage != "r0_to_dl1" || dl1.step.status != StepStatus::to_run) return nullptr;
  for (const std::size_t position : dl1.serves) {
    const PlannedJob& reader = jobs[position];
    if (reader.job.key.stage == "dl1_to_dl2" && reader.step.status == StepStatus::to_run &&
        reader.needs.size() == 1 && reader.job.gate.path.empty())
      return &reader;
  }
  return nullptr;
}

bool NightPlan::goes_with_dl1(const PlannedJob& dl2) const {
  return dl2.job.key.stage == "dl1_to_dl2" && dl2.needs.size() == 1 &&
         one_pass_partner(jobs[dl2.needs.front()]) == &dl2;
}

NightPlan Planner::plan(StateSnapshot& state, const PassEvents& events,
                        std::vector<FileStamp>& rehashed) {
  FileView files(state, access_);
  NightPlan plan = lay_out(setup_, settings_, state, events, files, verdicts_);
  if (!settings_.cleaned.empty()) {
    std::vector<std::size_t> all(plan.jobs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    settle(plan, recall(plan, all, files), state, events, files);
  }
  rehashed.insert(rehashed.end(), files.rehashed().begin(), files.rehashed().end());
  return plan;
}

std::vector<std::size_t> Planner::update(NightPlan& plan, const std::vector<JobKey>& changed,
                                         StateSnapshot& state, const PassEvents& events,
                                         std::vector<FileStamp>& rehashed) {
  FileView files(state, access_);
  std::set<std::size_t> asked;
  for (const JobKey& key : changed)
    if (const auto known = plan.positions.find(key); known != plan.positions.end())
      asked.insert(known->second);
  const std::vector<std::size_t> seen = settle(plan, std::move(asked), state, events, files);
  rehashed.insert(rehashed.end(), files.rehashed().begin(), files.rehashed().end());
  return seen;
}

/// Decide anew about some jobs, about all that depends on them, and about what must be there for
/// them. @return the positions of the jobs that were looked at
std::vector<std::size_t> Planner::settle(NightPlan& plan, std::set<std::size_t> asked,
                                         StateSnapshot& state, const PassEvents& events,
                                         FileView& files) {
  std::vector<std::size_t> seen;
  while (!asked.empty()) {
    std::vector<std::size_t> judged;
    // Makers stand before readers, so going through the positions in order is enough.
    for (std::set<std::size_t> open = asked; !open.empty();) {
      const std::size_t position = *open.begin();
      open.erase(open.begin());
      PlannedJob& planned = plan.jobs[position];
      const Step before = planned.step;
      judge_job(plan, position, settings_, state, events, files, verdicts_);
      judged.push_back(position);
      // What stays as it was, and was not even asked about, changes nothing for its readers.
      if (asked.contains(position) || planned.step != before)
        open.insert(planned.serves.begin(), planned.serves.end());
    }
    seen.insert(seen.end(), judged.begin(), judged.end());
    asked = settings_.cleaned.empty() ? std::set<std::size_t>() : recall(plan, judged, files);
  }
  return seen;
}

DataVerdicts Planner::judge_data(const NightPlan& plan, StateSnapshot& state) {
  FileView files(state, access_);
  DataVerdicts verdicts;
  for (const PlannedJob& planned : plan.jobs) {
    if (!planned.step.done() || planned.job.key.run == whole_night) continue;
    for (const PortFile& product : planned.job.products)
      if (product.port == "dl1_datacheck" || product.port == "dl1_datacheck_run")
        verdicts[{planned.job.key.run, planned.job.key.subrun}] = evaluate_gates(
            product.port, product.path, settings_, files, verdicts_, planned.job.expected_subruns);
  }
  return verdicts;
}

bool Planner::changes_choices(const std::string& stage) {
  return stage == "find_tailcuts" || stage == "cat_b" || stage == "run_summary" ||
         std::any_of(constants_kinds.begin(), constants_kinds.end(),
                     [&](ConstantsKind kind) { return stage == facts_of(kind).stage; });
}

}  // namespace alisio::night
