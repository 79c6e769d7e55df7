#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace alisio::apps {

/// Where the running program and its data are, and how it was called.
struct Program {
  std::filesystem::path executable;
  std::filesystem::path cfg_folder;       ///< camera data, definitions, the small models
  std::vector<std::string> command_line;  ///< argv
};

/// Find the executable and its cfg folder: beside a checkout's build folder or in ../share/alisio.
/// The environment variable ALISIO_CFG overrides. @throws Error(missing_input).
[[nodiscard]] Program locate_program(const std::string& argv0,
                                     std::vector<std::string> command_line);

/// A subcommand.
struct Command {
  std::string name, summary;
  /// Run with the arguments after the command's name; returns the exit code.
  std::function<int(const std::vector<std::string>& arguments, const Program& program)> run;
};

[[nodiscard]] std::span<const Command> commands();

int run_config_command(const std::vector<std::string>& arguments, const Program& program);
int run_show_command(const std::vector<std::string>& arguments, const Program& program);

}  // namespace alisio::apps
