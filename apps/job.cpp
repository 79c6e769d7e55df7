#include "apps/job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/provenance_setup.hpp"
#include "apps/sealed_products.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/night_folder.hpp"
#include "lib/base/path_below.hpp"
#include "lib/base/version.hpp"
#include "lib/night/make_executor.hpp"
#include "lib/stage/description.hpp"
#include "prov/recorder.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

/// Return the value of `--max-events` of a command that has it, else 0.
std::int64_t max_events_option(const po::variables_map& values) {
  if (values.count("max-events") == 0 || values["max-events"].defaulted()) return 0;
  return values["max-events"].as<std::int64_t>();
}

/// Return whether a pass runs the job: only passes have reports written beside their state.
bool is_of_pass(const Job& job) {
  return !job.report.empty() &&
         path_below(fs::weakly_canonical(job.report),
                    fs::weakly_canonical(night::scratch_folder(job.configuration)));
}

/// @throws Error(usage) if a note is about a port that the stage does not have.
void check_notes(const Text& stage, const Job& job) {
  std::vector<Text> known;
  for (const stage::PortDescription& port : stage::description(stage).inputs)
    known.push_back(port.name);
  for (const auto& [port, text] : job.notes)
    if (std::ranges::find(known, port) == known.end())
      throw Error(ErrorKind::usage, fmt::format("{} has no input port '{}'", stage, port), "--note",
                  fmt::format("known: {}", fmt::join(known, ", ")));
}

}  // namespace

po::options_description job_options() {
  po::options_description options("Job");
  options.add_options()("config", po::value<Text>(),
                        "configuration file (see alisio config --help-keys)")(
      "set", po::value<std::vector<Text>>()->composing(),
      "one configuration value, key=value; may be given again")(
      "prod-id", po::value<Text>(), "name of the production (default v<version>_v00)")(
      "date", po::value<Text>(),
      "night of the observation, YYYYMMDD (default: from the folder's name)")(
      "report", po::value<Text>(), "write what was read, made and used up to this JSON file")(
      "timings", "say at the end what the time went into")(
      "journal-dir", po::value<Text>(),
      "folder of the provenance journal (default: log/ in the output folder). `alisio prov index` "
      "looks for journals in log/journal below DL1, DL2, DL3 and the constants; others are named "
      "to it by --journals")("known-hashes", po::value<Text>(),
                             "JSON list of file hashes to trust while the files are unchanged")(
      "note", po::value<std::vector<Text>>()->composing(),
      "PORT=TEXT: record why the file of an input port was chosen; may be given again")(
      "overwrite",
      "let a poorer product replace one that is there: one cut by --max-events, or a merged or DL3 "
      "file that lacks a subrun or run of it; others do so anyway")(
      "dry-run", "record the provenance as planned, compute nothing");
  return options;
}

fs::path source_catalogue(const config::Configuration& configuration, const Program& program) {
  fs::path configured = configuration.path("significance.catalogue");
  return configured.empty() ? program.cfg_folder / "sources.ecsv" : configured;
}

fs::path dl2_catalogue(const config::Configuration& configuration, const Program& program) {
  const bool named = configuration.boolean("dl2.source_dependent") &&
                     configuration.text("dl2.observation_mode") == "wobble" &&
                     !configuration.text("dl2.source_name").empty();
  return named ? source_catalogue(configuration, program) : fs::path();
}

Text text_option(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<Text>() : Text();
}

Text required_option(const po::variables_map& values, const char* name, const char* command) {
  Text value = text_option(values, name);
  if (value.empty())
    throw Error(ErrorKind::usage, fmt::format("--{} is needed", name),
                fmt::format("alisio {}", command), "see --help");
  return value;
}

std::vector<fs::path> required_files(const po::variables_map& values, const char* name,
                                     const char* command) {
  if (values.count(name) == 0)
    throw Error(ErrorKind::usage, fmt::format("--{} is needed", name),
                fmt::format("alisio {}", command), "see --help");
  const auto& given = values[name].as<std::vector<Text>>();
  return {given.begin(), given.end()};
}

int threads_option(const po::variables_map& values, const char* command) {
  const int threads = values["threads"].as<int>();
  if (threads < 1 || threads > 256)
    throw Error(ErrorKind::usage, "--threads must be between 1 and 256",
                fmt::format("alisio {}", command));
  return threads;
}

Job make_job(const po::variables_map& values, const Program& program, const fs::path& input,
             const fs::path& output_dir) {
  Job job;
  job.config_file = text_option(values, "config");
  std::vector<fs::path> files;
  if (!job.config_file.empty()) files.push_back(job.config_file);
  job.configuration = config::Configuration::load(files, values.count("set") != 0
                                                             ? values["set"].as<std::vector<Text>>()
                                                             : std::vector<Text>());
  job.context.prod_id = text_option(values, "prod-id");
  if (job.context.prod_id.empty()) job.context.prod_id = job.configuration.text("prod_id");
  if (job.context.prod_id.empty()) job.context.prod_id = version_tag() + "_v00";
  check_prod_id(job.context.prod_id);
  job.context.max_events = max_events_option(values);
  job.context.overwrite = values.count("overwrite") != 0;
  const Text date = text_option(values, "date");
  if (!date.empty())
    job.context.date = NightDate::parse(date).compact();
  else if (const auto night = night_of_folder(input))
    job.context.date = night->compact();
  job.context.command = program.command_line;
  job.context.dry_run = values.count("dry-run") != 0;
  if (const Text file = text_option(values, "known-hashes"); !file.empty())
    job.known = stage::KnownHashes::load(file);
  job.report = text_option(values, "report");
  if (!is_of_pass(job)) stage::refuse_no_report(job.report);
  job.show_timings = values.count("timings") != 0;
  job.journal_dir = text_option(values, "journal-dir");
  if (job.journal_dir.empty()) job.journal_dir = output_dir / "log";
  if (values.count("note") != 0)
    for (const Text& note : values["note"].as<std::vector<Text>>()) {
      const auto equals = note.find('=');
      if (equals == Text::npos || equals == 0)
        throw Error(ErrorKind::usage, "'" + note + "' is not PORT=TEXT", "--note", "see --help");
      job.notes[note.substr(0, equals)] = note.substr(equals + 1);
    }
  return job;
}

std::unique_ptr<StageObserver> make_recorder(const Program& program, const fs::path& journal_folder,
                                             const fs::path& config_file,
                                             const fs::path& data_root) {
  prov::RecorderOptions options;
  options.journal_folder = journal_folder;
  options.config_file = config_file;
  options.data_root = data_root;
  options.script = program.executable.string();
  options.arguments = program.command_line;
  return std::make_unique<prov::Recorder>(load_definition(program.cfg_folder),
                                          load_logger(program.cfg_folder), options);
}

std::unique_ptr<StageObserver> make_recorder(const Program& program, const Job& job) {
  return make_recorder(program, job.journal_dir, job.config_file,
                       job.configuration.path("paths.products"));
}

stage::StageResult run_job_stage(ActivityNote activity, const Job& job, StageObserver& observer,
                                 const std::function<std::int64_t(stage::StageRun&)>& body) {
  const StopOnSignal stop;
  const Text name = activity.stage;
  check_notes(name, job);
  const auto work = [&](stage::StageRun& run) {
    for (const auto& [port, text] : job.notes) run.annotate(port, "choice", text);
    if (!job.config_file.empty()) run.use("analysis_configuration", job.config_file);
    // The jobs of a pass are of open nights.
    if (!is_of_pass(job))
      run.ask_before_replacing([&](const fs::path& target) { refuse_sealed(job, target); });
    return body(run);
  };
  stage::StageResult result = stage::run_stage(std::move(activity), observer, job.known, work);
  if (job.show_timings)
    fmt::print("{}\n{}", name,
               timings_table(result.timings, result.report.at("wall_s").get<double>(),
                             result.report.at("events").get<std::int64_t>()));
  return result;
}

int finish_job(const std::vector<stage::StageResult>& results, const fs::path& report) {
  std::vector<nlohmann::ordered_json> activities;
  std::exception_ptr error;
  for (const stage::StageResult& result : results) {
    activities.push_back(result.report);
    if (result.error && !error) error = result.error;
  }
  if (!report.empty()) stage::write_report(report, activities);
  if (error) std::rethrow_exception(error);
  return 0;
}

}  // namespace alisio::apps
