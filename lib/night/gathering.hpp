#pragma once
#include <cstddef>

namespace alisio::night {

/// When to tell of what comes in numbers: once nothing has followed for a while, or so much time
/// has passed since the first, and never twice within that time. Pure: it is told the time.
class Gathering {
 public:
  /// @param quiet_s    after which nothing more is expected, s
  /// @param interval_s least time between two messages, and the longest that one waits, s
  Gathering(double quiet_s, double interval_s) : quiet_s_(quiet_s), interval_s_(interval_s) {}

  /// Tell how many there are now; return whether it is time to tell of them.
  [[nodiscard]] bool due(std::size_t count, double now_s);
  /// They have been told of. @param at_s when; one to come does not count: the clock was put back
  void told(double at_s);
  /// Return whether the last message is not long enough ago.
  [[nodiscard]] bool too_soon(double now_s) const;

 private:
  double quiet_s_, interval_s_;
  std::size_t count_ = 0;
  bool waiting_ = false;
  double first_s_ = 0, last_s_ = 0, told_s_ = 0;
};

}  // namespace alisio::night
