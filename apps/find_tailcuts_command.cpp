#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/find_tailcuts.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_find_tailcuts_command(const std::vector<Text>& arguments, const Program& program,
                              StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files of one run, with images")(
      "input-dir", po::value<Text>(), "folder of DL1 files, in place of --input")(
      "run", po::value<int>(), "run to look for in --input-dir")("output-dir", po::value<Text>(),
                                                                 "folder of dl1ab_RunRRRRR.json");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "find-tailcuts",
       .synopsis = "(--input FILE... | --input-dir DIR --run N) --output-dir DIR [options]",
       .text = "Find the cleaning levels that suit the night-sky background of a run.\n"
               "Looks at about ten subruns: the 95 % quantile of each pixel's charge in pedestal\n"
               "events, and the median over camera and subruns. Writes dl1ab_RunRRRRR.json for\n"
               "alisio dl1ab --tailcuts and lstchain_dl1ab -c. A run with too few pedestals gets\n"
               "the configured thresholds and a warning (find_tailcuts.* in the configuration).",
       .examples = "  alisio find-tailcuts --input-dir DL1 --run 11220 --output-dir DL1"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const bool in_folder = values.count("input-dir") != 0;
  if (in_folder == (values.count("input") != 0) || in_folder != (values.count("run") != 0))
    throw Error(ErrorKind::usage, "either --input, or --input-dir and --run are needed",
                "alisio find-tailcuts", "see --help");
  pipeline::FindTailcutsRequest request;
  request.output_dir = required_option(values, "output-dir", "find-tailcuts");
  request.inputs = in_folder ? pipeline::dl1_files_of_run(text_option(values, "input-dir"),
                                                          values["run"].as<int>())
                             : required_files(values, "input", "find-tailcuts");
  const Job job = make_job(values, program, request.inputs.front(), request.output_dir);
  const SubrunId id = pipeline::subrun_of(request.inputs.front());
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  const stage::StageResult result =
      run_job_stage(pipeline::find_tailcuts_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      return pipeline::find_tailcuts(run, request, job.configuration, telescope);
                    });
  return finish_job({result}, job.report);
}

}  // namespace alisio::apps
