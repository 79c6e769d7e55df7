#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/pipeline/gain_select.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
using Text = std::string;

int run_gain_select_command(const std::vector<Text>& arguments, const Program& program,
                            StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<Text>(),
                        "raw file of stream 1 (the other streams lie beside it)")(
      "output-dir", po::value<Text>(), "folder of the gain-selected files, which keep their names")(
      "threads", po::value<int>()->default_value(1), "streams to work on at a time");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "gain-select",
       .synopsis = "--input FILE --output-dir DIR [options]",
       .text = "Keep one gain of each pixel of the physics events of one subrun: R0 to R0G.\n"
               "Flat-fields and pedestals keep both gains. Needs the format of 2023 and later.",
       .examples = "  alisio gain-select --input R0/20240215/LST-1.1.Run17000.0000.fits.fz \\\n"
                   "    --output-dir R0G/20240215"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::GainSelectRequest request;
  request.input = required_option(values, "input", "gain-select");
  request.output_dir = required_option(values, "output-dir", "gain-select");
  request.threads = threads_option(values, "gain-select");
  const Job job = make_job(values, program, request.input, request.output_dir);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  return finish_job(
      {run_job_stage(pipeline::gain_select_activity(request, job.context, job.configuration), job,
                     shared != nullptr ? *shared : *own,
                     [&](stage::StageRun& run) {
                       return pipeline::gain_select(run, request, job.configuration);
                     })},
      job.report);
}

}  // namespace alisio::apps
