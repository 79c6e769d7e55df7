#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace alisio::check {

/// The histograms of the DL1 data check, in the order of their columns in a file.
enum class Histogram : std::uint8_t {
  delta_t,
  npixels,
  nislands,
  intensity,
  dist0,
  dist0_intensity_gt_200,
  width,
  length,
  skewness,
  pixelchargespectrum,
  psi,
  intercept,
  tgrad_vs_length,
  tgrad_vs_length_intensity_gt_200
};
inline constexpr std::size_t n_histograms = 14;

/// The edges of a histogram. Bin i holds edge[i] <= value < edge[i + 1]; the last bin holds its
/// upper edge too; what is not a number is not counted (numpy's rules).
struct Binning {
  const char* name;       ///< of the column, "hist_width"
  const char* what;       ///< is counted, with its unit
  std::vector<double> x;  ///< edges
  std::vector<double> y;  ///< edges; empty for one-dimensional histograms

  [[nodiscard]] std::size_t x_bins() const { return x.size() - 1; }
  [[nodiscard]] std::size_t y_bins() const { return y.empty() ? 1 : y.size() - 1; }
  [[nodiscard]] std::size_t size() const { return x_bins() * y_bins(); }
};

/// Return the edges of all histograms: those of lstchain. hist_psi is filled in degrees, as its
/// edges are; lstchain fills it in radians, so that only its two central bins are ever hit.
[[nodiscard]] std::span<const Binning, n_histograms> binnings();
[[nodiscard]] inline const Binning& binning(Histogram h) {
  return binnings()[std::size_t(h)];
}

/// Return the bin of a value, or edges.size() - 1 if it is outside or not a number.
[[nodiscard]] std::size_t bin_of(std::span<const double> edges, double value);

/// Counts of all histograms, each [x][y] flattened.
struct Counts {
  Counts();
  std::array<std::vector<std::int64_t>, n_histograms> of;

  [[nodiscard]] std::vector<std::int64_t>& operator[](Histogram h) { return of[std::size_t(h)]; }
  [[nodiscard]] const std::vector<std::int64_t>& operator[](Histogram h) const {
    return of[std::size_t(h)];
  }
  Counts& operator+=(const Counts& other);
};

}  // namespace alisio::check
