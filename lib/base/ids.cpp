#include "lib/base/ids.hpp"

#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/base/file_name.hpp"

namespace alisio {

std::string run_text(int run) {
  return fmt::format("{:05d}", run);
}
std::string subrun_text(int subrun) {
  return fmt::format("{:04d}", subrun);
}
std::string run_subrun_text(const SubrunId& id) {
  return run_text(id.run) + "." + subrun_text(id.subrun);
}
std::string telescope_text(int telescope) {
  return fmt::format("LST-{}", telescope);
}

void check_prod_id(std::string_view prod_id) {
  if (!is_file_name_part(prod_id))
    throw Error(ErrorKind::usage,
                fmt::format("'{}' cannot name a production: it becomes a folder", prod_id),
                "prod_id", fmt::format("use {}", file_name_characters));
}

std::optional<NightDate> NightDate::try_parse(std::string_view text) {
  std::string digits;
  const bool dashes_fit =
      text.size() == 8 || (text.size() == 10 && text[4] == '-' && text[7] == '-');
  for (const char c : text)
    if (std::isdigit(static_cast<unsigned char>(c))) digits += c;
  if (!dashes_fit || digits.size() != 8) return std::nullopt;
  const NightDate date{std::stoi(digits.substr(0, 4)), std::stoi(digits.substr(4, 2)),
                       std::stoi(digits.substr(6, 2))};
  const std::chrono::year_month_day calendar{std::chrono::year{date.year},
                                             std::chrono::month(unsigned(date.month)),
                                             std::chrono::day(unsigned(date.day))};
  return calendar.ok() ? std::optional(date) : std::nullopt;
}

NightDate NightDate::parse(std::string_view text) {
  if (const std::optional<NightDate> date = try_parse(text)) return *date;
  throw Error(ErrorKind::usage, fmt::format("'{}' is no date of the calendar", text), "",
              "write YYYYMMDD or YYYY-MM-DD");
}

NightDate NightDate::of_unix_utc(double unix_utc_s) {
  using namespace std::chrono;
  const auto evening = sys_seconds{seconds{static_cast<long long>(std::floor(unix_utc_s))}} - 12h;
  const year_month_day date{floor<days>(evening)};
  return {int(date.year()), int(unsigned(date.month())), int(unsigned(date.day()))};
}

std::string NightDate::compact() const {
  return fmt::format("{:04d}{:02d}{:02d}", year, month, day);
}
std::string NightDate::iso() const {
  return fmt::format("{:04d}-{:02d}-{:02d}", year, month, day);
}

}  // namespace alisio
