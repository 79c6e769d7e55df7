#include "reco/dl2/source_dependent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alisio::dl2 {
namespace {

constexpr double degree = std::numbers::pi / 180;

double sign(double value) {
  return value > 0 ? 1.0 : value < 0 ? -1.0 : value == 0 ? 0.0 : value;
}

}  // namespace

std::vector<AssumedPosition> assumed_positions(int n_off) {
  std::vector<AssumedPosition> positions{{"on", 0}};
  for (int k = 1; k <= n_off; ++k) {
    const double turn = 360.0 / (n_off + 1) * k;
    positions.push_back({fmt::format("off_{:03.0f}", turn), turn});
  }
  return positions;
}

std::vector<sky::CameraPoint> turned(std::span<const sky::CameraPoint> places, double turn_deg) {
  const double c = std::cos(turn_deg * degree), s = std::sin(turn_deg * degree);
  std::vector<sky::CameraPoint> out;
  out.reserve(places.size());
  for (const sky::CameraPoint place : places)
    out.push_back({place.x * c - place.y * s, place.x * s + place.y * c});
  return out;
}

SourceColumns source_columns(const Dl1Columns& dl1, std::span<const sky::CameraPoint> places) {
  SourceColumns out;
  for (std::size_t i = 0; i < dl1.size(); ++i) {
    const ImageParameters& image = dl1.parameters[i];
    const double dx = places[i].x - image.x, dy = places[i].y - image.y;
    const double c = std::cos(image.psi), s = std::sin(image.psi);
    const double along = dx * c + dy * s, across = dx * s - dy * c;
    out.expected_src_x.push_back(places[i].x);
    out.expected_src_y.push_back(places[i].y);
    out.time_gradient_from_source.push_back(-sign(along) * image.time_gradient);
    out.skewness_from_source.push_back(-sign(along) * image.skewness);
    out.dist.push_back(std::sqrt(dx * dx + dy * dy));
    out.alpha.push_back(std::atan(std::abs(across / along)) / degree);
  }
  return out;
}

}  // namespace alisio::dl2
