#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/night/night.hpp"

namespace alisio::apps {

int run_close_command(const std::vector<std::string>& arguments, const Program& program);
int run_reopen_command(const std::vector<std::string>& arguments, const Program& program);
int run_archive_command(const std::vector<std::string>& arguments, const Program& program);
int run_verify_seal_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
