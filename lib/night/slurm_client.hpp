#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace alisio::night {

/// How jobs are handed to Slurm.
struct SlurmSettings {
  std::filesystem::path programs = {};  ///< folder of sbatch, squeue, sacct, scontrol; empty: PATH
  std::string partition = {}, account = {}, qos = {};
  std::vector<std::string> options = {};  ///< further words for sbatch
};

/// One array of jobs to hand over.
struct SlurmSubmission {
  std::string name;                       ///< unique: by it the array is found again
  std::string comment = {};               ///< which night, stage and run it is, for people
  std::vector<std::string> command = {};  ///< what each task executes
  std::filesystem::path log_folder = {};  ///< of what Slurm itself says of a task
  std::vector<int> indices = {};          ///< of the tasks, ascending
  std::string dependency = {};            ///< what they wait for, as Slurm takes it; empty: nothing
  int processors = 1;                     ///< of a task
  std::uint64_t memory_bytes = 0;         ///< of a task
  double time_s = 0;                      ///< of a task
};

/// How far Slurm says that a task is.
enum class SlurmState {
  waiting,
  running,
  completed,
  failed,
  cancelled,
  timed_out,
  out_of_memory,
  displaced  ///< preempted, its node failed, or what it waited for did
};
[[nodiscard]] inline bool is_over(SlurmState state) {
  return state != SlurmState::waiting && state != SlurmState::running;
}

/// What Slurm says of one task of an array.
struct SlurmTask {
  SlurmState state = SlurmState::waiting;
  std::string word;      ///< Slurm's own: "CANCELLED by 1000"
  std::string reason;    ///< why it waits; may be empty
  std::string ended_at;  ///< UTC unix, s: "1705388400"; not meant before it is over
};

/// All that Slurm knows of the jobs of this user.
struct SlurmQueue {
  std::map<std::string, SlurmTask> tasks;          ///< by "12_3"
  std::map<std::string, std::string> job_of_name;  ///< "12" by the name of the array
};

enum class SubmissionEnd {
  accepted,
  refused,   ///< it would be refused again: no node is as large as that
  not_now,   ///< refused, for reasons that may pass or be mended
  too_late,  ///< what it was to wait for is no more
  unknown    ///< no answer: it may have been accepted
};

struct SubmissionAnswer {
  SubmissionEnd end = SubmissionEnd::unknown;
  std::string job;   ///< "12"
  std::string text;  ///< what Slurm says
};

/// Asks Slurm by its programs, whose plain formats have stayed the same over the years, unlike
/// their JSON, and obey filters. No answer within the patience, or an error, is no answer: nothing
/// follows from it.
class SlurmClient {
 public:
  explicit SlurmClient(SlurmSettings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] SubmissionAnswer submit(const SlurmSubmission& submission) const;
  /// Ask the controller for all jobs of this user, those that ended in the last minutes too.
  [[nodiscard]] std::optional<SlurmQueue> queue() const;
  /// Ask the accounting for what the controller has forgotten.
  [[nodiscard]] std::map<std::string, SlurmTask> accounting(
      const std::vector<std::string>& jobs) const;
  /// Ask for tasks, "12_3", to be taken out of the queue. It is no harm if they stay in it.
  void cancel(const std::vector<std::string>& tasks) const;
  /// Return the greatest index of an array plus 1; the default of Slurm if it does not answer.
  [[nodiscard]] int array_limit() const;

 private:
  [[nodiscard]] std::string program(const char* name) const;
  SlurmSettings settings_;
};

/// Return indices as Slurm takes them: "0-2,5". They must ascend.
[[nodiscard]] std::string array_text(const std::vector<int>& indices);

/// Return what a word of Slurm's for the state of a job means: "PENDING", "CANCELLED by 1000".
[[nodiscard]] SlurmState slurm_state(const std::string& word);

}  // namespace alisio::night
