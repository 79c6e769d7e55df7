#include "lib/night/make_executor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/night/local_executor.hpp"
#include "lib/night/machine.hpp"
#include "lib/night/slurm_executor.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr double gigabyte = 1e9, minute = 60;

bool runs_in_slurm(const config::Configuration& configuration) {
  return configuration.text("night.executor") == "slurm";
}

int integer(const config::Configuration& configuration, const char* key) {
  return static_cast<int>(configuration.integer(key));
}

std::uint64_t bytes(const config::Configuration& configuration, const char* key) {
  return static_cast<std::uint64_t>(configuration.number(key) * gigabyte);
}

std::function<std::uint64_t(const std::string&)> memory_of_stage(
    const config::Configuration& configuration, const NightKey& night, State& state) {
  return memory_expectation(configuration.number("night.job_memory"),
                            configuration.numbers("night.stage_memory"),
                            state.memory_of_stages(night));
}

std::unique_ptr<Executor> make_local(const config::Configuration& configuration,
                                     const ExecutorNeeds& needs, const NightKey& night,
                                     State& state) {
  const Machine machine = this_machine();
  LocalLimits limits;
  limits.processes = needs.processes > 0 ? needs.processes : integer(configuration, "night.jobs");
  if (limits.processes == 0) limits.processes = std::max(1, machine.processors / needs.threads);
  limits.memory_bytes = bytes(configuration, "night.memory");
  if (limits.memory_bytes == 0) limits.memory_bytes = machine.memory_bytes;
  limits.nice = integer(configuration, "night.nice");
  limits.threads = needs.threads;
  limits.most_load = needs.most_load > 0 ? needs.most_load : configuration.number("night.max_load");
  limits.memory_of_stage = memory_of_stage(configuration, night, state);
  const fs::path shared = configuration.path("slurm.scratch");
  limits.slurm_folder =
      (shared.empty() ? needs.scratch : shared / needs.scratch.filename()) / "slurm";
  return std::make_unique<LocalExecutor>(state, night, needs.program, std::move(limits));
}

std::unique_ptr<Executor> make_slurm(const config::Configuration& configuration,
                                     const ExecutorNeeds& needs, const NightKey& night,
                                     State& state) {
  SlurmPolicy policy;
  policy.program = needs.program;
  policy.runner = fs::read_symlink("/proc/self/exe");
  policy.folder = needs.scratch / "slurm";
  policy.queue_limit = integer(configuration, "slurm.queue_limit");
  policy.array_limit = integer(configuration, "slurm.array_limit");
  policy.processes_per_task = integer(configuration, "slurm.processes_per_task");
  policy.processors = needs.threads;
  policy.poll_s = configuration.number("slurm.poll");
  policy.patience_s = configuration.number("slurm.patience");
  policy.memory_of_stage = memory_of_stage(configuration, night, state);
  policy.memory_limit_bytes = bytes(configuration, "slurm.memory_limit");
  policy.time_of_stage = [configured = configuration.numbers("slurm.stage_time"),
                          otherwise =
                              configuration.number("slurm.job_time")](const std::string& stage) {
    const auto known = configured.find(stage);
    return minute * (known == configured.end() ? otherwise : known->second);
  };
  policy.time_limit_s = minute * configuration.number("slurm.time_limit");
  SlurmClient client({.programs = configuration.path("slurm.programs"),
                      .partition = configuration.text("slurm.partition"),
                      .account = configuration.text("slurm.account"),
                      .qos = configuration.text("slurm.qos"),
                      .options = configuration.words("slurm.options")});
  return std::make_unique<SlurmExecutor>(state, night, std::move(client), std::move(policy));
}

}  // namespace

fs::path scratch_folder(const config::Configuration& configuration) {
  const fs::path shared = configuration.path("slurm.scratch");
  if (runs_in_slurm(configuration) && !shared.empty()) return shared;
  return configuration.path("paths.state") / "jobs";
}

std::unique_ptr<Executor> make_executor(const config::Configuration& configuration,
                                        const ExecutorNeeds& needs, const NightKey& night,
                                        State& state) {
  return runs_in_slurm(configuration) ? make_slurm(configuration, needs, night, state)
                                      : make_local(configuration, needs, night, state);
}

}  // namespace alisio::night
