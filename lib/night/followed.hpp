#pragma once
#include <vector>

#include "lib/night/decision.hpp"
#include "lib/night/plan.hpp"

namespace alisio::night {

/// Tell whether a decision to try or to make something again has been followed: all jobs that it
/// concerns came to an end after it, those to be made again to a good one.
/// @param asked runs that were planned; empty: all
[[nodiscard]] bool is_followed(const Decision& decision, const NightPlan& plan,
                               const StateSnapshot& recorded, const std::vector<int>& asked);

/// Record that a decision was followed: it stands no more. @throws what the writer throws: then it
/// stands.
void end_followed(State& state, const NightKey& night, Decision decision,
                  const DecisionWriter& write);

}  // namespace alisio::night
