#include <fmt/format.h>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/dl3_index.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

Text joined(const std::vector<fs::path>& paths) {
  Text text;
  for (const fs::path& path : paths) text += (text.empty() ? "" : ", ") + path.string();
  return text;
}

}  // namespace

int run_dl3_index_command(const std::vector<Text>& arguments, const Program& program,
                          StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input-dir", po::value<Text>(), "folder of dl3*.fits[.gz]")(
      "input", po::value<std::vector<Text>>()->multitoken()->composing(),
      "DL3 files, in place of --input-dir")(
      "output-dir", po::value<Text>(),
      "folder of hdu-index.fits.gz and obs-index.fits.gz (default: --input-dir)");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "dl3-index",
       .synopsis = "--input-dir DIR | --input FILE... [--output-dir DIR] [options]",
       .text =
           "Write the index tables of GADF over DL3 files, which gammapy's DataStore opens:\n"
           "hdu-index.fits.gz and obs-index.fits.gz, sorted by run, with paths relative to the\n"
           "folder. The observation index also tells how each run was made: software, production,\n"
           "calibration and its hash, and what the quality gates said.\n"
           "Files that are no whole DL3 are named and left out, and the exit code is 7.",
       .examples = "  alisio dl3-index --input-dir DL3/20221215"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  if ((values.count("input") != 0) == (values.count("input-dir") != 0))
    throw Error(ErrorKind::usage, "one of --input and --input-dir is needed", "alisio dl3-index",
                "see --help");
  pipeline::Dl3IndexRequest request;
  request.inputs = values.count("input") != 0
                       ? required_files(values, "input", "dl3-index")
                       : pipeline::find_dl3_files(text_option(values, "input-dir"));
  request.output_dir = text_option(values, "output-dir");
  if (request.output_dir.empty()) request.output_dir = text_option(values, "input-dir");
  if (request.output_dir.empty())
    request.output_dir = required_option(values, "output-dir", "dl3-index");
  const Job job = make_job(values, program, request.inputs.front(), request.output_dir);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  std::vector<fs::path> left_out;
  std::int64_t observations = 0;
  const stage::StageResult result =
      run_job_stage(pipeline::dl3_index_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      observations = pipeline::dl3_index(run, request, left_out);
                      return observations;
                    });
  const int code = finish_job({result}, job.report);
  if (!job.context.dry_run)
    spdlog::info("{}: {} observation{}", (request.output_dir / pipeline::obs_index_name).string(),
                 observations, observations == 1 ? "" : "s");
  if (!left_out.empty())
    throw Error(ErrorKind::incomplete,
                fmt::format("{} of {} files were left out", left_out.size(), request.inputs.size()),
                joined(left_out), "make the files named above again, or remove them");
  return code;
}

}  // namespace alisio::apps
