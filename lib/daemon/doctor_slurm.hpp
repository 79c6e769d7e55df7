#pragma once
#include <vector>

#include "lib/daemon/doctor.hpp"

namespace alisio::daemon {

/// Ask Slurm what the jobs of a night will ask of it: that its controller answers, that the
/// configured partition is there and has nodes that work and are large enough, that arrays are
/// allowed, that the accounting answers and knows the account. Nothing if jobs do not run in Slurm.
[[nodiscard]] std::vector<Finding> examine_slurm(const config::Configuration& configuration);

}  // namespace alisio::daemon
