#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "lib/base/error.hpp"
#include "prov/import.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

int prov_import_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("files", po::value<std::vector<std::string>>()->composing(),
                        "prov.log, *_prov.json, *.provenance.log")(
      "output-dir,o", po::value<std::string>(), "folder of the journals that are made")(
      "logger",
      po::value<std::string>()->default_value(
          (program.cfg_folder / "provenance/logger.yaml").string()),
      "logger configuration")("json", "print what was found as JSON");
  po::positional_options_description positional;
  positional.add("files", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov import",
       .synopsis = "FILE... --output-dir DIR [options]",
       .text =
           "Rewrite the records of other programs as journals, imported_<hash>.log, so that they\n"
           "can be merged, indexed and searched like those of this program: LSTOSA's prov.log\n"
           "(of 2020 and today) and *_prov.json, ctapipe's *.provenance.log. Those programs hash\n"
           "no content: their files are known by path only. Times without a zone are taken as\n"
           "UTC. Records that cannot be read are counted and passed over; importing a file again\n"
           "makes the same journal.",
       .examples = "  alisio prov import running/20200117/prov.log --output-dir journals/lstosa\n"
                   "  alisio prov index --journals journals/lstosa"},
      options, positional);
  if (!values) return 0;
  const auto files = paths_option(*values, "files");
  if (files.empty())
    throw Error(ErrorKind::usage, "a file is needed", "alisio prov import", "see --help");
  if (values->count("output-dir") == 0)
    throw Error(ErrorKind::usage, "--output-dir is needed", "alisio prov import", "see --help");
  const auto logger = prov::LoggerConfiguration::load((*values)["logger"].as<std::string>());
  const bool as_json = values->count("json") != 0;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& file : files) {
    const prov::ImportResult result =
        prov::import_records(file, (*values)["output-dir"].as<std::string>(), logger);
    if (as_json) {
      all.push_back({{"file", file.string()},
                     {"format", to_string(result.format)},
                     {"journal", result.journal.string()},
                     {"sessions", result.sessions},
                     {"activities", result.activities},
                     {"entities", result.entities},
                     {"used", result.used},
                     {"generated", result.generated},
                     {"broken", result.broken_lines},
                     {"other", result.other_lines},
                     {"notes", result.notes}});
      continue;
    }
    std::cout << fmt::format(
        "{} ({}): {} activities, {} uses, {} products, {} sessions; {} broken, {} other lines\n",
        file.string(), to_string(result.format), result.activities, result.used, result.generated,
        result.sessions, result.broken_lines, result.other_lines);
    for (const std::string& note : result.notes) std::cout << "  note: " << note << '\n';
    std::cout << result.journal.string() << '\n';
  }
  if (as_json) std::cout << all.dump(1) << '\n';
  return 0;
}

}  // namespace alisio::apps
