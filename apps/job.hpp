#pragma once
#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/runner.hpp"

/// What the commands that run one stage have in common: options, configuration, recorder, report.
namespace alisio::apps {

/// Options that every stage command has.
[[nodiscard]] boost::program_options::options_description job_options();

/// What the job options amount to.
struct Job {
  config::Configuration configuration;
  pipeline::JobContext context;
  stage::KnownHashes known;
  std::filesystem::path report, journal_dir, config_file;
  bool show_timings = false;
  std::map<std::string, std::string> notes;  ///< by input port: why this file was chosen
};

/// Return the value of a text option, empty if it was not given.
[[nodiscard]] std::string text_option(const boost::program_options::variables_map& values,
                                      const char* name);
/// Return the value of an option that must be there. @throws Error(usage).
[[nodiscard]] std::string required_option(const boost::program_options::variables_map& values,
                                          const char* name, const char* command);
/// Return the values of an option that may be repeated; at least one must be there.
/// @throws Error(usage).
[[nodiscard]] std::vector<std::filesystem::path> required_files(
    const boost::program_options::variables_map& values, const char* name, const char* command);
/// Return the value of `--threads`. @throws Error(usage) unless it is between 1 and 256.
[[nodiscard]] int threads_option(const boost::program_options::variables_map& values,
                                 const char* command);

/// Load the configuration and collect what the job options say.
/// @param input      the file that the job is about: its folder tells the night if --date does not
/// @param output_dir gets the journal folder, log/, if --journal-dir does not name another
[[nodiscard]] Job make_job(const boost::program_options::variables_map& values,
                           const Program& program, const std::filesystem::path& input,
                           const std::filesystem::path& output_dir);

/// Return the catalogue of sources: as configured (significance.catalogue), else the one that
/// ships.
[[nodiscard]] std::filesystem::path source_catalogue(const config::Configuration& configuration,
                                                     const Program& program);
/// Return the catalogue that dl1_to_dl2 looks into; empty if its analysis needs none.
[[nodiscard]] std::filesystem::path dl2_catalogue(const config::Configuration& configuration,
                                                  const Program& program);

/// Return the recorder of a stage command: writes to `journal_folder` under the definition and
/// logger configuration of the program's cfg folder.
[[nodiscard]] std::unique_ptr<StageObserver> make_recorder(
    const Program& program, const std::filesystem::path& journal_folder,
    const std::filesystem::path& config_file, const std::filesystem::path& data_root);
/// The same for a job.
[[nodiscard]] std::unique_ptr<StageObserver> make_recorder(const Program& program, const Job& job);

/// Run one activity of the job: the configuration file is among its inputs, and the job's notes are
/// recorded with the ports that they are about. Prints what its time went into, if asked to.
[[nodiscard]] stage::StageResult run_job_stage(
    ActivityNote activity, const Job& job, StageObserver& observer,
    const std::function<std::int64_t(stage::StageRun&)>& body);

/// Write the report of all activities, if one was asked for, and end as the first failure did.
/// @return 0, the exit code
int finish_job(const std::vector<stage::StageResult>& results, const std::filesystem::path& report);

}  // namespace alisio::apps
