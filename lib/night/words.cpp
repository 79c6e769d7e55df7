#include "lib/night/words.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "lib/base/expected_subruns.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/plain_text.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string said_text(const std::string& text) {
  constexpr std::size_t most_characters = 500;
  return plain_line(text, most_characters);
}

double unix_seconds(const std::string& text) {
  using namespace std::chrono;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%lf", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return 0;
  const sys_days date = std::chrono::year{year} / std::chrono::month(unsigned(month)) /
                        std::chrono::day(unsigned(day));
  return static_cast<double>(date.time_since_epoch().count()) * 86400 + hour * 3600 + minute * 60 +
         second;
}

std::string ranges_text(const std::vector<int>& subruns) {
  if (!subruns.empty() && subruns.front() == whole_run) return "run";
  return ranges_of(subruns, subrun_text);
}

}  // namespace alisio::night
