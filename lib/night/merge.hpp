#pragma once
#include <string>
#include <vector>

#include "lib/night/night.hpp"

namespace alisio::night {

/// Return the stages that get documents of their own, with what was done of a run.
/// @param did the stages that have an activity
[[nodiscard]] std::vector<std::string> documented_stages(const std::vector<std::string>& did);

/// Return the file name of the merged record: "r0_to_dl1_11220_prov.json".
[[nodiscard]] std::string document_name(const std::string& stage, int run);

/// Return all that merging needs to know of one run and stage.
[[nodiscard]] MergeJob merge_job(const NightSetup& setup, const NightPlan& plan,
                                 const std::string& stage, int run, bool link, bool dry_run);

/// Return all that merging needs to know of the whole night.
[[nodiscard]] MergeJob night_merge_job(const NightSetup& setup, const NightPlan& plan,
                                       bool dry_run);
/// Return the same of each observation of the night: consecutive data runs of one source, as far as
/// the drive's target log tells.
[[nodiscard]] std::vector<MergeJob> observation_merge_jobs(const NightSetup& setup,
                                                           const NightPlan& plan, bool dry_run);

/// Merge. Return "" or, if that fails, one line that says why.
[[nodiscard]] std::string merge(const NightServices& services, const MergeJob& job);

}  // namespace alisio::night
