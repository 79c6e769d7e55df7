#include "reco/dl3/response.hpp"

#include <numbers>
#include <utility>

namespace alisio::dl3 {

GammaCounts::GammaCounts(GammaBins bins) : bins_(std::move(bins)) {
  const std::size_t n_energy = bin_count(bins_.true_energy), n_offset = bin_count(bins_.offset);
  energies_.resize(n_energy);
  offsets_.resize(n_offset * n_energy);
  migrations_.resize(n_offset * bin_count(bins_.migration) * n_energy);
  directions_.resize(bin_count(bins_.source_offset) * n_offset * n_energy);
}

void GammaCounts::add(const GammaEvent& event) {
  const std::size_t energy = bin_of(event.true_energy, bins_.true_energy);
  if (energy == no_bin) return;
  const std::size_t n_energy = energies_.size(), n_offset = bin_count(bins_.offset);
  ++energies_[energy];
  const std::size_t offset = bin_of(event.offset, bins_.offset);
  if (offset == no_bin) return;
  ++offsets_[offset * n_energy + energy];
  const std::size_t migration = bin_of(event.reco_energy / event.true_energy, bins_.migration);
  if (migration != no_bin)
    ++migrations_[(offset * bin_count(bins_.migration) + migration) * n_energy + energy];
  const std::size_t theta = bin_of(event.theta, bins_.source_offset);
  if (theta != no_bin) ++directions_[(theta * n_offset + offset) * n_energy + energy];
}

std::vector<double> effective_area(const GammaCounts& counts, const Simulation& simulation) {
  const GammaBins& bins = counts.bins();
  const bool diffuse = cone_of(simulation) == Cone::diffuse;
  const std::vector<double>& kept = diffuse ? counts.offsets() : counts.energies();
  const std::vector<double> simulated =
      diffuse ? simulated_showers(simulation, bins.true_energy, bins.offset)
              : simulated_showers(simulation, bins.true_energy);
  const double area = std::numbers::pi * simulation.max_impact * simulation.max_impact;
  std::vector<double> effective;
  for (std::size_t i = 0; i < kept.size(); ++i)
    effective.push_back(simulated[i] > 0 ? kept[i] / simulated[i] * area : 0);
  return effective;
}

std::vector<double> energy_dispersion(const GammaCounts& counts) {
  const GammaBins& bins = counts.bins();
  const std::size_t n_energy = bin_count(bins.true_energy);
  const std::size_t n_migration = bin_count(bins.migration), n_offset = bin_count(bins.offset);
  std::vector<double> density = counts.migrations();
  for (std::size_t offset = 0; offset < n_offset; ++offset)
    for (std::size_t energy = 0; energy < n_energy; ++energy) {
      const auto at = [&](std::size_t migration) -> double& {
        return density[(offset * n_migration + migration) * n_energy + energy];
      };
      double sum = 0;
      for (std::size_t m = 0; m < n_migration; ++m) sum += at(m);
      if (sum == 0) continue;
      for (std::size_t m = 0; m < n_migration; ++m)
        at(m) = at(m) / sum / (bins.migration[m + 1] - bins.migration[m]);
    }
  return density;
}

std::vector<double> point_spread(const GammaCounts& counts) {
  const GammaBins& bins = counts.bins();
  const std::size_t cells = bin_count(bins.offset) * bin_count(bins.true_energy);
  const std::size_t n_theta = bin_count(bins.source_offset);
  std::vector<double> density = counts.directions();
  for (std::size_t cell = 0; cell < cells; ++cell) {
    double sum = 0;
    for (std::size_t theta = 0; theta < n_theta; ++theta) sum += density[theta * cells + cell];
    if (sum == 0) continue;
    for (std::size_t theta = 0; theta < n_theta; ++theta)
      density[theta * cells + cell] = density[theta * cells + cell] / sum /
                                      (cone_solid_angle(bins.source_offset[theta + 1]) -
                                       cone_solid_angle(bins.source_offset[theta]));
  }
  return density;
}

BackgroundCounts::BackgroundCounts(Edges reco_energy, Edges offset)
    : reco_energy_(std::move(reco_energy)), offset_(std::move(offset)) {
  sums_.resize(bin_count(reco_energy_) * bin_count(offset_));
}

void BackgroundCounts::add(double reco_energy_tev, double offset_deg, double weight) {
  const std::size_t energy = bin_of(reco_energy_tev, reco_energy_);
  const std::size_t offset = bin_of(offset_deg, offset_);
  if (energy == no_bin || offset == no_bin) return;
  sums_[offset * bin_count(reco_energy_) + energy] += weight;
}

std::vector<double> BackgroundCounts::rate() const {
  constexpr double mev_per_tev = 1e6;
  std::vector<double> rate = sums_;
  const std::size_t n_energy = bin_count(reco_energy_);
  for (std::size_t offset = 0; offset < bin_count(offset_); ++offset)
    for (std::size_t energy = 0; energy < n_energy; ++energy)
      rate[offset * n_energy + energy] /=
          (reco_energy_[energy + 1] - reco_energy_[energy]) * mev_per_tev *
          (cone_solid_angle(offset_[offset + 1]) - cone_solid_angle(offset_[offset]));
  return rate;
}

}  // namespace alisio::dl3
