#pragma once
#include <set>
#include <string>
#include <vector>

#include "lib/night/gathering.hpp"
#include "lib/night/notify.hpp"
#include "lib/night/outbox.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// Tells people what happens to a night while it is processed, and never keeps it waiting. Each
/// thing is told once on each channel: it is recorded before it goes out, and struck out again if
/// it could not be delivered. What goes wrong is a warning: a night does not fail by its messages.
class Messenger {
 public:
  Messenger(State& state, NightKey night, NotifyOptions options);
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;

  /// Look at what is under way, and whether there is something to tell. To be called every second
  /// or so; does not wait.
  /// @param troubled jobs that are known to have failed or to be blocked
  /// @param paused   processing pauses: that nothing goes on is meant
  void look(std::size_t troubled, bool paused);

  /// Tell this, and wait until it is told.
  void tell(const std::vector<NightEvent>& events);

  /// How a pass ends.
  struct PassEnd {
    std::string closed_at;           ///< when the night was closed; empty: it is open
    bool next_pass_follows = false;  ///< it may tell failures that come soon after others
    bool paused = false;
    bool night_goes_on = false;  ///< what it comes to in the end is not known yet
  };
  /// Tell what a night has come to, and wait until it is told.
  void finish(const PassEnd& end);

 private:
  [[nodiscard]] bool is_told(const std::string& mark, const std::string& channel) const;
  void remember(const std::vector<std::string>& marks);
  void forget(const std::vector<std::string>& marks);
  void put(const std::vector<NightEvent>& events);
  void put(const NightEvent& event, const std::string& channel);

  State& state_;
  NightKey night_;
  NotifyOptions options_;
  std::vector<std::string> channels_;
  std::set<std::string> told_;  ///< marks
  Gathering failures_;
  double looked_at_ = 0;  ///< unix s
  Outbox outbox_;
};

}  // namespace alisio::night
