#include "lib/night/followed.hpp"

#include <algorithm>

#include "lib/night/instant.hpp"

namespace alisio::night {
namespace {

/// True if a failed job still waits for the try that it is owed.
bool owes_try(const Decision& retry, const NightPlan& plan, const StateSnapshot& recorded) {
  return std::any_of(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& planned) {
    const JobKey& key = planned.job.key;
    if (!retry.concerns(key) || planned.step.done()) return false;
    const auto record = recorded.jobs.find(key);
    return planned.step.under_way() ||
           (record != recorded.jobs.end() && record->second.status == JobStatus::failed &&
            record->second.ended_at <= retry.at);
  });
}

/// True if a job was made before it was vetoed. Were the decision to make it again over, what was
/// made would be current, and come back into the products that it has left.
bool was_made(const PlannedJob& planned, const StateSnapshot& recorded) {
  const auto record = recorded.jobs.find(planned.job.key);
  return record != recorded.jobs.end() && record->second.status == JobStatus::done;
}

}  // namespace

bool is_followed(const Decision& decision, const NightPlan& plan, const StateSnapshot& recorded,
                 const std::vector<int>& asked) {
  const bool seen_whole = asked.empty() || (decision.run != whole_night &&
                                            std::count(asked.begin(), asked.end(), decision.run));
  if (!seen_whole) return false;
  if (decision.kind == DecisionKind::retry) return !owes_try(decision, plan, recorded);
  if (decision.kind != DecisionKind::redo) return false;
  const auto meant = [&](const PlannedJob& planned) {
    return planned.redo != nullptr && planned.redo->id == decision.id;
  };
  return std::any_of(plan.jobs.begin(), plan.jobs.end(), meant) &&
         std::all_of(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& planned) {
           return !meant(planned) || planned.step.done() ||
                  (planned.step.status == StepStatus::vetoed && !was_made(planned, recorded));
         });
}

void end_followed(State& state, const NightKey& night, Decision decision,
                  const DecisionWriter& write) {
  decision.ended_at = utc_now_after(latest_instant(state, night));
  decision.ended_by = "alisio";
  decision.ended_why = "it was followed";
  if (write) write(decision);
  record_end(state, decision);
}

}  // namespace alisio::night
