#pragma once
#include <span>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/base/observer.hpp"

namespace alisio::apps {

/// A subcommand that runs a stage.
struct StageCommand {
  std::string name, summary;
  /// Run with the arguments after the command's name; returns the exit code.
  /// @param shared observer to tell in place of a recorder of the command's own; may be null.
  int (*run)(const std::vector<std::string>& arguments, const Program& program,
             StageObserver* shared);
};

/// Return all of them, in the order of a night's work.
[[nodiscard]] std::span<const StageCommand> stage_commands();

/// Run a stage command with a given observer: how a dry run of a night walks through thousands of
/// jobs in one process. `arguments` starts with the stage's command.
int run_stage_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver& observer);

int run_merge_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver* shared);
int run_run_summary_command(const std::vector<std::string>& arguments, const Program& program,
                            StageObserver* shared);
int run_drs4_pedestal_command(const std::vector<std::string>& arguments, const Program& program,
                              StageObserver* shared);
int run_time_calibration_command(const std::vector<std::string>& arguments, const Program& program,
                                 StageObserver* shared);
int run_camera_calibration_command(const std::vector<std::string>& arguments,
                                   const Program& program, StageObserver* shared);
int run_gain_select_command(const std::vector<std::string>& arguments, const Program& program,
                            StageObserver* shared);
int run_r0_to_dl1_command(const std::vector<std::string>& arguments, const Program& program,
                          StageObserver* shared);
int run_find_pedestals_command(const std::vector<std::string>& arguments, const Program& program,
                               StageObserver* shared);
int run_find_tailcuts_command(const std::vector<std::string>& arguments, const Program& program,
                              StageObserver* shared);
int run_cat_b_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver* shared);
int run_dl1ab_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver* shared);
int run_check_dl1_command(const std::vector<std::string>& arguments, const Program& program,
                          StageObserver* shared);
int run_dl1_to_dl2_command(const std::vector<std::string>& arguments, const Program& program,
                           StageObserver* shared);
int run_irf_command(const std::vector<std::string>& arguments, const Program& program,
                    StageObserver* shared);
int run_dl2_to_dl3_command(const std::vector<std::string>& arguments, const Program& program,
                           StageObserver* shared);
int run_dl3_index_command(const std::vector<std::string>& arguments, const Program& program,
                          StageObserver* shared);
int run_significance_command(const std::vector<std::string>& arguments, const Program& program,
                             StageObserver* shared);
int run_report_command(const std::vector<std::string>& arguments, const Program& program,
                       StageObserver* shared);
int run_long_term_command(const std::vector<std::string>& arguments, const Program& program,
                          StageObserver* shared);

}  // namespace alisio::apps
