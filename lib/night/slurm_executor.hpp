#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/night/executor.hpp"
#include "lib/night/slurm_client.hpp"
#include "lib/night/slurm_pack.hpp"
#include "lib/night/slurm_task.hpp"

namespace alisio::night {

/// What jobs may ask of Slurm, and how they are packed.
struct SlurmPolicy {
  std::filesystem::path program;  ///< that runs the stages
  std::filesystem::path runner;   ///< alisio, for `alisio run-task`
  std::filesystem::path folder;   ///< of task files and journals, shared with the nodes
  int queue_limit = 2000;         ///< tasks of this night in Slurm at a time
  int array_limit = 1000;         ///< tasks of one array
  int processes_per_task = 1;     ///< one after the other; what is tried again goes alone
  int processors = 1;             ///< of a task
  double poll_s = 10;             ///< least time between two questions, seconds
  double patience_s = 600;        ///< after which a task that nothing is heard of is gone, seconds
  std::function<std::uint64_t(const std::string& stage)> memory_of_stage;  ///< bytes
  std::function<double(const std::string& stage)> time_of_stage;           ///< seconds
  std::uint64_t memory_limit_bytes = 0;
  double time_limit_s = 0;
};

/// Hands processes to Slurm: an array for each stage and run, whose tasks tell by their journals
/// how far they are. They go on when the pass is over; Slurm is asked only about those whose
/// journal says no end. What only waits for tasks in Slurm is handed over behind them.
///
/// No process is lost or doubled: the state knows of an array before it is submitted, by its unique
/// name; whether Slurm took it is asked before it is submitted again; and of two arrays of one name
/// the first to begin a task makes its journal, and the other leaves it alone.
class SlurmExecutor final : public Executor {
 public:
  SlurmExecutor(State& state, NightKey night, SlurmClient client, SlurmPolicy policy);

  [[nodiscard]] Recovery recover(const std::vector<ProcessRecord>& left) override;
  [[nodiscard]] bool take(const JobRequest& request) override;
  [[nodiscard]] std::vector<ProcessRecord> launch() override;
  [[nodiscard]] std::vector<ExecutionEnd> poll() override;
  [[nodiscard]] std::vector<ExecutionEnd> stop() override { return {}; }
  void abandon() noexcept override {}
  [[nodiscard]] std::size_t under_way() const override;
  [[nodiscard]] std::vector<ExecutionEnd> withdraw(const std::set<JobKey>& jobs) override;
  [[nodiscard]] std::map<JobKey, std::string> waiting() const override;
  [[nodiscard]] bool keeps_order() const override { return true; }
  [[nodiscard]] bool outlives_passes() const override { return true; }

 private:
  using Clock = std::chrono::steady_clock;
  /// Processes of one task that have no end yet, by their place in it.
  using Task = std::map<int, ProcessRecord>;
  struct Array {
    std::filesystem::path task_file;
    SlurmSubmission submission;
    std::string job;  ///< "12"; empty: it is not known whether Slurm has it
    Clock::time_point next_try;
    std::map<int, Task> open;            ///< by index
    std::map<int, int> begun;            ///< by index: how many of a task's processes have begun
    std::map<int, std::string> reasons;  ///< by index: why a task waits, in Slurm's words
    std::string refusal;                 ///< why Slurm has not taken it so far
  };

  [[nodiscard]] JobNeed need_of(const JobRequest& request) const;
  [[nodiscard]] std::vector<PackItem> items() const;
  [[nodiscard]] Array prepare(PackedArray packed, std::vector<ProcessRecord>& records) const;
  void submit(Array& array);
  void give_back(Array& array, Fate fate, const std::string& why);
  void settle(Array& array, const SlurmQueue& queue);
  std::vector<ExecutionEnd> look();
  void take_told_ends(std::vector<ExecutionEnd>& ends);
  void take_other_ends(const SlurmQueue& queue, std::vector<ExecutionEnd>& ends);
  void end_task(Array& array, int index, const SlurmTask& said, std::vector<ExecutionEnd>& ends);
  [[nodiscard]] bool lost_too_often(const ProcessRecord& process) const;
  void ask_for_more(const ProcessRecord& process, const Array& array, Fate fate);
  void forget_finished();
  void warn_away(const std::string& what);

  State& state_;
  NightKey night_;
  SlurmClient client_;
  SlurmPolicy policy_;
  std::map<JobKey, JobNeed> needs_;
  std::vector<JobRequest> taken_;
  std::map<std::string, Array> arrays_;   ///< by name
  std::vector<ExecutionEnd> given_back_;  ///< that Slurm did not take
  Clock::time_point looked_at_, warned_at_;
  bool away_ = false;
};

}  // namespace alisio::night
