#include "lib/instrument/camera.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::instrument {
namespace {

constexpr std::size_t kMaxNeighbours = 6;
/// In units of the nearest distance: between the first ring of a hexagonal grid (1) and the second
/// (1.73).
constexpr double kNeighbourRadius = 1.4;

[[noreturn]] void fail(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::bad_input, what, where, "restore the file from the distribution");
}

/// Pixels sorted into square cells, so that near pixels are found without looking at all of them.
class Grid {
 public:
  Grid(const std::vector<double>& x, const std::vector<double>& y, double cell)
      : x0_(*std::ranges::min_element(x)), y0_(*std::ranges::min_element(y)), cell_(cell) {
    n_x_ = column(*std::ranges::max_element(x)) + 1;
    n_y_ = row(*std::ranges::max_element(y)) + 1;
    start_.assign(n_x_ * n_y_ + 1, 0);
    for (std::size_t i = 0; i < x.size(); ++i) ++start_[index(x[i], y[i]) + 1];
    for (std::size_t c = 1; c < start_.size(); ++c) start_[c] += start_[c - 1];
    auto next = start_;
    pixels_.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) pixels_[next[index(x[i], y[i])]++] = i;
  }

  /// Call `visit` with each pixel of the 3 x 3 cells around a point.
  template <class Visit>
  void around(double x, double y, Visit visit) const {
    const std::size_t c = column(x), r = row(y);
    for (std::size_t j = r == 0 ? 0 : r - 1; j <= std::min(r + 1, n_y_ - 1); ++j) {
      for (std::size_t i = c == 0 ? 0 : c - 1; i <= std::min(c + 1, n_x_ - 1); ++i) {
        for (std::size_t k = start_[j * n_x_ + i]; k < start_[j * n_x_ + i + 1]; ++k) {
          visit(pixels_[k]);
        }
      }
    }
  }

 private:
  [[nodiscard]] std::size_t column(double x) const {
    return static_cast<std::size_t>((x - x0_) / cell_);
  }
  [[nodiscard]] std::size_t row(double y) const {
    return static_cast<std::size_t>((y - y0_) / cell_);
  }
  [[nodiscard]] std::size_t index(double x, double y) const { return row(y) * n_x_ + column(x); }

  double x0_, y0_, cell_;
  std::size_t n_x_ = 0, n_y_ = 0;
  std::vector<std::size_t> start_, pixels_;
};

}  // namespace

void complete_geometry(CameraGeometry& geometry, const std::string& where) {
  const std::size_t n = geometry.x.size();
  if (n == 0) fail("no pixels", where);
  if (n > std::numeric_limits<std::uint16_t>::max()) fail("more than 65535 pixels", where);
  geometry.n_pixels = n;
  const double largest_area = *std::ranges::max_element(geometry.area);
  if (!(*std::ranges::min_element(geometry.area) > 0)) fail("a pixel area is not positive", where);
  for (const auto* coordinates : {&geometry.x, &geometry.y}) {
    if (!std::ranges::all_of(*coordinates, [](double v) { return std::isfinite(v); })) {
      fail("a pixel position is not a number", where);
    }
  }
  // A regular hexagon of area A is sqrt(2 A / sqrt(3)) wide.
  geometry.pixel_width = 2 * std::sqrt(geometry.area[0] / (2 * std::sqrt(3.0)));

  // Touching pixels are sqrt(2 A / sqrt(3)) = 1.07 sqrt(A) apart, so all pixels within 1.4 times
  // that lie in cells of 2 sqrt(A) next to each other.
  const double cell = 2 * std::sqrt(largest_area);
  const Grid grid(geometry.x, geometry.y, cell);
  struct Near {
    double distance2;
    std::size_t pixel;
  };
  std::vector<Near> near;
  std::vector<std::array<std::uint16_t, 2 * kMaxNeighbours>> neighbours(n);
  std::vector<std::size_t> count(n, 0);
  const auto link = [&](std::size_t from, std::size_t to) {
    auto* const end = neighbours[from].data() + count[from];
    if (std::find(neighbours[from].data(), end, to) != end) return;
    if (count[from] == neighbours[from].size()) fail("the pixels are not a hexagonal grid", where);
    *end = static_cast<std::uint16_t>(to);
    ++count[from];
  };
  for (std::size_t i = 0; i < n; ++i) {
    near.clear();
    grid.around(geometry.x[i], geometry.y[i], [&](std::size_t j) {
      const double dx = geometry.x[j] - geometry.x[i], dy = geometry.y[j] - geometry.y[i];
      const double distance2 = dx * dx + dy * dy;
      if (j != i && distance2 < cell * cell) near.push_back({distance2, j});
    });
    const auto kept = std::min(near.size(), kMaxNeighbours);
    std::ranges::partial_sort(near, near.begin() + static_cast<std::ptrdiff_t>(kept), {},
                              &Near::distance2);
    if (kept > 0 && near.front().distance2 == 0) {
      fail("pixels " + std::to_string(i) + " and " + std::to_string(near.front().pixel) +
               " have the same position",
           where);
    }
    for (std::size_t k = 0; k < kept; ++k) {
      const double limit = kNeighbourRadius * kNeighbourRadius * near.front().distance2;
      if (near[k].distance2 >= limit) break;
      link(i, near[k].pixel);
      link(near[k].pixel, i);
    }
  }
  geometry.neighbour_start.assign(1, 0);
  geometry.neighbour.clear();
  std::size_t most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto* const begin = neighbours[i].data();
    std::sort(begin, begin + count[i]);
    most = std::max(most, count[i]);
    geometry.neighbour.insert(geometry.neighbour.end(), begin, begin + count[i]);
    geometry.neighbour_start.push_back(static_cast<std::uint32_t>(geometry.neighbour.size()));
  }

  geometry.border_width_1.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) geometry.border_width_1[i] = count[i] < most;
  geometry.border_width_2 = geometry.border_width_1;
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto j : geometry.neighbours_of(i))
      geometry.border_width_2[i] |= geometry.border_width_1[j];
  }
}

}  // namespace alisio::instrument
