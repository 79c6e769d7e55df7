#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "reco/muon/ring_camera.hpp"
#include "reco/muon/ring_fit.hpp"
#include "reco/muon/ring_kernels.hpp"

namespace alisio::muon {

/// What the likelihood of a ring's light depends on. The place of impact in Cartesian coordinates
/// has no edges, and neither have the logarithms of what must be positive.
enum RingParameter : std::size_t {
  impact_x,        ///< m
  impact_y,        ///< m
  log_width,       ///< of rad
  log_efficiency,  ///< of photo-electrons per photon
  n_ring_parameters
};
using RingPoint = std::array<double, n_ring_parameters>;

/// A likelihood with its derivatives.
struct LikelihoodValue {
  double nll = 0;  ///< negative log-likelihood
  RingPoint gradient{};
  /// Expected information, an approximation of the second derivatives; lower half.
  std::array<RingPoint, n_ring_parameters> information{};
};

/// Buffers of the likelihood, reused from ring to ring.
struct LikelihoodScratch {
  // [pixel of the ring], padded with zeros to a multiple of 8.
  std::vector<double> charge;
  std::vector<double> radial;                   ///< distance from the circle, rad
  std::vector<double> fraction;                 ///< place between two nodes of the chord table
  std::vector<std::int32_t> node;               ///< the lower of the two
  std::vector<double> across, across_by_width;  ///< share of the light, and its derivative
  std::vector<double> metres;                   ///< of chord
  std::array<std::vector<double>, n_ring_parameters> slope;
  std::vector<double> by_expected, information;
  std::vector<double> products;  ///< of variances, [kernels::Kernels::sum]
  // [node of the chord table]; the directions and raw[0] padded likewise.
  std::vector<double> node_cos, node_sin;
  std::array<std::vector<double>, 3> raw;    ///< chord and its derivatives by the place of impact
  std::array<std::vector<double>, 3> chord;  ///< the same, averaged over neighbouring nodes
};

/// The likelihood of the light of one ring, its circle fixed: ctapipe's MuonIntensityFitter with
/// its defaults (Chalme-Calvet et al. 2014; Gaussian approximation of de Naurois and Rolland 2009,
/// pedestal spread 1.1 p.e., single-photo-electron width 0.5).
///
/// The muon's light comes from chords through the mirror (less its hole), tabulated at nodes along
/// the ring and interpolated, and is spread across the ring by a Gaussian. Where a rim of the hole
/// crosses a node the likelihood has a kink.
class RingLikelihood {
 public:
  /// @param image charge [pixel], p.e.
  /// @param mask  [pixel], 1: belongs to the ring
  /// @param camera, scratch must outlive this
  RingLikelihood(std::span<const float> image, std::span<const std::uint8_t> mask,
                 const Circle& ring, const RingCamera& camera, LikelihoodScratch& scratch);

  /// Return value and derivatives at a point; the value is infinite where the model has no
  /// probability.
  [[nodiscard]] LikelihoodValue evaluate(const RingPoint& point);

  /// The change of log_efficiency that suits a point best.
  struct Change {
    double shift;  ///< of log_efficiency
    double gain;   ///< expected change of the value by that shift, negative
  };
  /// Go to a point, of which nll() and is_possible() then tell; cheaper than evaluate(), the more
  /// so while width or place stay the same.
  Change move_to(const RingPoint& point);
  /// Add `shift` to the log_efficiency of the point where move_to() went; nll() then tells of it.
  void change_efficiency(RingPoint& point, double shift);
  /// Return the value where move_to() went; infinite where the model has no probability.
  [[nodiscard]] double nll() const;
  /// Return whether the value is less than infinity, without what it costs.
  [[nodiscard]] bool is_possible() const;

  /// Angle between the nodes of the chord table, rad; they lie at whole steps from -pi.
  [[nodiscard]] double node_step() const;
  /// Radius of the hole, m.
  [[nodiscard]] double hole_radius() const { return camera_.hole_radius; }

 private:
  void set_width(double log_of_width);
  void set_place(double x, double y);
  void set_slopes(const RingPoint& point);
  void average_nodes(std::size_t column);
  [[nodiscard]] kernels::Pixels pixels() const;
  [[nodiscard]] double scale_at(const RingPoint& point);

  const RingCamera& camera_;
  LikelihoodScratch& s_;
  const kernels::Kernels& kernels_;
  std::size_t nodes_ = 0, pixels_ = 0, padded_ = 0, n_products_ = 0;
  double half_pixel_ = 0;
  double light_per_metre_ = 0;  ///< photo-electrons of the whole ring's width, for efficiency 1
  // Where the buffers are filled for.
  static constexpr double nowhere = std::numeric_limits<double>::quiet_NaN();
  double log_width_ = nowhere, x_ = nowhere, y_ = nowhere, log_efficiency_ = nowhere;
  double scale_ = 0;  ///< photo-electrons per metre of chord
  kernels::PixelSums sums_{};
};

}  // namespace alisio::muon
