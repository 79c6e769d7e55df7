#include "lib/daemon/schedule.hpp"

namespace alisio::daemon {

void Schedule::seen(const NightDate& night, const std::string& subruns) {
  nights_[night].subruns = subruns;
}

void Schedule::wake(const NightDate& night) {
  nights_[night].woken = true;
}

void Schedule::keep_only(const std::set<NightDate>& nights) {
  std::erase_if(nights_, [&](const auto& entry) { return !nights.contains(entry.first); });
}

std::optional<NightDate> Schedule::due(Clock::time_point now) const {
  for (auto night = nights_.rbegin(); night != nights_.rend(); ++night) {
    const Night& known = night->second;
    if (known.subruns.empty()) continue;
    if (!known.ended || known.woken || known.subruns != known.passed) return night->first;
    if (!known.complete && now - *known.ended >= pass_every_) return night->first;
  }
  return std::nullopt;
}

void Schedule::pass_begins(const NightDate& night) {
  Night& known = nights_[night];
  known.passed = known.subruns;
  known.woken = false;
}

void Schedule::pass_ended(const NightDate& night, bool complete, Clock::time_point now) {
  Night& known = nights_[night];
  known.complete = complete;
  known.ended = now;
}

}  // namespace alisio::daemon
