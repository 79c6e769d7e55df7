#include "lib/night/agenda.hpp"

#include <algorithm>

namespace alisio::night {
namespace {

/// True if all that a job still waits for is under way, and its command is the same whatever these
/// jobs come to. A failure of theirs is another matter: then it is not to run.
bool can_wait_in_queue(const NightPlan& plan, const PlannedJob& planned) {
  if (!planned.job.gate.path.empty()) return false;
  return std::all_of(planned.needs.begin(), planned.needs.end(), [&](std::size_t need) {
    const PlannedJob& maker = plan.jobs[need];
    return !maker.step.pending() ||
           (maker.step.under_way() && !Planner::changes_choices(maker.job.key.stage));
  });
}

void put(std::set<std::size_t>& positions, std::size_t position, bool in) {
  if (in)
    positions.insert(position);
  else
    positions.erase(position);
}

}  // namespace

Agenda::Agenda(const NightPlan& plan) : pending_(plan.jobs.size(), false) {
  for (std::size_t position = 0; position < plan.jobs.size(); ++position) {
    if (plan.jobs[position].job.last) last_.push_back(position);
    note(plan, position);
  }
}

void Agenda::update(const NightPlan& plan, const std::vector<std::size_t>& positions) {
  for (const std::size_t position : positions) note(plan, position);
}

void Agenda::note(const NightPlan& plan, std::size_t position) {
  const PlannedJob& planned = plan.jobs[position];
  const bool pending = planned.step.pending();
  if (pending != pending_[position]) {
    pending_[position] = pending;
    const int change = pending ? 1 : -1;
    pending_of_[planned.job.key.run] += change;
    pending_count_ += static_cast<std::size_t>(change);
  }
  const bool to_run = planned.step.status == StepStatus::to_run;
  const bool can_start =
      to_run && !planned.job.last &&
      std::none_of(planned.needs.begin(), planned.needs.end(),
                   [&](std::size_t need) { return plan.jobs[need].step.pending(); });
  put(ready_, position, can_start);
  put(ahead_, position,
      to_run && !can_start && !planned.job.last && can_wait_in_queue(plan, planned));
  put(to_start_, position, to_run && !plan.goes_with_dl1(planned));
}

std::vector<std::size_t> Agenda::ready(const NightPlan& plan, bool ahead) const {
  // What kind of run each is, and with that what becomes of it, comes from the run summary.
  if (!plan.jobs.empty() && plan.jobs.front().job.key.stage == "run_summary" &&
      plan.jobs.front().step.pending())
    return ready_.contains(0) ? std::vector<std::size_t>{0} : std::vector<std::size_t>{};
  std::vector<std::size_t> positions(ready_.begin(), ready_.end());
  if (ahead) positions.insert(positions.end(), ahead_.begin(), ahead_.end());
  for (const std::size_t position : last_)
    if (pending_count_ == 1 && plan.jobs[position].step.status == StepStatus::to_run)
      positions.push_back(position);
  return positions;
}

bool Agenda::is_open(int run) const {
  const auto known = pending_of_.find(run);
  return known != pending_of_.end() && known->second > 0;
}

}  // namespace alisio::night
