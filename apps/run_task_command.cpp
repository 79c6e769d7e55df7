#include "apps/run_task_command.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "apps/command_line.hpp"
#include "lib/base/error.hpp"
#include "lib/night/slurm_task.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Return what this element of a job array is called, or the process if it is none.
std::string element_name(int task) {
  const std::string job = environment("SLURM_ARRAY_JOB_ID");
  return job.empty() ? "by hand" : fmt::format("{}_{}", job, task);
}

}  // namespace

int run_task_command(const std::vector<std::string>& arguments, const Program&) {
  const CommandHelp help{
      "run-task", "FILE [--task N]",
      "What a task of a job array in Slurm executes; `alisio night` writes FILE and submits it\n"
      "(night.executor: slurm). Runs the processes of one task of FILE, one after the other, and\n"
      "tells in a journal beside FILE which began and how each ended. If another job has begun "
      "the\n"
      "task, nothing is done. After SIGTERM the process under way is told to end and no other\n"
      "begins. Needed by hand only to see what goes wrong on a node.\n"
      "Exit code 0 if all processes ended with 0 or the task is another job's, 1 if one did not,\n"
      "2 to 6 as of every command if the task file cannot be used.",
      "  alisio run-task /scratch/alisio/jobs/LST-1_20240215_v0.1_v00/slurm/alisio_….json --task "
      "3"};
  std::string file;
  int task = -1;
  po::options_description described("Options");
  auto add = described.add_options();
  add("task", po::value(&task), "which task, counted from 0 (default: SLURM_ARRAY_TASK_ID)");
  add("file", po::value(&file), "task file (the positional argument)");
  po::positional_options_description positional;
  positional.add("file", 1);
  const auto given = parse_arguments(arguments, help, described, positional);
  if (!given) return 0;
  if (file.empty()) throw Error(ErrorKind::usage, "the task file is missing", "run-task");
  if (task < 0) {
    const std::string index = environment("SLURM_ARRAY_TASK_ID");
    if (index.empty() || index.find_first_not_of("0123456789") != std::string::npos)
      throw Error(ErrorKind::usage, "it is not said which task", "run-task",
                  "give --task, or let Slurm run it");
    task = std::stoi(index);
  }
  return night::run_task(file, task, element_name(task));
}

}  // namespace alisio::apps
