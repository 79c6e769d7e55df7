#pragma once
#include <cstddef>
#include <span>

#include "reco/muon/ring_camera.hpp"

namespace alisio::muon {

/// A circle in the telescope frame, deg.
struct Circle {
  double lon = 0, lat = 0, radius = 0;
};

/// Return the noise of an image, p.e.: the charge below which lie 31.8 % of its negative pixels,
/// on a grid of 0.5 p.e. between 0.5 and 15.
[[nodiscard]] double noise_of(std::span<const float> image);

/// Fit a circle by weighted least squares in closed form (Chaudhuri and Kundu 1993, Pattern
/// Recognition Letters 14, 1). Sums of the weights are in float and in numpy's order, since their
/// rounding moves the centre. NaN if nothing can be fitted.
/// @param lon, lat, weights one per point
[[nodiscard]] Circle fit_circle(std::span<const double> lon, std::span<const double> lat,
                                std::span<const float> weights);

/// Return the fraction of a circle that lies inside the camera, taken as a disk.
[[nodiscard]] double containment(const Circle& ring, double camera_radius_deg);

/// Moments of the light along the radius.
struct RadialMoments {
  double stdev;  ///< deg
  double skewness, excess_kurtosis;
};

/// Return the moments of charge-weighted distances about their mean; NaN if there is no charge.
[[nodiscard]] RadialMoments radial_moments(std::span<const double> distance_deg,
                                           std::span<const float> charge);

/// Return the fraction of angular bins around the centre that hold more light than `threshold`.
[[nodiscard]] double completeness(const Circle& ring, std::span<const double> lon,
                                  std::span<const double> lat, std::span<const float> charge,
                                  double threshold, std::size_t bins);

}  // namespace alisio::muon
