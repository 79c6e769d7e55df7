#include "lib/config/forms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <regex>
#include <sstream>

namespace alisio::config {
namespace {

constexpr int minute_s = 60, hour_s = 3600;

int seconds_of(const std::string& hour, const std::string& minute) {
  return std::stoi(hour) * hour_s + std::stoi(minute) * minute_s;
}

}  // namespace

std::optional<std::vector<DayWindow>> parse_day_windows(const std::string& text) {
  static const std::regex form(
      R"(\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*)");
  std::vector<DayWindow> windows;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::smatch match;
    if (!std::regex_match(part, match, form)) return std::nullopt;
    windows.push_back({seconds_of(match[1], match[2]), seconds_of(match[3], match[4])});
  }
  return windows;
}

std::optional<MissingLimit> MissingLimit::parse(const std::string& text) {
  MissingLimit limit;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, limit.value);
  std::string unit(rest, end);
  std::erase(unit, ' ');
  limit.per_cent = unit == "%";
  const bool is_counted = std::isfinite(limit.value) && limit.value >= 0;
  if (fault != std::errc() || !is_counted || (!unit.empty() && !limit.per_cent))
    return std::nullopt;
  if (limit.per_cent && limit.value > 100) return std::nullopt;
  return limit;
}

bool MissingLimit::allows(int missing, int expected) const {
  return missing <= (per_cent ? value * expected / 100 : value);
}

std::string MissingLimit::text() const {
  return fmt::format("{:g}{}", value, per_cent ? " %" : "");
}

bool is_mail_address(const std::string& text) {
  // sendmail would take a leading dash for an option.
  return !text.starts_with('-') &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c != 127; });
}

bool is_word_of_night(const std::string& word) {
  static const std::regex known(R"(\{(date|telescope)\})");
  return std::regex_replace(word, known, "").find_first_of("{}") == std::string::npos;
}

}  // namespace alisio::config
