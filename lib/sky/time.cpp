#include "lib/sky/time.hpp"

#include <erfa.h>

#include <chrono>

#include "lib/base/error.hpp"

namespace alisio::sky {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

/// Leap seconds at a UTC unix time.
int leap_seconds_at(std::int64_t utc_unix_s) {
  using namespace std::chrono;
  const year_month_day date{floor<days>(sys_seconds{seconds{utc_unix_s}})};
  return leap_seconds(int(date.year()), int(unsigned(date.month())), int(unsigned(date.day())));
}

}  // namespace

int leap_seconds(int year, int month, int day) {
  double difference = 0;
  // A positive status only warns that the year is later than ERFA's table.
  if (eraDat(year, month, day, 0.0, &difference) < 0)
    throw Error(ErrorKind::bug, "ERFA refuses a date",
                std::to_string(year) + "-" + std::to_string(month));
  return int(difference);
}

std::int64_t tai_to_utc_ns(std::int64_t tai) {
  const std::int64_t guess = tai / ns_per_s - leap_seconds_at(tai / ns_per_s);
  return tai - leap_seconds_at(guess) * ns_per_s;
}

std::int64_t utc_to_tai_ns(std::int64_t utc) {
  return utc + leap_seconds_at(utc / ns_per_s) * ns_per_s;
}

double tai_ns_to_unix_s(std::int64_t tai) {
  const std::int64_t utc = tai_to_utc_ns(tai);
  // The quotient in long double is exact to 2^-64, so that its rounding is that of the exact value.
  return double(static_cast<long double>(utc) / static_cast<long double>(ns_per_s));
}

}  // namespace alisio::sky
