#pragma once
#include <filesystem>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/state.hpp"

/// The configuration of a pass as its jobs get it. They start over hours, and what somebody is
/// writing into the file meanwhile is not what the night was planned with.
namespace alisio::night {

/// The port that stages read their configuration file through.
inline constexpr const char* configuration_port = "analysis_configuration";

/// Write a configuration, all values in force, into a folder, under a name that tells its content;
/// one that is there already is left alone. @return the file
/// @param original the file it was read from, named in the first line; empty: there is none, and
///        none is written
/// @throws Error(resource) if it cannot be written.
[[nodiscard]] std::filesystem::path keep_configuration(const config::Configuration& configuration,
                                                       const std::filesystem::path& original,
                                                       const std::filesystem::path& folder);

/// Return retries, of this pass alone, of the jobs that failed for another configuration than the
/// one that is kept in a file.
[[nodiscard]] std::vector<Decision> retries_for_configuration(State& state, const NightKey& night,
                                                              const std::filesystem::path& kept);

}  // namespace alisio::night
