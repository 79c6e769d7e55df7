#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace alisio::apps {

/// Run `alisio simulate …`: write a synthetic night, ready for `alisio night`.
/// @param cfg_folder holds camera/LSTCam.
/// @returns the process exit code. @throws Error for everything that ends the command.
[[nodiscard]] int run_simulate_command(const std::vector<std::string>& arguments,
                                       const std::filesystem::path& cfg_folder);

}  // namespace alisio::apps
