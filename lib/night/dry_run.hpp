#pragma once
#include <iosfwd>

#include "lib/night/night.hpp"
#include "lib/night/pass.hpp"

namespace alisio::night {

/// Walk through every job of a night without computing, merge the planned provenance, and tell what
/// was done: in lines, or as JSON, which is that of a night (summary_json()), its troubles those of
/// the walk, with "dry_run". @returns the exit code: 0, or 7 if something could not be walked
/// through.
[[nodiscard]] int dry_run_night(const NightSetup& setup, const PlanSettings& settings, State& state,
                                const PassOptions& options, const NightServices& services,
                                bool as_json, std::ostream& out);

}  // namespace alisio::night
