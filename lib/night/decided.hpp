#pragma once
#include <string>

#include "lib/base/ids.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// Return a text that changes when something is decided about a night, a decision is taken back, or
/// the night is opened again: what passes make of it does not change it. Of all its productions.
/// Empty if nothing ever was.
[[nodiscard]] std::string decided_mark(State& state, const NightDate& night);

}  // namespace alisio::night
