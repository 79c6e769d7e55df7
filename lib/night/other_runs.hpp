#pragma once
#include <optional>

#include "lib/night/plan.hpp"
#include "lib/night/table.hpp"

namespace alisio::night {

/// Return the night as its last pass showed it; nothing if none has, or a program of another time
/// did.
[[nodiscard]] std::optional<NightSummary> shown_before(State& state, const NightKey& night);

/// Put what is known of the runs that a pass was not asked for into what it shows: the night does
/// not consist of the others alone. What an earlier pass found of them stands; a run that was never
/// processed keeps the night from being complete.
/// @param before as the last pass showed the night; empty: none has
void keep_other_runs(const NightSetup& setup, const NightPlan& plan,
                     const std::optional<NightSummary>& before, NightSummary& summary);

}  // namespace alisio::night
