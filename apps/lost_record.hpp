#pragma once
#include "apps/commands.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/night.hpp"

namespace alisio::apps {

/// If the state knows nothing of a night that was worked on, for it was lost or is an earlier copy,
/// make it anew from the disk (`alisio state rebuild`) before anything is made again.
/// @throws Error(resource) if that fails.
void take_up_lost_record(const night::NightOptions& options,
                         const config::Configuration& configuration, const Program& program);

}  // namespace alisio::apps
