#include "reco/dl3/gammas.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/sky/separation.hpp"

namespace alisio::dl3 {
namespace {

constexpr double deg_per_rad = 180 / std::numbers::pi;

/// A pair of columns that hold directions.
struct Directions {
  const std::vector<double>&altitude, &azimuth;

  Directions(const Events& events, const char* altitude_name, const char* azimuth_name)
      : altitude(events.column(altitude_name)), azimuth(events.column(azimuth_name)) {}
  [[nodiscard]] sky::AltAz operator[](std::size_t row) const {
    return {altitude[row], azimuth[row]};
  }
};

double separation_deg(sky::AltAz a, sky::AltAz b) {
  return sky::angular_separation(a, b) * deg_per_rad;
}

}  // namespace

void GammaSample::reserve(std::size_t n) {
  for (auto* column : {&true_energy, &reco_energy, &gammaness, &offset, &distance})
    column->reserve(n);
  sign_right.reserve(n);
}

std::vector<std::string> gamma_columns(const ResponseKind& kind) {
  std::vector<std::string> columns{"mc_energy", "mc_alt",      "mc_az",     "mc_alt_tel",
                                   "mc_az_tel", "reco_energy", "gammaness", "tel_id"};
  if (kind.source_dependent)
    columns.emplace_back("alpha");
  else
    columns.insert(columns.end(), {"reco_alt", "reco_az"});
  return columns;
}

std::vector<std::string> background_columns(const ResponseKind& kind) {
  std::vector<std::string> columns = gamma_columns(kind);
  std::erase(columns, "alpha");
  return columns;
}

std::size_t add_gammas(GammaSample& sample, const Events& events,
                       const std::vector<std::size_t>& rows, const SampleOptions& options) {
  const bool source_dependent = options.kind.source_dependent;
  const Directions truth(events, "mc_alt", "mc_az"), pointing(events, "mc_alt_tel", "mc_az_tel");
  const std::vector<double>& true_energy = events.column("mc_energy");
  const std::vector<double>& reco_energy = events.column("reco_energy");
  const std::vector<double>& gammaness = events.column("gammaness");
  const std::vector<double>* alpha = source_dependent ? &events.column("alpha") : nullptr;
  const char* altitude = source_dependent ? "mc_alt" : "reco_alt";
  const Directions reconstructed(events, altitude, source_dependent ? "mc_az" : "reco_az");
  const bool has_signs = events.has("disp_sign") && events.has("reco_disp_sign");
  const std::vector<double>* sign = has_signs ? &events.column("disp_sign") : nullptr;
  const std::vector<double>* reco_sign = has_signs ? &events.column("reco_disp_sign") : nullptr;
  std::size_t left_out = 0;
  for (const std::size_t row : rows) {
    const double offset = separation_deg(truth[row], pointing[row]);
    const double distance =
        alpha != nullptr ? (*alpha)[row] : separation_deg(truth[row], reconstructed[row]);
    if (!std::isfinite(true_energy[row] + reco_energy[row] + gammaness[row] + offset + distance)) {
      ++left_out;
      continue;
    }
    if (offset > options.max_offset_deg) continue;
    sample.true_energy.push_back(true_energy[row] * options.energy_scale);
    sample.reco_energy.push_back(reco_energy[row]);
    sample.gammaness.push_back(gammaness[row]);
    sample.offset.push_back(offset);
    sample.distance.push_back(distance);
    sample.sign_right.push_back(!has_signs || (*sign)[row] == (*reco_sign)[row] ? 1 : 0);
  }
  return left_out;
}

bool GammaCuts::keeps_gammaness(double reco_energy_tev, double value) const {
  return gammaness ? gammaness->keeps_above(reco_energy_tev, value)
                   : value > options.global_gammaness;
}

bool GammaCuts::keeps_direction(double reco_energy_tev, double distance_deg) const {
  if (!kind.point_like) return true;
  if (direction) return direction->keeps_below(reco_energy_tev, distance_deg);
  return distance_deg <
         (kind.source_dependent ? options.global_alpha_deg : options.global_theta_deg);
}

GammaCuts find_gamma_cuts(const GammaSample& sample, const ResponseKind& kind,
                          const CutOptions& options, const Edges& reco_energy) {
  GammaCuts cuts{.kind = kind, .options = options, .gammaness = {}, .direction = {}};
  if (sample.size() == 0) return cuts;
  if (kind.energy_dependent_gammaness)
    cuts.gammaness = find_cut(
        sample.gammaness, sample.reco_energy, reco_energy,
        options.gammaness_cut(*std::max_element(sample.gammaness.begin(), sample.gammaness.end())),
        options.min_events);
  if (kind.direction_by_energy()) {
    std::vector<double> distances, energies;
    for (std::size_t i = 0; i < sample.size(); ++i) {
      if (!kind.source_dependent && sample.sign_right[i] == 0) continue;
      if (!cuts.keeps_gammaness(sample.reco_energy[i], sample.gammaness[i])) continue;
      distances.push_back(sample.distance[i]);
      energies.push_back(sample.reco_energy[i]);
    }
    cuts.direction = find_cut(distances, energies, reco_energy,
                              kind.source_dependent ? options.alpha_cut() : options.theta_cut(),
                              options.min_events);
  }
  return cuts;
}

GammaCounts count_gammas(const GammaSample& sample, const GammaCuts& cuts, const GammaBins& bins) {
  GammaCounts counts(bins);
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (!cuts.keeps_gammaness(sample.reco_energy[i], sample.gammaness[i])) continue;
    if (!cuts.keeps_direction(sample.reco_energy[i], sample.distance[i])) continue;
    counts.add({.true_energy = sample.true_energy[i],
                .reco_energy = sample.reco_energy[i],
                .offset = sample.offset[i],
                .theta = sample.distance[i]});
  }
  return counts;
}

std::size_t add_background(BackgroundCounts& counts, const Events& events,
                           const std::vector<std::size_t>& rows, const GammaCuts& cuts,
                           const Simulation& simulation, Spectrum spectrum, double energy_scale) {
  const bool at_truth = cuts.kind.source_dependent;
  const Directions direction(events, at_truth ? "mc_alt" : "reco_alt",
                             at_truth ? "mc_az" : "reco_az");
  const Directions pointing(events, "mc_alt_tel", "mc_az_tel");
  const std::vector<double>& true_energy = events.column("mc_energy");
  const std::vector<double>& reco_energy = events.column("reco_energy");
  const std::vector<double>& gammaness = events.column("gammaness");
  std::size_t left_out = 0;
  for (const std::size_t row : rows) {
    const double offset = separation_deg(direction[row], pointing[row]);
    if (!std::isfinite(true_energy[row] + reco_energy[row] + gammaness[row] + offset)) {
      ++left_out;
      continue;
    }
    if (!cuts.keeps_gammaness(reco_energy[row], gammaness[row])) continue;
    const double energy = true_energy[row] * energy_scale;
    counts.add(reco_energy[row], offset, spectrum(energy) / simulated_flux(simulation, energy));
  }
  return left_out;
}

}  // namespace alisio::dl3
