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
  Progress(std::string what, std::string unit, bool shown);
  /// @param total expected count; the time left follows from it.
  void update(std::int64_t done, std::int64_t total);
  /// End the renewed line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_, unit_;
  bool shown_, terminal_;
  Clock::time_point start_, last_;
  bool drawn_ = false;
};

}  // namespace alisio::apps
