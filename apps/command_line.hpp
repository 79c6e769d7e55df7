#pragma once
#include <boost/program_options.hpp>
#include <optional>
#include <string>
#include <vector>

namespace alisio::apps {

/// What the help of a subcommand says besides its option table.
struct CommandHelp {
  std::string name;      ///< "r0-to-dl1"
  std::string synopsis;  ///< "--input FILE --output-dir DIR [options]"
  std::string text;      ///< what it does, a few lines
  std::string examples;  ///< commands that work as they stand
};

/// Parse a subcommand's arguments. Returns nothing if --help was asked for and printed.
/// @throws Error(usage) in one line: unknown options with a suggestion, missing or repeated values.
[[nodiscard]] std::optional<boost::program_options::variables_map> parse_arguments(
    const std::vector<std::string>& arguments, const CommandHelp& help,
    const boost::program_options::options_description& options,
    const boost::program_options::positional_options_description& positional = {});

}  // namespace alisio::apps
