#pragma once
#include "lib/config/configuration.hpp"
#include "reco/check/gates.hpp"

namespace alisio::pipeline {

/// Translate the block `gates.data` of the configuration.
[[nodiscard]] check::DataLimits data_limits(const config::Configuration& c);

}  // namespace alisio::pipeline
