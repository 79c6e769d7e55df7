#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/catalogue.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// One process to run, or, in a dry run, one to pretend.
struct JobRequest {
  int run = 0;
  int subrun = 0;
  std::vector<JobKey> jobs;            ///< the stages it covers, in order
  std::vector<std::string> arguments;  ///< of the program, from the subcommand on
  std::filesystem::path report_file, log_file;
  std::vector<std::string> products;  ///< final paths
};

/// One run whose provenance is to be merged.
struct MergeJob {
  std::string stage;  ///< r0_to_dl1 or dl1_to_dl2
  int run = 0;
  std::filesystem::path journal_folder;  ///< logs of all activities of the run
  std::filesystem::path output_folder;   ///< the `log` folder (or `log/dry_run`) of the stage
  /// The other stage's folder, which gets links to the documents; empty if there is none.
  std::filesystem::path link_folder;
  NightDate date;
  std::string prod_id;
  int telescope = 1;
  bool dry_run = false;
};

/// What the night asks of others; whatever is empty is left out.
struct NightServices {
  std::filesystem::path executable;  ///< program that holds the stage subcommands
  FileProbe probe;                   ///< run type and format of a raw file
  /// Hashes of a file: SHA-256 and, for tables, the hash of the data alone.
  std::function<FileHashes(const std::filesystem::path&)> hash;
  /// Walk through a job without computing: write its provenance as planned.
  std::function<void(const JobRequest&)> dry_run_stage;
  /// Merge the provenance of a run.
  std::function<void(const MergeJob&)> merge;
  /// Forest file that serves when the configuration names none.
  std::filesystem::path default_models;
};

struct NightOptions {
  NightDate date;
  std::filesystem::path config_file;  ///< handed to the jobs
  std::vector<int> runs;              ///< empty: all
  int jobs = 0;                       ///< 0: as configured
  int threads = 0;                    ///< 0: as configured
  bool dry_run = false, plan = false, dl2 = true, pass = false, json = false;
  std::string prod_id;  ///< empty: as configured
};

/// Process one night: find the runs, plan, run what is needed as processes, merge the provenance of
/// each run and print the table (JSON if asked) to `out`. Progress goes to stderr.
/// @returns the exit code: 0 if all is done, 7 (incomplete) otherwise.
/// @throws Error(resource) if another process holds the night's lock, Error(interrupted) after
///         SIGINT or SIGTERM, when the jobs have been stopped and the state is kept.
[[nodiscard]] int run_night(const NightOptions& options, const config::Configuration& configuration,
                            const NightServices& services, std::ostream& out);

}  // namespace alisio::night
