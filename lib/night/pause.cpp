#include "lib/night/pause.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <regex>
#include <sstream>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

constexpr int minute_s = 60, hour_s = 3600, day_s = 86400;

int seconds_of(const std::string& hour, const std::string& minute) {
  return std::stoi(hour) * hour_s + std::stoi(minute) * minute_s;
}

bool holds(const PauseWindow& window, int second_of_day) {
  if (window.start_s <= window.end_s)
    return window.start_s <= second_of_day && second_of_day < window.end_s;
  return second_of_day >= window.start_s || second_of_day < window.end_s;
}

}  // namespace

std::vector<PauseWindow> parse_pause(const std::string& text) {
  static const std::regex form(
      R"(\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*)");
  std::vector<PauseWindow> windows;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::smatch match;
    if (!std::regex_match(part, match, form))
      throw Error(ErrorKind::configuration, fmt::format("'{}' is no time of the day", part),
                  "night.pause", "write \"18:00-07:00\", UTC");
    windows.push_back({seconds_of(match[1], match[2]), seconds_of(match[3], match[4])});
  }
  return windows;
}

Pause pause_of(const config::Configuration& configuration) {
  return {parse_pause(configuration.text("night.pause")),
          static_cast<int>(configuration.integer("night.jobs_while_observing"))};
}

std::optional<std::string> pause_text(const Pause& pause, double unix_utc_s) {
  const int second = static_cast<int>(unix_utc_s - std::floor(unix_utc_s / day_s) * day_s);
  const auto window =
      std::find_if(pause.windows.begin(), pause.windows.end(),
                   [&](const PauseWindow& candidate) { return holds(candidate, second); });
  if (window == pause.windows.end()) return std::nullopt;
  return fmt::format("{} until {:02}:{:02} UTC (night.pause)",
                     pause.jobs == 0 ? std::string("no new job starts")
                                     : fmt::format("at most {} at a time", pause.jobs),
                     window->end_s / hour_s, window->end_s % hour_s / minute_s);
}

std::optional<std::string> pause_text(const Pause& pause) {
  if (pause.windows.empty()) return std::nullopt;
  return pause_text(
      pause,
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace alisio::night
