#pragma once
#include <string>
#include <vector>

#include "apps/commands.hpp"

namespace alisio::apps {

/// `alisio run-task`: what the tasks of a job array in Slurm execute.
int run_task_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
