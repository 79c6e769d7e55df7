#include "apps/stage_commands.hpp"

#include "lib/base/error.hpp"

namespace alisio::apps {

std::span<const StageCommand> stage_commands() {
  static const std::vector<StageCommand> all{
      {"run-summary", "list the runs of a night: types, subruns, reference times",
       run_run_summary_command},
      {"gain-select", "keep one gain of each pixel of the physics events", run_gain_select_command},
      {"drs4-pedestal", "measure the baseline and the spikes of the DRS4 capacitors",
       run_drs4_pedestal_command},
      {"time-calibration", "measure the sampling delays of the DRS4 chips",
       run_time_calibration_command},
      {"camera-calibration", "measure gains, pedestals and time corrections of the pixels",
       run_camera_calibration_command},
      {"r0-to-dl1", "calibrate, clean and parametrise one subrun", run_r0_to_dl1_command},
      {"find-pedestals", "find mis-tagged pedestal events by their times",
       run_find_pedestals_command},
      {"find-tailcuts", "find the cleaning levels of a run", run_find_tailcuts_command},
      {"cat-b", "follow the calibration through a run, in its interleaved events",
       run_cat_b_command},
      {"dl1ab", "clean the images of DL1 again, with the run's own levels", run_dl1ab_command},
      {"check-dl1", "make the data check of DL1 files", run_check_dl1_command},
      {"merge", "merge DL1, DL2, muon and data-check files of a run or a night", run_merge_command},
      {"dl1-to-dl2", "reconstruct energy, direction and particle type", run_dl1_to_dl2_command},
      {"irf", "make instrument responses from simulated events", run_irf_command},
      {"dl2-to-dl3", "select events and place them in the sky, with the instrument's response",
       run_dl2_to_dl3_command},
      {"dl3-index", "index DL3 files for gammapy", run_dl3_index_command},
      {"significance", "count events on and off sources: significance, excess, rates",
       run_significance_command},
      {"long-term", "follow the quantities of runs over many nights", run_long_term_command},
      {"report", "write the report of a night or a run, to be opened in a browser",
       run_report_command},
  };
  return all;
}

int run_stage_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver& observer) {
  Program as_called = program;
  as_called.command_line = {program.executable.string()};
  as_called.command_line.insert(as_called.command_line.end(), arguments.begin(), arguments.end());
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  for (const StageCommand& command : stage_commands())
    if (command.name == arguments.front()) return command.run(rest, as_called, &observer);
  throw Error(ErrorKind::bug, "'" + arguments.front() + "' is no stage command");
}

}  // namespace alisio::apps
