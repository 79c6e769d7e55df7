#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "reco/dl3/binning.hpp"

namespace alisio::dl3 {

/// How a cut that depends on energy is found: the quantile of the gammas in each bin, kept within
/// limits. In the unit of what is cut.
struct QuantileCut {
  double percent = 0;          ///< of the events of a bin that lie below the cut
  double least = 0, most = 0;  ///< limits of the cut
  double fill = 0;             ///< what a bin with too few events counts as for its neighbours
};

/// Cuts between DL2 and DL3, with the defaults of lstchain 0.12's DL3Cuts.
struct CutOptions {
  double min_events = 100;        ///< of a bin of energy that has a cut of its own
  double global_gammaness = 0.6;  ///< kept: greater
  double global_theta_deg = 0.2;  ///< kept: less
  double global_alpha_deg = 20;   ///< kept: less
  double gammaness_efficiency = 0.95;
  double theta_containment = 0.68, alpha_containment = 0.68;
  double min_gammaness = 0.1, max_gammaness = 0.95;
  double min_theta_deg = 0.1, max_theta_deg = 0.32, fill_theta_deg = 0.32;
  double min_alpha_deg = 1, max_alpha_deg = 20, fill_alpha_deg = 20;

  /// @param greatest gammaness of all events: what bins with few events count as.
  [[nodiscard]] QuantileCut gammaness_cut(double greatest) const;
  [[nodiscard]] QuantileCut theta_cut() const;
  [[nodiscard]] QuantileCut alpha_cut() const;
};

/// A cut in bins of reconstructed energy. Energies outside the bins are cut away.
struct BinnedCut {
  Edges energy;                        ///< TeV
  std::vector<std::int64_t> n_events;  ///< that the cut was found from, [bin]
  std::vector<double> cut;             ///< [bin], in the unit of what is cut

  /// Return the cut at an energy; NaN, which nothing passes, outside the bins.
  [[nodiscard]] double at(double energy_tev) const;
  [[nodiscard]] bool keeps_above(double energy_tev, double value) const {
    return value >= at(energy_tev);
  }
  [[nodiscard]] bool keeps_below(double energy_tev, double value) const {
    return value <= at(energy_tev);
  }
};

/// Return a percentile by linear interpolation between ranks (numpy.nanpercentile); NaN of values
/// is left out, and the result if nothing is left.
[[nodiscard]] double percentile(std::vector<double> values, double percent);

/// Find a cut in bins of energy, as lstchain 0.12's DL3Cuts (pyirf's calculate_percentile_cut, then
/// update_fill_cuts): bins with less than `min_events` take the cut of the first or last bin with
/// enough of them, and between such bins the mean of their two neighbours, where one that has too
/// few itself counts as `quantile.fill`.
/// @param values,energies_tev of the same events
/// @throws Error(bad_input) if no bin has enough events.
[[nodiscard]] BinnedCut find_cut(std::span<const double> values,
                                 std::span<const double> energies_tev, const Edges& energy,
                                 const QuantileCut& quantile, double min_events);

}  // namespace alisio::dl3
