#pragma once
#include "lib/night/plan.hpp"

namespace alisio::night {

/// Tell whether a job that is not done waits for the product of another one that is not: its
/// trouble is that job's. One that leaves out an input which could not be made has its own.
[[nodiscard]] bool waits_for_another(const PlannedJob& planned, const NightPlan& plan);

}  // namespace alisio::night
