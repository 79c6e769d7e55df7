#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// Run `alisio daemon …`: take care of the nights until stopped. @returns 0. @throws Error.
int run_daemon_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
