#pragma once
#include <cstddef>
#include <vector>

#include "reco/dl3/binning.hpp"
#include "reco/dl3/simulation.hpp"

namespace alisio::dl3 {

/// Bins of the response to gammas.
struct GammaBins {
  Edges true_energy;    ///< TeV
  Edges migration;      ///< reconstructed over true energy
  Edges offset;         ///< of the true direction from the pointing, deg
  Edges source_offset;  ///< of the reconstructed direction from the true one, deg
};

/// A gamma that passed the cuts.
struct GammaEvent {
  double true_energy = 0, reco_energy = 0;  ///< TeV
  double offset = 0;                        ///< of the true direction from the pointing, deg
  double theta = 0;                         ///< between reconstructed and true direction, deg
};

/// Gammas counted in the bins of their response. Counts are whole numbers; arrays run as in the
/// FITS tables of the format (GADF): energy fastest.
class GammaCounts {
 public:
  explicit GammaCounts(GammaBins bins);
  void add(const GammaEvent& event);

  [[nodiscard]] const GammaBins& bins() const { return bins_; }
  /// Events of each energy whatever their offset, [energy].
  [[nodiscard]] const std::vector<double>& energies() const { return energies_; }
  [[nodiscard]] const std::vector<double>& offsets() const { return offsets_; }
  [[nodiscard]] const std::vector<double>& migrations() const { return migrations_; }
  [[nodiscard]] const std::vector<double>& directions() const { return directions_; }

 private:
  GammaBins bins_;
  std::vector<double> energies_;    ///< [energy]
  std::vector<double> offsets_;     ///< [offset][energy]
  std::vector<double> migrations_;  ///< [offset][migration][energy]
  std::vector<double> directions_;  ///< [source offset][offset][energy]
};

/// Return the effective area, m^2, [offset][energy]: the fraction of the simulated showers that was
/// kept, times the area that they fell on. Of simulations of one offset, every event counts, as in
/// pyirf's effective_area_per_energy. 0 where nothing was simulated.
[[nodiscard]] std::vector<double> effective_area(const GammaCounts& counts,
                                                 const Simulation& simulation);

/// Return the density of reconstructed over true energy, [offset][migration][energy]: its integral
/// over the migration is 1 where there are events, else 0.
[[nodiscard]] std::vector<double> energy_dispersion(const GammaCounts& counts);

/// Return the density of reconstructed directions around the true one, 1/sr, [source
/// offset][offset][energy]; its integral over the solid angle is 1 where there are events, else 0.
[[nodiscard]] std::vector<double> point_spread(const GammaCounts& counts);

/// Background events, weighted, in bins of reconstructed energy (TeV) and of the offset of their
/// reconstructed direction from the pointing (deg).
class BackgroundCounts {
 public:
  BackgroundCounts(Edges reco_energy, Edges offset);
  /// @param weight the events per second that this one stands for
  void add(double reco_energy_tev, double offset_deg, double weight);
  [[nodiscard]] const Edges& reco_energy() const { return reco_energy_; }
  [[nodiscard]] const Edges& offset() const { return offset_; }
  /// Return the rate, 1 / (MeV s sr), [offset][energy].
  [[nodiscard]] std::vector<double> rate() const;

 private:
  Edges reco_energy_, offset_;
  std::vector<double> sums_;  ///< [offset][energy]
};

}  // namespace alisio::dl3
