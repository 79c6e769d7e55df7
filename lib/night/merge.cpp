#include "lib/night/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/error.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/night/observation.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

bool contains(const std::vector<std::string>& list, const char* word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Add the journals of all constants that were made where a file lies, on the same date by the same
/// version: some of them were used to make it.
void add_journals_beside(const fs::path& file, const fs::path& tree, std::set<fs::path>& folders) {
  const fs::path version = file.parent_path();
  for (const ConstantsKind kind : constants_kinds) {
    const fs::path folder = tree / "Cat-A" / facts_of(kind).folder /
                            version.parent_path().filename() / version.filename() / "log";
    for (const fs::path& journals : {folder / "journal", folder / "dry_run" / "journal"})
      if (fs::is_directory(journals)) folders.insert(journals);
  }
}

/// Say what helps when the state knows that something was made, and no journal tells of it.
std::string lost_journals(const Error& error, const MergeJob& job) {
  const bool of_constants = std::ranges::any_of(
      constants_kinds, [&](ConstantsKind kind) { return job.stage == facts_of(kind).stage; });
  return fmt::format(
      "{}: {} (its journals are lost: bring the folder back from a copy, or have it made and "
      "recorded again: alisio reprocess {} --from {} --redo REASON)",
      job.journal_folders.empty() ? job.output_folder.string()
                                  : job.journal_folders.front().string(),
      error.problem(), job.date.compact(), of_constants ? job.stage : "r0_to_dl1");
}

}  // namespace

std::vector<std::string> documented_stages(const std::vector<std::string>& did) {
  std::vector<std::string> stages;
  for (const char* stage :
       {"drs4_pedestal", "camera_calibration", "r0_to_dl1", "dl1ab", "dl1_to_dl2", "merge_dl1",
        "merge_dl2", "merge_muons", "merge_datacheck", "dl3"})
    if (contains(did, stage)) stages.emplace_back(stage);
  if (contains(did, "time_calibration") && !contains(did, "camera_calibration"))
    stages.emplace_back("time_calibration");
  return stages;
}

std::string document_name(const std::string& stage, int run) {
  return fmt::format("{}_{}_prov.json", stage, run_text(run));
}

MergeJob merge_job(const NightSetup& setup, const NightPlan& plan, const std::string& stage,
                   int run, bool link, bool dry_run) {
  MergeJob job;
  job.stage = stage;
  job.run = run;
  job.output_folder = setup.folders.log(stage, dry_run);
  if (link) {
    const bool dl2 = stage == "dl1_to_dl2";
    if (dl2 || stage == "r0_to_dl1")
      job.link_folder = setup.folders.log(dl2 ? "r0_to_dl1" : "dl1_to_dl2", dry_run);
  }
  job.date = setup.key.date;
  job.prod_id = setup.key.prod_id;
  job.telescope = setup.key.telescope;
  job.dry_run = dry_run;

  std::set<fs::path> others;
  for (const PlannedJob& planned : plan.jobs) {
    if (planned.job.key.run != run && planned.job.key.run != whole_night) continue;
    others.insert(setup.folders.journal(planned.job.key, dry_run));
    for (const PortFile& input : planned.job.inputs)
      for (const ConstantsKind kind : constants_kinds)
        if (input.port == facts_of(kind).port)
          add_journals_beside(input.path, setup.folders.calibration, others);
  }
  const fs::path own = setup.folders.journal({stage, run, whole_run}, dry_run);
  job.journal_folders = {own};
  for (const fs::path& folder : others)
    if (folder != own && fs::is_directory(folder)) job.journal_folders.push_back(folder);
  return job;
}

MergeJob night_merge_job(const NightSetup& setup, const NightPlan& plan, bool dry_run) {
  MergeJob job;
  job.run = whole_night;
  job.output_folder = setup.folders.log("r0_to_dl1", dry_run);
  job.date = setup.key.date;
  job.prod_id = setup.key.prod_id;
  job.telescope = setup.key.telescope;
  job.dry_run = dry_run;
  std::set<fs::path> journals, documents;
  for (const PlannedJob& planned : plan.jobs) {
    journals.insert(setup.folders.journal(planned.job.key, dry_run));
    documents.insert(setup.folders.log(planned.job.key.stage, dry_run));
    for (const PortFile& input : planned.job.inputs)
      for (const ConstantsKind kind : constants_kinds)
        if (input.port == facts_of(kind).port)
          add_journals_beside(input.path, setup.folders.calibration, journals);
  }
  for (const fs::path& folder : journals)
    if (fs::is_directory(folder)) job.journal_folders.push_back(folder);
  job.document_folders.assign(documents.begin(), documents.end());
  return job;
}

std::vector<MergeJob> observation_merge_jobs(const NightSetup& setup, const NightPlan& plan,
                                             bool dry_run) {
  std::vector<MergeJob> jobs;
  const fs::path targets =
      setup.drive_log.empty() ? fs::path() : text::target_log_of(setup.drive_log);
  std::set<int> planned;
  for (const PlannedJob& one : plan.jobs) planned.insert(one.job.key.run);
  for (const Observation& observation :
       find_observations(setup.catalogue.runs, targets, setup.run_catalogue)) {
    MergeJob job = night_merge_job(setup, plan, dry_run);
    job.source = observation.source;
    for (const int run : observation.runs)
      if (planned.contains(run)) job.runs.push_back(run);
    if (!job.runs.empty()) jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string merge(const NightServices& services, const MergeJob& job) {
  std::string fault;
  try {
    services.merge(job);
    return "";
  } catch (const Error& error) {
    fault = error.kind() == ErrorKind::missing_input ? lost_journals(error, job) : error.what();
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (!job.runs.empty())
    return fmt::format("the provenance of the observation of {} could not be merged: {}",
                       job.source, fault);
  if (job.run == whole_night)
    return fmt::format("the provenance of the night could not be merged: {}", fault);
  return fmt::format("the provenance of run {} ({}) could not be merged: {}", run_text(job.run),
                     job.stage, fault);
}

}  // namespace alisio::night
