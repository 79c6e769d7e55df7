#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/night/command.hpp"
#include "lib/night/process.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// Why a process of jobs is no more.
enum class Fate {
  ended,          ///< by itself: its exit code and report tell
  stopped,        ///< because the pass told it to: its jobs have not failed
  left,           ///< with the pass that ran it: its jobs were interrupted
  refused,        ///< by the scheduler, which would refuse it again
  cancelled,      ///< by somebody, in the scheduler
  timed_out,      ///< after the time that it was given
  out_of_memory,  ///< beyond the memory that it was given
  displaced       ///< preempted, its node failed, or what it waited for: none of its own fault
};

/// The end of a process of jobs.
struct ExecutionEnd {
  ProcessRecord process;  ///< as it was recorded
  ProcessEnd end;
  Fate fate = Fate::ended;
  std::string message;  ///< what the executor knows of the reason; may be empty
};

/// What has become of processes that an earlier pass left.
struct Recovery {
  std::vector<ExecutionEnd> ended;
  std::vector<ProcessRecord> running;  ///< they go on, and poll() will tell their end
};

/// Runs the processes of a night's jobs: on this machine, or by a scheduler. It records that they
/// start; what they come to is recorded by the pass, which is told.
class Executor {
 public:
  Executor() = default;
  virtual ~Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Take up what an earlier pass left unfinished.
  [[nodiscard]] virtual Recovery recover(const std::vector<ProcessRecord>& left) = 0;

  /// Take a request for the next launch(). Return false, and leave it, if there is no room now;
  /// there is some for the first one if nothing is under way.
  [[nodiscard]] virtual bool take(const JobRequest& request) = 0;

  /// Start what was taken. When this returns, the state knows of each process, and each will run
  /// once, whatever happens to this one. @returns their records, in the order they were taken
  [[nodiscard]] virtual std::vector<ProcessRecord> launch() = 0;

  /// Return what has ended since it was last asked, without waiting.
  [[nodiscard]] virtual std::vector<ExecutionEnd> poll() = 0;

  /// End what cannot outlive this pass and return it; what can goes on.
  [[nodiscard]] virtual std::vector<ExecutionEnd> stop() = 0;

  /// Tell what cannot outlive this pass to end, and do not wait: the state cannot be kept.
  virtual void abandon() noexcept = 0;

  /// Processes that were started and of whose end poll() has not told.
  [[nodiscard]] virtual std::size_t under_way() const = 0;

  /// Take back what has not begun of these jobs, for they are not to run now, and what cannot run
  /// without them. Return its ends, as `displaced`.
  [[nodiscard]] virtual std::vector<ExecutionEnd> withdraw(const std::set<JobKey>&) { return {}; }

  /// Jobs of processes that were started but have not begun, and what they wait for, as poll() last
  /// saw it.
  [[nodiscard]] virtual std::map<JobKey, std::string> waiting() const { return {}; }

  /// True if a request may name jobs under way that it is to wait for (JobRequest::after). If one
  /// of them fails, its end is `displaced`.
  [[nodiscard]] virtual bool keeps_order() const { return false; }

  /// True if processes go on when this pass is over.
  [[nodiscard]] virtual bool outlives_passes() const = 0;
};

}  // namespace alisio::night
