#include "reco/dl3/gammaness_cut.hpp"

#include <algorithm>

namespace alisio::dl3 {
namespace {

bool passes(const GammanessCut& cut, double gammaness, double energy) {
  if (cut.global) return gammaness > *cut.global;
  const auto& edges = cut.energy_edges;
  if (edges.empty() || !(energy >= edges.front() && energy < edges.back())) return false;
  const auto above = std::upper_bound(edges.begin(), edges.end(), energy);
  return gammaness >= cut.cut[std::size_t(above - edges.begin()) - 1];
}

}  // namespace

std::vector<std::size_t> rows_above(const GammanessCut& cut, const std::vector<double>& gammaness,
                                    const std::vector<double>& energy_tev,
                                    const std::vector<std::size_t>& rows) {
  std::vector<std::size_t> kept;
  std::ranges::copy_if(rows, std::back_inserter(kept), [&](std::size_t row) {
    return passes(cut, gammaness[row], energy_tev[row]);
  });
  return kept;
}

}  // namespace alisio::dl3
