#pragma once
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// The commands by which operators decide about a night: veto, unveto, hold, release, discard,
/// retry. Each writes one line into the state, with author and reason, and is obeyed by every pass,
/// also by one under way.
[[nodiscard]] std::vector<Command> decision_commands();

}  // namespace alisio::apps
