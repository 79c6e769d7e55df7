#include "reco/dl3/cuts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Give bins with few events the cut of their neighbours.
void borrow_cuts(BinnedCut& cut, double min_events) {
  const auto enough = [&](std::size_t bin) { return double(cut.n_events[bin]) >= min_events; };
  std::size_t first = no_bin, last = 0;
  for (std::size_t bin = 0; bin < cut.cut.size(); ++bin) {
    if (!enough(bin)) continue;
    first = std::min(first, bin);
    last = bin;
  }
  if (first == no_bin)
    throw Error(ErrorKind::bad_input,
                fmt::format("no bin of energy has the {} events that a cut needs", min_events), "",
                "give more events, or lower DL3Cuts.min_event_p_en_bin");
  const std::vector<double> found = cut.cut;
  for (std::size_t bin = 0; bin < found.size(); ++bin) {
    if (enough(bin)) continue;
    if (bin < first)
      cut.cut[bin] = found[first];
    else if (bin > last)
      cut.cut[bin] = found[last];
    else
      cut.cut[bin] = (found[bin - 1] + found[bin + 1]) / 2;
  }
}

}  // namespace

QuantileCut CutOptions::gammaness_cut(double greatest) const {
  return {.percent = 100 * (1 - gammaness_efficiency),
          .least = min_gammaness,
          .most = max_gammaness,
          .fill = greatest};
}

QuantileCut CutOptions::theta_cut() const {
  return {.percent = 100 * theta_containment,
          .least = min_theta_deg,
          .most = max_theta_deg,
          .fill = fill_theta_deg};
}

QuantileCut CutOptions::alpha_cut() const {
  return {.percent = 100 * alpha_containment,
          .least = min_alpha_deg,
          .most = max_alpha_deg,
          .fill = fill_alpha_deg};
}

double BinnedCut::at(double energy_tev) const {
  const std::size_t bin = half_open_bin_of(energy_tev, energy);
  return bin == no_bin ? nan : cut[bin];
}

double percentile(std::vector<double> values, double percent) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return nan;
  const double rank = double(values.size() - 1) * (percent / 100);
  const auto below = std::size_t(std::clamp(std::floor(rank), 0.0, double(values.size() - 1)));
  const auto at = values.begin() + std::ptrdiff_t(below);
  std::nth_element(values.begin(), at, values.end());
  const double low = *at;
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(at + 1, values.end());
  const double part = rank - double(below);
  // From the nearer end, as NumPy does, so that the last digit agrees.
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

BinnedCut find_cut(std::span<const double> values, std::span<const double> energies_tev,
                   const Edges& energy, const QuantileCut& quantile, double min_events) {
  std::vector<std::vector<double>> of_bin(bin_count(energy));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const std::size_t bin = half_open_bin_of(energies_tev[i], energy); bin != no_bin)
      of_bin[bin].push_back(values[i]);
  BinnedCut cut{.energy = energy, .n_events = {}, .cut = {}};
  for (std::vector<double>& members : of_bin) {
    const std::size_t n = members.size();
    cut.n_events.push_back(std::int64_t(n));
    cut.cut.push_back(double(n) < min_events
                          ? quantile.fill
                          : std::clamp(percentile(std::move(members), quantile.percent),
                                       quantile.least, quantile.most));
  }
  borrow_cuts(cut, min_events);
  return cut;
}

}  // namespace alisio::dl3
