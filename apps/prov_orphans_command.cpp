#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/orphans.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

int prov_orphans_command(const std::vector<std::string>& arguments, const Program& program) {
  std::string folder;
  po::options_description options("Options");
  options.add_options()("folder", po::value(&folder), "folder (the positional argument)")(
      "json", "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("folder", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov orphans",
       .synopsis = "DIR",
       .text =
           "List the files below a folder that have no record, and the products on record whose\n"
           "file is gone. A file has a record if its path is on record, whatever symbolic links\n"
           "lead there, or its content, or the ids in it. Logs, documents of provenance, hidden\n"
           "and unfinished files do not count. Exit code 7 if there is one.",
       .examples = "  alisio prov orphans DL2/20240115 --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  if (folder.empty())
    throw Error(ErrorKind::usage, "the folder is missing", "alisio prov orphans", "give DIR");
  prov::Store store = open_index(*values, program);
  const prov::Orphans orphans = prov::orphans(store, folder, read_embedded_ids);
  if (values->count("json") != 0) {
    std::cout << prov::to_json(orphans).dump(2) << '\n';
  } else {
    for (const auto& file : orphans.files)
      std::cout << fmt::format("no record: {}\n", file.string());
    for (const auto& record : orphans.records)
      std::cout << fmt::format("no file:   {}\n", record.path);
    std::cout << fmt::format("{} files looked at{}, {} without a record; {} records without file\n",
                             orphans.looked_at, orphans.cut ? " (there are more)" : "",
                             orphans.files.size(), orphans.records.size());
  }
  return orphans.files.empty() && orphans.records.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
