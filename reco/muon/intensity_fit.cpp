#include "reco/muon/intensity_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace alisio::muon {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double infinity = std::numeric_limits<double>::infinity();

using Matrix = std::array<RingPoint, n_ring_parameters>;

RingPoint point_of(const RingLight& light) {
  return {light.impact * std::cos(light.phi), light.impact * std::sin(light.phi),
          std::log(light.width), std::log(light.efficiency)};
}

RingLight light_of(const RingPoint& point) {
  return {std::hypot(point[impact_x], point[impact_y]),
          std::atan2(point[impact_y], point[impact_x]), std::exp(point[log_width]),
          std::exp(point[log_efficiency])};
}

/// Solve a symmetric positive system by Cholesky's decomposition; false if it is not positive.
bool solve(Matrix m, const RingPoint& right, RingPoint& out) {
  for (std::size_t a = 0; a < n_ring_parameters; ++a) {
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
  for (std::size_t a = 0; a < n_ring_parameters; ++a) {
    double sum = right[a];
    for (std::size_t k = 0; k < a; ++k) sum -= m[a][k] * out[k];
    out[a] = sum / m[a][a];
  }
  for (std::size_t a = n_ring_parameters; a-- > 0;) {
    double sum = out[a];
    for (std::size_t k = a + 1; k < n_ring_parameters; ++k) sum -= m[k][a] * out[k];
    out[a] = sum / m[a][a];
  }
  return true;
}

struct Minimum {
  RingPoint point{};
  double nll = infinity;
};

/// How the muon may move in a descent.
enum class Motion { free, radial, none };

/// Finds the minimum of one ring's likelihood.
class Search {
 public:
  explicit Search(RingLikelihood& likelihood) : likelihood_(likelihood) {}

  /// Return the best of a grid of places of impact.
  Minimum first_guess(const RingCamera& camera) {
    constexpr double typical_efficiency = 0.15;
    constexpr int directions = 12;
    Minimum best;
    for (const double part : {0.1, 0.3, 0.5, 0.7, 0.9}) {
      const double impact = part * camera.mirror_radius;
      for (int k = 0; k < directions; ++k) {
        const double phi = 2 * pi * k / directions;
        Minimum here{point_of({impact, phi, camera.start_width_rad / 3, typical_efficiency}),
                     best.nll};
        if (attempt(here, here.point[impact_x], here.point[impact_y])) best = here;
      }
    }
    return best;
  }

  /// Descend from a point. Steps are those of Fisher scoring, damped as Levenberg and Marquardt do
  /// when one does not lead down.
  /// @param motion of the muon: around the mirror's middle are kinks, along the radius few
  void descend(Minimum& best, Motion motion, int most_evaluations) {
    constexpr double small_gain = 1e-6, first_damping = 1e-3, last_damping = 1e2;
    // No step may move the muon by more than half a mirror, or width and efficiency by a factor 3.
    constexpr RingPoint longest{5.0, 5.0, 1.1, 1.1};
    LikelihoodValue here = likelihood_.evaluate(best.point);
    ++evaluations_;
    best.nll = here.nll;
    double damping = first_damping;
    for (int count = 1; count < most_evaluations && std::isfinite(best.nll); ++count) {
      const double impact = std::hypot(best.point[impact_x], best.point[impact_y]);
      const double x = impact > 0 ? best.point[impact_x] / impact : 1;
      const double y = impact > 0 ? best.point[impact_y] / impact : 0;
      Matrix matrix = here.information;
      RingPoint gradient = here.gradient;
      {
        const auto& m = here.information;
        const double rr = x * x * m[0][0] + 2 * x * y * m[1][0] + y * y * m[1][1];
        const double tt = y * y * m[0][0] - 2 * x * y * m[1][0] + x * x * m[1][1];
        spread_ = {1 / std::sqrt(std::max(rr, 1e-9)), 1 / std::sqrt(std::max(tt, 1e-9))};
      }
      if (motion != Motion::free) {
        // Turn the axes so that the second is along the circle, and leave it out.
        const auto& m = here.information;
        gradient[0] = x * here.gradient[0] + y * here.gradient[1];
        matrix[0][0] = x * x * m[0][0] + 2 * x * y * m[1][0] + y * y * m[1][1];
        gradient[1] = matrix[1][0] = matrix[2][1] = matrix[3][1] = 0;
        matrix[1][1] = 1;
        for (std::size_t a = 2; a < n_ring_parameters; ++a)
          matrix[a][0] = x * m[a][0] + y * m[a][1];
        if (motion == Motion::none) {
          gradient[0] = matrix[2][0] = matrix[3][0] = 0;
          matrix[0][0] = 1;
        }
      }
      for (std::size_t a = 0; a < n_ring_parameters; ++a)
        matrix[a][a] += damping * std::max(matrix[a][a], 1e-12);
      RingPoint step{};
      if (!solve(matrix, gradient, step)) return;
      double gain = 0, shorten = 1;
      for (std::size_t a = 0; a < n_ring_parameters; ++a)
        shorten = std::min(shorten, longest[a] / std::max(std::abs(step[a]), 1e-300));
      for (std::size_t a = 0; a < n_ring_parameters; ++a)
        gain += 0.5 * shorten * step[a] * gradient[a];
      if (gain < small_gain) return;
      if (motion != Motion::free) {
        step[1] = y * step[0];
        step[0] *= x;
      }
      RingPoint next = best.point;
      for (std::size_t a = 0; a < n_ring_parameters; ++a) next[a] -= shorten * step[a];
      const LikelihoodValue there = likelihood_.evaluate(next);
      ++evaluations_;
      if (there.nll <= best.nll) {
        best = {next, there.nll};
        here = there;
        damping *= 0.1;
      } else {
        damping = std::max(damping * 10, first_damping);
        if (damping > last_damping) return;  // a kink: no step leads down
      }
    }
  }

  /// Try a place of the muon, with the efficiency that suits it best.
  bool attempt(Minimum& best, double x, double y) {
    constexpr double least_gain = 1e-9;
    constexpr int most_evaluations = 10000;  // against a likelihood that never settles
    if (evaluations_ > most_evaluations) return false;
    Minimum next = best;
    next.point[impact_x] = x;
    next.point[impact_y] = y;
    const RingLikelihood::Change change = likelihood_.move_to(next.point);
    ++evaluations_;
    // Below an infinite value anything goes: how deep it is need not be known yet.
    const double here = best.nll < infinity         ? likelihood_.nll()
                        : likelihood_.is_possible() ? 0
                                                    : infinity;
    if (!(here + change.gain < best.nll - least_gain)) return false;
    if (change.gain < -least_gain) {
      likelihood_.change_efficiency(next.point, std::clamp(change.shift, -0.5, 0.5));
      ++evaluations_;
    }
    next.nll = likelihood_.nll();
    if (!(next.nll < best.nll - least_gain)) return false;
    best = next;
    return true;
  }

  /// Search for the best place of the muon along the radius, around it and along the two rims of
  /// the hole, with shrinking steps: kinks lie along the rims.
  void settle(Minimum& best, double step, double smallest) {
    const double hole = likelihood_.hole_radius();
    constexpr int most_rounds = 25;
    for (int round = 0; round < most_rounds && step > smallest; ++round) {
      const double x = best.point[impact_x], y = best.point[impact_y];
      const double impact = std::hypot(x, y);
      const double rx = impact > 0 ? x / impact : 1, ry = impact > 0 ? y / impact : 0;
      const double sine = std::min(hole / std::max(impact, hole), 1.0),
                   cosine = std::sqrt(1 - sine * sine);
      const double directions[4][2] = {{-ry, rx},
                                       {rx, ry},
                                       {rx * cosine - ry * sine, ry * cosine + rx * sine},
                                       {rx * cosine + ry * sine, ry * cosine - rx * sine}};
      bool moved = false;
      for (const auto& d : directions) {
        for (const double sign : {-1.0, 1.0}) {
          double length = sign * step;
          bool went = false;
          while (attempt(best, best.point[impact_x] + length * d[0],
                         best.point[impact_y] + length * d[1])) {
            went = true;
            length *= 1.5;
          }
          moved |= went;
          if (went) break;
        }
      }
      if (!moved) step *= 0.4;
    }
  }

  /// Move the muon along the radius to the best place within `range`, m.
  void scan_radius(Minimum& best, double range) {
    constexpr double step = 0.05;
    const RingPoint start = best.point;
    const double impact = std::hypot(start[impact_x], start[impact_y]);
    const int n = std::clamp(static_cast<int>(range / step), 4, 12);
    for (int k = -n; k <= n; ++k) {
      const double factor = (impact + k * step) / std::max(impact, 1e-6);
      if (k != 0 && factor > 0) attempt(best, start[impact_x] * factor, start[impact_y] * factor);
    }
  }

  /// Look everywhere near the hole, where minima crowd, and settle from the deepest places.
  void scan_middle(Minimum& best) {
    constexpr std::array radii{0.1, 0.3, 0.5, 0.8, 1.1, 1.5, 1.9, 2.3};  // m
    constexpr int directions = 18;
    constexpr double deep = 2.0, apart = 0.3;
    std::array<Minimum, 3> basins;
    for (const double impact : radii) {
      for (int k = 0; k < directions; ++k) {
        const double phi = 2 * pi * k / directions;
        Minimum here{best.point, infinity};
        attempt(here, impact * std::cos(phi), impact * std::sin(phi));
        for (Minimum& basin : basins) {
          if (here.nll < basin.nll) std::swap(here, basin);
          if (std::hypot(here.point[impact_x] - basin.point[impact_x],
                         here.point[impact_y] - basin.point[impact_y]) < apart)
            break;  // of two neighbours the deeper stays
        }
      }
    }
    const double deepest = std::min(best.nll, basins[0].nll);
    for (Minimum& basin : basins) {
      if (!(basin.nll < deepest + deep)) break;
      settle(basin, first_step, 0.003);
      scan_around(basin, 2 * likelihood_.node_step());
      if (basin.nll < best.nll) best = basin;
    }
  }

  /// Move the muon around the mirror's middle within `range` and settle from the deepest places.
  /// The likelihood is smooth except where a rim of the hole crosses a node of the chord table:
  /// these angles, which may hold narrow minima, and the middles between them are tried.
  void scan_around(Minimum& best, double range) {
    const double hole = likelihood_.hole_radius();
    constexpr std::size_t most_basins = 3;
    constexpr double deep = 0.1;  // what lies higher than this above the best cannot settle below
    const RingPoint start = best.point;
    const double impact = std::hypot(start[impact_x], start[impact_y]);
    const double phi = std::atan2(start[impact_y], start[impact_x]);
    angles_.clear();
    const double step = likelihood_.node_step();
    if (impact > hole) {
      const double rim = std::asin(hole / impact);
      for (const double edge : {-rim, rim, pi - rim, pi + rim}) {
        // Nodes lie at whole steps from -pi.
        const double offset = std::remainder(edge + pi - phi, step);
        for (double angle = offset - std::floor((range + offset) / step) * step; angle <= range;
             angle += step)
          angles_.push_back(phi + angle);
      }
    } else {
      for (double angle = -range; angle <= range; angle += step) angles_.push_back(phi + angle);
    }
    std::sort(angles_.begin(), angles_.end());
    const std::size_t kinks = angles_.size();
    for (std::size_t k = 1; k < kinks; ++k)
      if (angles_[k] - angles_[k - 1] > 0.1 * step)
        angles_.push_back(0.5 * (angles_[k] + angles_[k - 1]));
    std::sort(angles_.begin(), angles_.end());
    Minimum before{start, infinity}, here{start, infinity};
    std::array<Minimum, most_basins> basins;
    for (std::size_t k = 0; k <= angles_.size(); ++k) {
      Minimum next{start, infinity};
      if (k < angles_.size())
        attempt(next, impact * std::cos(angles_[k]), impact * std::sin(angles_[k]));
      if (here.nll < before.nll && here.nll <= next.nll) {
        Minimum candidate = here;
        for (Minimum& basin : basins)
          if (candidate.nll < basin.nll) std::swap(candidate, basin);
      }
      before = here;
      here = next;
    }
    const double deepest = std::min(best.nll, basins[0].nll);
    for (Minimum& basin : basins) {
      if (!(basin.nll < deepest + deep)) break;
      settle(basin, first_step, 0.003);
      if (basin.nll < best.nll) best = basin;
    }
  }

  /// Uncertainty of the muon's place along the radius and around the middle, the other parameters
  /// fixed, as the last descent saw it, m.
  struct Spread {
    double radial = 0.1, tangential = 0.1;
  };
  [[nodiscard]] const Spread& spread() const { return spread_; }

  [[nodiscard]] int evaluations() const { return evaluations_; }

 private:
  static constexpr double first_step = 0.03;  ///< of settle(), m

  RingLikelihood& likelihood_;
  Spread spread_;
  int evaluations_ = 0;
  std::vector<double> angles_;
};

}  // namespace

IntensityFit fit_intensity(std::span<const float> image, std::span<const std::uint8_t> mask,
                           const Circle& ring, const RingCamera& camera,
                           LikelihoodScratch& scratch) {
  RingLikelihood likelihood(image, mask, ring, camera, scratch);
  Search search(likelihood);
  Minimum best = search.first_guess(camera);
  if (!std::isfinite(best.nll)) return {};
  search.descend(best, Motion::free, 10);
  const double impact = std::hypot(best.point[impact_x], best.point[impact_y]);
  const double step = likelihood.node_step();
  const double sigma_phi = search.spread().tangential / std::max(impact, 0.1);
  search.scan_around(best, std::clamp(3 * sigma_phi, 2 * step, pi));
  search.scan_radius(best, 2 * search.spread().radial);
  constexpr double near = 2.5;  // m
  if (impact < near) search.scan_middle(best);
  search.scan_around(best, step);
  search.descend(best, Motion::radial, 4);
  search.descend(best, Motion::none, 3);
  search.settle(best, 0.003, 0.0001);
  search.descend(best, Motion::none, 4);

  IntensityFit fit;
  fit.evaluations = search.evaluations();
  fit.light = light_of(best.point);
  fit.nll = best.nll;
  return fit;
}

double negative_log_likelihood(std::span<const float> image, std::span<const std::uint8_t> mask,
                               const Circle& ring, const RingLight& light, const RingCamera& camera,
                               LikelihoodScratch& scratch) {
  RingLikelihood likelihood(image, mask, ring, camera, scratch);
  (void)likelihood.move_to(point_of(light));
  return likelihood.nll();
}

}  // namespace alisio::muon
