#pragma once
#include <cstddef>
#include <optional>
#include <vector>

namespace alisio::dl3 {

/// From which gammaness on an event is kept: one value for all, or one per bin of reconstructed
/// energy.
struct GammanessCut {
  std::optional<double> global;      ///< kept if above
  std::vector<double> energy_edges;  ///< TeV, ascending; one more than `cut`
  std::vector<double> cut;           ///< kept if at or above
};

/// Return those of the rows that pass, in their order. As lstchain's cuts: a global cut excludes
/// its value, one of bins includes it, energies outside the bins (lower edge included, upper not)
/// are not kept, nor is NaN.
/// @param gammaness, energy_tev [row of the table]
[[nodiscard]] std::vector<std::size_t> rows_above(const GammanessCut& cut,
                                                  const std::vector<double>& gammaness,
                                                  const std::vector<double>& energy_tev,
                                                  const std::vector<std::size_t>& rows);

}  // namespace alisio::dl3
