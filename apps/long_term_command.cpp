#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/report/long_term_stage.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

std::vector<fs::path> paths_option(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) return {};
  const auto& given = values[name].as<std::vector<Text>>();
  return {given.begin(), given.end()};
}

/// Sort files that were named into runs, by their names.
std::vector<report::RunFiles> by_run(const std::vector<fs::path>& checks,
                                     const std::vector<fs::path>& muons) {
  std::map<int, report::RunFiles> runs;
  const auto place = [&](const fs::path& path, auto files, auto of_run) {
    const std::optional<RunFileName> name = parse_run_file_name(path);
    if (!name || !name->has_usual_digits || !name->ends_in_any_of({".h5", ".hdf5", ".fits"}))
      throw Error(ErrorKind::usage, "the name does not tell a run", path.string(),
                  "expected …RunRRRRR.h5, …RunRRRRR.SSSS.h5 or the same with .fits");
    report::RunFiles& run = runs[name->run];
    run.run = name->run;
    const bool whole = !name->subrun;
    if (!(run.*files).empty() && (whole || run.*of_run))
      throw Error(ErrorKind::usage, fmt::format("run {} is given twice", run.run), path.string(),
                  "give the file of the run, or those of its subruns");
    run.*of_run = whole;
    (run.*files).push_back(path);
  };
  for (const fs::path& path : checks)
    place(path, &report::RunFiles::datachecks, &report::RunFiles::datacheck_of_run);
  for (const fs::path& path : muons)
    place(path, &report::RunFiles::muons, &report::RunFiles::muons_of_run);
  std::vector<report::RunFiles> all;
  for (auto& [number, files] : runs) {
    std::ranges::sort(files.datachecks);
    std::ranges::sort(files.muons);
    all.push_back(std::move(files));
  }
  return all;
}

/// The folders of the production's nights that are there.
std::vector<fs::path> night_folders(const report::LongTermRequest& request, const Job& job) {
  std::vector<fs::path> folders;
  const fs::path root = job.configuration.path("paths.products") / "DL1";
  for (const NightDate& night : report::nights_between(request.first, request.last)) {
    const fs::path folder = root / night.compact() / job.context.prod_id;
    std::error_code failed;
    if (fs::is_directory(folder, failed)) folders.push_back(folder);
  }
  if (folders.empty())
    throw Error(ErrorKind::missing_input,
                fmt::format("there is no folder of production {} of any night from {} to {}",
                            job.context.prod_id, request.first.compact(), request.last.compact()),
                root.string(), "check paths.products and --prod-id, or give --input-dir");
  return folders;
}

}  // namespace

int run_long_term_command(const std::vector<Text>& arguments, const Program& program,
                          StageObserver* shared) {
  using Texts = std::vector<Text>;
  po::options_description options("Options");
  options.add_options()("from", po::value<Text>(), "first night, YYYYMMDD (the first argument)")(
      "to", po::value<Text>(), "last night, YYYYMMDD (the second argument)")(
      "input-dir", po::value<Texts>()->multitoken()->composing(),
      "folders to search for data checks and muon files (default: the nights' DL1 below "
      "paths.products)")("input", po::value<Texts>()->multitoken()->composing(),
                         "data checks of runs or subruns, in place of --input-dir")(
      "muons", po::value<Texts>()->multitoken()->composing(), "muon files, with --input")(
      "telescope", po::value<int>()->default_value(1), "number of the telescope")(
      "deviations", po::value<double>()->default_value(5),
      "robust standard deviations from the median that make an outlier")(
      "output-dir", po::value<Text>(), "folder of longterm_dl1_check.{h5,csv,html}");
  options.add(job_options());
  po::positional_options_description positional;
  positional.add("from", 1).add("to", 1);
  const auto parsed = parse_arguments(
      arguments,
      {.name = "long-term",
       .synopsis = "FROM TO --output-dir DIR [--input-dir DIR... | --input FILE...] [options]",
       .text =
           "Collect the quantities of runs over many nights, from data checks and muon files of\n"
           "runs or subruns, ours or lstchain's: a table in lstchain's columns (HDF5, and CSV "
           "with\n"
           "units), and a page of trends with the band of the period and the outliers.\n"
           "A run that cannot be read is named and left out, and the exit code is 7.",
       .examples = "  alisio long-term 20221201 20221231 --config night.yaml --output-dir Trends\n"
                   "  alisio long-term 20221215 20221220 --input-dir DL1 --output-dir Trends"},
      options, positional);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  report::LongTermRequest request;
  request.output_dir = required_option(values, "output-dir", "long-term");
  request.first = NightDate::parse(required_option(values, "from", "long-term"));
  request.last = NightDate::parse(required_option(values, "to", "long-term"));
  static_cast<void>(report::nights_between(request.first, request.last));
  request.deviations = values["deviations"].as<double>();
  if (!(request.deviations > 0))
    throw Error(ErrorKind::usage, "must be positive", "--deviations", "5 is usual");
  if (values.count("input") != 0 && values.count("input-dir") != 0)
    throw Error(ErrorKind::usage, "--input and --input-dir exclude each other", "alisio long-term",
                "give one of them");
  if (values.count("muons") != 0 && values.count("input") == 0)
    throw Error(ErrorKind::usage, "--muons needs --input", "alisio long-term",
                "a folder is searched for both");
  const Job job = make_job(values, program, request.output_dir, request.output_dir);
  const int telescope_number = values["telescope"].as<int>();
  if (values.count("input") != 0)
    request.runs = by_run(paths_option(values, "input"), paths_option(values, "muons"));
  else
    request.runs =
        report::find_run_files(values.count("input-dir") != 0 ? paths_option(values, "input-dir")
                                                              : night_folders(request, job),
                               telescope_number, {});
  std::erase_if(request.runs,
                [](const report::RunFiles& files) { return files.datachecks.empty(); });
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", telescope_number);

  report::LongTermOutcome outcome;
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  const stage::StageResult result =
      run_job_stage(report::long_term_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      return report::long_term(run, request, telescope.geometry, outcome);
                    });
  const int code = finish_job({result}, job.report);
  if (!job.context.dry_run)
    spdlog::info("{} runs, {} outliers: {}", outcome.runs, outcome.outliers,
                 (request.output_dir / "longterm_dl1_check.html").string());
  if (!outcome.left_out.empty())
    throw Error(ErrorKind::incomplete,
                fmt::format("{} of {} runs could not be read", outcome.left_out.size(),
                            outcome.left_out.size() + outcome.runs),
                outcome.left_out.front(), "repair or remove the files named above");
  return code;
}

}  // namespace alisio::apps
