#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/base/observer.hpp"

namespace alisio::apps {

/// Return the recorder of a stage command: writes to `journal_folder` under the definition and
/// logger configuration of the program's cfg folder.
[[nodiscard]] std::unique_ptr<StageObserver> make_recorder(
    const Program& program, const std::filesystem::path& journal_folder,
    const std::filesystem::path& config_file, const std::filesystem::path& data_root);

/// Run a stage command with a given observer in place of one of its own: how a dry run of a night
/// walks through thousands of jobs in one process. `arguments` starts with the stage's command.
int run_stage_command(const std::vector<std::string>& arguments, const Program& program,
                      StageObserver& observer);

}  // namespace alisio::apps
