#pragma once
#include <filesystem>
#include <string>

#include "lib/night/night.hpp"
#include "lib/night/plan.hpp"

namespace alisio::night {

/// Return the present hashes of a file. A damaged file has no data hash: it differs from what was
/// recorded, and the job that reads it says what is wrong.
[[nodiscard]] FileHashes hashes_of_file(const NightServices& services, const std::string& path);
[[nodiscard]] FileAccess disk_access(const NightServices& services);

/// Hash the files that many jobs share, once per content, and write them into a file for
/// --known-hashes.
void hand_on_hashes(const NightPlan& plan, const std::filesystem::path& config_file,
                    const std::filesystem::path& file, State& state, const NightServices& services);

}  // namespace alisio::night
