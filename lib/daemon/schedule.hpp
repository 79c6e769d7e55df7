#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "lib/base/ids.hpp"

namespace alisio::daemon {

using Clock = std::chrono::steady_clock;

/// When the nights are passed over. Pure: it is told what happens and asked what is due.
class Schedule {
 public:
  /// @param pass_every how long an open night is left alone though nothing new came.
  explicit Schedule(std::chrono::duration<double> pass_every) : pass_every_(pass_every) {}

  void set_period(std::chrono::duration<double> pass_every) { pass_every_ = pass_every; }
  /// This is known of a night: its complete subruns (see complete_subruns()) and what was decided
  /// about it. Empty: it has no data.
  void seen(const NightDate& night, const std::string& known);
  /// Look at a night as soon as possible, whatever is known of it.
  void wake(const NightDate& night);
  /// The nights that are taken care of are these and no others.
  void keep_only(const std::set<NightDate>& nights);
  /// Return the night to pass over now, the latest first.
  [[nodiscard]] std::optional<NightDate> due(Clock::time_point now) const;
  /// Tell whether something has come of a night after this one since that was last passed over.
  [[nodiscard]] bool news_after(const NightDate& night) const;
  void pass_begins(const NightDate& night);
  /// @param complete all of the night is done: it is left alone until something new comes.
  void pass_ended(const NightDate& night, bool complete, Clock::time_point now);

 private:
  struct Night {
    std::string known, passed;  ///< what is known now, and when the last pass began
    bool woken = false, complete = false;
    std::optional<Clock::time_point> ended;
  };
  std::chrono::duration<double> pass_every_;
  std::map<NightDate, Night> nights_;
};

}  // namespace alisio::daemon
