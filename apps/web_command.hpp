#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// Run `alisio web …`: serve pages until interrupted. @returns 0. @throws Error.
int run_web_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
