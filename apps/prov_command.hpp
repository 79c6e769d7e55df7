#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// Run `alisio prov merge|verify|graph …`. @returns the exit code: 7 if `verify` found a file that
/// is not what its record says. @throws Error.
int run_prov_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
