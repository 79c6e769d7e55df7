#include "apps/commands.hpp"

#include "apps/clean_command.hpp"
#include "apps/close_command.hpp"
#include "apps/daemon_command.hpp"
#include "apps/decision_commands.hpp"
#include "apps/doctor_command.hpp"
#include "apps/night_command.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_command.hpp"
#include "apps/reprocess_command.hpp"
#include "apps/run_task_command.hpp"
#include "apps/simulate_command.hpp"
#include "apps/stage_commands.hpp"
#include "apps/state_command.hpp"
#include "apps/status_command.hpp"
#include "apps/web_command.hpp"

namespace alisio::apps {

std::span<const Command> commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> list;
    list.push_back({"night", "process a night: raw data to DL1 and DL2, with provenance",
                    [](const std::vector<std::string>& arguments, const Program& program) {
                      return run_night_command(arguments, night_services(program), program);
                    }});
    list.push_back({"reprocess", "process nights by hand, one after another, or make them again",
                    run_reprocess_command});
    list.push_back({"daemon", "take care of the nights as their data come", run_daemon_command});
    list.push_back({"doctor", "look before the night for what would go wrong", run_doctor_command});
    list.push_back({"status", "say how a night stands and what to do", run_status_command});
    for (const Command& command : decision_commands()) list.push_back(command);
    for (const StageCommand& command : stage_commands())
      list.push_back(
          {command.name, command.summary,
           [run = command.run](const std::vector<std::string>& arguments, const Program& program) {
             return run(arguments, program, nullptr);
           }});
    list.push_back({"close", "close and seal a night", run_close_command});
    list.push_back({"reopen", "open a closed night again", run_reopen_command});
    list.push_back(
        {"verify-seal", "tell whether a closed night is what was sealed", run_verify_seal_command});
    list.push_back({"clean", "remove what closed nights need no more", run_clean_command});
    list.push_back({"archive", "copy a sealed night to another root", run_archive_command});
    list.push_back({"state", "rebuild, copy, check the state database", run_state_command});
    list.push_back({"prov", "merge, verify and draw provenance", run_prov_command});
    list.push_back({"web", "serve nights and their provenance as pages", run_web_command});
    list.push_back({"show", "say what is in a file, draw a camera image", run_show_command});
    list.push_back({"simulate", "write a synthetic night",
                    [](const std::vector<std::string>& arguments, const Program& program) {
                      return run_simulate_command(arguments, program.cfg_folder);
                    }});
    list.push_back({"run-task", "(internal) do a task of a job array in Slurm", run_task_command});
    list.push_back({"config", "check configuration files, list all keys", run_config_command});
    return list;
  }();
  return all;
}

}  // namespace alisio::apps
