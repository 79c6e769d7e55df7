#include "lib/night/pause.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/now.hpp"

namespace alisio::night {
namespace {

constexpr int minute_s = 60, hour_s = 3600, day_s = 86400;

bool holds(const config::DayWindow& window, int second_of_day) {
  if (window.start_s <= window.end_s)
    return window.start_s <= second_of_day && second_of_day < window.end_s;
  return second_of_day >= window.start_s || second_of_day < window.end_s;
}

}  // namespace

Pause pause_of(const config::Configuration& configuration) {
  return {config::parse_day_windows(configuration.text("night.pause")).value(),
          static_cast<int>(configuration.integer("night.jobs_while_observing"))};
}

std::optional<std::string> pause_text(const Pause& pause, double unix_utc_s) {
  const int second = static_cast<int>(unix_utc_s - std::floor(unix_utc_s / day_s) * day_s);
  const auto window =
      std::find_if(pause.windows.begin(), pause.windows.end(),
                   [&](const config::DayWindow& candidate) { return holds(candidate, second); });
  if (window == pause.windows.end()) return std::nullopt;
  return fmt::format("{} until {:02}:{:02} UTC (night.pause)",
                     pause.jobs == 0 ? std::string("no new job starts")
                                     : fmt::format("at most {} at a time", pause.jobs),
                     window->end_s / hour_s, window->end_s % hour_s / minute_s);
}

std::optional<std::string> pause_text(const Pause& pause) {
  if (pause.windows.empty()) return std::nullopt;
  return pause_text(pause, now_unix_utc_s());
}

}  // namespace alisio::night
