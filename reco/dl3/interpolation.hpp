#pragma once
#include <span>
#include <vector>

namespace alisio::dl3 {

/// The values of one table at several nodes of a grid, and the nodes' weights (sum 1).
struct NodeValues {
  std::vector<std::vector<double>> values;  ///< [node][value]
  std::vector<double> weights;              ///< [node]
};

/// Return the weighted mean of each value: of cuts, and of what else has no shape to keep.
[[nodiscard]] std::vector<double> interpolate_linearly(const NodeValues& nodes);

/// Interpolate effective areas, m^2, by their logarithm, as pyirf's EffectiveAreaEstimator: less
/// than 1 m^2 counts as 1, and a result below is 0. (pyirf leaves 1 m^2 where all nodes have
/// nothing; here that is 0 too.)
[[nodiscard]] std::vector<double> interpolate_areas(const NodeValues& nodes);

/// How a distribution is laid out in a table, and how it is normalised.
struct Bins {
  std::vector<double> edges;   ///< ascending; one more than bins
  std::vector<double> widths;  ///< of the bins, in what the density refers to (sr for the PSF)
};

/// Interpolate a binned density between nodes by its quantiles, as pyirf's QuantileInterpolator
/// (Hollister & Pang 2013) with 1000 of them: peaks move between the nodes instead of fading into
/// each other. Where a node holds nothing the result is nothing.
/// @param nodes of one distribution: [node][bin]
/// @return densities [bin] whose sum over the widths is 1, or zeros
[[nodiscard]] std::vector<double> interpolate_density(const NodeValues& nodes, const Bins& bins);

/// Return the bins of an energy migration, whose density is per unit of migration.
[[nodiscard]] Bins migration_bins(std::vector<double> edges);
/// Return the bins of a point spread function, whose density is per sr. @param edges_deg angles to
/// the source
[[nodiscard]] Bins cone_bins(std::span<const double> edges_deg);

}  // namespace alisio::dl3
