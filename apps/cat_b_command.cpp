#include <fmt/format.h>

#include <chrono>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/progress.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/cat_b.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
using Text = std::string;

int run_cat_b_command(const std::vector<Text>& arguments, const Program& program,
                      StageObserver* shared) {
  constexpr const char* name = "cat-b";
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken(),
                        "files of interleaved events, of all subruns of a run")(
      "calibration", po::value<Text>(), "charge calibration (Cat-A) of the run")(
      "ffactor-systematics", po::value<Text>(),
      "scan_fit_*.h5, the quadratic term of the F-factor; without it it is 0")(
      "output-dir", po::value<Text>(), "folder of the Cat-B file");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "--input FILE... --calibration FILE --output-dir DIR [options]",
       .text = "Follow the calibration through a run, in its interleaved flat-field and pedestal\n"
               "events. Writes cat_B_calibration_filters_52.RunRRRRR.h5, in lstchain's layout,\n"
               "whole or not at all: a row for each pair of full samples (2500 events); dl1ab\n"
               "applies them. Settings are the keys cat_b.*; lstchain's\n"
               "catB_camera_calibration_param.json may be given to --config as it stands. A run\n"
               "that fills no sample gives one row of what there is, with a warning.",
       .examples = "  alisio cat-b --input DL1/interleaved/interleaved_LST-1.Run11220.*.h5 \\\n"
                   "    --calibration calibration_filters_52.Run11219.0000.h5 --output-dir Cat-B"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::CatBRequest request;
  request.inputs = required_files(values, "input", name);
  request.output_dir = required_option(values, "output-dir", name);
  request.charge_calibration = required_option(values, "calibration", name);
  request.ffactor_systematics = text_option(values, "ffactor-systematics");

  const Job job = make_job(values, program, request.inputs.front(), request.output_dir);
  const SubrunId id = pipeline::subrun_of(request.inputs.front());
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);

  Progress progress(fmt::format("Cat-B, run {}", run_text(id.run)), "events", !job.context.dry_run);
  request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  std::int64_t events = 0;
  const auto start = std::chrono::steady_clock::now();
  const stage::StageResult result =
      run_job_stage(pipeline::cat_b_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      events = pipeline::cat_b(run, request, job.configuration, telescope);
                      return events;
                    });
  progress.finish();
  if (!job.context.dry_run && !result.error)
    spdlog::info("Cat-B, run {}: {} events in {:.2f} s", run_text(id.run), events,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return finish_job({result}, job.report);
}

}  // namespace alisio::apps
