#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/prov_index.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/significance.hpp"
#include "prov/ask/select.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

po::options_description significance_options_description() {
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "DL2 files of runs or subruns, of alisio or lstchain")(
      "input-dir", po::value<Text>(),
      "folder of DL2 files, in place of --input: of each run the merged file, or its subruns")(
      "output-dir", po::value<Text>(), "folder of significance_<date>.json and the plots")(
      "source-catalogue", po::value<Text>(), "table of sources (default: significance.catalogue)")(
      "source-name", po::value<Text>(),
      "source of all runs: a name of the catalogue, or any with --source-ra and --source-dec "
      "(default: of each run the nearest of the catalogue)")("source-ra", po::value<double>(),
                                                             "its right ascension, ICRS, deg")(
      "source-dec", po::value<double>(), "its declination, ICRS, deg")(
      "telescope", po::value<int>()->default_value(1), "number of the telescope")(
      "select", po::value<std::vector<Text>>()->composing(),
      "NAME=VALUE: take only files for which this condition of alisio prov find holds somewhere on "
      "the way to them, or gates=passed; may be given again, then all must hold")(
      "index", po::value<Text>(),
      "index of provenance for --select: a file, or postgresql://... (default: as configured)")(
      "journals", po::value<std::vector<Text>>()->composing(),
      "journal, or folder of journals, to ask without an index; may be given again");
  return options;
}

/// Take the DL2 files of a folder: of each run the merged file if it is there, else its subruns.
/// Those of other telescopes are left out.
void take_dl2_files_in(const fs::path& folder, int telescope,
                       pipeline::SignificanceRequest& request) {
  std::vector<fs::path> found;
  std::set<int> merged;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const Text name = entry.path().filename().string();
    if (!name.starts_with("dl2_LST-") || !name.ends_with(".h5")) continue;
    const SubrunId id = pipeline::dl2_id_of(entry.path());
    if (id.telescope != telescope) {
      request.left_out.push_back({name, fmt::format("is of telescope {}", id.telescope)});
      continue;
    }
    found.push_back(entry.path());
    if (id.subrun == pipeline::all_subruns) merged.insert(id.run);
  }
  std::erase_if(found, [&](const fs::path& file) {
    const SubrunId id = pipeline::dl2_id_of(file);
    return id.subrun != pipeline::all_subruns && merged.contains(id.run);
  });
  if (failed || found.empty())
    throw Error(
        ErrorKind::missing_input,
        failed ? failed.message() : fmt::format("holds no DL2 files of telescope {}", telescope),
        folder.string(), fmt::format("expected dl2_LST-{}.RunRRRRR.h5", telescope));
  std::ranges::sort(found);
  std::ranges::sort(request.left_out, {}, &pipeline::LeftOut::what);
  request.inputs = std::move(found);
}

/// Fill in where the sources come from.
void choose_sources(const po::variables_map& values, const Job& job, const Program& program,
                    pipeline::SignificanceRequest& request) {
  const bool has_ra = values.count("source-ra") != 0, has_dec = values.count("source-dec") != 0;
  if (has_ra != has_dec)
    throw Error(ErrorKind::usage, "--source-ra and --source-dec go together", "alisio significance",
                "give both, deg");
  const Text name = text_option(values, "source-name");
  if (has_ra) {
    const double ra = values["source-ra"].as<double>(), dec = values["source-dec"].as<double>();
    if (!(ra >= 0 && ra < 360) || !(dec >= -90 && dec <= 90))
      throw Error(ErrorKind::usage, fmt::format("RA {} deg, Dec {} deg is no position", ra, dec),
                  "alisio significance", "RA is from 0 to 360 deg, Dec from -90 to 90 deg");
    request.told = text::Source{
        name.empty() ? fmt::format("RA{:.4f} Dec{:+.4f}", ra, dec) : name, ra, dec, {}};
    return;
  }
  request.catalogue = values.count("source-catalogue") != 0
                          ? fs::path(text_option(values, "source-catalogue"))
                          : source_catalogue(job.configuration, program);
  if (!name.empty())
    request.told = text::source_of_name(text::read_source_catalogue(request.catalogue), name,
                                        request.catalogue);
}

/// Leave files out for which a term of the selection does not hold.
void select_inputs(const po::variables_map& values, const Program& program,
                   pipeline::SignificanceRequest& request) {
  if (values.count("select") == 0) return;
  std::vector<prov::SelectionTerm> terms;
  for (const Text& text : values["select"].as<std::vector<Text>>()) {
    terms.push_back(prov::selection_term(text));
    request.selection += (request.selection.empty() ? "" : ", ") + text;
  }
  prov::Store store = open_index(values, program);
  const std::vector<Text> reasons = prov::unmet_terms(store, request.inputs, terms);
  std::vector<fs::path> kept;
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    if (reasons[i].empty())
      kept.push_back(request.inputs[i]);
    else
      request.left_out.push_back({request.inputs[i].filename().string(), reasons[i]});
  }
  if (kept.empty())
    throw Error(
        ErrorKind::incomplete, fmt::format("no file meets the selection {}", request.selection),
        fmt::format("{}: {}", request.left_out.back().what, request.left_out.back().why),
        "see alisio prov show FILE --lineage; is the index up to date (alisio prov index)?");
  request.inputs = std::move(kept);
}

}  // namespace

int run_significance_command(const std::vector<Text>& arguments, const Program& program,
                             StageObserver* shared) {
  po::options_description options = significance_options_description();
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "significance",
       .synopsis = "(--input FILE... | --input-dir DIR) --output-dir DIR [options]",
       .text =
           "Count the events on and off the sources of some runs of DL2, per run and together:\n"
           "theta2 around the source and around as many mirrored or turned positions\n"
           "(significance.n_off), or alpha for source-dependent DL2; excess, significance after "
           "Li\n"
           "and Ma 1983 (formula 17), rates per minute of effective time. Prints a table; writes "
           "it\n"
           "as JSON, and a plot of each source as SVG.\n"
           "Cuts and normalisation are those of lstosa's theta2_significance (significance.* in\n"
           "the configuration), whose ratio of the exposures is upside down; here it is on over\n"
           "off. No name is looked up over the network: sources come from a catalogue file.",
       .examples =
           "  alisio significance --input-dir DL2/20221215/v1 --output-dir DL3/20221215/v1\n"
           "  alisio significance --input dl2_LST-1.Run11220.h5 --output-dir . \\\n"
           "    --source-name Crab --set significance.n_off=3\n"
           "  alisio significance --input-dir DL2/20221215/v1 --output-dir . \\\n"
           "    --config alisio.yaml --select parameter=CalibrationRun=11219 \\\n"
           "    --select gates=passed"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  if ((values.count("input") != 0) == (values.count("input-dir") != 0))
    throw Error(ErrorKind::usage, "either --input or --input-dir is needed", "alisio significance",
                "see --help");
  pipeline::SignificanceRequest request;
  request.output_dir = required_option(values, "output-dir", "significance");
  const int tel_id = values["telescope"].as<int>();
  if (values.count("input-dir") != 0)
    take_dl2_files_in(text_option(values, "input-dir"), tel_id, request);
  else
    request.inputs = required_files(values, "input", "significance");
  const Job job = make_job(values, program, request.inputs.front(), request.output_dir);
  select_inputs(values, program, request);
  for (const pipeline::LeftOut& left : request.left_out)
    spdlog::info("{} is left out: {}", left.what, left.why);
  choose_sources(values, job, program, request);
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", tel_id);
  pipeline::SignificanceResult result;
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  const stage::StageResult outcome = run_job_stage(
      pipeline::significance_activity(request, job.context, job.configuration), job,
      shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
        return pipeline::significance(run, request, job.configuration, telescope, result);
      });
  if (!outcome.error && !job.context.dry_run) std::cout << pipeline::to_text(result);
  return finish_job({outcome}, job.report);
}

}  // namespace alisio::apps
