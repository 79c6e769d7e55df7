#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_filter.hpp"
#include "apps/sealed_products.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/suggest.hpp"
#include "lib/night/observation.hpp"
#include "prov/export/prov_n.hpp"
#include "prov/merge.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

std::string text_of(const po::variables_map& values, const char* name) {
  return values[name].as<std::string>();
}

prov::Grain grain_of(const std::string& name, const char* option) {
  std::vector<std::string> known;
  for (const prov::Grain grain :
       {prov::Grain::subrun, prov::Grain::run, prov::Grain::observation, prov::Grain::night}) {
    if (name == to_string(grain)) return grain;
    known.emplace_back(to_string(grain));
  }
  throw Error(ErrorKind::usage, fmt::format("--{} {}: there is no such thing", option, name),
              "alisio prov merge", suggestion(name, known));
}

/// Return the runs of "2008,2009".
std::vector<int> runs_of(const std::string& text) {
  std::vector<int> runs;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    int run = -1;
    const auto read = std::from_chars(text.data() + begin, text.data() + end, run);
    if (read.ec != std::errc() || read.ptr != text.data() + end || run < 0)
      throw Error(ErrorKind::usage, fmt::format("--runs {} is no list of runs", text),
                  "alisio prov merge", "write 2008,2009");
    runs.push_back(run);
    begin = end + 1;
  }
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  return runs;
}

/// Find the runs of a source from the records of the night.
void find_runs_of_source(const po::variables_map& values, prov::MergeRequest& request) {
  const std::string summary = text_of(values, "run-summary");
  const std::string targets = text_of(values, "target-log");
  const std::string catalogue = text_of(values, "run-catalogue");
  if (summary.empty() || (targets.empty() && catalogue.empty()))
    throw Error(ErrorKind::usage, "the runs of the observation are not known", "alisio prov merge",
                "give --runs, or --run-summary with --target-log or --run-catalogue");
  std::vector<std::string> known;
  for (const night::Observation& observation : night::find_observations(
           night::read_run_summary(summary), targets,
           catalogue.empty() ? night::RunCatalogue() : night::read_run_catalogue(catalogue))) {
    if (observation.source == request.source) request.runs = observation.runs;
    known.push_back(observation.source);
  }
  if (request.runs.empty())
    throw Error(ErrorKind::usage,
                fmt::format("no run of the night is of the source '{}'", request.source),
                "alisio prov merge", suggestion(request.source, known));
}

prov::MergeRequest request_of(const po::variables_map& values) {
  using prov::Grain;
  const auto need = [](bool given, const char* option, const char* what) {
    if (!given)
      throw Error(ErrorKind::usage, fmt::format("--{} is needed{}", option, what),
                  "alisio prov merge", "see --help");
  };
  prov::MergeRequest request;
  request.journals = paths_option(values, "journals");
  need(!request.journals.empty(), "journals", "");
  request.lineage_journals = paths_option(values, "lineage-journals");
  request.stage = text_of(values, "stage");
  request.source = text_of(values, "source");
  request.runs = runs_of(text_of(values, "runs"));
  request.telescope = values["telescope"].as<int>();
  if (const std::string date = text_of(values, "date"); !date.empty())
    request.observation_date = NightDate::parse(date).compact();
  request.prod_id = text_of(values, "prod-id");
  if (const std::string scope = text_of(values, "scope"); !scope.empty())
    request.scope = grain_of(scope, "scope");
  else if (!request.stage.empty() || values.count("run") != 0)
    request.scope = values.count("subrun") != 0 ? Grain::subrun : Grain::run;
  else if (!request.source.empty() || !request.runs.empty())
    request.scope = Grain::observation;
  else if (!request.observation_date.empty())
    request.scope = Grain::night;
  const std::string of = fmt::format(" for a document of a {}", to_string(request.scope));
  if (request.scope == Grain::run || request.scope == Grain::subrun) {
    need(!request.stage.empty(), "stage", of.c_str());
    need(values.count("run") != 0, "run", of.c_str());
    request.run = values["run"].as<int>();
    need(request.scope == Grain::run || values.count("subrun") != 0, "subrun", of.c_str());
    if (values.count("subrun") != 0) request.subrun = values["subrun"].as<int>();
  } else {
    need(!request.observation_date.empty(), "date", of.c_str());
    request.stage.clear();
  }
  if (request.scope == Grain::observation) {
    need(!request.source.empty(), "source", of.c_str());
    if (request.runs.empty()) find_runs_of_source(values, request);
  }
  request.grain = request.scope;
  if (const std::string grain = text_of(values, "grain"); !grain.empty())
    request.grain = grain_of(grain, "grain");
  request.output_folder = required_option(values, "output-dir", "prov merge");
  request.link_folders = paths_option(values, "link-dir");
  request.finer_folders = paths_option(values, "documents");
  request.dry_run = values.count("dry-run") != 0;
  request.graphs = values.count("no-graphs") == 0;
  request.writers = {{".provn", prov::to_prov_n}};
  request.copies = values.count("no-copies") == 0;
  request.filter = filter_of(values, "prov merge");
  request.ask_before_replacing = [](const fs::path& document) { refuse_sealed(document); };
  return request;
}

}  // namespace

int prov_merge_command(const std::vector<std::string>& arguments, const Program& program) {
  const fs::path folder = program.cfg_folder / "provenance";
  po::options_description options("Options");
  options.add_options()("journals", po::value<std::vector<std::string>>()->composing(),
                        "journal, or folder of journals; may be given again")(
      "lineage-journals", po::value<std::vector<std::string>>()->composing(),
      "journal, or folder of journals, of what made the constants; may be given again")(
      "scope", po::value<std::string>()->default_value(""),
      "what is told: subrun, run, observation or night; by default what the other options name")(
      "grain", po::value<std::string>()->default_value(""),
      "how finely: subrun, run, observation or night; by default as coarsely as the scope")(
      "stage", po::value<std::string>()->default_value(""), "activity, for example r0_to_dl1")(
      "run", po::value<int>(), "run number")("subrun", po::value<int>(), "subrun number")(
      "runs", po::value<std::string>()->default_value(""),
      "runs of an observation: 2008,2009; by default those that the drive followed --source with")(
      "source", po::value<std::string>()->default_value(""), "source of an observation")(
      "run-summary", po::value<std::string>()->default_value(""),
      "run summary of the night, for an observation without --runs")(
      "target-log", po::value<std::string>()->default_value(""),
      "the drive's target log, for an observation without --runs")(
      "run-catalogue", po::value<std::string>()->default_value(""),
      "catalogue of the sources of runs, which is believed before the target log")(
      "date", po::value<std::string>()->default_value(""),
      "night, if the journals hold several: YYYYMMDD or YYYY-MM-DD")(
      "prod-id", po::value<std::string>()->default_value(""),
      "production, if the journals hold several")("telescope", po::value<int>()->default_value(1),
                                                  "telescope number")(
      "output-dir,o", po::value<std::string>(), "folder of the documents")(
      "link-dir", po::value<std::vector<std::string>>()->composing(),
      "folder that gets links to the documents; may be given again")(
      "documents", po::value<std::vector<std::string>>()->composing(),
      "folder of documents of runs, which one of a night names; may be given again")(
      "definition", po::value<std::string>()->default_value((folder / "definition.yaml").string()),
      "provenance definition")(
      "logger", po::value<std::string>()->default_value((folder / "logger.yaml").string()),
      "logger configuration")("dry-run", "merge what a dry run recorded")(
      "no-graphs", "do not draw")("no-copies", "do not copy configuration and calibration files");
  options.add(filter_options());
  const auto values = parse_arguments(
      arguments,
      {.name = "prov merge",
       .synopsis = "--journals DIR --output-dir DIR (--stage NAME --run N [--subrun N] |\n"
                   "       --source NAME --date NIGHT | --date NIGHT) [options]",
       .text =
           "Tell a subrun, a run, an observation or a night in one document: <stem>_prov.log,\n"
           ".json, .provn, .svg and .pdf, next to copies of the configuration and calibration\n"
           "files that were used. <stem> is <stage>_<run>.<subrun>, <stage>_<run>,\n"
           "obs_<source>_<date> or night_<date>, with _by_run or _by_subrun if --grain asks for\n"
           "more detail. Jobs are folded into one activity per stage; what was used is followed\n"
           "to the activities that made it, also of other runs: their journals are searched in\n"
           "--journals, in --lineage-journals and in the log/ folders beside each used file and\n"
           "one level above it. Merging again changes nothing.",
       .examples = "  alisio prov merge --journals prov/20221215 --stage r0_to_dl1 --run 2008 \\\n"
                   "      --output-dir DL1/20221215/v0.1.0_v00/log\n"
                   "  alisio prov merge --journals prov/20221215 --date 20221215 --short -o short\n"
                   "  alisio prov merge --journals prov/20221215 --date 20221215 --source Crab \\\n"
                   "      --runs 2008,2009 -o DL1/20221215/v0.1.0_v00/log"},
      options);
  if (!values) return 0;
  prov::MergeRequest request = request_of(*values);
  const auto definition = prov::Definition::load((*values)["definition"].as<std::string>());
  const std::string stage = request.stage;
  // Journals of other programs may name other activities: merging tells.
  const auto logger = prov::LoggerConfiguration::load((*values)["logger"].as<std::string>());
  prov::MergeResult result;
  try {
    result = prov::merge(request, definition, logger);
  } catch (const Error& error) {
    // Journals of other programs may name other activities; a name that none has is misspelt.
    if (error.kind() != ErrorKind::configuration || stage.empty() ||
        definition.activity(stage) != nullptr)
      throw;
    std::vector<std::string> known;
    for (const auto& [name, activity] : definition.activities()) known.push_back(name);
    throw Error(ErrorKind::usage, fmt::format("unknown stage '{}'", stage), "alisio prov merge",
                suggestion(stage, known));
  }
  const bool of_stage = request.scope == prov::Grain::run || request.scope == prov::Grain::subrun;
  std::cout << fmt::format("{} {}, {} failed, {} killed, {} superseded activities\n",
                           result.subruns, of_stage ? "subruns" : "jobs", result.failed,
                           result.killed, result.superseded);
  std::vector<fs::path> all{result.log, result.json};
  all.insert(all.end(), result.others.begin(), result.others.end());
  all.insert(all.end(), {result.svg, result.pdf});
  for (const fs::path& made : all)
    if (!made.empty()) std::cout << made.string() << '\n';
  return 0;
}

}  // namespace alisio::apps
