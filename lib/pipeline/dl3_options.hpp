#pragma once
#include <vector>

#include "lib/config/configuration.hpp"
#include "reco/dl3/cuts.hpp"
#include "reco/dl3/event_selector.hpp"

namespace alisio::pipeline {

/// Return the block EventSelector.
[[nodiscard]] dl3::EventRanges event_ranges(const config::Configuration& configuration);

/// Return the cuts of the block DL3Cuts. @throws Error(configuration) if a least cut is above a
/// greatest one.
[[nodiscard]] dl3::CutOptions cut_options(const config::Configuration& configuration);

/// Return DL3Cuts.allowed_tels. @throws Error(configuration) if one is no number, or there is none.
[[nodiscard]] std::vector<int> allowed_telescopes(const config::Configuration& configuration);

}  // namespace alisio::pipeline
