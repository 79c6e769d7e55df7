#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace alisio::web {

/// Compare without telling by the time what agrees, or how much.
[[nodiscard]] bool same_secret(const std::string& left, const std::string& right);

/// Checks tokens, and makes whoever guesses wait: an address that has given several wrong ones is
/// not listened to for a while, each further time for twice as long. Other addresses do not notice.
class TokenGuard {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Answer { right, wrong, wait };
  struct Verdict {
    Answer answer = Answer::wrong;
    std::chrono::seconds wait{0};  ///< until it is listened to again
  };

  /// @param client address; of IPv6 the network (/64), for whoever has one has all of its addresses
  [[nodiscard]] Verdict check(const std::string& client, const std::string& given,
                              const std::string& token, Clock::time_point now = Clock::now());

 private:
  struct Guesser {
    int wrong = 0;  ///< since it was last listened to without end
    Clock::time_point last, listened_from;
  };
  void forget_old(Clock::time_point now);

  std::mutex mutex_;
  std::map<std::string, Guesser> guessers_;
};

}  // namespace alisio::web
