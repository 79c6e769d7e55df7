#pragma once
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace alisio::night {

/// A program under way that was given a text on its standard input. Its output is read, not shown.
/// It lives in a process group of its own and outlives this process, but never its time limit.
class RunningHook {
 public:
  /// @param time_limit_s then it and what it started are killed
  /// @throws Error(resource) if no process can be started.
  RunningHook(const std::vector<std::string>& words, const std::string& input, double time_limit_s);
  /// Leaves it alone if it has not ended.
  ~RunningHook();
  RunningHook(RunningHook&&) noexcept;
  RunningHook& operator=(RunningHook&&) noexcept;

  /// Look, without waiting, whether it has ended well. Not to be asked again once it has.
  /// @throws Error(resource) if it failed or took too long, with its last words.
  [[nodiscard]] bool has_ended();

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

}  // namespace alisio::night
