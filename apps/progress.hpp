#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace alisio::apps {

/// Progress on stderr: a line that renews itself on a terminal, else one log line a minute.
class Progress {
 public:
  /// @param what   what is going on ("R0 to DL1, run 11220.0000").
  /// @param unit   what is counted ("events").
  /// @param shown  false: say nothing.
  /// @param total  expected count, 0 if unknown; with it the time left is told.
  Progress(std::string what, std::string unit, bool shown, std::int64_t total = 0);
  void update(std::int64_t done);
  /// End the renewed line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_, unit_;
  bool shown_, terminal_;
  std::int64_t total_;
  Clock::time_point start_, last_;
  bool drawn_ = false;
};

}  // namespace alisio::apps
