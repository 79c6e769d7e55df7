#include <chrono>
#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/config/models_file.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/dl1_to_dl2.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

int run_dl1_to_dl2_command(const std::vector<Text>& arguments, const Program& program,
                           StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL1 files")("models", po::value<Text>(),
                                     "forest file, or a folder that holds one")(
      "run-catalogue", po::value<Text>(),
      "run catalogue by which the models were chosen: it is recorded")(
      "output-dir", po::value<Text>(), "folder of the DL2 files");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "dl1-to-dl2",
       .synopsis = "--input FILE... --models FILE --output-dir DIR [options]",
       .text = "Reconstruct energy, direction and particle type: DL1 to DL2.\n"
               "Reads DL1 of Alisio and of lstchain; the first 'dl1' in a name becomes 'dl2'.\n"
               "DL1 of simulations is refused: lstchain_dl1_to_dl2 keeps what is simulated.\n"
               "With dl2.source_dependent every event is reconstructed for the assumed place of a\n"
               "source and for places off it, with models trained for that; sources are looked up\n"
               "in the catalogue file significance.catalogue, not over the network.",
       .examples = "  alisio dl1-to-dl2 --input dl1_LST-1.Run11220.0000.h5 --models "
                   "standard.forest --output-dir DL2"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const std::vector<fs::path> inputs = required_files(values, "input", "dl1-to-dl2");
  pipeline::Dl1ToDl2Request request;
  request.models = config::models_file(required_option(values, "models", "dl1-to-dl2"));
  request.output_dir = required_option(values, "output-dir", "dl1-to-dl2");
  request.run_catalogue = text_option(values, "run-catalogue");
  std::vector<stage::StageResult> results;
  fs::path report;
  std::unique_ptr<StageObserver> own;
  std::set<fs::path> names;
  for (const fs::path& input : inputs) {
    if (values.count("dry-run") == 0 && !fs::exists(input))
      throw Error(ErrorKind::missing_input, "does not exist", input.string(),
                  "check the name; nothing was processed");
    if (!names.insert(input.filename()).second)
      throw Error(ErrorKind::usage, "two inputs have this name and would become one DL2 file",
                  input.string(), "give each its own --output-dir");
  }
  for (const fs::path& input : inputs) {
    request.input = input;
    const Job job = make_job(values, program, request.input, request.output_dir);
    report = job.report;
    request.catalogue = dl2_catalogue(job.configuration, program);
    const SubrunId id = pipeline::subrun_or_run_of(request.input);
    const instrument::Telescope telescope =
        instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
    if (shared == nullptr && !own) own = make_recorder(program, job);
    std::int64_t events = 0;
    const auto start = std::chrono::steady_clock::now();
    results.push_back(run_job_stage(
        pipeline::dl1_to_dl2_activity(request, job.context, job.configuration), job,
        shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
          events = pipeline::dl1_to_dl2(run, request, job.configuration, telescope, nullptr);
          return events;
        }));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{}: {} events in {:.2f} s", input.string(), events,
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return finish_job(results, report);
}

}  // namespace alisio::apps
