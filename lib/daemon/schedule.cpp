#include "lib/daemon/schedule.hpp"

#include <algorithm>

namespace alisio::daemon {

void Schedule::seen(const NightDate& night, const std::string& known) {
  nights_[night].known = known;
}

void Schedule::wake(const NightDate& night) {
  nights_[night].woken = true;
}

void Schedule::keep_only(const std::set<NightDate>& nights) {
  std::erase_if(nights_, [&](const auto& entry) { return !nights.contains(entry.first); });
}

std::optional<NightDate> Schedule::due(Clock::time_point now) const {
  for (auto night = nights_.rbegin(); night != nights_.rend(); ++night) {
    const Night& about = night->second;
    if (about.known.empty()) continue;
    if (!about.ended || about.woken || about.known != about.passed) return night->first;
    if (!about.complete && now - *about.ended >= pass_every_) return night->first;
  }
  return std::nullopt;
}

bool Schedule::news_after(const NightDate& night) const {
  return std::any_of(nights_.upper_bound(night), nights_.end(), [](const auto& entry) {
    return !entry.second.known.empty() && entry.second.known != entry.second.passed;
  });
}

void Schedule::pass_begins(const NightDate& night) {
  Night& about = nights_[night];
  about.passed = about.known;
  about.woken = false;
}

void Schedule::pass_ended(const NightDate& night, bool complete, Clock::time_point now) {
  Night& about = nights_[night];
  about.complete = complete;
  about.ended = now;
}

}  // namespace alisio::daemon
