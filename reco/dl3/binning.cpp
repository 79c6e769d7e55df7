#include "reco/dl3/binning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

void check_edges(double low, double high, std::size_t n_edges) {
  if (!(low < high) || !std::isfinite(low) || !std::isfinite(high) || n_edges < 2)
    throw Error(ErrorKind::configuration,
                fmt::format("bins from {} to {} with {} edges make no sense", low, high, n_edges),
                "DataBinning", "give a least value below the greatest, both finite, and a bin");
}

}  // namespace

Edges geometric_edges(double low, double high, std::size_t n_bins) {
  check_edges(low, high, n_bins + 1);
  if (!(low > 0))
    throw Error(ErrorKind::configuration, "bins equal in the logarithm must start above 0",
                "DataBinning");
  const double first = std::log10(low), step = (std::log10(high) - first) / double(n_bins);
  Edges edges(n_bins + 1);
  for (std::size_t i = 0; i < edges.size(); ++i)
    edges[i] = std::pow(10.0, double(i) * step + first);
  edges.front() = low;
  edges.back() = high;
  return edges;
}

Edges linear_edges(double low, double high, std::size_t n_edges) {
  check_edges(low, high, n_edges);
  const double step = (high - low) / double(n_edges - 1);
  Edges edges(n_edges);
  for (std::size_t i = 0; i < n_edges; ++i) edges[i] = double(i) * step + low;
  edges.back() = high;
  return edges;
}

std::size_t half_open_bin_of(double value, const Edges& edges) {
  if (!(value >= edges.front() && value < edges.back())) return no_bin;
  return std::size_t(std::upper_bound(edges.begin(), edges.end(), value) - edges.begin()) - 1;
}

std::size_t bin_of(double value, const Edges& edges) {
  return value == edges.back() ? bin_count(edges) - 1 : half_open_bin_of(value, edges);
}

}  // namespace alisio::dl3
