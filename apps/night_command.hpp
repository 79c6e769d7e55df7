#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/night/night.hpp"

namespace alisio::apps {

/// Run `alisio night DATE …`: parse the arguments after the subcommand's name and process the
/// night.
/// @returns the process exit code. @throws Error for everything that ends the command.
[[nodiscard]] int run_night_command(const std::vector<std::string>& arguments,
                                    night::NightServices services, const Program& program);

}  // namespace alisio::apps
