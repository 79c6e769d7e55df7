#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/command_line.hpp"
#include "apps/commands.hpp"

namespace alisio::apps {

/// Run `alisio prov COMMAND …`. @returns the exit code: 0 found or done, 7 nothing found or not as
/// recorded. @throws Error.
int run_prov_command(const std::vector<std::string>& arguments, const Program& program);

/// Return the paths that an option gives, which may be none.
[[nodiscard]] std::vector<std::filesystem::path> paths_option(
    const boost::program_options::variables_map& values, const char* name);

// One function a command; each file apps/prov_<name>_command.cpp.
int prov_show_command(const std::vector<std::string>& arguments, const Program& program);
int prov_impact_command(const std::vector<std::string>& arguments, const Program& program);
int prov_find_command(const std::vector<std::string>& arguments, const Program& program);
int prov_diff_command(const std::vector<std::string>& arguments, const Program& program);
int prov_check_command(const std::vector<std::string>& arguments, const Program& program);
int prov_rerun_command(const std::vector<std::string>& arguments, const Program& program);
int prov_orphans_command(const std::vector<std::string>& arguments, const Program& program);
int prov_note_command(const std::vector<std::string>& arguments, const Program& program);
int prov_merge_command(const std::vector<std::string>& arguments, const Program& program);
int prov_import_command(const std::vector<std::string>& arguments, const Program& program);
int prov_verify_command(const std::vector<std::string>& arguments, const Program& program);
int prov_index_command(const std::vector<std::string>& arguments, const Program& program);
int prov_export_command(const std::vector<std::string>& arguments, const Program& program);
int prov_graph_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
