#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// One process to run, or, in a dry run, one to pretend.
struct JobRequest {
  std::vector<JobKey> jobs;            ///< the stages that it covers, in order
  std::vector<std::string> arguments;  ///< of the program, from the subcommand on
  std::filesystem::path report_file, log_file;
  std::vector<std::string> products;  ///< final paths
  int attempt = 1;                    ///< counted from 1
  std::vector<JobKey> after = {};     ///< jobs under way that make what it reads
};

/// Writes the command lines of jobs.
struct CommandWriter {
  const NightSetup& setup;
  std::filesystem::path config_file;  ///< empty: none
  std::filesystem::path scratch;      ///< folder of reports and known hashes
  int threads = 1;
  bool dry_run = false;

  [[nodiscard]] std::filesystem::path known_hashes_file() const {
    return scratch / "known_hashes.json";
  }
  /// @param with_dl2 the job that makes DL2 in the same process; nullptr: none
  [[nodiscard]] JobRequest write(const PlannedJob& planned, const PlannedJob* with_dl2) const;
};

}  // namespace alisio::night
