#pragma once
#include <string>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::night {

/// Return the night that is meant when none is named: the one whose evening was yesterday, UTC. It
/// stays the same from midnight to midnight, through all of the day that processes it.
/// @param now_unix_s UTC
[[nodiscard]] NightDate last_night(double now_unix_s);
/// The same, of this moment.
[[nodiscard]] NightDate last_night();

/// Return the nights that some words name, ascending, each once: dates, ranges of dates
/// (20221201..20221215, both inclusive) and names of files of such words, `#` begins a comment.
/// @throws Error(usage) for what is none of these, for ranges that end before they begin, and for
///         more than ten years.
[[nodiscard]] std::vector<NightDate> dates_of(const std::vector<std::string>& words);

}  // namespace alisio::night
