#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "reco/dl3/cuts.hpp"

namespace alisio::dl3 {

/// A cut in gammaness or alpha as a response tells it: one value for all energies, or one per bin
/// of reconstructed energy. As in lstchain, one value cuts itself away, those of bins keep theirs.
/// NaN is never kept.
struct EventCut {
  std::optional<double> global;
  BinnedCut by_energy;  ///< asked if there is no global value

  [[nodiscard]] bool keeps_above(double energy_tev, double value) const {
    return global ? value > *global : by_energy.keeps_above(energy_tev, value);
  }
  [[nodiscard]] bool keeps_below(double energy_tev, double value) const {
    return global ? value < *global : by_energy.keeps_below(energy_tev, value);
  }
};

/// Return the rows that pass, in their order.
/// @param values, energies_tev [row]
[[nodiscard]] std::vector<std::size_t> rows_above(const EventCut& cut,
                                                  const std::vector<double>& values,
                                                  const std::vector<double>& energies_tev);
[[nodiscard]] std::vector<std::size_t> rows_below(const EventCut& cut,
                                                  const std::vector<double>& values,
                                                  const std::vector<double>& energies_tev);

}  // namespace alisio::dl3
