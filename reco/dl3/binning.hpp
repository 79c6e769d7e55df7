#pragma once
#include <cstddef>
#include <limits>
#include <vector>

namespace alisio::dl3 {

/// Edges of bins, ascending: one more than there are bins.
using Edges = std::vector<double>;

/// Return edges equal in the logarithm; the ends are exact (numpy.geomspace).
/// @throws Error(configuration) unless 0 < low < high and there is a bin.
[[nodiscard]] Edges geometric_edges(double low, double high, std::size_t n_bins);

/// Return edges equal in distance (numpy.linspace).
/// @throws Error(configuration) unless low < high and there are two edges.
[[nodiscard]] Edges linear_edges(double low, double high, std::size_t n_edges);

/// What a value has that lies in no bin.
inline constexpr std::size_t no_bin = std::numeric_limits<std::size_t>::max();

/// Return the bin of a value, as numpy.histogram counts: the lower edge belongs to a bin, of the
/// last one the upper edge too. NaN has no_bin.
[[nodiscard]] std::size_t bin_of(double value, const Edges& edges);

/// The same without the last edge, as numpy.digitize counts.
[[nodiscard]] std::size_t half_open_bin_of(double value, const Edges& edges);

/// Return the number of bins.
[[nodiscard]] inline std::size_t bin_count(const Edges& edges) {
  return edges.empty() ? 0 : edges.size() - 1;
}

}  // namespace alisio::dl3
