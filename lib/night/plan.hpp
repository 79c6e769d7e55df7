#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/night/cleaned.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/job.hpp"
#include "lib/night/judge.hpp"
#include "lib/night/other_productions.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// Evaluate the gates of a file of constants or of a data check; `kind` is the port that it goes
/// through, `expected` what a run should have.
using CheckConstants = std::function<Verdict(
    const std::string& kind, const std::filesystem::path& file, const ExpectedSubruns& expected)>;

/// Verdicts of this process.
struct Verdicts {
  std::unordered_map<std::string, JudgedFile> by_path;  ///< valid while the file is the same
  std::vector<JudgedFile> fresh;                        ///< not taken from the state
};

/// What the quality gates say of data, by run and subrun.
using DataVerdicts = std::map<std::pair<int, int>, Verdict>;

struct PlanSettings {
  std::map<std::string, StageFacts> stages;  ///< by name
  bool retry_failed = true;                  ///< false: jobs that failed for good stay blocked
  std::vector<Decision> decisions;           ///< of operators, those that stand
  CleanedFiles cleaned;                      ///< products that may be absent
  FilesOfOthers used_elsewhere;              ///< by other productions of the night
  std::set<int> accepted;                    ///< runs whose constants are used in spite of gates
  CheckConstants check_constants;            ///< empty: all constants pass
  std::string gates;  ///< names the limits and the program that check_constants goes by
  /// What check_constants said of a file before, by the same gates; empty: nothing is known.
  std::function<std::optional<Verdict>(const std::string& gates, const FileStamp&)> known_verdict;
  std::function<CleaningLevels(const std::filesystem::path&)> read_levels = night::read_levels;
};

/// What has happened in the present pass.
struct PassEvents {
  std::set<JobKey> running;                ///< started, or handed to a scheduler
  std::map<JobKey, std::string> queued;    ///< of those, what has not begun, and what it waits for
  std::map<JobKey, std::string> given_up;  ///< failed, not to be tried again; the message

  /// Return the step of a job that is among `running`.
  [[nodiscard]] Step step_under_way(const JobKey& key) const;
};

/// A job, and what is to become of it.
struct PlannedJob {
  Job job;
  std::vector<PortFile> inputs;     ///< of the job's, those that are there or can come
  std::vector<std::size_t> needs;   ///< positions of the jobs that make inputs
  std::vector<std::size_t> serves;  ///< positions of the jobs that read its products
  /// The latest decision to make it, or something before it, again; nullptr: there is none. It
  /// lives in PlanSettings::decisions.
  const Decision* redo = nullptr;
  Step step;
};

/// What was chosen for one data run.
struct RunPlan {
  int run = 0;
  ConstantsChoice drs4_pedestal, charge, time;
  std::filesystem::path models;  ///< empty: none could be chosen
  std::string models_reason;
};

/// Constants that fail their gates, or that cannot be read.
struct GateFault {
  int run = 0;
  std::string kind, text;
  bool accepted = false;
  bool unreadable = false;  ///< nobody can accept them
};

/// All jobs of a night, makers before readers.
struct NightPlan {
  std::vector<PlannedJob> jobs;
  std::unordered_map<std::string, std::size_t> makers;  ///< positions of jobs by product path
  std::map<JobKey, std::size_t> positions;
  std::vector<RunPlan> runs;           ///< as in NightSetup::runs
  std::map<int, std::string> found;    ///< calibration runs whose constants were there, and which
  std::vector<GateFault> gate_faults;  ///< of this night's calibration runs
  std::vector<std::string> decisions;  ///< of operators, one line each
  std::vector<std::string> notes;      ///< on decisions that change nothing, one line each
  std::set<int> vetoed;                ///< runs that operators took out
  std::map<int, std::string> taken;    ///< runs of which more is to come, as one line
  std::map<int, int> discarded;        ///< how many subruns of a run operators left out
  /// Jobs that are made again because a product of theirs was cleaned, and the job that needs it.
  std::map<JobKey, std::string> recalled;

  [[nodiscard]] std::size_t count(StepStatus status) const;
  /// Return a job of the plan, nullptr if it has none of that key.
  [[nodiscard]] const PlannedJob* find(const JobKey& key) const;
  /// Return the job that makes DL2 of what this r0_to_dl1 job makes, if both run and nothing else
  /// stands between: they go in one process, DL1 is not read again. nullptr: none.
  [[nodiscard]] const PlannedJob* one_pass_partner(const PlannedJob& dl1) const;
  /// True if the partner job above exists and takes this dl1_to_dl2 job with it.
  [[nodiscard]] bool goes_with_dl1(const PlannedJob& dl2) const;
};

/// Lays out the jobs of a night and decides what each needs. Pure but for the files it looks at;
/// the hashes of changed files go into the snapshot.
class Planner {
 public:
  Planner(const NightSetup& setup, const PlanSettings& settings, FileAccess access)
      : setup_(setup), settings_(settings), access_(std::move(access)) {}

  /// Plan everything. @return the files that had to be read are appended to `rehashed`.
  [[nodiscard]] NightPlan plan(StateSnapshot& state, const PassEvents& events,
                               std::vector<FileStamp>& rehashed);

  /// Decide anew about some jobs and about all that depends on their products.
  /// @returns the positions of the jobs that were looked at
  std::vector<std::size_t> update(NightPlan& plan, const std::vector<JobKey>& changed,
                                  StateSnapshot& state, const PassEvents& events,
                                  std::vector<FileStamp>& rehashed);

  /// Return what the quality gates say of the data checks that stand, by run and subrun (whole_run:
  /// of the run's).
  [[nodiscard]] DataVerdicts judge_data(const NightPlan& plan, StateSnapshot& state);

  /// Hand over the verdicts that were found since the last call, for the state to keep.
  [[nodiscard]] std::vector<JudgedFile> take_fresh_verdicts() {
    return std::exchange(verdicts_.fresh, {});
  }

  /// True if the end of such a job changes what others are made of: which constants, which folder.
  [[nodiscard]] static bool changes_choices(const std::string& stage);

 private:
  std::vector<std::size_t> settle(NightPlan& plan, std::set<std::size_t> asked,
                                  StateSnapshot& state, const PassEvents& events, FileView& files);

  const NightSetup& setup_;
  const PlanSettings& settings_;
  FileAccess access_;
  Verdicts verdicts_;
};

}  // namespace alisio::night
