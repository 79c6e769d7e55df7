#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/progress.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/config/models_file.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/dl1_to_dl2.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/description.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;

namespace {

/// Take the notes that are about ports of another stage alone.
std::map<Text, Text> take_notes_for(const Text& stage, std::map<Text, Text>& notes) {
  const auto has = [](const Text& name, const Text& port) {
    const auto& inputs = stage::description(name).inputs;
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const stage::PortDescription& input) { return input.name == port; });
  };
  std::map<Text, Text> taken;
  for (const auto& [port, text] : notes)
    if (has(stage, port) && !has("r0_to_dl1", port)) taken[port] = text;
  for (const auto& [port, text] : taken) notes.erase(port);
  return taken;
}

}  // namespace

int run_r0_to_dl1_command(const std::vector<Text>& arguments, const Program& program,
                          StageObserver* shared) {
  po::options_description options("Options");
  options.add_options()("input", po::value<Text>(),
                        "raw file of stream 1 (the other streams lie beside it)")(
      "output-dir", po::value<Text>(), "folder of the DL1 file")(
      "drs4-pedestal", po::value<Text>(), "DRS4 pedestal file")("calibration", po::value<Text>(),
                                                                "charge calibration file")(
      "time-calibration", po::value<Text>(), "DRS4 time calibration file")(
      "drive-log", po::value<Text>(),
      "DrivePosition_log_YYYYMMDD.txt; without it the pointing is NaN")(
      "run-summary", po::value<Text>(),
      "RunSummary_YYYYMMDD.ecsv; without it times count from the first event")(
      "pedestal-ids", po::value<Text>(),
      "file of find-pedestals; without it the trigger tells which events are pedestals")(
      "threads", po::value<int>()->default_value(1),
      "threads to compute with; reading and hashing have their own")(
      "max-events", po::value<std::int64_t>(), "stop after so many events")(
      "interleaved", "write interleaved/interleaved_LST-1.RunRRRRR.SSSS.h5 too: what cat-b needs")(
      "no-muons", "do not look for muon rings")("no-data-check", "do not write a data check")(
      "dl2", "make DL2 too, without reading DL1 again")("models", po::value<Text>(),
                                                        "forest file for --dl2")(
      "run-catalogue", po::value<Text>(),
      "run catalogue by which the models were chosen: it is recorded")(
      "dl2-output-dir", po::value<Text>(), "folder of the DL2 file (default: the output folder)");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "r0-to-dl1",
       .synopsis = "--input FILE --output-dir DIR --drs4-pedestal FILE --calibration FILE\n"
                   "                        [options]",
       .text =
           "Calibrate, clean and parametrise one subrun: raw data (R0) to DL1.\n"
           "Writes dl1_LST-1.RunRRRRR.SSSS.h5 whole or not at all; with --interleaved, or the key\n"
           "write_interleaved_events.DataWriter.write_r1_waveforms, the interleaved events too.\n"
           "Writes muons_LST-1.RunRRRRR.SSSS.fits beside it, unless told not to (key "
           "muons.write),\n"
           "and datacheck_dl1_LST-1.RunRRRRR.SSSS.h5 (key data_check.write; see check-dl1).",
       .examples = "  alisio r0-to-dl1 --input R0/20221215/LST-1.1.Run11220.0000.fits.fz "
                   "--output-dir DL1 \\\n"
                   "    --drs4-pedestal drs4_pedestal.Run11218.0000.h5 \\\n"
                   "    --calibration calibration_filters_52.Run11219.0000.h5"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::R0ToDl1Request request;
  request.input = required_option(values, "input", "r0-to-dl1");
  request.output_dir = required_option(values, "output-dir", "r0-to-dl1");
  request.drs4_pedestal = required_option(values, "drs4-pedestal", "r0-to-dl1");
  request.charge_calibration = required_option(values, "calibration", "r0-to-dl1");
  request.time_calibration = text_option(values, "time-calibration");
  request.drive_log = text_option(values, "drive-log");
  request.run_summary = text_option(values, "run-summary");
  request.interleaved = values.count("interleaved") != 0;
  request.muons = values.count("no-muons") == 0;
  request.pedestal_ids = text_option(values, "pedestal-ids");
  request.threads = threads_option(values, "r0-to-dl1");
  if (values.count("max-events") != 0) {
    request.max_events = values["max-events"].as<std::int64_t>();
    if (*request.max_events < 1)
      throw Error(ErrorKind::usage, "--max-events must be positive", "alisio r0-to-dl1");
  }
  const bool with_dl2 = values.count("dl2") != 0;
  pipeline::Dl1ToDl2Request dl2_request;
  if (with_dl2) {
    dl2_request.models = config::models_file(required_option(values, "models", "r0-to-dl1"));
    dl2_request.run_catalogue = text_option(values, "run-catalogue");
    dl2_request.output_dir = values.count("dl2-output-dir") != 0
                                 ? fs::path(text_option(values, "dl2-output-dir"))
                                 : request.output_dir;
  }

  Job job = make_job(values, program, request.input, request.output_dir);
  const std::map<Text, Text> dl2_notes = take_notes_for("dl1_to_dl2", job.notes);
  if (values.count("no-data-check") != 0) job.configuration.set("data_check.write", "false");
  const SubrunId id = pipeline::subrun_of(request.input);
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  StageObserver& observer = shared != nullptr ? *shared : *own;

  Progress progress(fmt::format("R0 to DL1, run {}", run_subrun_text(id)), "events",
                    !job.context.dry_run);
  request.progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  dl2::Dl1Columns rows;
  stage::FileStamp product;
  std::vector<stage::StageResult> results;
  const auto start = std::chrono::steady_clock::now();
  std::int64_t events = 0;
  results.push_back(
      run_job_stage(pipeline::r0_to_dl1_activity(request, job.context, job.configuration), job,
                    observer, [&](stage::StageRun& run) {
                      events = pipeline::r0_to_dl1(run, request, job.configuration, telescope,
                                                   with_dl2 ? &rows : nullptr, &product);
                      return events;
                    }));
  progress.finish();
  if (with_dl2 && !results.back().error) {
    dl2_request.input = product.path;
    dl2_request.catalogue = dl2_catalogue(job.configuration, program);
    if (!product.sha256.empty()) job.known.add(product);
    std::int64_t reconstructed = 0;
    Job dl2_job = job;
    dl2_job.notes = dl2_notes;
    results.push_back(run_job_stage(
        pipeline::dl1_to_dl2_activity(dl2_request, job.context, job.configuration), dl2_job,
        observer, [&](stage::StageRun& run) {
          reconstructed = pipeline::dl1_to_dl2(run, dl2_request, job.configuration, telescope,
                                               job.context.dry_run ? nullptr : &rows);
          return reconstructed;
        }));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{} events reconstructed", reconstructed);
  }
  if (!job.context.dry_run && !results.front().error) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    spdlog::info("{}: {} events in {:.2f} s ({:.0f} events/s)", product.path, events, seconds,
                 double(events) / seconds);
  }
  return finish_job(results, job.report);
}

}  // namespace alisio::apps
