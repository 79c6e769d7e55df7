#pragma once
#include <cstdint>

namespace alisio::sky {

/// Return TAI - UTC in seconds at a UTC calendar date (leap seconds as built into ERFA).
/// @throws Error(bug) for a date that ERFA refuses.
[[nodiscard]] int leap_seconds(int year, int month, int day);

/// Convert between the TAI and the UTC count of seconds since 1970, to the nanosecond.
[[nodiscard]] std::int64_t tai_to_utc_ns(std::int64_t tai_unix_ns);
[[nodiscard]] std::int64_t utc_to_tai_ns(std::int64_t utc_unix_ns);

/// Return UTC unix seconds of a TAI unix time in ns: the double nearest to the exact value, which
/// is what astropy's two-double Time gives for `Time(ns, unix_tai).unix`.
[[nodiscard]] double tai_ns_to_unix_s(std::int64_t tai_unix_ns);

}  // namespace alisio::sky
