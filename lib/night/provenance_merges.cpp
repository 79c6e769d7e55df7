#include "lib/night/provenance_merges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/merge.hpp"
#include "prov/invalidation.hpp"
#include "prov/recorder.hpp"
#include "prov/records.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Return the lines of a journal of notes that tell what stands no more for what it was, by the
/// entity that they are about.
std::multimap<std::string, std::string> invalidating_lines(const fs::path& notes) {
  std::multimap<std::string, std::string> lines;
  std::error_code absent;
  if (!fs::exists(notes, absent)) return lines;
  std::istringstream text(read_text_file(notes));
  for (std::string line; std::getline(text, line);) {
    const std::string about(prov::text_field(line, "note_about"));
    if (!about.empty() && prov::is_about_validity(prov::text_field(line, "note")))
      lines.emplace(about, line);
  }
  return lines;
}

/// Lines of the journal of notes, and the entity that each is about.
using NoteLines = std::map<std::string, std::string>;

/// Return what is told of the validity of the products of a run (whole_night: of all runs).
NoteLines invalidations_of(const MergeView& night, int run) {
  const fs::path dl1 = night.setup.folders.dl1;  // <products>/DL1/<date>/<production>
  const auto lines = invalidating_lines(notes_journal(dl1));
  NoteLines told;
  if (lines.empty()) return told;
  const fs::path root = products_around(dl1);
  for (const auto& [key, job] : night.snapshot.jobs) {
    if (run != whole_night && key.run != run) continue;
    for (const JobFile& product : job.outputs) {
      const auto [first, last] =
          lines.equal_range(prov::entity_id(product.hashes.sha256, product.path, root));
      for (auto line = first; line != last; ++line) told.emplace(line->second, line->first);
    }
  }
  return told;
}

std::string signature_of(const std::string& activities, const NoteLines& notes) {
  std::string text = activities;
  for (const auto& [line, about] : notes) text += line + '\n';
  return hash_text(text);
}

/// What was done of a run, as far as its documents tell it.
struct RunRecord {
  std::vector<std::string> did;                                ///< stages
  std::map<std::string, std::vector<std::string>> activities;  ///< ids, by stage
  std::string last_end;                                        ///< of a job; ISO, UTC
  NoteLines notes;
  std::string signature;
  [[nodiscard]] bool both() const {
    return std::find(did.begin(), did.end(), "dl1_to_dl2") != did.end();
  }
};

RunRecord record_of(const MergeView& night, int run) {
  RunRecord record;
  std::string text;
  for (const PlannedJob& planned : night.plan.jobs) {
    const JobKey& key = planned.job.key;
    const auto job = night.snapshot.jobs.find(key);
    if (key.run != run || job == night.snapshot.jobs.end() || job->second.activity_id.empty())
      continue;
    text += fmt::format("{} {} {}\n", key.stage, key.subrun, job->second.activity_id);
    if (record.activities[key.stage].empty()) record.did.push_back(key.stage);
    record.activities[key.stage].push_back(job->second.activity_id);
    record.last_end = std::max(record.last_end, job->second.ended_at);
  }
  record.notes = invalidations_of(night, run);
  record.signature = signature_of(text, record.notes);
  return record;
}

/// Return what tells whether the documents of a night are up to date; empty if nothing was done.
std::string signature_of_night(const MergeView& night) {
  std::string text;
  for (const PlannedJob& planned : night.plan.jobs)
    if (const auto record = night.snapshot.jobs.find(planned.job.key);
        record != night.snapshot.jobs.end() && !record->second.activity_id.empty())
      text += fmt::format("{} {} {} {}\n", planned.job.key.stage, planned.job.key.run,
                          planned.job.key.subrun, record->second.activity_id);
  return text.empty() ? text : signature_of(text, invalidations_of(night, whole_night));
}

fs::path night_document(const MergeView& night) {
  return night.setup.folders.log("r0_to_dl1") /
         fmt::format("night_{}_prov.json", night.setup.key.date.compact());
}

/// Return whether a document was written after an instant, and its log holds some activities and
/// what is noted of the files that it tells of.
bool tells(const fs::path& document, const std::string& instant,
           const std::vector<std::string>& activities, const NoteLines& notes) {
  // Files are dated by the kernel's ticks: a file may seem to be older than what came before it.
  constexpr double tick_s = 0.01;
  const std::optional<FileStamp> stamp = stamp_of(document);
  const fs::path log = fs::path(document).replace_extension(".log");
  if (!stamp || !stamp_of(log) ||
      prov::iso_time(static_cast<double>(stamp->mtime_ns) * 1e-9 + tick_s) < instant)
    return false;
  const std::string text = read_text_file(log);
  const auto holds = [&](const std::string& part) { return text.find(part) != std::string::npos; };
  return std::all_of(activities.begin(), activities.end(), holds) &&
         std::all_of(notes.begin(), notes.end(),
                     [&](const auto& note) { return !holds(note.second) || holds(note.first); });
}

}  // namespace

void ProvenanceMerges::merge_run(const MergeView& night, int run) {
  if (!services_.merge || run == whole_night) return;
  const RunRecord record = record_of(night, run);
  for (const std::string& stage : documented_stages(record.did)) {
    const fs::path document = night.setup.folders.log(stage) / document_name(stage, run);
    if (fs::exists(document) &&
        state_.merged_signature(night.setup.key, stage, run) == record.signature)
      continue;
    const std::string fault =
        merge(services_, merge_job(night.setup, night.plan, stage, run, record.both(), false));
    if (fault.empty()) {
      state_.set_merged(night.setup.key, stage, run, record.signature);
      merged_a_run_ = true;
    } else {
      notes_.push_back(fault);
    }
  }
}

/// The documents of the night and of its observations name those of the runs, so they come last.
void ProvenanceMerges::merge_night(const MergeView& night) {
  if (!services_.merge) return;
  const std::string signature = signature_of_night(night);
  if (signature.empty()) return;
  const fs::path document = night_document(night);
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

void ProvenanceMerges::take_over(const MergeView& night) {
  std::set<int> runs;
  for (const PlannedJob& planned : night.plan.jobs) runs.insert(planned.job.key.run);
  std::vector<std::string> all;
  std::string last_end;
  for (const int run : runs) {
    const RunRecord record = record_of(night, run);
    last_end = std::max(last_end, record.last_end);
    for (const auto& [stage, activities] : record.activities)
      all.insert(all.end(), activities.begin(), activities.end());
    if (run == whole_night) continue;
    for (const std::string& stage : documented_stages(record.did))
      if (tells(night.setup.folders.log(stage) / document_name(stage, run), record.last_end,
                record.activities.at(stage), record.notes))
        state_.set_merged(night.setup.key, stage, run, record.signature);
  }
  if (const std::string signature = signature_of_night(night);
      !signature.empty() &&
      tells(night_document(night), last_end, all, invalidations_of(night, whole_night)))
    state_.set_merged(night.setup.key, "night", whole_night, signature);
}

}  // namespace alisio::night
