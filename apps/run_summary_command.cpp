#include <fmt/format.h>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/run_summary.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_run_summary_command(const std::vector<Text>& arguments, const Program& program,
                            StageObserver* shared) {
  constexpr const char* name = "run-summary";
  po::options_description options("Options");
  options.add_options()("r0", po::value<Text>(),
                        "folder of the raw files, one folder a night (default: paths.r0)")(
      "output-dir", po::value<Text>(), "folder of the run summary (default: paths.run_summary)")(
      "override", po::value<Text>(),
      "file of corrections (default: RunSummary_<date>.override.yaml in the output folder)");
  options.add(job_options());
  po::positional_options_description positional;
  positional.add("date", 1);
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "DATE [options]",
       .text =
           "List the runs of a night: RunSummary_<date>.ecsv, which lstchain reads, too.\n"
           "Type, format, subruns, reference times and counters come from the first events of "
           "each\n"
           "run. DRS4: more than 99.9 % of them are physics triggers; PEDCALIB: more than 10 % "
           "are\n"
           "pedestals; DATA: the rest; ERROR: the run cannot be read, and a warning says why.\n"
           "\n"
           "What you know better goes into RunSummary_<date>.override.yaml beside the summary, "
           "any\n"
           "column but run_id and n_subruns; it is applied and recorded each time:\n"
           "  runs:\n"
           "    11219: {run_type: PEDCALIB}\n"
           "\n"
           "A summary that Alisio wrote is replaced; what it knows of runs and subruns whose raw\n"
           "files are gone is taken over, so that they are missed. --overwrite forgets it. One "
           "that\n"
           "was edited, or that another program wrote, is replaced only with --overwrite. What is\n"
           "replaced by less is kept as RunSummary_<date>.ecsv.1.",
       .examples = "  alisio run-summary 20221215\n"
                   "  alisio run-summary 20221215 --r0 R0 --output-dir monitoring/RunSummary"},
      options, positional);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  if (text_option(values, "date").empty())
    throw Error(ErrorKind::usage, "the date is missing", fmt::format("alisio {}", name),
                "give YYYYMMDD");
  Job job = make_job(values, program, text_option(values, "r0"), text_option(values, "output-dir"));
  pipeline::RunSummaryRequest request;
  request.r0 = text_option(values, "r0");
  if (request.r0.empty()) request.r0 = job.configuration.path("paths.r0");
  request.output_dir = text_option(values, "output-dir");
  if (request.output_dir.empty()) request.output_dir = job.configuration.path("paths.run_summary");
  if (text_option(values, "journal-dir").empty()) job.journal_dir = request.output_dir / "log";
  request.override_file = text_option(values, "override");
  request.telescope = static_cast<int>(job.configuration.integer("telescope"));
  request.overwrite = values.count("overwrite") != 0;
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  const stage::StageResult result =
      run_job_stage(pipeline::run_summary_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own,
                    [&](stage::StageRun& run) { return pipeline::run_summary(run, request); });
  return finish_job({result}, job.report);
}

}  // namespace alisio::apps
