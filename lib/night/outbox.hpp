#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/night/hook.hpp"
#include "lib/night/notify.hpp"

namespace alisio::night {

/// Messages on their way to people: on each channel one after the other, each carried by a process
/// of its own, so that nobody waits for them.
class Outbox {
 public:
  struct Letter {
    std::string channel;
    Delivery delivery;
    std::vector<std::string> marks;  ///< what it tells of, for who keeps account of that
    std::string subject;
  };
  using Account = std::function<void(const Letter&)>;

  /// @param time_limit_s of each delivery
  /// @param begins called before a letter goes out: what is written down then is told once,
  ///               whatever becomes of this process
  /// @param failed called if it did not arrive, and for those that waited behind it
  Outbox(double time_limit_s, Account begins, Account failed);

  void put(Letter letter);
  /// Start what waits and take what has ended, without waiting. What cannot be delivered is warned
  /// of, and so is, unsent, what waits behind it. @return whether nothing is left
  bool deliver();
  /// Deliver until nothing is left; each letter takes at most the time limit.
  void deliver_all();

 private:
  struct Channel {
    std::deque<Letter> waiting;  ///< the first is under way if there is a hook
    std::optional<RunningHook> hook;
  };
  void next(Channel& channel);

  double time_limit_s_;
  Account begins_, failed_;
  std::map<std::string, Channel> channels_;
};

}  // namespace alisio::night
