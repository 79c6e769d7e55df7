#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/pipeline/find_pedestals.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_find_pedestals_command(const std::vector<Text>& arguments, const Program& program,
                               StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files")("output-dir", po::value<Text>(),
                                     "folder of pedestal_ids_RunRRRRR.SSSS.h5");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "find-pedestals",
       .synopsis = "--input FILE... --output-dir DIR [options]",
       .text = "Find interleaved pedestal events by their regular times.\n"
               "For data whose trigger tags are wrong: the ids go to r0-to-dl1 --pedestal-ids.",
       .examples = "  alisio find-pedestals --input DL1/dl1_LST-1.Run02006.0001.h5 \\\n"
                   "    --output-dir PedestalIds"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const std::vector<fs::path> inputs = required_files(values, "input", "find-pedestals");
  pipeline::FindPedestalsRequest request;
  request.output_dir = required_option(values, "output-dir", "find-pedestals");
  std::set<fs::path> names;
  for (const fs::path& input : inputs)
    if (!names.insert(input.filename()).second)
      throw Error(ErrorKind::usage, "two inputs have this name and would become one file",
                  input.string(), "give each its own --output-dir");
  std::vector<stage::StageResult> results;
  fs::path report;
  std::unique_ptr<StageObserver> own;
  for (const fs::path& input : inputs) {
    request.input = input;
    const Job job = make_job(values, program, request.input, request.output_dir);
    report = job.report;
    if (shared == nullptr && !own) own = make_recorder(program, job);
    results.push_back(
        run_job_stage(pipeline::find_pedestals_activity(request, job.context, job.configuration),
                      job, shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                        return pipeline::find_pedestals(run, request, job.configuration);
                      }));
  }
  return finish_job(results, report);
}

}  // namespace alisio::apps
