#include "apps/stage_commands.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include "apps/command_line.hpp"
#include "apps/progress.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/version.hpp"
#include "lib/config/configuration.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/dl1_to_dl2.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/runner.hpp"
#include "prov/recorder.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

using Text = std::string;

/// Options that every stage command has.
po::options_description job_options() {
  po::options_description options("Job");
  options.add_options()("config", po::value<Text>(),
                        "configuration file (see alisio config --help-keys)")(
      "set", po::value<std::vector<Text>>()->composing(), "one configuration value, key=value")(
      "prod-id", po::value<Text>(), "name of the production (default v<version>_v00)")(
      "date", po::value<Text>(),
      "night of the observation, YYYYMMDD (default: from the folder's name)")(
      "report", po::value<Text>(), "write what was read, made and used up to this JSON file")(
      "journal-dir", po::value<Text>(),
      "folder of the provenance journal (default: log/ in the output folder)")(
      "known-hashes", po::value<Text>(),
      "JSON list of file hashes to trust while the files are unchanged")(
      "dry-run", "record the provenance as planned, compute nothing");
  return options;
}

/// What the job options amount to.
struct Job {
  config::Configuration configuration;
  pipeline::JobContext context;
  stage::KnownHashes known;
  fs::path report, journal_dir, config_file;
};

Text get(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<Text>() : Text();
}

Text require(const po::variables_map& values, const char* name, const char* command) {
  const Text value = get(values, name);
  if (value.empty())
    throw Error(ErrorKind::usage, fmt::format("--{} is needed", name),
                fmt::format("alisio {}", command), "see --help");
  return value;
}

/// The night that a raw or product file belongs to: the nearest parent folder named YYYYMMDD.
Text date_of_path(const fs::path& file) {
  for (fs::path folder = fs::absolute(file).parent_path(); folder != folder.root_path();
       folder = folder.parent_path())
    try {
      return NightDate::parse(folder.filename().string()).compact();
    } catch (const Error&) {
      continue;  // not a date: look further up
    }
  return "";
}

Job make_job(const po::variables_map& values, const Program& program, const fs::path& input,
             const fs::path& output_dir) {
  Job job;
  job.config_file = get(values, "config");
  std::vector<fs::path> files;
  if (!job.config_file.empty()) files.push_back(job.config_file);
  job.configuration = config::Configuration::load(files, values.count("set") != 0
                                                             ? values["set"].as<std::vector<Text>>()
                                                             : std::vector<Text>());
  job.context.prod_id = get(values, "prod-id");
  if (job.context.prod_id.empty()) job.context.prod_id = job.configuration.text("prod_id");
  if (job.context.prod_id.empty()) job.context.prod_id = version_tag() + "_v00";
  const Text date = get(values, "date");
  job.context.date = date.empty() ? date_of_path(input) : NightDate::parse(date).compact();
  job.context.command = program.command_line;
  job.context.dry_run = values.count("dry-run") != 0;
  if (const Text file = get(values, "known-hashes"); !file.empty())
    job.known = stage::KnownHashes::load(file);
  job.report = get(values, "report");
  job.journal_dir = get(values, "journal-dir");
  if (job.journal_dir.empty()) job.journal_dir = output_dir / "log";
  return job;
}

void use_configuration_file(stage::StageRun& run, const Job& job) {
  if (!job.config_file.empty()) run.use("analysis_configuration", job.config_file);
}

/// Run activities one after the other, write the report, and end as the first failure did.
int finish(const std::vector<stage::StageResult>& results, const fs::path& report) {
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

stage::StageResult run_dl1_to_dl2(const pipeline::Dl1ToDl2Request& request, const Job& job,
                                  StageObserver& observer, const instrument::Telescope& telescope,
                                  const dl2::Dl1Columns* rows, std::int64_t* events) {
  return stage::run_stage(pipeline::dl1_to_dl2_activity(request, job.context, job.configuration),
                          observer, job.known, [&](stage::StageRun& run) {
                            use_configuration_file(run, job);
                            *events = pipeline::dl1_to_dl2(run, request, job.configuration,
                                                           telescope, rows);
                            return *events;
                          });
}

int r0_to_dl1_command(const std::vector<Text>& arguments, const Program& program,
                      StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<Text>(),
                        "raw file of stream 1 (the other streams lie beside it)")(
      "output-dir", po::value<Text>(), "folder of the DL1 file")(
      "drs4-pedestal", po::value<Text>(), "DRS4 pedestal file")("calibration", po::value<Text>(),
                                                                "charge calibration file")(
      "time-calibration", po::value<Text>(), "DRS4 time calibration file")(
      "drive-log", po::value<Text>(),
      "DrivePosition_log_YYYYMMDD.txt; without it the pointing is NaN")(
      "run-summary", po::value<Text>(),
      "RunSummary_YYYYMMDD.ecsv; without it times count from the first event")(
      "threads", po::value<int>()->default_value(1), "threads to work with")(
      "max-events", po::value<std::int64_t>(), "stop after so many events")(
      "dl2", "make DL2 too, without reading DL1 again")("models", po::value<Text>(),
                                                        "forest file for --dl2")(
      "dl2-output-dir", po::value<Text>(), "folder of the DL2 file (default: the output folder)");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "r0-to-dl1",
       .synopsis =
           "--input FILE --output-dir DIR --drs4-pedestal FILE --calibration FILE [options]",
       .text = "Calibrate, clean and parametrise one subrun: raw data (R0) to DL1.\n"
               "Writes dl1_LST-1.RunRRRRR.SSSS.h5 whole or not at all.",
       .examples = "  alisio r0-to-dl1 --input R0/20221215/LST-1.1.Run11220.0000.fits.fz "
                   "--output-dir DL1 \\\n"
                   "    --drs4-pedestal drs4_pedestal.Run11218.0000.h5 \\\n"
                   "    --calibration calibration_filters_52.Run11219.0000.h5"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::R0ToDl1Request request;
  request.input = require(values, "input", "r0-to-dl1");
  request.output_dir = require(values, "output-dir", "r0-to-dl1");
  request.drs4_pedestal = require(values, "drs4-pedestal", "r0-to-dl1");
  request.charge_calibration = require(values, "calibration", "r0-to-dl1");
  request.time_calibration = get(values, "time-calibration");
  request.drive_log = get(values, "drive-log");
  request.run_summary = get(values, "run-summary");
  request.threads = values["threads"].as<int>();
  if (request.threads < 1 || request.threads > 256)
    throw Error(ErrorKind::usage, "--threads must be between 1 and 256", "alisio r0-to-dl1");
  if (values.count("max-events") != 0) {
    request.max_events = values["max-events"].as<std::int64_t>();
    if (*request.max_events < 1)
      throw Error(ErrorKind::usage, "--max-events must be positive", "alisio r0-to-dl1");
  }
  const bool with_dl2 = values.count("dl2") != 0;
  pipeline::Dl1ToDl2Request dl2_request;
  if (with_dl2) {
    dl2_request.models = pipeline::models_file(require(values, "models", "r0-to-dl1"));
    dl2_request.output_dir = values.count("dl2-output-dir") != 0
                                 ? fs::path(get(values, "dl2-output-dir"))
                                 : request.output_dir;
  }

  Job job = make_job(values, program, request.input, request.output_dir);
  const SubrunId id = pipeline::subrun_of(request.input);
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr)
    own = make_recorder(program, job.journal_dir, job.config_file,
                        job.configuration.path("paths.products"));
  StageObserver& observer = shared != nullptr ? *shared : *own;

  Progress progress(fmt::format("R0 to DL1, run {}", run_subrun_text(id)), "events",
                    !job.context.dry_run);
  request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  dl2::Dl1Columns rows;
  stage::FileStamp product;
  std::vector<stage::StageResult> results;
  const auto start = std::chrono::steady_clock::now();
  std::int64_t events = 0;
  results.push_back(
      stage::run_stage(pipeline::r0_to_dl1_activity(request, job.context, job.configuration),
                       observer, job.known, [&](stage::StageRun& run) {
                         use_configuration_file(run, job);
                         events = pipeline::r0_to_dl1(run, request, job.configuration, telescope,
                                                      with_dl2 ? &rows : nullptr, &product);
                         return events;
                       }));
  progress.finish();
  if (with_dl2 && !results.back().error) {
    dl2_request.input = product.path;
    if (!product.sha256.empty()) job.known.add(product);
    std::int64_t reconstructed = 0;
    results.push_back(run_dl1_to_dl2(dl2_request, job, observer, telescope,
                                     job.context.dry_run ? nullptr : &rows, &reconstructed));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{} events reconstructed", reconstructed);
  }
  if (!job.context.dry_run && !results.front().error) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    spdlog::info("{}: {} events in {:.2f} s ({:.0f} events/s)", product.path, events, seconds,
                 double(events) / seconds);
  }
  return finish(results, job.report);
}

int dl1_to_dl2_command(const std::vector<Text>& arguments, const Program& program,
                       StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files")("models", po::value<Text>(),
                                     "forest file, or a folder that holds one")(
      "output-dir", po::value<Text>(), "folder of the DL2 files");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "dl1-to-dl2",
       .synopsis = "--input FILE... --models FILE --output-dir DIR [options]",
       .text = "Reconstruct energy, direction and particle type: DL1 to DL2.\n"
               "Reads DL1 of Alisio and of lstchain; the first 'dl1' in a name becomes 'dl2'.",
       .examples = "  alisio dl1-to-dl2 --input dl1_LST-1.Run11220.0000.h5 --models "
                   "standard.forest --output-dir DL2"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  if (values.count("input") == 0)
    throw Error(ErrorKind::usage, "--input is needed", "alisio dl1-to-dl2", "see --help");
  pipeline::Dl1ToDl2Request request;
  request.models = pipeline::models_file(require(values, "models", "dl1-to-dl2"));
  request.output_dir = require(values, "output-dir", "dl1-to-dl2");
  std::vector<stage::StageResult> results;
  fs::path report;
  std::unique_ptr<StageObserver> own;
  std::set<fs::path> names;
  for (const Text& input : values["input"].as<std::vector<Text>>())
    if (!names.insert(fs::path(input).filename()).second)
      throw Error(ErrorKind::usage, "two inputs have this name and would become one DL2 file",
                  input, "give each its own --output-dir");
  for (const Text& input : values["input"].as<std::vector<Text>>()) {
    request.input = input;
    const Job job = make_job(values, program, request.input, request.output_dir);
    report = job.report;
    const SubrunId id = pipeline::subrun_of(request.input);
    const instrument::Telescope telescope =
        instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
    if (shared == nullptr && !own)
      own = make_recorder(program, job.journal_dir, job.config_file,
                          job.configuration.path("paths.products"));
    std::int64_t events = 0;
    const auto start = std::chrono::steady_clock::now();
    results.push_back(run_dl1_to_dl2(request, job, shared != nullptr ? *shared : *own, telescope,
                                     nullptr, &events));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{}: {} events in {:.2f} s", input, events,
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return finish(results, report);
}

}  // namespace

std::unique_ptr<StageObserver> make_recorder(const Program& program, const fs::path& journal_folder,
                                             const fs::path& config_file,
                                             const fs::path& data_root) {
  const fs::path folder = program.cfg_folder / "provenance";
  prov::RecorderOptions options;
  options.journal_folder = journal_folder;
  options.config_file = config_file;
  options.data_root = data_root;
  options.script = program.executable.string();
  options.arguments = program.command_line;
  return std::make_unique<prov::Recorder>(prov::Definition::load(folder / "definition.yaml"),
                                          prov::LoggerConfiguration::load(folder / "logger.yaml"),
                                          options);
}

int run_r0_to_dl1_command(const std::vector<Text>& arguments, const Program& program) {
  return r0_to_dl1_command(arguments, program, nullptr);
}

int run_dl1_to_dl2_command(const std::vector<Text>& arguments, const Program& program) {
  return dl1_to_dl2_command(arguments, program, nullptr);
}

int run_stage_command(const std::vector<Text>& arguments, const Program& program,
                      StageObserver& observer) {
  Program as_called = program;
  as_called.command_line = {program.executable.string()};
  as_called.command_line.insert(as_called.command_line.end(), arguments.begin(), arguments.end());
  const std::vector<Text> rest(arguments.begin() + 1, arguments.end());
  if (arguments.front() == "r0-to-dl1") return r0_to_dl1_command(rest, as_called, &observer);
  if (arguments.front() == "dl1-to-dl2") return dl1_to_dl2_command(rest, as_called, &observer);
  throw Error(ErrorKind::bug, "'" + arguments.front() + "' is no stage command");
}

}  // namespace alisio::apps
