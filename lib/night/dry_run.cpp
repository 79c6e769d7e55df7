#include "lib/night/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/json_text.hpp"
#include "lib/night/file_hashes.hpp"
#include "lib/night/merge.hpp"
#include "lib/night/report.hpp"
#include "lib/night/table.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// What a dry run came to.
struct DryRun {
  const NightSummary& summary;
  int walked = 0;  ///< jobs
  bool complete = false;
  fs::path provenance;
  std::size_t data_runs = 0;
};

void print(const DryRun& run, bool as_json, std::ostream& out) {
  const NightSummary& summary = run.summary;
  if (as_json) {
    nlohmann::json document = summary_json(summary);
    document["complete"] = run.complete;
    document["dry_run"] = {{"jobs", run.walked}, {"provenance_folder", run.provenance.string()}};
    out << json_text(document, 2) << '\n';
    return;
  }
  out << fmt::format(
      "Dry run of night {} of {}, production {}: {} job{} of {} data run{} in {}; nothing was "
      "computed\n",
      summary.key.date.iso(), telescope_text(summary.key.telescope), summary.key.prod_id,
      run.walked, run.walked == 1 ? "" : "s", run.data_runs, run.data_runs == 1 ? "" : "s",
      duration_text(summary.wall_s));
  out << "planned provenance: " << run.provenance.string() << '\n';
  for (const Trouble& trouble : summary.troubles)
    out << fmt::format("note: {} {}: {}\n", job_name(trouble.key), trouble.key.stage,
                       trouble.reason);
  for (const std::string& note : summary.notes) out << "note: " << note << '\n';
}

}  // namespace

int dry_run_night(const NightSetup& setup, const PlanSettings& settings, State& state,
                  const PassOptions& options, const NightServices& services, bool as_json,
                  std::ostream& out) {
  if (!services.dry_run_stage)
    throw Error(ErrorKind::bug, "no way to walk through a stage was given");
  const auto start = std::chrono::steady_clock::now();
  StateSnapshot snapshot = state.snapshot(setup.key);
  std::vector<FileStamp> rehashed;
  Planner planner(setup, settings, disk_access(services));
  const NightPlan plan = planner.plan(snapshot, {}, rehashed);
  state.remember_files(rehashed);

  const CommandWriter writer{.setup = setup,
                             .config_file = options.config_file,
                             .scratch = options.scratch,
                             .threads = options.threads,
                             .dry_run = true};
  std::vector<FileStamp> known;
  for (const PlannedJob& planned : plan.jobs)
    for (const PortFile& input : planned.inputs)
      if (const auto file = snapshot.files.find(input.path);
          file != snapshot.files.end() && input.port != "r0_subrun")
        known.push_back(file->second);
  write_known_hashes(writer.known_hashes_file(), known);

  NightSummary summary = summarize(setup, snapshot, plan, {});
  summary.notes = setup.catalogue.notes;
  summary.troubles.clear();
  std::set<fs::path> cleared;
  std::map<int, std::vector<std::string>> did;  ///< stages by run
  std::set<std::string> lost;                   ///< products that would not be made
  int walked = 0;
  std::vector<std::string> merge_faults;
  for (const PlannedJob& planned : plan.jobs) {
    const JobKey& key = planned.job.key;
    const fs::path journal = setup.folders.journal(key, true);
    std::error_code ignored;
    if (cleared.insert(journal).second) fs::remove_all(journal, ignored);
    const auto lose = [&] {
      for (const PortFile& product : planned.job.products) lost.insert(product.path);
    };
    const auto fail = [&](const std::string& why) {
      lose();
      summary.troubles.push_back({.key = key, .reason = why, .log_file = {}, .log_tail = {}});
    };
    if (!planned.job.obstacle.empty()) {
      fail("would not run: " + planned.job.obstacle);
      continue;
    }
    // What hangs on a job that cannot run has been told with that job.
    if (std::any_of(planned.inputs.begin(), planned.inputs.end(),
                    [&](const PortFile& input) { return lost.contains(input.path); })) {
      lose();
      continue;
    }
    try {
      services.dry_run_stage(writer.write(planned, nullptr));
      ++walked;
      std::vector<std::string>& stages = did[key.run];
      if (std::find(stages.begin(), stages.end(), key.stage) == stages.end())
        stages.push_back(key.stage);
    } catch (const Error& error) {
      fail(error.what());
    }
  }
  if (services.merge)
    for (const auto& [run, stages] : did) {
      if (run == whole_night) continue;
      const bool both = std::find(stages.begin(), stages.end(), "dl1_to_dl2") != stages.end();
      for (const std::string& stage : documented_stages(stages))
        if (std::string fault = merge(services, merge_job(setup, plan, stage, run, both, true));
            !fault.empty())
          merge_faults.push_back(std::move(fault));
    }
  if (services.merge && walked > 0) {
    std::vector<MergeJob> jobs = observation_merge_jobs(setup, plan, true);
    std::erase_if(jobs, [&](const MergeJob& job) {
      return std::none_of(job.runs.begin(), job.runs.end(),
                          [&](int run) { return did.contains(run); });
    });
    jobs.push_back(night_merge_job(setup, plan, true));
    for (const MergeJob& job : jobs)
      if (std::string fault = merge(services, job); !fault.empty())
        merge_faults.push_back(std::move(fault));
  }
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.notes.insert(summary.notes.end(), merge_faults.begin(), merge_faults.end());
  const bool complete = summary.complete() && merge_faults.empty();
  print({summary, walked, complete, setup.folders.log("r0_to_dl1", true), setup.runs.size()},
        as_json, out);
  return complete ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::night
