#include "apps/simulate_command.hpp"

#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/progress.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/sim/night.hpp"

namespace alisio::apps {
namespace po = boost::program_options;

namespace {

std::string faults_text(const sim::RunPlan& run) {
  std::string text;
  for (const sim::Fault fault : run.faults)
    text += (text.empty() ? "  " : ", ") + std::string(to_string(fault));
  return text;
}

}  // namespace

int run_simulate_command(const std::vector<std::string>& arguments,
                         const std::filesystem::path& cfg_folder) {
  const CommandHelp help{
      "simulate", "--output DIR [options]",
      "Writes a synthetic night: raw data of a DRS4 pedestal run, flat-field and pedestal runs "
      "and\n"
      "data runs (gammas, hadrons, muons, interleaved calibration), the drive logs, the truth, "
      "and\n"
      "an alisio.yaml with which `alisio night` processes the folder as it stands. It can hold a\n"
      "run summary and constants that were made from the truth, or nothing but raw files, from\n"
      "which all else is made. The same options give the same bytes. An existing night is never\n"
      "overwritten by another one.\n"
      "Faults, for tests (--fault RUN=FAULT, any number of times): lamp-off, few-events,\n"
      "dead-pixel, dead-pixels (three of ten), mistagged-pedestals, ucts-jumps, missing-modules,\n"
      "missing-stream. Runs are numbered from --first-run in order of time: DRS4, calibration,\n"
      "data; further calibration runs stand evenly among the data runs.",
      "  alisio simulate --output demo --runs 2\n"
      "  alisio simulate --output raw --without-constants --without-run-summary\n"
      "  alisio simulate --output two --without-constants --calibration-runs 2 --fault "
      "11220=lamp-off\n"
      "  alisio simulate --output new-format --format r1v1 --events 1000 --seed 7\n"
      "  alisio simulate --output reduced --format r1v1 --preprocessed baseline,gain-selection"};
  sim::NightOptions options;
  std::string output, date = options.date.compact(), format = sim::to_string(options.format);
  std::vector<std::string> faults;
  std::string preprocessed;
  po::options_description described("Options");
  auto add = described.add_options();
  add("output", po::value(&output), "folder to write to");
  add("date", po::value(&date)->default_value(date), "date of the evening, YYYYMMDD");
  // Signed: read as unsigned, a negative number would become a large one.
  auto seed = static_cast<std::int64_t>(options.seed);
  add("seed", po::value(&seed)->default_value(seed), "start of all random numbers");
  add("runs", po::value(&options.data_runs)->default_value(options.data_runs),
      "number of data runs");
  add("subruns", po::value(&options.subruns)->default_value(options.subruns),
      "subruns of each data run");
  add("events", po::value(&options.events)->default_value(options.events), "events of each subrun");
  add("format", po::value(&format)->default_value(format),
      "raw format: r0 (until 2023) or r1v1 (since)");
  add("calibration-runs",
      po::value(&options.calibration_runs)->default_value(options.calibration_runs),
      "number of flat-field and pedestal runs");
  add("calibration-events",
      po::value(&options.calibration_events)->default_value(options.calibration_events),
      "events of the DRS4 run and of each subrun of calibration runs; with 1000 every part of the "
      "time calibration is filled");
  add("calibration-subruns",
      po::value(&options.calibration_subruns)->default_value(options.calibration_subruns),
      "subruns of each calibration run");
  add("first-run", po::value(&options.first_run)->default_value(options.first_run),
      "number of the DRS4 run");
  add("with-constants", "write constants made from the truth (the default)");
  add("without-constants", "write no constants: they have to be made from the runs");
  add("without-run-summary", "write no run summary");
  add("preprocessed", po::value(&preprocessed),
      "what the event builder did to data runs, separated by commas: baseline (to all runs), "
      "time-lapse, spikes, pe (photo-electrons), gain-selection");
  add("fault", po::value(&faults)->composing(), "what goes wrong: RUN=FAULT");
  add("threads", po::value(&options.threads)->default_value(options.threads),
      "runs made at a time; 0: as many as processors");
  const auto given = parse_arguments(arguments, help, described);
  if (!given) return 0;
  if (output.empty())
    throw Error(ErrorKind::usage, "the output folder is missing", "simulate", "give --output DIR");
  for (const auto& [name, number] :
       {std::pair<const char*, std::int64_t>{"--seed", seed}, {"--threads", options.threads}})
    if (number < 0)
      throw Error(ErrorKind::usage, fmt::format("{} is negative", number), name, "give 0 or more");
  options.seed = static_cast<std::uint64_t>(seed);
  options.output = std::filesystem::absolute(output).lexically_normal();
  options.date = NightDate::parse(date);
  options.format = sim::parse_format(format);
  if (given->count("with-constants") != 0 && given->count("without-constants") != 0)
    throw Error(ErrorKind::usage, "--with-constants and --without-constants exclude each other",
                "simulate", "give one of them");
  options.constants = given->count("without-constants") == 0;
  options.preprocessing = sim::Preprocessing::parse(preprocessed);
  options.run_summary = given->count("without-run-summary") == 0;
  for (const std::string& fault : faults) options.faults.push_back(sim::RunFault::parse(fault));

  const StopOnSignal stop;
  Progress progress("simulating", "events", true);
  const sim::NightResult result =
      sim::simulate_night(options, cfg_folder, [&](std::size_t done, std::size_t total) {
        throw_if_interrupted();
        progress.update(static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
      });
  progress.finish();
  if (result.already_there) {
    std::cout << fmt::format("{}: already there, {} files intact\n", output, result.files);
    return 0;
  }
  if (result.remade_because_damaged > 0)
    std::cout << fmt::format("{}: {} files were missing or damaged, all are made again\n", output,
                             result.remade_because_damaged);
  for (const sim::RunPlan& run : result.runs)
    std::cout << fmt::format("run {}  {:<8}  {} x {} events{}\n", run.run, to_string(run.kind),
                             run.subruns, run.events_per_subrun, faults_text(run));
  std::cout << fmt::format(
      "{}: {} events in {} files\nprocess them with: alisio night {} --config {}\n", output,
      result.events, result.files, options.date.compact(), output + "/alisio.yaml");
  return 0;
}

}  // namespace alisio::apps
