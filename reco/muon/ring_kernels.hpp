#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// The loops over nodes and pixels of a ring's likelihood, for each kind of processor. All kinds
/// give the same bits: sums run over eight lanes, whatever the width of the registers.
namespace alisio::muon::kernels {

/// Arrays are padded to multiples of this many doubles.
inline constexpr std::size_t lanes = 8;
/// One product of variances is made of this many groups of `lanes`: far from overflow, and one
/// logarithm for all of them.
inline constexpr std::size_t rows_per_product = 4;

/// Return `n`, or the next larger multiple of `lanes`.
constexpr std::size_t padded(std::size_t n) {
  return (n + lanes - 1) / lanes * lanes;
}

/// Chords through a disk less a hole: factors of the half-chord and of the way to its middle. From
/// inside, light comes from one side; from outside, the peers count a whole chord.
struct Disk {
  double radius, half, middle;
  Disk(double r, double impact)
      : radius(r), half(impact <= r ? 1 : 2), middle(impact <= r ? 1 : 0) {}
};

/// Directions [node], padded, that lie at most `step` (rad) apart.
struct Nodes {
  std::size_t n;  ///< padded
  const double *cosine, *sine;
  double step;
};

/// The pixels of a ring, [pixel], padded.
struct Pixels {
  std::size_t n;  ///< padded
  const double* charge;
  const std::int32_t* node;  ///< of the chord table, the lower of the two around the pixel
  const double* fraction;    ///< of the way to the next one
  const double* across;      ///< share of the light
};

/// What one pass over the pixels adds up.
struct PixelSums {
  double squares = 0;      ///< of the pulls
  double smallest = 0;     ///< variance, (p.e.)^2
  double gradient = 0;     ///< of the negative log-likelihood by log_efficiency
  double information = 0;  ///< expected second derivative by log_efficiency
};

/// What a pass over the pixels writes, [pixel], padded.
struct PixelTerms {
  double* expected;     ///< light, p.e.
  double* by_expected;  ///< first derivative of the negative log-likelihood by it
  double* information;  ///< and the expected second one
};

/// Half the error function, tabulated for interpolation by cubics: 4e-11 from the true one.
class HalfErf {
 public:
  static constexpr double per_unit = 128;
  static constexpr double end = 6;  ///< from here on it is 1/2
  static constexpr std::size_t entries = static_cast<std::size_t>(end * per_unit) + 2;

  HalfErf();
  /// Value and rise per entry, in turn.
  [[nodiscard]] const double* data() const { return table_.data(); }

 private:
  std::array<double, 2 * entries> table_{};
};

/// Shares of the light, [pixel], padded.
struct Across {
  double *share, *by_width;  ///< and its derivative by log_width
};

struct Kernels {
  /// Fill the shares of the light that a Gaussian puts into pixels at `radial` (rad) from its
  /// middle of half the width `half_pixel` (rad); `inverse_width` is 1 / (sqrt(2) standard
  /// deviations).
  void (*spread)(std::size_t n, const double* radial, double half_pixel, double inverse_width,
                 const HalfErf& table, const Across& out);
  /// Fill chord[node], m, for a muon at (x, y).
  void (*fill_chords)(const Nodes& nodes, double x, double y, const Disk& mirror, const Disk& hole,
                      double* chord);
  /// Fill at_pixel[pixel] with the values of a table [node] at the pixels.
  void (*interpolate)(const Pixels& pixels, const double* table, double* at_pixel);
  /// Return the sums over pixels that expect `scale` p.e. per metre of chord. Fill metres[pixel]
  /// with the chords at the pixels, and products with those of the variances, [pixel / (lanes *
  /// rows_per_product)] rounded up.
  PixelSums (*sum)(const Pixels& pixels, const double* chord, double scale, double* metres,
                   double* products);
  /// The same, and fill the terms.
  PixelSums (*sum_and_keep)(const Pixels& pixels, const double* chord, double scale, double* metres,
                            double* products, const PixelTerms& terms);
  /// Return the sums without the derivatives, given the chords at the pixels.
  PixelSums (*sum_value)(const Pixels& pixels, const double* metres, double scale,
                         double* products);
};

inline constexpr double pedestal_variance = 1.1 * 1.1;    ///< p.e.^2
inline constexpr double variance_per_pe = 1 + 0.5 * 0.5;  ///< with the single-p.e. spread

/// Return the kernels that this machine can run, the quickest first; the last runs everywhere.
[[nodiscard]] std::span<const Kernels> available();

}  // namespace alisio::muon::kernels
