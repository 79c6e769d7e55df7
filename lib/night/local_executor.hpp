#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <vector>

#include "lib/night/executor.hpp"
#include "lib/night/machine.hpp"

namespace alisio::night {

/// What processes may take of this machine.
struct LocalLimits {
  int processes = 1;               ///< at a time
  std::uint64_t memory_bytes = 0;  ///< of all together; 0: not limited
  int nice = 0;                    ///< added to their niceness
  int threads = 1;                 ///< of each
  double most_load = 0;  ///< threads on this machine, of others too, above which no process starts
                         ///< beside another; 0: not limited
  std::function<double()> load = [] { return load_average(); };
  /// Memory that a stage is expected to take, bytes; empty: not known, none.
  std::function<std::uint64_t(const std::string& stage)> memory_of_stage = {};
  /// Where tasks were put that went to Slurm before the configuration said otherwise.
  std::filesystem::path slurm_folder = {};
};

/// End a process that an earlier pass on this machine left, and remove its fragments.
[[nodiscard]] ExecutionEnd end_left(const ProcessRecord& process);

/// Runs processes on this machine. They do not outlive the pass.
class LocalExecutor final : public Executor {
 public:
  LocalExecutor(State& state, NightKey night, std::filesystem::path program, LocalLimits limits);

  [[nodiscard]] Recovery recover(const std::vector<ProcessRecord>& left) override;
  [[nodiscard]] bool take(const JobRequest& request) override;
  [[nodiscard]] std::vector<ProcessRecord> launch() override;
  [[nodiscard]] std::vector<ExecutionEnd> poll() override;
  [[nodiscard]] std::vector<ExecutionEnd> stop() override;
  void abandon() noexcept override;
  [[nodiscard]] std::size_t under_way() const override { return running_.size(); }
  [[nodiscard]] bool outlives_passes() const override { return false; }

 private:
  struct Running {
    ProcessRecord process;
    std::uint64_t memory_bytes = 0;
    std::chrono::steady_clock::time_point started;
  };

  [[nodiscard]] std::uint64_t memory_of(const JobRequest& request) const;
  [[nodiscard]] double expected_load() const;

  State& state_;
  NightKey night_;
  std::filesystem::path program_;
  LocalLimits limits_;
  std::vector<JobRequest> taken_;
  std::map<pid_t, Running> running_;
  std::uint64_t memory_taken_ = 0;  ///< expected of what is taken and running, bytes
};

}  // namespace alisio::night
