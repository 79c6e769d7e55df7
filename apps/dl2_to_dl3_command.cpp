#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/dl2_to_dl3.hpp"
#include "lib/pipeline/dl3_file.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

po::options_description dl3_options() {
  using Texts = std::vector<Text>;
  po::options_description options("Options");
  options.add_options()("input", po::value<Texts>()->multitoken()->composing(),
                        "DL2 files of one run: that of the run, or those of its subruns")(
      "irf", po::value<Texts>()->multitoken()->composing(),
      "instrument responses: files, or folders of *irf*.fits[.gz]")(
      "output-dir", po::value<Text>(), "folder of dl3_LST-T.RunRRRRR.fits")(
      "source-name", po::value<Text>(),
      "what was observed (default: what the catalogue has nearest to the pointing, within "
      "significance.max_separation; else 'unknown', at the pointing)")(
      "source-ra", po::value<Text>(), "its right ascension, deg (ICRS)")(
      "source-dec", po::value<Text>(), "its declination, deg (ICRS)")(
      "source-catalogue", po::value<Text>(),
      "table of sources: name, ra_deg, dec_deg, aliases (default: significance.catalogue of the "
      "configuration)")(
      "iers", po::value<Text>(),
      "the Earth's orientation, finals2000A.all or eopc04.1962-now of the IERS (default: the "
      "program's own table, right to 0.15 arcsec from 2018 to September 2026; what it holds of "
      "later days is predicted, and wrong by up to 1 arcsec at the end of 2026)")(
      "nearest-irf", "take the nearest response, do not interpolate between three")(
      "keep-duplicated-events",
      "source-dependent DL2: write an event for every position for which it passes, not only for "
      "that with its greatest gammaness")("gzip", "write dl3_LST-T.RunRRRRR.fits.gz");
  return options;
}

/// An angle in degrees, with "deg" behind it or not.
double angle_option(const Text& value, const char* option, double low, double high) {
  Text digits = value;
  if (digits.ends_with("deg")) digits.resize(digits.size() - 3);
  while (digits.ends_with(' ')) digits.pop_back();
  double angle = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), angle);
  if (digits.empty() || problem != std::errc() || end != digits.data() + digits.size() ||
      !(angle >= low && angle <= high))
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is no angle between {} and {} degrees", value, low, high), option,
                "write 83.633 or 83.633deg");
  return angle;
}

std::optional<sky::Equatorial> position_option(const po::variables_map& values) {
  const Text ra = text_option(values, "source-ra"), dec = text_option(values, "source-dec");
  if (ra.empty() != dec.empty())
    throw Error(ErrorKind::usage, "--source-ra and --source-dec need each other",
                "alisio dl2-to-dl3", "give both, or neither");
  if (ra.empty()) return std::nullopt;
  return sky::Equatorial{angle_option(ra, "--source-ra", 0, 360),
                         angle_option(dec, "--source-dec", -90, 90)};
}

pipeline::Dl2ToDl3Request request_of(const po::variables_map& values) {
  pipeline::Dl2ToDl3Request request;
  request.inputs = required_files(values, "input", "dl2-to-dl3");
  request.responses = required_files(values, "irf", "dl2-to-dl3");
  request.output_dir = required_option(values, "output-dir", "dl2-to-dl3");
  request.earth_orientation = text_option(values, "iers");
  request.source_name = text_option(values, "source-name");
  request.source_position = position_option(values);
  if (request.source_position && request.source_name.empty())
    throw Error(ErrorKind::usage, "--source-name is needed with --source-ra", "alisio dl2-to-dl3",
                "say what is there");
  request.source_catalogue = text_option(values, "source-catalogue");
  if (values.count("nearest-irf") != 0) request.grid_use = dl3::GridUse::nearest;
  request.keep_duplicated_events = values.count("keep-duplicated-events") != 0;
  if (values.count("gzip") != 0) request.packing = fits::Packing::gzip;
  return request;
}

}  // namespace

int run_dl2_to_dl3_command(const std::vector<Text>& arguments, const Program& program,
                           StageObserver* shared) {
  po::options_description options = dl3_options();
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = "dl2-to-dl3",
       .synopsis = "--input FILE... --irf FILE|DIR... --output-dir DIR [options]",
       .text =
           "Select the gamma-like events of a run, find where in the sky they come from, and "
           "write\n"
           "them with the instrument's response as GADF FITS, which gammapy opens: DL2 to DL3.\n"
           "The cuts are lstchain's EventSelector and the gammaness cut that the response was "
           "made\n"
           "with. Of several responses the three around the pointing are interpolated, in the "
           "plane\n"
           "of zenith angle and angle to the magnetic field; outside them the nearest is taken.\n"
           "The good time intervals are the times with data before cuts, pauses left out.\n"
           "A run in which no event passes is written too: its time counts.\n"
           "Source-dependent DL2 takes a response of irf --source-dep: its cut in alpha is "
           "applied, "
           "and\n"
           "each event is written at the position, on or off, that was assumed for it, so that a\n"
           "region around the source holds all events on (in gammapy: WobbleRegionsFinder).",
       .examples =
           "  alisio dl2-to-dl3 --input DL2/dl2_LST-1.Run11220.h5 --irf IRF --output-dir DL3\n"
           "  alisio dl2-to-dl3 --input DL2/dl2_LST-1.Run11220.*.h5 --irf irf.fits.gz \\\n"
           "      --source-name Crab --source-ra 83.6331 --source-dec 22.0145 --output-dir DL3"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  pipeline::Dl2ToDl3Request request = request_of(values);
  const Job job = make_job(values, program, request.inputs.front(), request.output_dir);
  if (request.source_catalogue.empty())
    request.source_catalogue = source_catalogue(job.configuration, program);
  const SubrunId id = pipeline::run_of(request);
  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", id.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  std::int64_t events = 0;
  const auto start = std::chrono::steady_clock::now();
  const stage::StageResult result =
      run_job_stage(pipeline::dl2_to_dl3_activity(request, job.context, job.configuration), job,
                    shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
                      events = pipeline::dl2_to_dl3(run, request, job.configuration, telescope);
                      return events;
                    });
  const int code = finish_job({result}, job.report);
  if (!job.context.dry_run)
    spdlog::info(
        "{}: {} events in {:.2f} s",
        (request.output_dir / pipeline::dl3_name(id.telescope, id.run, request.packing)).string(),
        events, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return code;
}

}  // namespace alisio::apps
