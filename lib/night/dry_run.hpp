#pragma once
#include <iosfwd>

#include "lib/night/night.hpp"
#include "lib/night/pass.hpp"

namespace alisio::night {

/// Walk through every job of a night without computing, merge the planned provenance, and tell what
/// was done. @returns the exit code: 0, or 7 if something could not be walked through.
[[nodiscard]] int dry_run_night(const NightSetup& setup, const PlanSettings& settings, State& state,
                                const PassOptions& options, const NightServices& services,
                                std::ostream& out);

}  // namespace alisio::night
