#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/event/image_parameters.hpp"
#include "lib/instrument/camera.hpp"

namespace alisio::params {

/// What a thread reuses from image to image, so that nothing is allocated per event.
class ParameterScratch {
 public:
  explicit ParameterScratch(std::size_t n_pixels = 0) { reserve(n_pixels); }
  void reserve(std::size_t n_pixels);

  static constexpr std::size_t n_starts = 5;
  using Pair = std::array<std::uint16_t, 2>;
  using Starts = std::array<Pair, n_starts>;

  /// Return the pairs of points from which the time fit of `n_points` >= 2 points starts: the first
  /// two elements of five successive shuffles by MT19937 seeded with 0. They depend on the number
  /// of points alone, so each number is computed once.
  const Starts& starts(std::size_t n_points);

  std::vector<double> charge, border, dx, dy, longitudinal, time, residual, ordered, chosen;
  std::vector<float> charge_f, border_f;

 private:
  std::vector<std::uint16_t> shuffled_;
  std::vector<Starts> starts_;       ///< [number of points]
  std::vector<std::uint8_t> known_;  ///< [number of points]
};

/// Compute the parameters of a cleaned image: moments and their uncertainties, time gradient,
/// leakage, concentration. n_islands is left as it is in a default ImageParameters.
///
/// Moments are those of ctapipe's hillas_parameters (uncertainties by MAGIC's formula); length,
/// width and their uncertainties are turned into degrees with atan(value / focal length), the rest
/// stays in metres. What is undefined is NaN: everything if nothing is selected or the charge is 0
/// or negative somewhere; psi, skewness, kurtosis for a point; width_uncertainty for a line.
/// @param image    charge [pixel], p.e.
/// @param peak_time [pixel], ns.
/// @param selected indices of the pixels of the cleaned image, increasing.
/// @param equivalent_focal_length m.
[[nodiscard]] ImageParameters image_parameters(std::span<const float> image,
                                               std::span<const float> peak_time,
                                               std::span<const std::uint16_t> selected,
                                               const instrument::CameraGeometry& geometry,
                                               double equivalent_focal_length,
                                               ParameterScratch& scratch);
/// The same for an image in float64, as Cat-B corrections leave it: all sums in float64.
[[nodiscard]] ImageParameters image_parameters(std::span<const double> image,
                                               std::span<const double> peak_time,
                                               std::span<const std::uint16_t> selected,
                                               const instrument::CameraGeometry& geometry,
                                               double equivalent_focal_length,
                                               ParameterScratch& scratch);

/// A straight line in time along the image.
struct TimeFit {
  double slope = ImageParameters::nan;      ///< ns/m
  double intercept = ImageParameters::nan;  ///< ns
};

/// Fit time = slope * position + intercept to the 85 % of points that fit best: least trimmed
/// squares by at most 20 concentration steps from each of five random pairs (Rousseeuw and Van
/// Driessen 2006, algorithm 2; ctapipe's lts_linear_regression with its random numbers). NaN for
/// fewer than 3 points or if no start gives a line. For 3 points every pair fits exactly and
/// rounding decides which wins.
[[nodiscard]] TimeFit fit_time(std::span<const double> position, std::span<const double> time,
                               ParameterScratch& scratch);

}  // namespace alisio::params
