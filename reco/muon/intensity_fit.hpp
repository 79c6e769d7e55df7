#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "reco/muon/ring_camera.hpp"
#include "reco/muon/ring_fit.hpp"

namespace alisio::muon {

/// What the brightness of a ring depends on, its circle given.
struct RingLight {
  double impact = 0;      ///< distance of the muon from the mirror's middle, m
  double phi = 0;         ///< its direction, rad
  double width = 0;       ///< of the Gaussian across the ring, rad
  double efficiency = 0;  ///< photo-electrons per Cherenkov photon between 300 and 600 nm
};

/// The fit of a ring's light.
struct IntensityFit {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  RingLight light{nan, nan, nan, nan};
  double nll = nan;        ///< negative log-likelihood at the minimum
  int evaluations = 0;     ///< of the likelihood
  bool converged = false;  ///< a minimum was reached
};

/// Buffers of the fit, reused from ring to ring.
struct IntensityScratch {
  // [pixel of the ring]
  std::vector<double> charge;
  std::vector<double> radial;       ///< distance from the circle, rad
  std::vector<double> fraction;     ///< place between two nodes of the chord table
  std::vector<std::uint32_t> node;  ///< the lower of the two
  // [node of the chord table]
  std::vector<double> node_cos, node_sin;
  std::array<std::vector<double>, 3> raw;    ///< chord and its derivatives by the place of impact
  std::array<std::vector<double>, 3> chord;  ///< the same, averaged over neighbouring nodes
};

/// Fit the light of a ring by maximum likelihood, its circle fixed.
///
/// Model (Chalme-Calvet et al. 2014, as ctapipe's image_prediction): chords of the muon's light
/// through the mirror, tabulated along the ring and interpolated, spread by a Gaussian of the
/// ring's width. Likelihood: Gaussian approximation of de Naurois and Rolland 2009, pedestal spread
/// 1.1 p.e., single-photo-electron width 0.5.
///
/// Minimiser: our own damped Fisher scoring (Levenberg-Marquardt steps with the expected
/// information as curvature) with analytic derivatives; impact, width and efficiency stay positive
/// and phi wraps. Four parameters and one kind of function need no library; it takes about ten
/// evaluations where MIGRAD's numerical derivatives take hundreds. The tabulated chords make small
/// kinks in the likelihood, hence a few starts, of which the deepest minimum counts.
/// @param image charge [pixel], p.e.
/// @param mask  [pixel], 1: belongs to the ring
[[nodiscard]] IntensityFit fit_intensity(std::span<const float> image,
                                         std::span<const std::uint8_t> mask, const Circle& ring,
                                         const RingCamera& camera, IntensityScratch& scratch);

/// Return the negative log-likelihood of an image given a ring's light: what fit_intensity
/// minimises.
[[nodiscard]] double negative_log_likelihood(std::span<const float> image,
                                             std::span<const std::uint8_t> mask, const Circle& ring,
                                             const RingLight& light, const RingCamera& camera,
                                             IntensityScratch& scratch);

}  // namespace alisio::muon
