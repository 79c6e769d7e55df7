#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

int run_clean_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
