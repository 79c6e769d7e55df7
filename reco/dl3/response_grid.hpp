#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace alisio::dl3 {

/// Where a telescope pointed, or for which pointing an instrument response was made.
struct Pointing {
  double zenith_deg = 0, azimuth_deg = 0;
  double field_angle_deg = 0;  ///< between the shower's axis and the Earth's magnetic field
};

/// Which nodes of a grid of responses stand for a pointing, and with what weights.
struct NodeChoice {
  std::vector<std::size_t> nodes;  ///< one, or three of them
  std::vector<double> weights;     ///< of the same; their sum is 1
  bool outside = false;            ///< the pointing lies outside all triangles of the grid
};

/// How to choose them.
enum class GridUse {
  interpolate,  ///< the triangle around the pointing; outside the grid the nearest node
  nearest       ///< always the nearest node
};

/// Choose the nodes of a pointing, as lstchain 0.12 does: in the plane of cos(zenith) and sin(angle
/// to the magnetic field), by the Delaunay triangulation of the nodes. Where nodes are alike to 3
/// decimals there (pairs east and west of the magnetic meridian), the one of the nearest azimuth
/// counts. (lstchain 0.12.3 means the same, but looks at the sine of the angle to the field where
/// it means to look at the azimuth, and may take the node of the other side.) Fewer than three
/// different places, or all on one line, make no triangle.
/// @throws Error(bug) for no nodes.
[[nodiscard]] NodeChoice choose_nodes(std::span<const Pointing> nodes, const Pointing& target,
                                      GridUse use);

/// A place in the plane of the grid.
struct GridPoint {
  double x = 0, y = 0;
};

/// Return the Delaunay triangulation of points that all differ: the triangles whose circumcircle
/// holds no other point. Of points on one circle the triangles are those of the lowest indices.
[[nodiscard]] std::vector<std::array<std::size_t, 3>> delaunay_triangles(
    std::span<const GridPoint> points);

}  // namespace alisio::dl3
