#pragma once
#include <functional>
#include <iosfwd>
#include <map>
#include <string>

#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// What the raw files of runs hold, in a few words, by run.
using InputStates = std::map<int, std::string>;

/// Print what would run and why: choices per run, then subruns with the same fate together.
void print_plan(const NightSetup& setup, const NightPlan& plan, const InputStates& states,
                std::ostream& out);
void print_plan_json(const NightSetup& setup, const NightPlan& plan, const InputStates& states,
                     std::ostream& out);

}  // namespace alisio::night
