#include "reco/muon/intensity_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alisio::muon {
namespace {

constexpr double pi = std::numbers::pi;
constexpr std::size_t oversampling = 3;  ///< nodes of the chord table per pixel of the ring

// Model: ctapipe's MuonIntensityFitter with its defaults.
constexpr double fine_structure = 7.2973525643e-3;
constexpr double shortest_wave = 300e-9, longest_wave = 600e-9;  ///< m
constexpr double pedestal_variance = 1.1 * 1.1;                  ///< p.e.^2
constexpr double variance_per_pe = 1 + 0.5 * 0.5;                ///< with the single-p.e. spread

/// What is fitted. The place of impact in Cartesian coordinates has no edges, and neither have the
/// logarithms of what must be positive.
enum Parameter : std::size_t { impact_x, impact_y, log_width, log_efficiency, n_parameters };
using Point = std::array<double, n_parameters>;
using Matrix = std::array<Point, n_parameters>;

Point point_of(const RingLight& light) {
  return {light.impact * std::cos(light.phi), light.impact * std::sin(light.phi),
          std::log(light.width), std::log(light.efficiency)};
}

RingLight light_of(const Point& point) {
  return {std::hypot(point[impact_x], point[impact_y]),
          std::atan2(point[impact_y], point[impact_x]), std::exp(point[log_width]),
          std::exp(point[log_efficiency])};
}

/// The likelihood with its gradient and expected information (half the curvature of -2 ln L).
struct Value {
  double nll = 0;
  Point gradient{};
  Matrix information{};
};

/// One ring with its pixels, ready for evaluation.
class Likelihood {
 public:
  Likelihood(std::span<const float> image, std::span<const std::uint8_t> mask, const Circle& ring,
             const RingCamera& camera, IntensityScratch& scratch)
      : camera_(camera), scratch_(scratch) {
    constexpr double rad = pi / 180;
    const double radius = ring.radius * rad, lon = ring.lon * rad, lat = ring.lat * rad;
    half_pixel_ = camera.pixel_width_rad / 2;
    nodes_ =
        oversampling * std::max(std::size_t{1},
                                static_cast<std::size_t>(2 * pi * radius / camera.pixel_width_rad));
    // The square of a pixel is larger than the pixel, taken as a disk.
    constexpr double disk_in_square = pi / 4;
    light_per_metre_ = fine_structure * (1 / shortest_wave - 1 / longest_wave) *
                       (camera.pixel_width_rad / radius) * 0.5 * std::sin(2 * radius) *
                       disk_in_square;

    const double step = 2 * pi / double(nodes_ - 1);
    scratch.node_cos.resize(nodes_);
    scratch.node_sin.resize(nodes_);
    for (std::size_t k = 0; k < nodes_; ++k) {
      const double angle = double(k) * step - pi;
      scratch.node_cos[k] = std::cos(angle);
      scratch.node_sin[k] = std::sin(angle);
    }
    for (std::size_t d = 0; d < 3; ++d) {
      scratch.raw[d].resize(nodes_);
      scratch.chord[d].resize(nodes_);
    }
    scratch.charge.clear();
    scratch.radial.clear();
    scratch.fraction.clear();
    scratch.node.clear();
    for (std::size_t p = 0; p < mask.size(); ++p) {
      if (mask[p] == 0) continue;
      const double dx = camera.lon_rad[p] - lon, dy = camera.lat_rad[p] - lat;
      scratch.charge.push_back(image[p]);
      scratch.radial.push_back(std::sqrt(dx * dx + dy * dy) - radius);
      const double place = (std::atan2(dy, dx) + pi) / step;
      const auto node = std::min(static_cast<std::size_t>(place), nodes_ - 2);
      scratch.node.push_back(static_cast<std::uint32_t>(node));
      scratch.fraction.push_back(place - double(node));
    }
  }

  /// Evaluate at a point. The likelihood is infinite where the model has no probability.
  template <bool with_derivatives>
  void evaluate(const Point& point, Value& out) {
    fill_chords<with_derivatives>(point);
    const double width = std::exp(point[log_width]);
    const double efficiency = std::exp(point[log_efficiency]);
    const double inverse_width = 1 / (std::numbers::sqrt2 * width);
    const double scale = efficiency * light_per_metre_;
    out = Value{};
    double sum = 0;
    for (std::size_t i = 0; i < scratch_.charge.size(); ++i) {
      const double charge = scratch_.charge[i];
      const double outer = (scratch_.radial[i] + half_pixel_) * inverse_width;
      const double inner = (scratch_.radial[i] - half_pixel_) * inverse_width;
      const bool dark = inner > beyond || outer < -beyond;
      const double across = dark ? 0 : 0.5 * (std::erf(outer) - std::erf(inner));
      const std::size_t node = scratch_.node[i];
      const double fraction = scratch_.fraction[i];
      const auto between = [&](const std::vector<double>& table) {
        return table[node] + fraction * (table[node + 1] - table[node]);
      };
      const double along = between(scratch_.chord[0]);
      const double expected = scale * across * along;
      const double variance = pedestal_variance + variance_per_pe * expected;
      if (!(variance > 0)) {
        out.nll = std::numeric_limits<double>::infinity();
        return;
      }
      const double off = charge - expected, inverse = 1 / variance;
      sum += 0.5 * (std::log(2 * pi * variance) + off * off * inverse);
      if constexpr (with_derivatives) {
        if (dark) continue;
        constexpr double erf_slope = 0.5 * std::numbers::inv_sqrtpi * 2;
        const double across_by_width =
            -erf_slope * (outer * std::exp(-outer * outer) - inner * std::exp(-inner * inner));
        const Point slope{scale * across * between(scratch_.chord[1]),
                          scale * across * between(scratch_.chord[2]),
                          scale * along * across_by_width, expected};
        const double by_expected =
            inverse * (0.5 * variance_per_pe - off - 0.5 * variance_per_pe * off * off * inverse);
        const double information =
            inverse + 0.5 * variance_per_pe * variance_per_pe * inverse * inverse;
        for (std::size_t a = 0; a < n_parameters; ++a) {
          out.gradient[a] += by_expected * slope[a];
          for (std::size_t b = 0; b <= a; ++b)
            out.information[a][b] += information * slope[a] * slope[b];
        }
      }
    }
    out.nll = sum;
  }

 private:
  /// Chords of light through the mirror (less its hole) along the ring, and their derivatives by
  /// the place of impact. With the impact at angle zero, a chord at angle phi runs through the
  /// point whose distances along and across it are `along` and `across`.
  template <bool with_derivatives>
  void fill_chords(const Point& point) {
    const double x = point[impact_x], y = point[impact_y];
    const bool on_mirror = std::hypot(x, y) <= camera_.mirror_radius;
    const bool on_hole = std::hypot(x, y) <= camera_.hole_radius;
    const auto add = [&](std::size_t k, double sign, double radius, bool inside) {
      const double cosine = scratch_.node_cos[k], sine = scratch_.node_sin[k];
      const double along = x * cosine - y * sine, across = y * cosine + x * sine;
      const double square = radius * radius - across * across;
      if (square < 0) return;
      const double half = std::sqrt(square);
      scratch_.raw[0][k] += sign * (inside ? half + along : 2 * half);
      if constexpr (with_derivatives) {
        // At the rim the slope is infinite; a large one serves.
        const double by_across = -across / std::max(half, 0.05 * radius) * (inside ? 1 : 2);
        scratch_.raw[1][k] += sign * (by_across * sine + (inside ? cosine : 0));
        scratch_.raw[2][k] += sign * (by_across * cosine - (inside ? sine : 0));
      }
    };
    constexpr std::size_t columns = with_derivatives ? 3 : 1;
    for (std::size_t d = 0; d < columns; ++d)
      std::fill(scratch_.raw[d].begin(), scratch_.raw[d].end(), 0.0);
    for (std::size_t k = 0; k < nodes_; ++k) {
      add(k, 1, camera_.mirror_radius, on_mirror);
      add(k, -1, camera_.hole_radius, on_hole);
    }
    for (std::size_t d = 0; d < columns; ++d) {
      const std::vector<double>& raw = scratch_.raw[d];
      std::vector<double>& chord = scratch_.chord[d];
      const std::size_t last = nodes_ - 1;
      for (std::size_t k = 1; k < last; ++k) chord[k] = (raw[k - 1] + raw[k] + raw[k + 1]) / 3;
      chord[0] = (raw[last] + raw[0] + raw[1]) / 3;
      chord[last] = (raw[last - 1] + raw[last] + raw[0]) / 3;
    }
  }

  static constexpr double beyond = 6;  ///< erf() is 1 from here on
  const RingCamera& camera_;
  IntensityScratch& scratch_;
  std::size_t nodes_ = 0;
  double half_pixel_ = 0;
  double light_per_metre_ = 0;  ///< photo-electrons of the whole width, for efficiency 1
};

/// Solve a symmetric positive system by Cholesky's decomposition; false if it is not positive.
bool solve(Matrix m, const Point& right, Point& out) {
  for (std::size_t a = 0; a < n_parameters; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = m[a][b];
      for (std::size_t k = 0; k < b; ++k) sum -= m[a][k] * m[b][k];
      if (a != b) {
        m[a][b] = sum / m[b][b];
      } else {
        if (!(sum > 0)) return false;
        m[a][a] = std::sqrt(sum);
      }
    }
  }
  for (std::size_t a = 0; a < n_parameters; ++a) {
    double sum = right[a];
    for (std::size_t k = 0; k < a; ++k) sum -= m[a][k] * out[k];
    out[a] = sum / m[a][a];
  }
  for (std::size_t a = n_parameters; a-- > 0;) {
    double sum = out[a];
    for (std::size_t k = a + 1; k < n_parameters; ++k) sum -= m[k][a] * out[k];
    out[a] = sum / m[a][a];
  }
  return true;
}

struct Minimum {
  Point point{};
  double nll = std::numeric_limits<double>::infinity();
  int evaluations = 0;
  bool converged = false;
};

/// Descend from a start. Steps are those of Fisher scoring, damped as Levenberg and Marquardt do
/// when one does not lead down.
Minimum descend(Likelihood& likelihood, const Point& start) {
  constexpr int most_evaluations = 80;
  constexpr double small_gain = 1e-7, most_damping = 1e7;
  // No step may move the muon by more than half a mirror, or width and efficiency by a factor 3.
  constexpr Point longest{5.0, 5.0, 1.1, 1.1};
  Minimum out;
  out.point = start;
  Value here, there;
  likelihood.evaluate<true>(start, here);
  out.evaluations = 1;
  out.nll = here.nll;
  double damping = 1e-3;
  while (out.evaluations < most_evaluations && std::isfinite(out.nll)) {
    Matrix matrix = here.information;
    for (std::size_t a = 0; a < n_parameters; ++a)
      matrix[a][a] += damping * std::max(matrix[a][a], 1e-12);
    Point step{};
    const bool solved = solve(matrix, here.gradient, step);
    double gain = 0;
    Point next = out.point;
    if (solved) {
      double shorten = 1;
      for (std::size_t a = 0; a < n_parameters; ++a)
        shorten = std::min(shorten, longest[a] / std::max(std::abs(step[a]), 1e-300));
      for (std::size_t a = 0; a < n_parameters; ++a) {
        gain += 0.5 * shorten * step[a] * here.gradient[a];
        next[a] -= shorten * step[a];
      }
      likelihood.evaluate<true>(next, there);
      ++out.evaluations;
    }
    if (solved && there.nll <= out.nll) {
      const bool flat = gain < small_gain && out.nll - there.nll < small_gain;
      out.point = next;
      out.nll = there.nll;
      here = there;
      damping = std::max(damping * 0.1, 1e-6);
      if (flat) {
        out.converged = true;
        break;
      }
    } else {
      damping *= 8;
      if (damping > most_damping || (solved && gain < 1e-3 * small_gain)) {
        out.converged = true;  // a kink: no step leads down
        break;
      }
    }
  }
  return out;
}

}  // namespace

IntensityFit fit_intensity(std::span<const float> image, std::span<const std::uint8_t> mask,
                           const Circle& ring, const RingCamera& camera,
                           IntensityScratch& scratch) {
  Likelihood likelihood(image, mask, ring, camera, scratch);
  const RingLight start{camera.mirror_radius / 2, 0, camera.start_width_rad, 0.1};
  const Minimum best = descend(likelihood, point_of(start));
  IntensityFit fit;
  fit.evaluations = best.evaluations;
  fit.light = light_of(best.point);
  fit.nll = best.nll;
  fit.converged = best.converged;
  return fit;
}

double negative_log_likelihood(std::span<const float> image, std::span<const std::uint8_t> mask,
                               const Circle& ring, const RingLight& light, const RingCamera& camera,
                               IntensityScratch& scratch) {
  Likelihood likelihood(image, mask, ring, camera, scratch);
  Value value;
  likelihood.evaluate<false>(point_of(light), value);
  return value.nll;
}

}  // namespace alisio::muon
