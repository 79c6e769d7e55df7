#include "apps/prov_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"

namespace alisio::apps {
namespace {

struct ProvCommand {
  const char* name;
  const char* what;
  int (*run)(const std::vector<std::string>&, const Program&);
};

/// In the order of the help text.
constexpr ProvCommand prov_commands[] = {
    {"show", "what made a file, and of what", prov_show_command},
    {"find", "list activities or files by any condition", prov_find_command},
    {"impact", "everything that came from a file or a run", prov_impact_command},
    {"diff", "what differs between two productions of a run", prov_diff_command},
    {"check", "whether what was made can be made again", prov_check_command},
    {"rerun", "make a product again and compare", prov_rerun_command},
    {"orphans", "files without a record, records without a file", prov_orphans_command},
    {"note", "say something on a file or an activity", prov_note_command},
    {"merge", "fold the records of jobs into documents", prov_merge_command},
    {"import", "take in the records of other programs", prov_import_command},
    {"index", "read journals into the index that is asked", prov_index_command},
    {"export", "tell it in another form: PROV-XML, VOTable, RO-Crate …", prov_export_command},
    {"graph", "draw a document", prov_graph_command},
    {"verify", "compare files with their records", prov_verify_command},
};

}  // namespace

std::vector<std::filesystem::path> paths_option(const boost::program_options::variables_map& values,
                                                const char* name) {
  if (values.count(name) == 0) return {};
  const auto texts = values[name].as<std::vector<std::string>>();
  return {texts.begin(), texts.end()};
}

int run_prov_command(const std::vector<std::string>& arguments, const Program& program) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << "Usage: alisio prov COMMAND [options]\n\n"
                 "The provenance of what the pipeline made.\n\nCommands:\n";
    for (const ProvCommand& command : prov_commands)
      std::cout << fmt::format("  {:<8} {}\n", command.name, command.what);
    return arguments.empty() ? exit_code(ErrorKind::usage) : 0;
  }
  std::vector<std::string> names;
  for (const ProvCommand& command : prov_commands) {
    if (arguments[0] == command.name)
      return command.run({arguments.begin() + 1, arguments.end()}, program);
    names.emplace_back(command.name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown command '{}'", arguments[0]), "alisio prov",
              suggestion(arguments[0], names));
}

}  // namespace alisio::apps
