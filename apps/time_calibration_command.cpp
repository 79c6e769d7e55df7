#include <fmt/format.h>

#include <chrono>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/progress.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/time_calibration.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
using Text = std::string;

int run_time_calibration_command(const std::vector<Text>& arguments, const Program& program,
                                 StageObserver* shared) {
  constexpr const char* name = "time-calibration";
  po::options_description options("Options");
  options.add_options()("input", po::value<Text>(),
                        "raw file of stream 1 of a calibration run (the other streams lie beside "
                        "it)")("output-dir", po::value<Text>(),
                               "folder of the time calibration file")(
      "drs4-pedestal", po::value<Text>(), "DRS4 pedestal file")(
      "run-summary", po::value<Text>(),
      "RunSummary_YYYYMMDD.ecsv; without it times count from the first event")(
      "all-subruns", "read the whole run, not the given subrun only")(
      "threads", po::value<int>()->default_value(1),
      "threads to compute with; reading and hashing have their own")(
      "max-events", po::value<std::int64_t>(),
      "stop after so many events (default: TimeCorrectionCalculate.max_events, 20000)");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "--input FILE --drs4-pedestal FILE --output-dir DIR [options]",
       .text = "Measure the sampling delays of the DRS4 chips from flat-field events.\n"
               "Writes time_calibration.RunRRRRR.0000.h5, in lstchain's layout, whole or not at\n"
               "all. Channels that lack pulses are interpolated, or get no correction; which is\n"
               "warned of and noted in the file's group /quality.",
       .examples = "  alisio time-calibration --input R0/20221215/LST-1.1.Run11219.0000.fits.fz "
                   "\\\n"
                   "    --drs4-pedestal drs4_pedestal.Run11218.0000.h5 --output-dir calibration"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::TimeCalibrationRequest request;
  request.input = required_option(values, "input", name);
  request.output_dir = required_option(values, "output-dir", name);
  request.drs4_pedestal = required_option(values, "drs4-pedestal", name);
  request.run_summary = text_option(values, "run-summary");
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

  Progress progress(fmt::format("Time calibration, run {}", run_text(id.run)), "events",
                    !job.context.dry_run);
  request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  std::int64_t events = 0;
  const auto start = std::chrono::steady_clock::now();
  const stage::StageResult result = run_job_stage(
      pipeline::time_calibration_activity(request, job.context, job.configuration), job,
      shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
        events = pipeline::time_calibration(run, request, job.configuration, telescope);
        return events;
      });
  progress.finish();
  if (!job.context.dry_run && !result.error)
    spdlog::info("{}: {} events in {:.2f} s", request.input.string(), events,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return finish_job({result}, job.report);
}

}  // namespace alisio::apps
