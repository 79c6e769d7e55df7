#pragma once
#include <filesystem>
#include <string_view>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/config/configuration.hpp"
#include "reco/check/gates.hpp"

namespace alisio::pipeline {

/// Translate the block `gates.data` of the configuration.
[[nodiscard]] check::DataLimits data_limits(const config::Configuration& c);

/// Judge a data check, ours or the peers'.
/// @param kind the port that it comes out of: dl1_datacheck is judged as a subrun, others as a run
/// @param expected what the run should have; of no account for a subrun
/// @throws Error(missing_input, bad_input) if it cannot be read.
[[nodiscard]] std::vector<Gate> check_data_file(std::string_view kind,
                                                const std::filesystem::path& file,
                                                const config::Configuration& configuration,
                                                const ExpectedSubruns& expected);

}  // namespace alisio::pipeline
