#include "reco/dl3/response_grid.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

constexpr double degree = std::numbers::pi / 180;

GridPoint place_of(const Pointing& pointing) {
  return {std::cos(pointing.zenith_deg * degree), std::sin(pointing.field_angle_deg * degree)};
}

/// Twice the signed area of a triangle.
double cross(GridPoint a, GridPoint b, GridPoint c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

double distance(GridPoint a, GridPoint b) {
  return std::hypot(a.x - b.x, a.y - b.y);
}

/// Positive if d lies inside the circle through a, b, c, which run counter-clockwise.
double in_circle(GridPoint a, GridPoint b, GridPoint c, GridPoint d) {
  const auto lifted = [&](GridPoint p) {
    return std::array{p.x - d.x, p.y - d.y, (p.x - d.x) * (p.x - d.x) + (p.y - d.y) * (p.y - d.y)};
  };
  const auto [ax, ay, az] = lifted(a);
  const auto [bx, by, bz] = lifted(b);
  const auto [cx, cy, cz] = lifted(c);
  return ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx);
}

/// The weights of a triangle's corners at a point; one is negative if the point lies outside.
std::array<double, 3> barycentric(GridPoint a, GridPoint b, GridPoint c, GridPoint p) {
  const double area = cross(a, b, c);
  const double of_a = cross(p, b, c) / area, of_b = cross(a, p, c) / area;
  return {of_a, of_b, 1 - of_a - of_b};
}

/// Nodes by place, places in the order of their first node.
struct Places {
  std::vector<GridPoint> points;
  std::vector<std::vector<std::size_t>> nodes;
};

Places places_of(std::span<const Pointing> nodes) {
  Places places;
  std::map<std::pair<double, double>, std::size_t> known;
  const auto rounded = [](double value) { return std::nearbyint(value * 1000); };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const GridPoint point = place_of(nodes[i]);
    const auto [place, is_new] =
        known.emplace(std::pair(rounded(point.x), rounded(point.y)), places.points.size());
    if (is_new) {
      places.points.push_back(point);
      places.nodes.emplace_back();
    }
    places.nodes[place->second].push_back(i);
  }
  return places;
}

std::size_t of_nearest_azimuth(std::span<const Pointing> nodes,
                               const std::vector<std::size_t>& alike, double azimuth_deg) {
  const auto apart = [&](std::size_t node) {
    return std::abs(std::remainder(nodes[node].azimuth_deg - azimuth_deg, 360));
  };
  return *std::ranges::min_element(alike, {}, apart);
}

}  // namespace

std::vector<std::array<std::size_t, 3>> delaunay_triangles(std::span<const GridPoint> points) {
  // Some tens of nodes: to test every triangle against every point takes milliseconds.
  constexpr double rounding = 1e-12;
  std::vector<std::array<std::size_t, 3>> triangles;
  const std::size_t n = points.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j)
      for (std::size_t k = j + 1; k < n; ++k) {
        std::array corners{i, j, k};
        const double area = cross(points[i], points[j], points[k]);
        if (std::abs(area) < rounding) continue;
        if (area < 0) std::swap(corners[1], corners[2]);
        const auto& [a, b, c] = corners;
        bool empty = true;
        for (std::size_t other = 0; empty && other < n; ++other)
          empty = other == a || other == b || other == c ||
                  in_circle(points[a], points[b], points[c], points[other]) <= rounding;
        if (empty) triangles.push_back(corners);
      }
  return triangles;
}

NodeChoice choose_nodes(std::span<const Pointing> nodes, const Pointing& target, GridUse use) {
  if (nodes.empty()) throw Error(ErrorKind::bug, "no node to choose from");
  constexpr double rounding = 1e-9;
  const Places places = places_of(nodes);
  const GridPoint at = place_of(target);
  const auto node_at = [&](std::size_t place) {
    return of_nearest_azimuth(nodes, places.nodes[place], target.azimuth_deg);
  };
  NodeChoice choice;
  if (use == GridUse::interpolate)
    for (const auto& [a, b, c] : delaunay_triangles(places.points)) {
      const auto weights = barycentric(places.points[a], places.points[b], places.points[c], at);
      if (std::ranges::min(weights) < -rounding) continue;
      choice.nodes = {node_at(a), node_at(b), node_at(c)};
      choice.weights.assign(weights.begin(), weights.end());
      return choice;
    }
  choice.outside = use == GridUse::interpolate;
  const auto nearest = std::ranges::min_element(
      places.points, {}, [&](GridPoint point) { return distance(point, at); });
  choice.nodes = {node_at(std::size_t(nearest - places.points.begin()))};
  choice.weights = {1};
  return choice;
}

}  // namespace alisio::dl3
