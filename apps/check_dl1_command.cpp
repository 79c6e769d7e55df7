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
#include "lib/pipeline/check_dl1.hpp"
#include "lib/pipeline/muons.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_check_dl1_command(const std::vector<Text>& arguments, const Program& program,
                          StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files with images, of alisio or lstchain")(
      "output-dir", po::value<Text>(), "folder of the data checks")(
      "muons-dir", po::value<Text>(),
      "folder of the muon files, muons_LST-T.RunRRRRR.SSSS.fits (default: that of the DL1 file); "
      "without one the rings are not known")("threads", po::value<int>()->default_value(1),
                                             "threads to work with");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "check-dl1",
       .synopsis = "--input FILE... --output-dir DIR [options]",
       .text =
           "Make the data check of DL1 files, one datacheck_dl1_LST-T.RunRRRRR.SSSS.h5 a file:\n"
           "rates, histograms and what each pixel did, apart for flat-fields, pedestals and\n"
           "cosmics, in lstchain's tables. r0-to-dl1 and dl1ab make the same file on the way;\n"
           "this command is for DL1 that is there already. alisio merge joins the checks of a\n"
           "run and of a night.\n"
           "Two things differ from lstchain's: hist_psi is filled in degrees, as its edges are\n"
           "(there in radians, so that two bins hold everything), and num_nearby_stars is 0, for\n"
           "no catalogue of stars is used. /alisio/datacheck holds the sums behind means and\n"
           "spreads, and a summary that the quality gates (gates.data) judge.",
       .examples = "  alisio check-dl1 --input DL1/dl1_LST-1.Run11220.*.h5 --output-dir DL1"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const std::vector<fs::path> inputs = required_files(values, "input", "check-dl1");
  pipeline::CheckDl1Request request;
  request.output_dir = required_option(values, "output-dir", "check-dl1");
  request.threads = threads_option(values, "check-dl1");
  std::set<Text> names;
  for (const fs::path& input : inputs)
    if (!names.insert(stage::product_name("dl1_datacheck", pipeline::subrun_of(input))).second)
      throw Error(ErrorKind::usage, "two inputs are of this subrun and would become one file",
                  input.string(), "give each its own --output-dir");

  std::vector<stage::StageResult> results;
  fs::path report;
  std::unique_ptr<StageObserver> own;
  for (const fs::path& input : inputs) {
    request.input = input;
    const fs::path muons =
        (values.count("muons-dir") != 0 ? fs::path(text_option(values, "muons-dir"))
                                        : input.parent_path()) /
        stage::product_name("muons", pipeline::subrun_of(input));
    request.muons = fs::exists(muons) ? muons : fs::path();
    Job job = make_job(values, program, request.input, request.output_dir);
    report = job.report;
    const SubrunId id = pipeline::subrun_of(request.input);
    const instrument::Telescope telescope =
        instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
    if (shared == nullptr && !own) own = make_recorder(program, job);
    Progress progress(fmt::format("Check of run {}", run_subrun_text(id)), "events",
                      !job.context.dry_run);
    request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
    std::int64_t events = 0;
    const auto start = std::chrono::steady_clock::now();
    results.push_back(
        run_job_stage(pipeline::check_dl1_activity(request, job.context, job.configuration), job,
                      shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                        events = pipeline::check_dl1(run, request, job.configuration, telescope);
                        return events;
                      }));
    progress.finish();
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{}: {} events in {:.2f} s",
                   (request.output_dir / stage::product_name("dl1_datacheck", id)).string(), events,
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return finish_job(results, report);
}

}  // namespace alisio::apps
