#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/night/executor.hpp"
#include "lib/night/plan.hpp"

namespace alisio::night {

/// What the end of a process means for its jobs.
struct Outcome {
  /// Jobs that came to an end of their own, done or failed. Others of the process were not tried,
  /// or were interrupted through no fault of theirs.
  std::vector<JobRecord> jobs;
  std::vector<FileStamp> files;  ///< that they saw
  bool transient = false;        ///< what failed may succeed when it is tried again at once
  bool counts = true;            ///< as a try of the jobs that came to no end
};

/// Return the inputs of a job as they were when it was started.
using InputsOf = std::function<std::vector<PortFile>(const JobKey&)>;

/// Read the report of a process that has ended and say what has become of its jobs.
[[nodiscard]] Outcome outcome_of(const ExecutionEnd& end,
                                 const std::map<std::string, StageFacts>& stages,
                                 const InputsOf& inputs_of);

}  // namespace alisio::night
