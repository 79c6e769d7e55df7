#pragma once
#include <map>
#include <string>
#include <vector>

#include "lib/night/plan.hpp"

namespace alisio::night {

/// Return the jobs that are recorded as done and do not stand in the plan, and of whose recorded
/// inputs one has changed, was discarded or was made anew since; each with the reason in one line.
/// Steps that were switched off are not planned, and what they made stays in place. An input that
/// is gone says nothing.
[[nodiscard]] std::map<JobKey, std::string> find_not_current(const NightPlan& plan,
                                                             const StateSnapshot& state,
                                                             const std::vector<Decision>& decisions,
                                                             FileView& files);

/// Return one line a job for people, of those that no pass with the same steps would make again.
[[nodiscard]] std::vector<std::string> not_current_notes(
    const std::map<JobKey, std::string>& not_current, const NightSetup& setup,
    const NightPlan& plan, const StateSnapshot& state);

}  // namespace alisio::night
