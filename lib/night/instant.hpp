#pragma once
#include <string>

#include "lib/night/state.hpp"

namespace alisio::night {

/// Return the present instant as utc_now_text() does, or the one just after `latest` if the clock
/// shows none that is later. Clocks are set back, and what comes later must sort later all the
/// same: whether a job is older than a decision is told by their instants.
[[nodiscard]] std::string utc_now_after(const std::string& latest);

/// Return the latest instant that is recorded of a night: of ends of jobs and of decisions; empty
/// if there is none.
[[nodiscard]] std::string latest_instant(State& state, const NightKey& night);

}  // namespace alisio::night
