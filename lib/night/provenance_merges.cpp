#include "lib/night/provenance_merges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/hash.hpp"
#include "lib/night/merge.hpp"

namespace alisio::night {
namespace fs = std::filesystem;

void ProvenanceMerges::merge_run(const MergeView& night, int run) {
  std::string activities;
  std::vector<std::string> did;
  for (const PlannedJob& planned : night.plan.jobs) {
    if (planned.job.key.run != run) continue;
    const auto record = night.snapshot.jobs.find(planned.job.key);
    if (record == night.snapshot.jobs.end() || record->second.activity_id.empty()) continue;
    const JobKey& key = planned.job.key;
    activities += fmt::format("{} {} {}\n", key.stage, key.subrun, record->second.activity_id);
    if (std::find(did.begin(), did.end(), key.stage) == did.end()) did.push_back(key.stage);
  }
  if (!services_.merge || run == whole_night) return;
  const std::string signature = hash_text(activities);
  const bool both = std::find(did.begin(), did.end(), "dl1_to_dl2") != did.end();
  for (const std::string& stage : documented_stages(did)) {
    const fs::path document = night.setup.folders.log(stage) / document_name(stage, run);
    if (fs::exists(document) && state_.merged_signature(night.setup.key, stage, run) == signature)
      continue;
    const std::string fault =
        merge(services_, merge_job(night.setup, night.plan, stage, run, both, false));
    if (fault.empty()) {
      state_.set_merged(night.setup.key, stage, run, signature);
      merged_a_run_ = true;
    } else {
      notes_.push_back(fault);
    }
  }
}

/// The documents of the night and of its observations name those of the runs, so they come last.
void ProvenanceMerges::merge_night(const MergeView& night) {
  if (!services_.merge) return;
  std::string activities;
  for (const PlannedJob& planned : night.plan.jobs)
    if (const auto record = night.snapshot.jobs.find(planned.job.key);
        record != night.snapshot.jobs.end() && !record->second.activity_id.empty())
      activities += fmt::format("{} {} {} {}\n", planned.job.key.stage, planned.job.key.run,
                                planned.job.key.subrun, record->second.activity_id);
  if (activities.empty()) return;
  const std::string signature = hash_text(activities);
  const fs::path document = night.setup.folders.log("r0_to_dl1") /
                            fmt::format("night_{}_prov.json", night.setup.key.date.compact());
  if (!merged_a_run_ && fs::exists(document) &&
      state_.merged_signature(night.setup.key, "night", whole_night) == signature)
    return;
  std::vector<MergeJob> jobs = observation_merge_jobs(night.setup, night.plan, false);
  // A run of which nothing was done yet is no reason to complain.
  std::erase_if(jobs, [&](const MergeJob& job) {
    return std::none_of(
        night.plan.jobs.begin(), night.plan.jobs.end(), [&](const PlannedJob& planned) {
          const auto record = night.snapshot.jobs.find(planned.job.key);
          return record != night.snapshot.jobs.end() && !record->second.activity_id.empty() &&
                 std::find(job.runs.begin(), job.runs.end(), planned.job.key.run) != job.runs.end();
        });
  });
  jobs.push_back(night_merge_job(night.setup, night.plan, false));
  bool all_merged = true;
  for (const MergeJob& job : jobs)
    if (std::string fault = merge(services_, job); !fault.empty()) {
      notes_.push_back(std::move(fault));
      all_merged = false;
    }
  if (!all_merged) return;
  state_.set_merged(night.setup.key, "night", whole_night, signature);
  merged_a_run_ = false;
}

void ProvenanceMerges::merge_all(const MergeView& night) {
  notes_.clear();
  std::set<int> runs;
  for (const PlannedJob& planned : night.plan.jobs) runs.insert(planned.job.key.run);
  // Documents of runs that grow would be made again with each subrun.
  const std::set<int>& taken = night.setup.taken_runs;
  for (const int run : runs)
    if (!taken.contains(run)) merge_run(night, run);
  if (taken.empty()) merge_night(night);
}

}  // namespace alisio::night
