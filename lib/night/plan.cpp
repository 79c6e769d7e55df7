#include "lib/night/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/night/layout.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

/// A file that the stage can do without, and one of several.
bool may_be_left_out(const std::string& stage, const std::string& port, bool others) {
  for (const stage::PortDescription& known : stage::description(stage).inputs)
    if (known.name == port) return (known.many && others) || port == "run_summary";
  return false;
}

}  // namespace

void judge_job(NightPlan& plan, std::size_t position, const PlanSettings& settings,
               StateSnapshot& state, const PassEvents& events, FileView& files) {
  PlannedJob& planned = plan.jobs[position];
  const Job& job = planned.job;
  planned.inputs = job.inputs;
  if (events.running.contains(job.key)) {
    planned.step = {StepStatus::running, "running"};
    return;
  }
  if (const auto failed = events.given_up.find(job.key); failed != events.given_up.end()) {
    planned.step = {StepStatus::failed, failed->second};
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
  planned.step = judge({.job = job,
                        .inputs = planned.inputs,
                        .coming = std::move(coming),
                        .lost = std::move(lost),
                        .lost_port = std::move(lost_port),
                        .facts = settings.stages.at(job.key.stage),
                        .record = record == state.jobs.end() ? nullptr : &record->second,
                        .retry_failed = settings.retry_failed},
                       files);
}

std::size_t add_job(NightPlan& plan, Job job, const PlanSettings& settings, StateSnapshot& state,
                    const PassEvents& events, FileView& files) {
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
  planned.job = std::move(job);
  plan.jobs.push_back(std::move(planned));
  judge_job(plan, position, settings, state, events, files);
  return position;
}

std::size_t NightPlan::count(StepStatus status) const {
  return static_cast<std::size_t>(
      std::count_if(jobs.begin(), jobs.end(),
                    [&](const PlannedJob& planned) { return planned.step.status == status; }));
}

const PlannedJob* NightPlan::one_pass_partner(const PlannedJob& dl1) const {
  if (dl1.job.key.stage != "r0_to_dl1" || dl1.step.status != StepStatus::to_run) return nullptr;
  for (const std::size_t position : dl1.serves) {
    const PlannedJob& reader = jobs[position];
    if (reader.job.key.stage == "dl1_to_dl2" && reader.step.status == StepStatus::to_run &&
        reader.needs.size() == 1)
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
  rehashed.insert(rehashed.end(), files.rehashed().begin(), files.rehashed().end());
  return plan;
}

void Planner::update(NightPlan& plan, const std::vector<JobKey>& changed, StateSnapshot& state,
                     const PassEvents& events, std::vector<FileStamp>& rehashed) {
  FileView files(state, access_);
  // Makers stand before readers, so going through the positions in order is enough.
  std::set<std::size_t> open;
  for (std::size_t position = 0; position < plan.jobs.size(); ++position)
    if (std::find(changed.begin(), changed.end(), plan.jobs[position].job.key) != changed.end())
      open.insert(position);
  while (!open.empty()) {
    const std::size_t position = *open.begin();
    open.erase(open.begin());
    judge_job(plan, position, settings_, state, events, files);
    open.insert(plan.jobs[position].serves.begin(), plan.jobs[position].serves.end());
  }
  rehashed.insert(rehashed.end(), files.rehashed().begin(), files.rehashed().end());
}

bool Planner::changes_choices(const std::string& stage) {
  return stage == "find_tailcuts" || stage == "cat_b" || stage == "run_summary" ||
         std::any_of(constants_kinds.begin(), constants_kinds.end(),
                     [&](ConstantsKind kind) { return stage == facts_of(kind).stage; });
}

}  // namespace alisio::night
