#include <fmt/format.h>

#include <chrono>
#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/progress.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/dl1ab.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_dl1ab_command(const std::vector<Text>& arguments, const Program& program,
                      StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files with images")(
      "output-dir", po::value<Text>(),
      "folder of the new DL1 files; not the folder of the old ones")(
      "tailcuts", po::value<Text>(),
      "cleaning of the run: dl1ab_RunRRRRR.json of find-tailcuts, or any lstchain configuration")(
      "cat-b", po::value<Text>(), "Cat-B calibration of the run: corrects charges and times")(
      "max-unusable-pixels", po::value<int>(),
      "a Cat-B interval with so many unusable pixels is no good time interval (default 70)")(
      "no-image", "leave the images out of the new files")(
      "no-data-check", "do not write data checks, datacheck_dl1_LST-T.RunRRRRR.SSSS.h5")(
      "no-pedestal-cleaning", "one picture threshold for all pixels, from the block tailcut")(
      "threads", po::value<int>()->default_value(1), "threads to work with");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "dl1ab",
       .synopsis = "--input FILE... --output-dir DIR [options]",
       .text = "Clean the images of DL1 files again and compute their parameters anew.\n"
               "Picture thresholds follow the noise of each pixel in pedestal events: of the\n"
               "file's first interleaved set, or of the calibration run if it has none. Keys in\n"
               "the --tailcuts file count before those of --config and --set. Everything else in\n"
               "a file is copied; the new file has the name of the old one. The data check of the\n"
               "new file is written beside it (key data_check.write; see check-dl1).",
       .examples =
           "  alisio dl1ab --input DL1/dl1_LST-1.Run11220.0000.h5 --output-dir DL1/dl1ab \\\n"
           "    --tailcuts DL1/dl1ab_Run11220.json \\\n"
           "    --cat-b cat_B_calibration_filters_52.Run11220.h5"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const std::vector<fs::path> inputs = required_files(values, "input", "dl1ab");
  pipeline::Dl1abRequest request;
  request.output_dir = required_option(values, "output-dir", "dl1ab");
  request.tailcuts = text_option(values, "tailcuts");
  request.cat_b = text_option(values, "cat-b");
  request.threads = threads_option(values, "dl1ab");
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
    Job job = make_job(values, program, request.input, request.output_dir);
    report = job.report;
    // What changes the result belongs to the configuration, and so to the job's identity.
    if (values.count("no-image") != 0) job.configuration.set("dl1ab.store_images", "false");
    if (values.count("no-data-check") != 0) job.configuration.set("data_check.write", "false");
    if (values.count("no-pedestal-cleaning") != 0)
      job.configuration.set("dl1ab.pedestal_cleaning", "false");
    if (values.count("max-unusable-pixels") != 0)
      job.configuration.set("dl1ab.max_unusable_pixels",
                            std::to_string(values["max-unusable-pixels"].as<int>()));
    const SubrunId id = pipeline::subrun_or_run_of(request.input);
    const instrument::Telescope telescope =
        instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
    if (shared == nullptr && !own) own = make_recorder(program, job);
    Progress progress(fmt::format("DL1 again, {}", input.filename().string()), "events",
                      !job.context.dry_run);
    request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
    std::int64_t events = 0;
    const auto start = std::chrono::steady_clock::now();
    results.push_back(
        run_job_stage(pipeline::dl1ab_activity(request, job.context, job.configuration), job,
                      shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                        events = pipeline::dl1ab(run, request, job.configuration, telescope);
                        return events;
                      }));
    progress.finish();
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{}: {} events in {:.2f} s", (request.output_dir / input.filename()).string(),
                   events,
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return finish_job(results, report);
}

}  // namespace alisio::apps
