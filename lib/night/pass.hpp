#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/night/agenda.hpp"
#include "lib/night/executor.hpp"
#include "lib/night/night.hpp"
#include "lib/night/outcome.hpp"
#include "lib/night/pause.hpp"
#include "lib/night/provenance_merges.hpp"
#include "lib/night/table.hpp"

namespace alisio::night {

class Progress;

/// How a pass works.
struct PassOptions {
  std::filesystem::path config_file;  ///< handed to the jobs
  std::filesystem::path scratch;      ///< folder of reports and known hashes
  int threads = 1;
  int retries = 0;              ///< further tries of a job that failed for want of a resource
  Pause pause;                  ///< for the telescope's sake
  bool leave_in_pause = false;  ///< return in a pause instead of waiting for its end
  bool may_leave = false;       ///< return while jobs go on, if the executor keeps them
  std::string open_until;       ///< see NightSummary
  /// How often to look for raw files that came meanwhile while jobs run, s; 0: never.
  double look_for_raw_s = 0;
  /// Called every second or so while jobs run, after the state was shown: with the number of jobs
  /// that have failed or are blocked, and whether it pauses. May be empty.
  std::function<void(std::size_t troubled, bool paused)> meanwhile = {};
};

/// One pass over a night: everything between planning and the table.
class Pass {
 public:
  /// @param set_up reads the night from disk; called again when a run summary has been made, or
  ///        raw files may have come.
  Pass(std::function<NightSetup()> set_up, const NightServices& services, State& state,
       Executor& executor, PlanSettings settings, PassOptions options);

  /// Take up what an earlier pass left: adopt what its jobs finished, go on with what still runs.
  void recover();
  void plan();
  /// Run all that can run. @returns the signal that asked for a stop, or 0; after SIGUSR1 nothing
  /// more is started, and it returns 0 when what runs has ended.
  [[nodiscard]] int run();
  /// End the decisions to try or make again what has been tried and made.
  void end_followed_decisions();
  void merge_all();
  /// Ask the quality gates about the data that stand.
  void judge_data();
  /// Look for products of steps that are switched off which are made of what stands no more.
  void look_for_not_current();
  /// Write into the state how the night stands, for those who look on.
  void show();

  /// True if there is something to start, or to wait for.
  [[nodiscard]] bool anything_to_run() const;
  /// True if it has, or will have, something to make that other productions of the night read too.
  [[nodiscard]] bool makes_shared() const;
  /// True if nothing but jobs that tell of the whole night is left to run.
  [[nodiscard]] bool only_night_left() const;
  /// Say what is left to make that this pass was not asked for; one line.
  void leaves(std::string not_asked) { not_asked_ = std::move(not_asked); }
  [[nodiscard]] const NightSetup& setup() const { return setup_; }
  [[nodiscard]] StateSnapshot& snapshot() { return snapshot_; }
  /// Return what it plans by, with what operators have decided meanwhile.
  [[nodiscard]] const PlanSettings& settings() const { return settings_; }
  [[nodiscard]] const std::vector<std::string>& merge_faults() const { return merges_.notes(); }
  [[nodiscard]] NightSummary summary() const;
  /// Return how many jobs of the plan are done, those of the whole night among them.
  [[nodiscard]] std::size_t done() const { return plan_.count(StepStatus::done); }

 private:
  /// What is kept of a process under way: the inputs of its jobs when it was started.
  using Inputs = std::map<JobKey, std::vector<PortFile>>;

  [[nodiscard]] CommandWriter writer() const;
  [[nodiscard]] MergeView view() const { return {setup_, plan_, snapshot_}; }
  void plan_everything();
  void share_hashes();
  void keep_verdicts();
  /// Obey what operators have decided since it was last looked at.
  void heed_decisions();
  /// Rename what was made of discarded subruns. What cannot be is told, and stops nothing.
  void set_aside();
  /// Take up subruns that have become complete since it was last looked at.
  void look_for_raw();
  void update(const std::vector<JobKey>& changed);
  void decide_again(const std::vector<JobKey>& changed);
  void give_up_what_failed(const std::vector<JobKey>& keys);
  bool start_ready();
  /// Start all that can start, and what may wait for it in a queue.
  bool start_all();
  /// Take back from the queue what operators have decided against.
  void withdraw_unwanted();
  /// Take note of what has not begun yet.
  void look_at_queue();
  /// End what cannot outlive this pass, and show that it does not run.
  void stop();
  void take_ends(const std::vector<ExecutionEnd>& ends, Progress* progress);
  Outcome record_end(const ExecutionEnd& about);
  void adopt(Outcome& outcome);
  void merge_finished_runs(const std::vector<JobKey>& ended);

  std::function<NightSetup()> set_up_;
  const NightServices& services_;
  State& state_;
  Executor& executor_;
  PlanSettings settings_;
  PassOptions options_;

  NightSetup setup_;
  Planner planner_;
  StateSnapshot snapshot_;
  NightPlan plan_;
  Agenda agenda_;
  PassEvents events_;
  std::map<std::int64_t, Inputs> inputs_;  ///< by process
  std::map<JobKey, int> tries_;            ///< of this pass
  std::map<JobKey, bool> transient_;       ///< the last failure may pass
  ProvenanceMerges merges_;
  std::string latest_;                 ///< instant that is recorded of the night; ISO, UTC
  std::optional<std::string> paused_;  ///< until when, while it pauses
  std::int64_t seen_version_ = 0;      ///< of the database, when decisions were last looked at
  DataVerdicts verdicts_;
  std::string not_asked_;
  std::vector<std::string> not_current_;  ///< products that no pass makes again, one line each
  int jobs_run_ = 0;
  std::map<JobKey, StepRecord> shown_;
  std::optional<NightSummary> before_;  ///< as the last pass showed the night
  std::chrono::steady_clock::time_point start_, shown_at_, looked_at_;
  bool hands_over_ = false;  ///< another night is more urgent
};

}  // namespace alisio::night
