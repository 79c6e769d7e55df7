#include "reco/dl3/interpolation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alisio::dl3 {
namespace {

constexpr std::size_t n_quantiles = 1000;

/// A curve given at some places.
struct Curve {
  std::vector<double> x, y;
};

/// Interpolate linearly, beyond the ends too.
double extrapolated(const Curve& curve, double x) {
  const auto after = std::lower_bound(curve.x.begin(), curve.x.end(), x);
  const auto i =
      std::clamp<std::ptrdiff_t>(after - curve.x.begin(), 1, std::ptrdiff_t(curve.x.size()) - 1);
  const auto hi = std::size_t(i), lo = hi - 1;
  const double slope = (curve.y[hi] - curve.y[lo]) / (curve.x[hi] - curve.x[lo]);
  return slope * (x - curve.x[lo]) + curve.y[lo];
}

/// The bins of a density and an empty one before them, so that its integral starts at zero.
Bins with_empty_bin(const Bins& bins) {
  Bins out = bins;
  out.edges.insert(out.edges.begin(), bins.edges[0] - (bins.edges[1] - bins.edges[0]));
  out.widths.insert(out.widths.begin(), 0);  // what it holds is nothing anyway
  return out;
}

/// Where a density, with an empty bin before, reaches each quantile; empty if it holds nothing.
std::vector<double> quantiles_of(const std::vector<double>& density, const Bins& bins) {
  std::vector<double> integral(bins.widths.size(), 0.0);
  for (std::size_t i = 1; i < integral.size(); ++i)
    integral[i] = integral[i - 1] + density[i - 1] * bins.widths[i];
  const double whole = *std::ranges::max_element(integral);
  if (!(whole > 0)) return {};
  for (double& value : integral) value /= whole;
  // Between the last 0 and the first 1; of equal values only the first.
  std::size_t first = 0;
  for (std::size_t i = 0; i < integral.size() && integral[i] == 0; ++i) first = i;
  const auto last = std::size_t(std::ranges::find(integral, 1.0) - integral.begin());
  Curve inverse;
  for (std::size_t i = first; i <= last; ++i) {
    if (i != first && i != last && integral[i] == integral[i - 1]) continue;
    inverse.x.push_back(integral[i]);
    inverse.y.push_back((bins.edges[i] + bins.edges[i + 1]) / 2);
  }
  std::vector<double> out(n_quantiles);
  for (std::size_t q = 0; q < n_quantiles; ++q)
    out[q] = extrapolated(inverse, double(q) / double(n_quantiles - 1));
  return out;
}

/// The density that has these quantiles: their differences, at the middles between them.
Curve density_of(const std::vector<double>& quantiles) {
  Curve curve;
  constexpr double step = 1.0 / double(n_quantiles - 1);
  for (std::size_t q = 1; q < quantiles.size(); ++q) {
    const double width = quantiles[q] - quantiles[q - 1];
    curve.x.push_back(quantiles[q - 1] + width / 2);
    curve.y.push_back(width != 0 ? step / width : 0);
  }
  return curve;
}

double inside_or_zero(const Curve& curve, double x) {
  if (!(x >= curve.x.front() && x <= curve.x.back())) return 0;
  return extrapolated(curve, x);
}

}  // namespace

std::vector<double> interpolate_linearly(const NodeValues& nodes) {
  std::vector<double> out(nodes.values.front().size(), 0.0);
  for (std::size_t node = 0; node < nodes.values.size(); ++node)
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] += nodes.weights[node] * nodes.values[node][i];
  return out;
}

std::vector<double> interpolate_areas(const NodeValues& nodes) {
  constexpr double least = 1;  // m^2
  NodeValues logarithms = nodes;
  for (auto& values : logarithms.values)
    for (double& value : values) value = std::log(std::max(value, least));
  std::vector<double> out = interpolate_linearly(logarithms);
  // A weighted mean of zeros may miss zero by its rounding.
  constexpr double rounding = 1e-12;
  for (double& value : out) value = value > rounding ? std::exp(value) : 0;
  return out;
}

std::vector<double> interpolate_density(const NodeValues& nodes, const Bins& bins) {
  const std::size_t n = bins.widths.size();
  const Bins wider = with_empty_bin(bins);
  NodeValues quantiles{{}, nodes.weights};
  for (const std::vector<double>& density : nodes.values) {
    quantiles.values.push_back(quantiles_of(density, wider));
    if (quantiles.values.back().empty()) return std::vector<double>(n, 0.0);
  }
  const Curve curve = density_of(interpolate_linearly(quantiles));
  std::vector<double> out(n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += out[i] = inside_or_zero(curve, bins.edges[i]);
  for (std::size_t i = 0; i < n; ++i) out[i] = sum != 0 ? out[i] / (sum * bins.widths[i]) : 0;
  return out;
}

Bins migration_bins(std::vector<double> edges) {
  Bins bins;
  for (std::size_t i = 1; i < edges.size(); ++i) bins.widths.push_back(edges[i] - edges[i - 1]);
  bins.edges = std::move(edges);
  return bins;
}

Bins cone_bins(std::span<const double> edges_deg) {
  constexpr double pi = std::numbers::pi, degree = pi / 180;
  Bins bins;
  for (const double edge : edges_deg) bins.edges.push_back(edge * degree);
  for (std::size_t i = 1; i < bins.edges.size(); ++i)
    bins.widths.push_back(2 * pi * (std::cos(bins.edges[i - 1]) - std::cos(bins.edges[i])));
  return bins;
}

}  // namespace alisio::dl3
