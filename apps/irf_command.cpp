#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/irf.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
using Texts = std::vector<Text>;
namespace {

/// Drop files that another path leads to, too: their events and showers would count twice.
std::vector<fs::path> unique_files(std::vector<fs::path> files) {
  std::sort(files.begin(), files.end());
  std::set<fs::path> seen;
  std::erase_if(files, [&](const fs::path& file) {
    const bool is_new = seen.insert(fs::weakly_canonical(file)).second;
    if (!is_new) spdlog::warn("{} is given more than once and read once", file.string());
    return !is_new;
  });
  return files;
}

/// Return the files that an option names, each once; of a folder, the DL2 files anywhere below it.
std::vector<fs::path> dl2_files(const po::variables_map& values, const char* name) {
  std::vector<fs::path> files;
  if (values.count(name) == 0) return files;
  for (const fs::path path : values[name].as<Texts>()) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
      const Text file = entry.path().filename().string();
      if (entry.is_regular_file() && file.starts_with("dl2") && file.ends_with(".h5"))
        files.push_back(entry.path());
    }
    if (files.size() == before)
      throw Error(ErrorKind::missing_input, "holds no dl2*.h5", path.string(),
                  fmt::format("check --{}", name));
  }
  return unique_files(std::move(files));
}

struct Switch {
  const char *option, *key, *text;
};
constexpr Switch switches[] = {
    {"point-like", "irf.point_like", "response behind a cut in direction"},
    {"energy-dependent-gh", "irf.energy_dependent_gh", "gammaness cuts by energy"},
    {"energy-dependent-theta", "irf.energy_dependent_theta", "theta cuts by energy"},
    {"energy-dependent-alpha", "irf.energy_dependent_alpha", "alpha cuts by energy"},
    {"source-dep", "irf.source_dependent", "response of the source-dependent analysis"}};

po::options_description irf_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  const auto files = [] { return po::value<Texts>()->multitoken()->composing(); };
  add("gamma", files(), "DL2 files of simulated gammas, or folders of them")(
      "proton", files(), "the same of protons, with --electron: for the background")(
      "electron", files(), "the same of electrons")(
      "output-dir", po::value<Text>(),
      "folder of the responses, irf_node_theta_ZZ_az_AA.fits.gz each")(
      "output", po::value<Text>(),
      "file of the response, .fits or .fits.gz, in place of --output-dir: for one pointing");
  for (const Switch& s : switches) add(s.option, fmt::format("{} ({})", s.text, s.key).c_str());
  options.add(job_options());
  return options;
}

}  // namespace

int run_irf_command(const Texts& arguments, const Program& program, StageObserver* shared) {
  const auto parsed = parse_arguments(
      arguments,
      {.name = "irf",
       .synopsis = "--gamma PATH... {--output-dir DIR | --output FILE} [options]",
       .text =
           "Make the instrument response from DL2 of simulated events, with lstchain's cuts, bins\n"
           "and tables (configuration blocks EventSelector, DL3Cuts, DataBinning, irf): effective\n"
           "area, energy dispersion, point spread or, point-like, the cut in direction, and with\n"
           "protons and electrons the background. Point-like gammas have one bin of offset around\n"
           "theirs, diffuse ones those of DataBinning.fov_offset. Files are sorted by their\n"
           "pointing: one response a pointing, which alisio dl2-to-dl3 interpolates between.\n"
           "Two things differ from lstchain_create_irf_files: BACKGROUND runs as the format says\n"
           "(there turned, which gammapy reads wrong), and energies that were not simulated\n"
           "have an effective area of 0 (there of 1.8e308 m2, if an event has one).",
       .examples =
           "  alisio irf --gamma MC/gamma --output-dir IRF --point-like --energy-dependent-gh \\\n"
           "      --energy-dependent-theta\n"
           "  alisio irf --gamma dl2_gamma.h5 --proton dl2_proton.h5 --electron dl2_electron.h5 "
           "\\\n"
           "      --output irf.fits.gz --set DL3Cuts.global_gh_cut=0.7"},
      irf_options());
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  static_cast<void>(required_files(values, "gamma", "irf"));
  const Text file = text_option(values, "output");
  if (!file.empty() && values.count("output-dir") != 0)
    throw Error(ErrorKind::usage, "--output and --output-dir exclude each other", "alisio irf",
                "give one of them");
  const fs::path output_dir = file.empty() ? fs::path(required_option(values, "output-dir", "irf"))
                                           : fs::absolute(file).parent_path();
  std::vector<pipeline::IrfRequest> requests =
      pipeline::irf_requests({.gammas = dl2_files(values, "gamma"),
                              .protons = dl2_files(values, "proton"),
                              .electrons = dl2_files(values, "electron")},
                             output_dir);
  if (!file.empty() && requests.size() > 1)
    throw Error(ErrorKind::usage,
                fmt::format("the files are of {} pointings, of which one file cannot hold all",
                            requests.size()),
                "--output", "give --output-dir");
  if (!file.empty()) requests.front().target = file;

  Job job = make_job(values, program, requests.front().gammas.front(), output_dir);
  for (const Switch& s : switches)
    if (values.count(s.option) != 0) job.configuration.set(s.key, "true");
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  std::vector<stage::StageResult> results;
  for (const pipeline::IrfRequest& request : requests) {
    std::int64_t events = 0;
    results.push_back(run_job_stage(pipeline::irf_activity(request, job.context, job.configuration),
                                    job, shared != nullptr ? *shared : *own,
                                    [&](stage::StageRun& run) {
                                      events = pipeline::irf(run, request, job.configuration);
                                      return events;
                                    }));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{}: from {} simulated events", request.target.string(), events);
  }
  return finish_job(results, job.report);
}

}  // namespace alisio::apps
