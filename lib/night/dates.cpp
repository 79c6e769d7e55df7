#include "lib/night/dates.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/now.hpp"

namespace alisio::night {
namespace {

constexpr double day_s = 86400;
constexpr int nights_at_most = 3660;
constexpr std::string_view range_mark = "..";

std::chrono::sys_days days_of(const NightDate& date) {
  using namespace std::chrono;
  return year{date.year} / month(unsigned(date.month)) / day(unsigned(date.day));
}

NightDate date_of(std::chrono::sys_days days) {
  const std::chrono::year_month_day date{days};
  return {int(date.year()), int(unsigned(date.month())), int(unsigned(date.day()))};
}

void add_range(const std::string& word, std::set<NightDate>& dates) {
  const std::size_t at = word.find(range_mark);
  const NightDate first = NightDate::parse(word.substr(0, at)),
                  last = NightDate::parse(word.substr(at + range_mark.size()));
  if (last < first)
    throw Error(ErrorKind::usage, fmt::format("the range '{}' ends before it begins", word), "",
                "write FIRST..LAST");
  if ((days_of(last) - days_of(first)).count() >= nights_at_most)
    throw Error(ErrorKind::usage, fmt::format("the range '{}' is longer than ten years", word));
  for (std::chrono::sys_days day = days_of(first); day <= days_of(last);
       day += std::chrono::days(1))
    dates.insert(date_of(day));
}

void add_word(const std::string& word, bool files, std::set<NightDate>& dates);

void add_file(const std::string& name, std::set<NightDate>& dates) {
  std::istringstream lines(read_text_file(name));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) try {
        add_word(word, false, dates);
      } catch (const Error& error) {
        throw Error(ErrorKind::usage, error.problem(), fmt::format("{}:{}", name, number),
                    error.remedy());
      }
  }
}

/// @param files whether the word may name a file
void add_word(const std::string& word, bool files, std::set<NightDate>& dates) {
  if (const auto date = NightDate::try_parse(word)) {
    dates.insert(*date);
    return;
  }
  std::error_code ignored;
  if (files && std::filesystem::is_regular_file(word, ignored)) return add_file(word, dates);
  if (word.find(range_mark) != std::string::npos) return add_range(word, dates);
  throw Error(ErrorKind::usage,
              fmt::format("'{}' is no date of the calendar{}", word, files ? ", and no file" : ""),
              "", "write YYYYMMDD, YYYY-MM-DD or FIRST..LAST");
}

}  // namespace

NightDate last_night(double now_unix_s) {
  return NightDate::of_unix_utc(std::floor(now_unix_s / day_s) * day_s);
}

NightDate last_night() {
  return last_night(now_unix_utc_s());
}

std::vector<NightDate> dates_of(const std::vector<std::string>& words) {
  std::set<NightDate> dates;
  for (const std::string& word : words) add_word(word, true, dates);
  return {dates.begin(), dates.end()};
}

}  // namespace alisio::night
