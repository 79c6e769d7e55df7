#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/night/merge.hpp"
#include "lib/night/night.hpp"
#include "lib/night/process.hpp"
#include "lib/night/report.hpp"
#include "lib/night/table.hpp"

namespace alisio::night {

/// How a pass works.
struct PassOptions {
  std::filesystem::path config_file;  ///< handed to the jobs
  std::filesystem::path scratch;      ///< folder of reports and known hashes
  int max_jobs = 1, threads = 1;
  int retries = 0;  ///< further tries of a job that failed for want of a resource
};

/// Return the present hashes of a file. A damaged file has no data hash: it differs from what was
/// recorded, and the job that reads it says what is wrong.
[[nodiscard]] FileHashes hashes_of_file(const NightServices& services, const std::string& path);
[[nodiscard]] FileAccess disk_access(const NightServices& services);

/// One pass over a night: everything between planning and the table.
class Pass {
 public:
  /// @param set_up reads the night from disk; called again when a run summary has been made.
  Pass(std::function<NightSetup()> set_up, const NightServices& services, State& state,
       PlanSettings settings, PassOptions options);

  /// End what an earlier night left running, adopt what its jobs finished, remove their fragments.
  void recover();
  void plan();
  /// Run all that can run. @returns the signal that asked for a stop, or 0.
  [[nodiscard]] int run();
  void merge_all();
  /// Ask the quality gates about the data that stand.
  void judge_data();
  /// Write into the state how the night stands, for those who look on.
  void show();

  [[nodiscard]] bool anything_to_run() const;
  /// True if nothing but jobs that tell of the whole night is left to run.
  [[nodiscard]] bool only_night_left() const;
  [[nodiscard]] const NightSetup& setup() const { return setup_; }
  [[nodiscard]] StateSnapshot& snapshot() { return snapshot_; }
  [[nodiscard]] const std::vector<std::string>& merge_faults() const { return merge_notes_; }
  [[nodiscard]] NightSummary summary() const;
  [[nodiscard]] bool complete() const { return merge_notes_.empty() && summary().complete(); }

 private:
  /// One process under way.
  struct Running {
    JobRequest request;
    std::vector<std::vector<PortFile>> inputs;  ///< of each of its jobs
    std::int64_t process_id = 0;
  };

  [[nodiscard]] CommandWriter writer() const;
  [[nodiscard]] bool is_ready(const PlannedJob& planned) const;
  [[nodiscard]] int processes_to_start() const;
  void plan_everything();
  void keep_verdicts();
  /// Obey what operators have decided since it was last looked at.
  void heed_decisions();
  /// Rename what was made of discarded subruns. What cannot be is told, and stops nothing.
  void set_aside();
  void decide_again(const std::vector<JobKey>& changed);
  void give_up_what_failed(const std::vector<JobKey>& keys);
  void start_ready();
  void start(const PlannedJob& planned);
  void ended(pid_t pid, const ProcessEnd& end, bool stopped);
  std::vector<JobRecord> outcome(const Running& running, const ProcessEnd& end,
                                 std::vector<FileStamp>& files) const;
  void complete_record(JobRecord& job, const ProcessRecord& process) const;
  void adopt(std::vector<JobRecord>& jobs, const std::vector<FileStamp>& files);
  void hand_on_hashes();
  void merge_run(int run);
  void merge_night();
  void stop_all();

  std::function<NightSetup()> set_up_;
  const NightServices& services_;
  State& state_;
  PlanSettings settings_;
  PassOptions options_;

  NightSetup setup_;
  Planner planner_;
  StateSnapshot snapshot_;
  NightPlan plan_;
  PassEvents events_;
  std::map<pid_t, Running> running_;
  std::map<JobKey, int> tries_;       ///< of this pass
  std::map<JobKey, bool> transient_;  ///< the last failure may pass
  std::vector<std::string> merge_notes_;
  std::int64_t seen_version_ = 0;  ///< of the database, when decisions were last looked at
  bool merged_a_run_ = false;      ///< since the night was merged
  DataVerdicts verdicts_;
  int jobs_run_ = 0;
  std::map<JobKey, StepRecord> shown_;
  std::chrono::steady_clock::time_point start_, shown_at_;
};

}  // namespace alisio::night
