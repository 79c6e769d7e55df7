#pragma once
#include <vector>

#include "lib/daemon/doctor.hpp"

namespace alisio::daemon {

/// Compare this machine's clock with what others have stamped: the raw files and the drive log of
/// the latest night up to `night` that has some. What is stamped in the future tells that one of
/// the clocks is wrong. @param now_unix_s by this machine's clock, UTC
[[nodiscard]] std::vector<Finding> examine_stamps(const config::Configuration& configuration,
                                                  const NightDate& night, double now_unix_s);

}  // namespace alisio::daemon
