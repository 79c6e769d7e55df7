#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "lib/night/command.hpp"
#include "lib/night/slurm_client.hpp"

namespace alisio::night {

/// A task in Slurm that a request waits for.
struct SlurmPlace {
  std::string job;  ///< number of its array, "12"
  int index = 0;    ///< of the task
  auto operator<=>(const SlurmPlace&) const = default;
};

/// A request that is to go to Slurm.
struct PackItem {
  const JobRequest* request = nullptr;
  JobNeed need;
  std::vector<SlurmPlace> after;
};

struct PackRules {
  std::size_t processes_per_task = 1;  ///< one after the other; what is tried again goes alone
  std::size_t tasks_per_array = 1;
};

/// One array: what is asked of Slurm, but for its name, and by index the positions of the items
/// that each of its tasks does, in order.
struct PackedArray {
  SlurmSubmission submission;
  std::map<int, std::vector<std::size_t>> tasks;
};

/// Put requests into arrays, one or more for each stage and run that need the same. What waits for
/// one task of an array gets its index there, so that each task follows its own; what gathers waits
/// for all that it gathers.
[[nodiscard]] std::vector<PackedArray> pack(const std::vector<PackItem>& items,
                                            const PackRules& rules);

}  // namespace alisio::night
