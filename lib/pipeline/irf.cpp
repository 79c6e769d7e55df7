#include "lib/pipeline/irf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/timings.hpp"
#include "lib/pipeline/dl3_options.hpp"
#include "lib/pipeline/irf_file.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr const char* gamma_port = "dl2_gamma";
constexpr const char* proton_port = "dl2_proton";
constexpr const char* electron_port = "dl2_electron";
constexpr const char* irf_port = "irf";

/// lstchain takes switches that have no effect; one who set them expects other cuts than are made.
void warn_of_unused_switches(const dl3::ResponseKind& kind) {
  if (kind.energy_dependent_theta && !kind.point_like)
    spdlog::warn(
        "irf.energy_dependent_theta has no effect: only a point-like response (--point-like) has "
        "theta cuts");
  else if (kind.energy_dependent_theta && kind.source_dependent)
    spdlog::warn(
        "irf.energy_dependent_theta has no effect: the source-dependent analysis (--source-dep) "
        "cuts alpha");
  if (kind.energy_dependent_alpha && !kind.source_dependent)
    spdlog::warn(
        "irf.energy_dependent_alpha has no effect: only the source-dependent analysis "
        "(--source-dep) cuts alpha");
}

dl3::ResponseKind response_kind(const config::Configuration& c) {
  const dl3::ResponseKind kind{.point_like = c.boolean("irf.point_like"),
                               .source_dependent = c.boolean("irf.source_dependent"),
                               .energy_dependent_gammaness = c.boolean("irf.energy_dependent_gh"),
                               .energy_dependent_theta = c.boolean("irf.energy_dependent_theta"),
                               .energy_dependent_alpha = c.boolean("irf.energy_dependent_alpha")};
  if (kind.source_dependent && !kind.point_like)
    throw Error(ErrorKind::configuration,
                "the source-dependent analysis has a point-like response only", "irf",
                "set irf.point_like (--point-like) too");
  warn_of_unused_switches(kind);
  return kind;
}

dl3::Edges logarithmic(const config::Configuration& c, const std::string& name) {
  const std::string key = "DataBinning." + name;
  return dl3::geometric_edges(c.number(key + "_min"), c.number(key + "_max"),
                              std::size_t(c.integer(key + "_n_bins")));
}

dl3::Edges linear(const config::Configuration& c, const std::string& name) {
  const std::string key = "DataBinning." + name;
  return dl3::linear_edges(c.number(key + "_min"), c.number(key + "_max"),
                           std::size_t(c.integer(key + "_n_edges")));
}

/// Gammas of one distance from the pointing have one bin around it, as in lstchain.
dl3::Edges offset_edges(const config::Configuration& c, const dl3::Simulation& simulation) {
  if (dl3::cone_of(simulation) == dl3::Cone::diffuse) return linear(c, "fov_offset");
  constexpr double digits = 1e4, half_width_deg = 0.1;
  const double mean = std::rint((simulation.viewcone_min +
                                 0.5 * (simulation.viewcone_max - simulation.viewcone_min)) *
                                digits) /
                      digits;
  return {mean - half_width_deg, mean + half_width_deg};
}

/// Factor on the energies of a simulation, too.
dl3::Simulation scaled(dl3::Simulation simulation, double energy_scale) {
  simulation.energy_min *= energy_scale;
  simulation.energy_max *= energy_scale;
  return simulation;
}

/// What stays the same for all particles of a job.
struct Setting {
  const IrfRequest& request;
  dl3::ResponseKind kind;
  MonteCarloSelection selection;
  double energy_scale = 1;
};

void warn_of_nan(std::size_t left_out, const char* particles) {
  if (left_out > 0)
    spdlog::warn("{} simulated {} lack an energy, a direction or a gammaness and are left out",
                 left_out, particles);
}

/// Do what may find fault with the content of a file, and name the file then.
template <typename Work>
auto naming(const fs::path& file, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.where().empty()) throw;
    throw Error(error.kind(), error.problem(), file.string(), error.remedy());
  }
}

/// Read the gammas that the selection keeps.
dl3::GammaSample read_gammas(const Setting& setting, double max_offset_deg, std::int64_t& read) {
  MonteCarloSelection selection = setting.selection;
  selection.columns = dl3::gamma_columns(setting.kind);
  if (setting.kind.point_like && !setting.kind.source_dependent)
    selection.optional = {"disp_sign", "reco_disp_sign"};
  dl3::GammaSample sample;
  const dl3::SampleOptions options{
      .kind = setting.kind, .energy_scale = setting.energy_scale, .max_offset_deg = max_offset_deg};
  std::size_t left_out = 0;
  bool has_signs = true;
  read += read_monte_carlo(setting.request.gammas, selection,
                           [&](const dl3::Events& events, const std::vector<std::size_t>& rows) {
                             has_signs = has_signs && events.has("disp_sign");
                             left_out += dl3::add_gammas(sample, events, rows, options);
                           });
  warn_of_nan(left_out, "gammas");
  if (setting.kind.direction_by_energy() && !setting.kind.source_dependent && !has_signs)
    spdlog::warn(
        "no columns disp_sign and reco_disp_sign: theta cuts follow all gammas, those too whose "
        "head was taken for the tail");
  return sample;
}

dl3::BackgroundCounts read_background(const Setting& setting, const dl3::GammaCuts& cuts,
                                      dl3::BackgroundCounts counts, std::int64_t& read) {
  MonteCarloSelection selection = setting.selection;
  selection.columns = dl3::background_columns(setting.kind);
  const auto add = [&](const std::vector<fs::path>& files, dl3::Spectrum spectrum,
                       Particle particle, const char* particles) {
    selection.particle = particle;
    const dl3::Simulation simulation = scaled(read_simulation(files), setting.energy_scale);
    std::size_t left_out = 0;
    const std::int64_t of_these = read_monte_carlo(
        files, selection, [&](const dl3::Events& events, const std::vector<std::size_t>& rows) {
          left_out += dl3::add_background(counts, events, rows, cuts, simulation, spectrum,
                                          setting.energy_scale);
        });
    read += of_these;
    if (of_these == 0)
      spdlog::warn("no simulated {} survived: there is no background of them", particles);
    warn_of_nan(left_out, particles);
  };
  naming(setting.request.protons.front(),
         [&] { add(setting.request.protons, dl3::proton_spectrum, Particle::proton, "protons"); });
  naming(setting.request.electrons.front(), [&] {
    add(setting.request.electrons, dl3::electron_spectrum, Particle::electron, "electrons");
  });
  return counts;
}

bool is_packed(const fs::path& target) {
  const std::string name = target.filename().string();
  if (!name.ends_with(".fits") && !name.ends_with(".fits.gz"))
    throw Error(ErrorKind::usage, "a response is a FITS file", target.string(),
                "let its name end with .fits or .fits.gz");
  return name.ends_with(".gz");
}

/// Read all and make the tables.
Response make_response(const Setting& setting, const config::Configuration& c, Timings& timings,
                       std::int64_t& read) {
  Response r;
  r.node = setting.request.node;
  r.simulation = scaled(read_simulation(setting.request.gammas), setting.energy_scale);
  r.telescopes = setting.selection.telescopes;
  r.energy_scale = setting.energy_scale;
  r.bins = {.true_energy = logarithmic(c, "true_energy"),
            .migration = logarithmic(c, "energy_migration"),
            .offset = offset_edges(c, r.simulation),
            .source_offset = linear(c, "source_offset")};
  r.reco_energy = logarithmic(c, "reco_energy");
  std::optional<TimedPart> timed;
  timed.emplace(&timings, "read gammas");
  const dl3::GammaSample gammas = read_gammas(setting, r.bins.offset.back(), read);
  if (read == 0)
    throw Error(ErrorKind::bad_input, "holds no events", "",
                "give files of this pointing in which gammas survived, too");
  if (gammas.size() == 0)
    throw Error(ErrorKind::bad_input, "no simulated gamma passes the selection", "",
                "check EventSelector, DL3Cuts.allowed_tels and DataBinning.fov_offset_max");
  timed.emplace(&timings, "cuts and counts");
  r.cuts = dl3::find_gamma_cuts(gammas, setting.kind, cut_options(c), r.reco_energy);
  const dl3::GammaCounts counts = dl3::count_gammas(gammas, r.cuts, r.bins);
  if (std::all_of(counts.energies().begin(), counts.energies().end(),
                  [](double n) { return n == 0; }))
    throw Error(ErrorKind::bad_input, "no simulated gamma passes the cuts", "",
                "check DL3Cuts and the energies of DataBinning");
  r.area = dl3::effective_area(counts, r.simulation);
  r.dispersion = dl3::energy_dispersion(counts);
  if (!setting.kind.point_like) r.point_spread = dl3::point_spread(counts);
  if (setting.request.protons.empty()) return r;
  timed.emplace(&timings, "read background");
  r.background_energy = r.reco_energy;
  r.background_offset = linear(c, "bkg_fov_offset");
  r.background =
      read_background(setting, r.cuts, {r.background_energy, r.background_offset}, read).rate();
  return r;
}

}  // namespace

ActivityNote irf_activity(const IrfRequest& request, const JobContext& context,
                          const config::Configuration& configuration) {
  ActivityNote note = activity_note("irf", {}, context, configuration);
  note.run = 0;
  note.subrun = -1;
  note.parameters = {{"ZenithAngle", fmt::format("{}", request.node.zenith_deg)},
                     {"Azimuth", fmt::format("{}", request.node.azimuth_deg)},
                     {"ProdID", context.prod_id}};
  return note;
}

std::int64_t irf(stage::StageRun& run, const IrfRequest& request,
                 const config::Configuration& configuration) {
  const bool packed = is_packed(request.target);
  const Setting setting{
      .request = request,
      .kind = response_kind(configuration),
      .selection = {.ranges = event_ranges(configuration),
                    .telescopes = allowed_telescopes(configuration),
                    .columns = {},
                    .optional = {},
                    .source_dependent = configuration.boolean("irf.source_dependent"),
                    .node = request.node,
                    .particle = Particle::gamma},
      .energy_scale = configuration.number("DataBinning.scale_true_energy")};
  for (const fs::path& file : request.gammas) run.use(gamma_port, file);
  for (const fs::path& file : request.protons) run.use(proton_port, file);
  for (const fs::path& file : request.electrons) run.use(electron_port, file);
  if (run.activity().dry_run) {
    run.plan_product(irf_port, request.target);
    return 0;
  }
  std::int64_t read = 0;
  const Response response = naming(request.gammas.front(), [&] {
    return make_response(setting, configuration, run.timings(), read);
  });
  PendingFile& file = run.create(irf_port, request.target);
  write_response(file.path(), packed, response, run.metadata(irf_port).attributes);
  run.publish(irf_port);
  return read;
}

std::vector<IrfRequest> irf_requests(const IrfInputs& inputs, const fs::path& output_dir) {
  if (inputs.protons.empty() != inputs.electrons.empty())
    throw Error(ErrorKind::usage, "background needs protons and electrons", "alisio irf",
                "give both, or none");
  // By the digits of the name: a node whose files round differently must not become two of one
  // name.
  std::map<std::array<double, 2>, IrfRequest> nodes;
  const auto sort_in = [&](const std::vector<fs::path>& files, auto member) {
    for (const fs::path& file : files) {
      const IrfNode node = node_of(file);
      constexpr double digits = 1e3;
      const std::array place{std::rint(node.zenith_deg * digits),
                             std::fmod(std::rint(node.azimuth_deg * digits), 360 * digits)};
      const auto [found, is_new] = nodes.try_emplace(place);
      if (is_new) found->second.node = node;
      (found->second.*member).push_back(file);
    }
  };
  sort_in(inputs.gammas, &IrfRequest::gammas);
  sort_in(inputs.protons, &IrfRequest::protons);
  sort_in(inputs.electrons, &IrfRequest::electrons);
  std::vector<IrfRequest> requests;
  for (auto& [place, request] : nodes) {
    const IrfNode& node = request.node;
    const bool with_background = !inputs.protons.empty();
    if (request.gammas.empty() ||
        (with_background && (request.protons.empty() || request.electrons.empty())))
      throw Error(ErrorKind::bad_input,
                  fmt::format("zenith {} deg, azimuth {} deg has {} files of gammas, {} of protons "
                              "and {} of electrons",
                              node.zenith_deg, node.azimuth_deg, request.gammas.size(),
                              request.protons.size(), request.electrons.size()),
                  "", "give all particles of the same pointings");
    for (auto* files : {&request.gammas, &request.protons, &request.electrons})
      std::sort(files->begin(), files->end());
    request.target = output_dir / fmt::format("irf_{}.fits.gz", node_name(node));
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace alisio::pipeline
