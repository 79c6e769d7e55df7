#include "apps/prov_command.hpp"

#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/suggest.hpp"
#include "prov/graph.hpp"
#include "prov/merge.hpp"
#include "prov/verify.hpp"

namespace alisio::apps {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

std::vector<fs::path> paths(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) return {};
  const auto texts = values[name].as<std::vector<std::string>>();
  return {texts.begin(), texts.end()};
}

std::string required(const po::variables_map& values, const std::string& name) {
  if (values.count(name) == 0)
    throw Error(ErrorKind::usage, "--" + name + " is needed", "alisio prov", "see --help");
  return values[name].as<std::string>();
}

int merge_command(const std::vector<std::string>& arguments, const Program& program) {
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
  request.journals = paths(*values, "journals");
  if (request.journals.empty())
    throw Error(ErrorKind::usage, "--journals is needed", "alisio prov merge", "see --help");
  request.lineage_journals = paths(*values, "lineage-journals");
  request.stage = required(*values, "stage");
  if (values->count("run") == 0)
    throw Error(ErrorKind::usage, "--run is needed", "alisio prov merge", "see --help");
  request.run = (*values)["run"].as<int>();
  request.telescope = (*values)["telescope"].as<int>();
  if (const auto date = (*values)["date"].as<std::string>(); !date.empty())
    request.observation_date = NightDate::parse(date).compact();
  request.prod_id = (*values)["prod-id"].as<std::string>();
  request.output_folder = required(*values, "output-dir");
  request.link_folders = paths(*values, "link-dir");
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
  const prov::MergeResult result = prov::merge_run(
      request, definition, prov::LoggerConfiguration::load((*values)["logger"].as<std::string>()));
  std::cout << fmt::format("{} subruns, {} failed, {} killed, {} superseded activities\n",
                           result.subruns, result.failed, result.killed, result.superseded);
  for (const fs::path& made : {result.log, result.json, result.svg, result.pdf})
    if (!made.empty()) std::cout << made.string() << '\n';
  return 0;
}

int verify_command(const std::vector<std::string>& arguments) {
  po::options_description options("Options");
  options.add_options()("documents", po::value<std::vector<std::string>>()->composing(),
                        "PROV-JSON document, or folder of such; may be given again");
  po::positional_options_description positional;
  positional.add("documents", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov verify",
       .synopsis = "PATH...",
       .text = "Hash every file that provenance documents name and compare it with the record.\n"
               "Prints each file that is missing or not what it was; exits 7 if there is one.",
       .examples = "  alisio prov verify DL1/20221215/v0.1.0_v00/log"},
      options, positional);
  if (!values) return 0;
  const auto documents = paths(*values, "documents");
  if (documents.empty())
    throw Error(ErrorKind::usage, "a document or a folder is needed", "alisio prov verify",
                "see --help");
  const prov::VerifyResult result = prov::verify(documents);
  for (const prov::Mismatch& mismatch : result.mismatches)
    std::cout << fmt::format("{}: {} (recorded {}{})\n", mismatch.path.string(), mismatch.problem,
                             mismatch.recorded_sha256.substr(0, 12),
                             mismatch.found_sha256.empty()
                                 ? std::string()
                                 : ", found " + mismatch.found_sha256.substr(0, 12));
  std::cout << fmt::format("{} files, {:.1f} MB read, {} not as recorded", result.files,
                           static_cast<double>(result.bytes) / 1e6, result.mismatches.size());
  if (result.without_hash > 0)
    std::cout << fmt::format(", {} recorded by path only", result.without_hash);
  std::cout << '\n';
  return result.mismatches.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

int graph_command(const std::vector<std::string>& arguments) {
  po::options_description options("Options");
  options.add_options()("document", po::value<std::string>(), "PROV-JSON document")(
      "output,o", po::value<std::string>(), "file to write: .svg, .pdf or .dot");
  po::positional_options_description positional;
  positional.add("document", 1);
  const auto values =
      parse_arguments(arguments,
                      {.name = "prov graph",
                       .synopsis = "FILE.json -o FILE.svg|FILE.pdf|FILE.dot",
                       .text = "Draw a provenance document: data flows from left to right.",
                       .examples = "  alisio prov graph r0_to_dl1_02008_prov.json -o run.svg"},
                      options, positional);
  if (!values) return 0;
  const std::string document = read_text_file(required(*values, "document"));
  const fs::path output = required(*values, "output");
  const std::string form = output.extension().string();
  if (form == ".dot") {
    write_file_atomically(output, prov::graph_description(document));
    return 0;
  }
  if (form != ".svg" && form != ".pdf")
    throw Error(ErrorKind::usage, fmt::format("cannot draw a '{}' file", form), output.string(),
                "choose .svg, .pdf or .dot");
  const prov::Drawing drawing = prov::draw(document, form == ".svg", form == ".pdf");
  const std::string& picture = form == ".svg" ? drawing.svg : drawing.pdf;
  if (picture.empty())
    throw Error(ErrorKind::resource, "Graphviz is not there or cannot draw this", output.string(),
                "install the packages libgvc6 and graphviz");
  write_file_atomically(output, picture);
  return 0;
}

}  // namespace

int run_prov_command(const std::vector<std::string>& arguments, const Program& program) {
  const std::vector<std::string> names{"merge", "verify", "graph"};
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << "Usage: alisio prov COMMAND [options]\n\n"
                 "The provenance of what the pipeline made.\n\nCommands:\n"
                 "  merge    fold the records of a run's jobs into its documents\n"
                 "  verify   compare files with their records\n"
                 "  graph    draw a document\n";
    return arguments.empty() ? exit_code(ErrorKind::usage) : 0;
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "merge") return merge_command(rest, program);
  if (arguments[0] == "verify") return verify_command(rest);
  if (arguments[0] == "graph") return graph_command(rest);
  throw Error(ErrorKind::usage, fmt::format("unknown command '{}'", arguments[0]), "alisio prov",
              suggestion(arguments[0], names));
}

}  // namespace alisio::apps
