#include "reco/check/histograms.hpp"

#include <algorithm>
#include <cmath>

namespace alisio::check {
namespace {

/// Return n edges from `first` to `last`, as numpy.linspace rounds them.
std::vector<double> linear(double first, double last, std::size_t n) {
  const double step = (last - first) / double(n - 1);
  std::vector<double> edges(n);
  for (std::size_t i = 0; i < n; ++i) edges[i] = double(i) * step + first;
  edges.back() = last;
  return edges;
}

/// Return n edges from 10^first to 10^last.
std::vector<double> decades(double first, double last, std::size_t n) {
  std::vector<double> edges = linear(first, last, n);
  for (double& edge : edges) edge = std::pow(10.0, edge);
  return edges;
}

std::array<Binning, n_histograms> make_binnings() {
  const std::vector<double> by_intensity = decades(0.7, 5.7, 101);
  const std::vector<double> by_length = linear(0, 1, 101);
  const std::vector<double> by_distance = linear(0, 2.5, 50);
  constexpr const char* same_when_bright = "The same, above 200 p.e.";
  return {{
      {"hist_delta_t",
       "Time between consecutive events of any class, ms",
       linear(-0.01, 2, 200),
       {}},
      {"hist_npixels", "Pixels in the image", linear(0.5, 2000.5, 400), {}},
      {"hist_nislands", "Islands in the image", linear(-0.5, 29.5, 31), {}},
      {"hist_intensity", "Intensity, p.e.", decades(1, 6, 101), {}},
      {"hist_dist0", "Distance of the centroid from the camera centre, deg", by_distance, {}},
      {"hist_dist0_intensity_gt_200", same_when_bright, by_distance, {}},
      {"hist_width", "Intensity (p.e.) and width (deg)", by_intensity, linear(0, 0.8, 101)},
      {"hist_length", "Intensity (p.e.) and length (deg)", by_intensity, by_length},
      {"hist_skewness", "Intensity (p.e.) and skewness", by_intensity, linear(-4, 4, 101)},
      {"hist_pixelchargespectrum",
       "Positive charges of all pixels, p.e.",
       decades(-1, 4.7, 121),
       {}},
      {"hist_psi", "Angle of the image axis, deg", linear(-100, 100, 101), {}},
      {"hist_intercept", "Intensity (p.e.) and time at the centroid (ns)", by_intensity,
       linear(-30, 40, 101)},
      {"hist_tgrad_vs_length", "Length (deg) and |time gradient| (ns/deg)", by_length,
       linear(0, 200, 101)},
      {"hist_tgrad_vs_length_intensity_gt_200", same_when_bright, by_length, linear(0, 50, 101)},
  }};
}

}  // namespace

std::span<const Binning, n_histograms> binnings() {
  static const std::array<Binning, n_histograms> all = make_binnings();
  return all;
}

std::size_t bin_of(std::span<const double> edges, double value) {
  const std::size_t outside = edges.size() - 1;
  if (!(value >= edges.front() && value <= edges.back())) return outside;
  const auto above = std::upper_bound(edges.begin(), edges.end(), value);
  if (above == edges.end()) return outside - 1;
  return std::size_t(above - edges.begin()) - 1;
}

Counts::Counts() {
  for (std::size_t i = 0; i < n_histograms; ++i) of[i].assign(binnings()[i].size(), 0);
}

Counts& Counts::operator+=(const Counts& other) {
  for (std::size_t i = 0; i < n_histograms; ++i)
    for (std::size_t bin = 0; bin < of[i].size(); ++bin) of[i][bin] += other.of[i][bin];
  return *this;
}

}  // namespace alisio::check
