#pragma once
#include <vector>

#include "lib/night/decision.hpp"
#include "lib/night/table.hpp"

namespace alisio::night {

/// The stage of a trouble that is a hold and no job.
inline constexpr const char* hold_stage = "hold";

/// Return the holds among decisions as troubles: the night is not complete meanwhile, whatever of
/// it is done.
[[nodiscard]] std::vector<Trouble> troubles_of_holds(const std::vector<Decision>& decisions);

/// Put the holds that stand now in the place of those that the last pass showed.
void show_holds(const std::vector<Decision>& decisions, NightSummary& summary);

}  // namespace alisio::night
