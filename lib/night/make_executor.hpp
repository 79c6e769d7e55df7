#pragma once
#include <filesystem>
#include <memory>

#include "lib/config/configuration.hpp"
#include "lib/night/executor.hpp"

namespace alisio::night {

/// What an executor needs besides the configuration.
struct ExecutorNeeds {
  std::filesystem::path program;  ///< that runs the stages
  std::filesystem::path scratch;  ///< folder of the night's reports
  int threads = 1;                ///< of each process
  int processes = 0;              ///< at a time on this machine; 0: as configured
  double most_load = 0;           ///< see LocalLimits; 0: as configured
};

/// Return the folder below which nights keep what jobs are to do and say: shared with the nodes if
/// jobs run in Slurm.
[[nodiscard]] std::filesystem::path scratch_folder(const config::Configuration& configuration);

/// Make what runs the jobs of a night, as `night.executor` says.
/// @throws Error(configuration) if that is none that is known.
[[nodiscard]] std::unique_ptr<Executor> make_executor(const config::Configuration& configuration,
                                                      const ExecutorNeeds& needs,
                                                      const NightKey& night, State& state);

}  // namespace alisio::night
