#pragma once
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/night/plan.hpp"

namespace alisio::night {

/// Evaluate the quality gates of a file, once for each state of it. All pass if there is no file or
/// nobody to ask; a file that cannot be read fails.
/// @param expected of a run's data check: what the run should have
[[nodiscard]] Verdict evaluate_gates(const std::string& port, const std::filesystem::path& file,
                                     const PlanSettings& settings, FileView& files,
                                     Verdicts& verdicts, const ExpectedSubruns& expected = {});

/// Decide about one job of a plan, given what was decided about those that it needs.
void judge_job(NightPlan& plan, std::size_t position, const PlanSettings& settings,
               StateSnapshot& state, const PassEvents& events, FileView& files, Verdicts& verdicts);

/// Put a job at the end of a plan, after those that make its inputs, and decide about it.
/// @return its position
std::size_t add_job(NightPlan& plan, Job job, const PlanSettings& settings, StateSnapshot& state,
                    const PassEvents& events, FileView& files, Verdicts& verdicts);

/// Lay out the jobs of a night in the order of their dependencies, each decided about before the
/// next: which constants serve a run hangs on which of them could be made.
[[nodiscard]] NightPlan lay_out(const NightSetup& setup, const PlanSettings& settings,
                                StateSnapshot& state, const PassEvents& events, FileView& files,
                                Verdicts& verdicts);

}  // namespace alisio::night
