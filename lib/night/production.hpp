#pragma once
#include <string>

#include "lib/night/state.hpp"

namespace alisio::night {

/// Return the production that a night belongs to when none is named: the one that the configuration
/// names if the night has it or has none yet, else the one that it was begun under. So a new name,
/// or a new version of the program, concerns the nights to come.
[[nodiscard]] std::string production_of(State& state, const NightKey& configured);

}  // namespace alisio::night
