#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

enum class StepStatus {
  done,  ///< recorded, unchanged inputs, outputs as recorded
  to_run,
  waiting,        ///< decided when the step before it has ended
  blocked,        ///< something it needs cannot be made, or it failed for good
  missing_input,  ///< a file that it needs does not exist
  not_wanted      ///< switched off
};
[[nodiscard]] const char* to_string(StepStatus status);

/// One stage of one subrun.
struct Step {
  StepStatus status = StepStatus::to_run;
  std::string reason;  ///< one line
};

/// What a stage is at this moment: a job recorded with anything else is not current.
struct StageFacts {
  int version = 0;
  std::string configuration;  ///< canonical text of the sections that the stage reads
};

/// The files of one port.
struct PortFile {
  std::string port;
  std::string path;
};

/// Everything about one subrun that does not depend on the state.
struct SubrunTask {
  int run = 0;
  int subrun = 0;
  std::vector<PortFile> dl1_inputs;  ///< raw streams, constants, pointing, summary
  std::vector<PortFile> dl2_inputs;  ///< models; the DL1 file is implied
  std::string dl1_file, dl2_file;    ///< products
  std::string dl1_obstacle;          ///< why r0_to_dl1 cannot run ("no charge calibration …")
  std::string dl2_obstacle;
  bool missing_raw = false;  ///< the obstacle is a raw file that is not there
};

struct PlanSettings {
  StageFacts r0_to_dl1, dl1_to_dl2;
  bool dl2 = true;
  bool retry_failed = true;  ///< false: jobs that failed for good stay blocked
};

/// How planning looks at files; tests give their own.
struct FileAccess {
  std::function<std::optional<FileStamp>(const std::string&)> stamp;
  std::function<FileHashes(const std::string&)> hash;
};

struct SubrunPlan {
  const SubrunTask* task = nullptr;
  Step dl1, dl2;
  [[nodiscard]] bool runs_anything() const {
    return dl1.status == StepStatus::to_run || dl2.status == StepStatus::to_run;
  }
  /// DL1 and DL2 are made in one process, DL1 not read again.
  [[nodiscard]] bool in_one_pass() const {
    return dl1.status == StepStatus::to_run && dl2.status == StepStatus::to_run;
  }
};

/// Decide what one subrun needs. Pure but for `files`; files whose stamp is as recorded are not
/// read, others are hashed and the new hash is put into the snapshot and into `rehashed`.
[[nodiscard]] SubrunPlan plan_subrun(const SubrunTask& task, StateSnapshot& state,
                                     const PlanSettings& settings, const FileAccess& files,
                                     std::vector<FileRecord>& rehashed);

}  // namespace alisio::night
