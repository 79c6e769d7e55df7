#pragma once
#include <string>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// A file that comes or goes through a port of a stage.
struct PortFile {
  std::string port;
  std::string path;
};

/// What is recorded with the file of a port: why it was chosen.
struct PortNote {
  std::string port;
  std::string text;
};

/// One job: a stage applied to a subrun or to a run, with the files that it reads and makes. Jobs
/// depend on each other through files alone: an input that another job makes is waited for.
struct Job {
  JobKey key;
  std::vector<PortFile> inputs;
  std::vector<PortFile> products;
  /// Ports of further products that the stage names by itself: what it is recorded to have made
  /// must stand like the others.
  std::vector<std::string> self_named_ports = {};
  std::string output_folder;
  std::vector<PortNote> notes;
  std::string obstacle;        ///< why it cannot run ("no charge calibration …"); empty: nothing
  bool files_missing = false;  ///< the obstacle is a file that is not there
  std::string too_early;       ///< why it is better done later ("run 123 is still being taken")
  /// Why its products are not current though its record stands, and the time (JobRecord::ended_at)
  /// up to which records are meant: a later one has cured it. Empty: nothing.
  std::string outdated, outdated_until;
  /// Ports that are to stay empty: a recorded input of theirs is one too many. Of other ports that
  /// planning leaves empty, the stage finds the file by itself.
  std::vector<std::string> empty_ports;
  /// Files that operators took out: one that is a recorded input is one too many.
  std::vector<std::string> vetoed_files;
  /// It tells of all others: it runs when none of them is left to run.
  bool last = false;
  /// The file whose quality gates decide whether this job may run, and the port that it comes out
  /// of; empty path: none.
  PortFile gate;
  /// Told to the stages that gather a run.
  ExpectedSubruns expected_subruns = {};
  /// Its product may replace one that holds more, because what it is made of has become less.
  bool may_shrink = false;
  /// Its products belong to all productions of the night: another production's equal data will do.
  bool shared = false;
};

enum class StepStatus {
  done,     ///< recorded, unchanged inputs, outputs as recorded
  to_run,   ///< once its inputs are there
  waiting,  ///< decided when the jobs before it have ended
  queued,   ///< handed to a scheduler, where it waits
  running,
  blocked,        ///< something it needs cannot be made, or it failed too often
  missing_input,  ///< a file that it needs does not exist
  vetoed,         ///< an operator took it out: the night is complete without it
  failed          ///< in this pass
};
[[nodiscard]] const char* to_string(StepStatus status);

/// What is to become of a job.
struct Step {
  StepStatus status = StepStatus::to_run;
  std::string reason;  ///< one line

  /// Its product may still come, or change, in this pass.
  [[nodiscard]] bool pending() const {
    return status == StepStatus::to_run || status == StepStatus::waiting || under_way();
  }
  /// A process of it was started, or handed to a scheduler.
  [[nodiscard]] bool under_way() const {
    return status == StepStatus::queued || status == StepStatus::running;
  }
  /// Its product stands.
  [[nodiscard]] bool done() const { return status == StepStatus::done; }
  bool operator==(const Step&) const = default;
};

}  // namespace alisio::night
