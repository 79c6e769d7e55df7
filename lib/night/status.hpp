#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/night/decision.hpp"
#include "lib/night/failure.hpp"
#include "lib/night/state.hpp"
#include "lib/night/table.hpp"

/// How a night stands, for those who look on: the terminal, the pages, the metrics. All of it is
/// read from the state; nothing is planned and no product is looked at.
namespace alisio::night {

/// A job as the last pass judged it and as its last try ended.
struct JobStatusView {
  JobKey key;
  std::string status;    ///< as to_string(StepStatus) says it: "done", "to run", …
  std::string reason;    ///< why, one line
  int attempts = 0;      ///< 0: never tried; what follows is then empty
  std::string last_end;  ///< "done", "failed", "interrupted"; empty: never tried
  int exit_code = 0;
  std::string message;  ///< the error of the last try, one line
  std::string log_file;
  std::string log_tail;  ///< last lines of the log of a failed try
  std::int64_t events = 0;
  double wall_s = 0, cpu_s = 0;
  std::uint64_t max_rss_bytes = 0;
  std::string ended_at;       ///< ISO, UTC
  std::string running_since;  ///< ISO, UTC; empty: no process of it is under way
  /// Its trouble is its own and not that of a job before it, whose product it waits for.
  bool in_trouble = false;
  std::optional<Failure> failure;  ///< what its trouble is known as
};

/// A process under way.
struct RunningView {
  std::vector<JobKey> jobs;  ///< the stages that it runs, in order
  std::int64_t pid = 0;
  std::string host, started_at, log_file;
  bool queued = false;  ///< with a scheduler: it has not begun
  bool lost = false;  ///< it was of this machine and is gone: the next pass finds out what it made
};

/// How many jobs stand how, by the words of to_string(StepStatus).
using StatusCounts = std::map<std::string, int>;

/// How far a night is.
struct NightProgress {
  int jobs = 0, done = 0, running = 0, to_run = 0;
  int queued = 0;      ///< handed to a scheduler, which has not begun them
  int in_trouble = 0;  ///< failed, blocked or without input
  /// Jobs that are still to end.
  [[nodiscard]] int ahead() const { return running + queued + to_run; }
  /// Time to the end of what is running and to run, seconds: by the mean time of the jobs of each
  /// stage that are done, shared by as many processes as run now. Nothing while nothing runs or no
  /// job is done.
  std::optional<double> left_s;
  bool left_at_least = false;  ///< of some stages no job is done yet: their time is left out
};

struct NightStatus {
  NightSummary summary;             ///< as the last pass showed it, its counts as they are now
  std::string updated_at;           ///< when it was shown; ISO, UTC
  std::vector<JobStatusView> jobs;  ///< by run and subrun
  std::vector<Decision> decisions;  ///< of operators, those that stand now
  std::vector<RunningView> running;
  std::map<std::pair<int, std::string>, StatusCounts> counts;  ///< by run and stage
  NightProgress progress;
  bool decided_since = false;  ///< operators have decided something that no pass has followed yet
  bool goes_on = false;        ///< more raw files may come, so that what is complete is so for now
  /// All that is to be done is done, as far as it is known without planning.
  [[nodiscard]] bool complete() const {
    return summary.complete() && progress.ahead() == 0 && summary.not_asked.empty() &&
           !decided_since;
  }
};

/// Read how one night of one production stands; nothing if no pass has shown it yet.
[[nodiscard]] std::optional<NightStatus> read_status(State& state, const NightKey& night);

/// Return what is left to do; see NightProgress.
/// @param now instant to compare `started_at` with, ISO text of UTC
[[nodiscard]] NightProgress progress_of(const std::vector<JobStatusView>& jobs,
                                        const std::vector<RunningView>& running,
                                        const std::string& now);

/// Return the troubles that are of no job: raw files that have not come.
[[nodiscard]] std::vector<Trouble> troubles_without_jobs(const NightStatus& status);

/// Return all of it as JSON; `summary` is as `alisio night --json` prints it.
[[nodiscard]] nlohmann::json status_json(const NightStatus& status);

}  // namespace alisio::night
