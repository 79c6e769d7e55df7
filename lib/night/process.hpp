#pragma once
#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace alisio::night {

/// Return the name of this machine.
[[nodiscard]] std::string host_name();

/// Return the start time of a living process in clock ticks since boot, 0 if there is none. With
/// the pid it names a process for good: pids are used again.
[[nodiscard]] std::int64_t process_start_time(pid_t pid);

/// Processes that wait for leave to begin, so that none ever works of which the state knows
/// nothing: they are forked, recorded, and released together. Those that are not released never
/// begin.
class HeldProcesses {
 public:
  /// @throws Error(resource).
  HeldProcesses();
  ~HeldProcesses();
  HeldProcesses(const HeldProcesses&) = delete;
  HeldProcesses& operator=(const HeldProcesses&) = delete;

  /// Make a process that will execute a program in its own process group, standard output and error
  /// appended to a log file, standard input empty. It gets SIGTERM if this process dies.
  /// @param nice added to its niceness
  /// @throws Error(resource) if it cannot be started.
  pid_t add(const std::filesystem::path& program, const std::vector<std::string>& arguments,
            const std::filesystem::path& log_file, int nice = 0);
  void release();

 private:
  struct Child;

  int gate_out_ = -1, gate_in_ = -1;
  int begun_out_ = -1, begun_in_ = -1;  ///< closed by whoever begins
  std::vector<std::unique_ptr<Child>> held_;
};

/// Start one program as HeldProcesses does, released when `recorded(pid)` has returned.
/// @throws Error(resource) if it cannot be started; whatever `recorded` throws.
[[nodiscard]] pid_t start_process(const std::filesystem::path& program,
                                  const std::vector<std::string>& arguments,
                                  const std::filesystem::path& log_file,
                                  const std::function<void(pid_t)>& recorded);

/// How a process ended.
struct ProcessEnd {
  int exit_code = 0;  ///< as the process gave it, or 128 + signal
  int signal = 0;     ///< 0: it ended by itself
  std::uint64_t max_rss_bytes = 0;
  double cpu_s = 0;
};

/// Look whether a child has ended. Return false while it runs.
[[nodiscard]] bool has_ended(pid_t pid, ProcessEnd& end);

/// How long processes that were asked to end, or should have, are waited for: they are killed once,
/// and given up if they do not die of that, as those that wait for a disk that does not answer.
class EndingPatience {
 public:
  enum class Step { wait, kill, give_up };

  /// It begins now. @param patience_s after which they are killed
  explicit EndingPatience(double patience_s) : patience_s_(patience_s) {}
  /// Return what is to be done now: to kill them is said once.
  [[nodiscard]] Step next();
  [[nodiscard]] bool killed() const { return killed_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double patience_s_;
  bool killed_ = false;
};

/// Send SIGTERM to a process group that was left by an earlier night, SIGKILL after `patience_s`,
/// and wait until the process is gone.
void end_left_process(pid_t pid, std::int64_t start_time, double patience_s);

/// Remove the temporary files that a dead process was writing products under: those that carry its
/// pid in their names. Return how many.
int remove_part_files(const std::vector<std::string>& products, pid_t pid);

/// While it lives, SIGUSR1 does nothing to this process where nobody waits for it.
class HandOverIgnored {
 public:
  HandOverIgnored();
  ~HandOverIgnored();
  HandOverIgnored(const HandOverIgnored&) = delete;
  HandOverIgnored& operator=(const HandOverIgnored&) = delete;

 private:
  struct sigaction before_ {};
};

/// While it lives, SIGCHLD, SIGINT, SIGTERM, SIGUSR1 and, where it is not ignored, SIGHUP wait to
/// be asked for instead of interrupting.
class SignalWait {
 public:
  SignalWait();
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  /// Sleep until a child ends, a stop is asked for or the time is over. Return the signal that asks
  /// for a stop (SIGINT, SIGTERM, SIGHUP) or to hand over to another (SIGUSR1), else 0.
  [[nodiscard]] int wait(double seconds);

 private:
  sigset_t before_;
};

}  // namespace alisio::night
