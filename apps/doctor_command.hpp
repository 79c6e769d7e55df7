#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// Run `alisio doctor …`. @returns 0 if nothing fails, 7 otherwise. @throws Error for misuse.
int run_doctor_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
