#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/night/command.hpp"
#include "lib/night/process.hpp"
#include "lib/night/slurm_client.hpp"

namespace alisio::night {

/// What one job array is to do, as data: written by the pass into the folder that it shares with
/// the nodes, read there by `alisio run-task`.
struct TaskFile {
  std::filesystem::path program;               ///< that runs the stages
  SlurmSubmission submission;                  ///< what was asked of Slurm, without the command
  std::vector<std::vector<JobRequest>> tasks;  ///< by index: processes, one after the other
};

void write_task_file(const std::filesystem::path& file, const TaskFile& tasks);
/// @throws Error(missing_input, bad_input).
[[nodiscard]] TaskFile read_task_file(const std::filesystem::path& file);

/// What is known of one process of a task.
struct TaskStep {
  bool begun = false;
  std::optional<ProcessEnd> end;
};

/// What a task has said of itself so far.
struct TaskJournal {
  std::string job;   ///< "12_3": the element of an array that took the task upon itself
  std::string host;  ///< where
  std::vector<TaskStep> steps;
};

/// Write the script that Slurm executes, which becomes the program that its arguments name: words
/// are handed on as they are, no shell reads them.
void write_runner_script(const std::filesystem::path& file);

/// Return the file that a task tells in how far it is, beside its task file.
[[nodiscard]] std::filesystem::path journal_of_task(const std::filesystem::path& task_file,
                                                    int index);
/// Read it; nothing if the task has not begun. A line that is being written is left out.
[[nodiscard]] std::optional<TaskJournal> read_task_journal(const std::filesystem::path& file);

/// What the journal of a task that was taken back names in place of a job.
inline constexpr const char* withdrawn = "withdrawn";
/// Take a task back: whoever comes to it later leaves it alone. @returns false if a job has begun
/// it
bool withdraw_task(const std::filesystem::path& task_file, int index);

/// Do one task: run its processes and write its journal. If another job has taken the task, do
/// nothing. After SIGTERM the process under way is told to end, and no other begins.
/// @param job "12_3", the element of the array that this is
/// @returns 0 if all processes ended with 0, else 1; 1 too if the task was taken back, so that what
/// waits for it does not begin
int run_task(const std::filesystem::path& task_file, int index, const std::string& job);

}  // namespace alisio::night
