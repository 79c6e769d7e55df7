#include "apps/commands.hpp"

#include "apps/night_command.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_command.hpp"
#include "apps/simulate_command.hpp"

namespace alisio::apps {

std::span<const Command> commands() {
  static const std::vector<Command> all{
      {"night", "process a night: raw data to DL1 and DL2, with provenance",
       [](const std::vector<std::string>& arguments, const Program& program) {
         return run_night_command(arguments, night_services(program));
       }},
      {"r0-to-dl1", "calibrate, clean and parametrise one subrun", run_r0_to_dl1_command},
      {"dl1-to-dl2", "reconstruct energy, direction and particle type", run_dl1_to_dl2_command},
      {"prov", "merge, verify and draw provenance", run_prov_command},
      {"show", "say what is in a file, draw a camera image", run_show_command},
      {"simulate", "write a synthetic night",
       [](const std::vector<std::string>& arguments, const Program& program) {
         return run_simulate_command(arguments, program.cfg_folder);
       }},
      {"config", "check configuration files, list all keys", run_config_command},
  };
  return all;
}

}  // namespace alisio::apps
