#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/prov_command.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/suggest.hpp"
#include "prov/merge.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int prov_merge_command(const std::vector<std::string>& arguments, const Program& program) {
  const fs::path folder = program.cfg_folder / "provenance";
  po::options_description options("Options");
  options.add_options()("journals", po::value<std::vector<std::string>>()->composing(),
                        "journal, or folder of journals; may be given again")(
      "lineage-journals", po::value<std::vector<std::string>>()->composing(),
      "journal, or folder of journals, of what made the constants; may be given again")(
      "stage", po::value<std::string>(), "activity, for example r0_to_dl1")("run", po::value<int>(),
                                                                            "run number")(
      "date", po::value<std::string>()->default_value(""),
      "night, if the journals hold several: YYYYMMDD or YYYY-MM-DD")(
      "prod-id", po::value<std::string>()->default_value(""),
      "production, if the journals hold several")("telescope", po::value<int>()->default_value(1),
                                                  "telescope number")(
      "output-dir,o", po::value<std::string>(), "folder of the documents")(
      "link-dir", po::value<std::vector<std::string>>()->composing(),
      "folder that gets links to the documents; may be given again")(
      "definition", po::value<std::string>()->default_value((folder / "definition.yaml").string()),
      "provenance definition")(
      "logger", po::value<std::string>()->default_value((folder / "logger.yaml").string()),
      "logger configuration")("dry-run", "merge what a dry run recorded")(
      "no-graphs", "do not draw")("no-copies", "do not copy configuration and calibration files");
  const auto values = parse_arguments(
      arguments,
      {.name = "prov merge",
       .synopsis = "--journals DIR --stage NAME --run N --output-dir DIR [options]",
       .text =
           "Fold the records of a run's jobs into <stage>_<run>_prov.{log,json,svg,pdf}, next\n"
           "to copies of the configuration and calibration files that were used. What was\n"
           "used is followed to the activities that made it, also of other runs: their\n"
           "journals are searched in --journals, in --lineage-journals and in the log/ folders\n"
           "beside each used file and one level above it. Merging again changes nothing.",
       .examples = "  alisio prov merge --journals prov/20221215 --stage r0_to_dl1 --run 2008 \\\n"
                   "      --output-dir DL1/20221215/v0.1.0_v00/log"},
      options);
  if (!values) return 0;
  prov::MergeRequest request;
  request.journals = paths_option(*values, "journals");
  if (request.journals.empty())
    throw Error(ErrorKind::usage, "--journals is needed", "alisio prov merge", "see --help");
  request.lineage_journals = paths_option(*values, "lineage-journals");
  request.stage = required_option(*values, "stage", "prov merge");
  if (values->count("run") == 0)
    throw Error(ErrorKind::usage, "--run is needed", "alisio prov merge", "see --help");
  request.run = (*values)["run"].as<int>();
  request.telescope = (*values)["telescope"].as<int>();
  if (const auto date = (*values)["date"].as<std::string>(); !date.empty())
    request.observation_date = NightDate::parse(date).compact();
  request.prod_id = (*values)["prod-id"].as<std::string>();
  request.output_folder = required_option(*values, "output-dir", "prov merge");
  request.link_folders = paths_option(*values, "link-dir");
  request.dry_run = values->count("dry-run") != 0;
  request.graphs = values->count("no-graphs") == 0;
  request.copies = values->count("no-copies") == 0;
  const auto definition = prov::Definition::load((*values)["definition"].as<std::string>());
  const std::string stage = request.stage;
  if (definition.activity(stage) == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, activity] : definition.activities()) known.push_back(name);
    throw Error(ErrorKind::usage, fmt::format("unknown stage '{}'", stage), "alisio prov merge",
                suggestion(stage, known));
  }
  const prov::MergeResult result = prov::merge(
      request, definition, prov::LoggerConfiguration::load((*values)["logger"].as<std::string>()));
  std::cout << fmt::format("{} subruns, {} failed, {} killed, {} superseded activities\n",
                           result.subruns, result.failed, result.killed, result.superseded);
  for (const fs::path& made : {result.log, result.json, result.svg, result.pdf})
    if (!made.empty()) std::cout << made.string() << '\n';
  return 0;
}

}  // namespace alisio::apps
