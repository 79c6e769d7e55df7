#include "apps/simulate_command.hpp"

#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/progress.hpp"
#include "lib/base/error.hpp"
#include "lib/sim/night.hpp"

namespace alisio::apps {
namespace po = boost::program_options;

int run_simulate_command(const std::vector<std::string>& arguments,
                         const std::filesystem::path& cfg_folder) {
  const CommandHelp help{
      "simulate", "--output DIR [options]",
      "Writes a synthetic night: raw data of a DRS4 pedestal run, a flat-field and pedestal run "
      "and\n"
      "data runs (gammas, hadrons, muons, interleaved calibration), the drive and run logs, the\n"
      "constants that belong to them, the truth, and an alisio.yaml with which `alisio night`\n"
      "processes the folder as it stands. The same options give the same bytes. An existing night\n"
      "is never overwritten by another one.",
      "alisio simulate --output demo --runs 2\n"
      "alisio simulate --output new-format --format r1v1 --events 1000 --seed 7"};
  sim::NightOptions options;
  std::string output, date = options.date.compact(), format = sim::to_string(options.format);
  po::options_description described("Options");
  auto add = described.add_options();
  add("output", po::value(&output), "folder to write to");
  add("date", po::value(&date)->default_value(date), "date of the evening, YYYYMMDD");
  add("seed", po::value(&options.seed)->default_value(options.seed), "start of all random numbers");
  add("runs", po::value(&options.data_runs)->default_value(options.data_runs),
      "number of data runs");
  add("subruns", po::value(&options.subruns)->default_value(options.subruns),
      "subruns of each data run");
  add("events", po::value(&options.events)->default_value(options.events), "events of each subrun");
  add("format", po::value(&format)->default_value(format),
      "raw format: r0 (until 2023) or r1v1 (since)");
  add("threads", po::value(&options.threads)->default_value(options.threads),
      "runs made at a time; 0: as many as processors");
  const auto given = parse_arguments(arguments, help, described);
  if (!given) return 0;
  if (output.empty())
    throw Error(ErrorKind::usage, "the output folder is missing", "simulate", "give --output DIR");
  options.output = std::filesystem::absolute(output).lexically_normal();
  options.date = NightDate::parse(date);
  options.format = sim::parse_format(format);

  Progress progress("simulating", "events", true);
  const sim::NightResult result =
      sim::simulate_night(options, cfg_folder, [&](std::size_t done, std::size_t total) {
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
  std::cout << fmt::format(
      "{}: {} events in {} files\nprocess them with: alisio night {} --config {}\n", output,
      result.events, result.files, options.date.compact(), output + "/alisio.yaml");
  return 0;
}

}  // namespace alisio::apps
