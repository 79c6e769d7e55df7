#include <fmt/format.h>

#include <chrono>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/progress.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/drs4_pedestal.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
using Text = std::string;

int run_drs4_pedestal_command(const std::vector<Text>& arguments, const Program& program,
                              StageObserver* shared) {
  constexpr const char* name = "drs4-pedestal";
  po::options_description options("Options");
  options.add_options()("input", po::value<Text>(),
                        "raw file of stream 1 of a run of random triggers (the other streams lie "
                        "beside it)")("output-dir", po::value<Text>(),
                                      "folder of the pedestal file")(
      "all-subruns", "read the whole run, not the given subrun only")(
      "threads", po::value<int>()->default_value(1),
      "threads to compute with; reading and hashing have their own")(
      "max-events", po::value<std::int64_t>(),
      "stop after so many events (default: DRS4PedestalAndSpikeHeight.max_events, 20000)");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "--input FILE --output-dir DIR [options]",
       .text = "Measure baseline and spikes of each DRS4 capacitor in a run of random triggers.\n"
               "Writes drs4_pedestal.RunRRRRR.0000.h5, in lstchain's layout, whole or not at all.\n"
               "Capacitors that were never read out get the mean of their channel and a count of\n"
               "0; channels without data get 0; both are warned of.",
       .examples = "  alisio drs4-pedestal --input R0/20221215/LST-1.1.Run11218.0000.fits.fz \\\n"
                   "    --output-dir calibration"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::Drs4PedestalRequest request;
  request.input = required_option(values, "input", name);
  request.output_dir = required_option(values, "output-dir", name);
  request.all_subruns = values.count("all-subruns") != 0;
  request.threads = threads_option(values, name);
  if (values.count("max-events") != 0) {
    request.max_events = values["max-events"].as<std::int64_t>();
    if (*request.max_events < 1)
      throw Error(ErrorKind::usage, "--max-events must be positive", fmt::format("alisio {}", name),
                  "leave it out to read what the configuration says");
  }

  const Job job = make_job(values, program, request.input, request.output_dir);
  const SubrunId id = pipeline::subrun_of(request.input);
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);

  Progress progress(fmt::format("DRS4 pedestal, run {}", run_text(id.run)), "events",
                    !job.context.dry_run);
  request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  std::int64_t events = 0;
  const auto start = std::chrono::steady_clock::now();
  const stage::StageResult result =
      run_job_stage(pipeline::drs4_pedestal_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      events = pipeline::drs4_pedestal(run, request, job.configuration, telescope);
                      return events;
                    });
  progress.finish();
  if (!job.context.dry_run && !result.error)
    spdlog::info("{}: {} events in {:.2f} s", request.input.string(), events,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return finish_job({result}, job.report);
}

}  // namespace alisio::apps
