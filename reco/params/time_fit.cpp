#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "reco/params/image_parameters.hpp"

namespace alisio::params {
namespace {

constexpr double kUsedFraction = 0.85;
constexpr int kMaxSteps = 20;
constexpr double kConverged = 1e-12;  ///< change of the sum of squares, ns^2
constexpr double kSingular = 2 * std::numeric_limits<double>::epsilon();

/// Sums of the normal equations of a straight line.
struct Sums {
  double n = 0, x = 0, t = 0, xx = 0, xt = 0;

  void add(double position, double time) {
    n += 1;
    x += position;
    t += time;
    xx += position * position;
    xt += position * time;
  }
  [[nodiscard]] TimeFit solve() const {
    const double determinant = xx * n - x * x;
    if (!(determinant >= kSingular)) return {};
    return {(n * xt - x * t) / determinant, (xx * t - x * xt) / determinant};
  }
};

/// A uniform number below `bound`: outputs of the generator cut to the bits needed, those not below
/// the bound thrown away. Nothing is drawn for a bound of 1.
std::uint32_t below(std::mt19937& generator, std::uint32_t bound) {
  std::uint32_t mask = bound - 1;
  for (const int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
  if (mask == 0) return 0;
  for (;;) {
    const auto value = static_cast<std::uint32_t>(generator()) & mask;
    if (value < bound) return value;
  }
}

}  // namespace

void ParameterScratch::reserve(std::size_t n_pixels) {
  for (auto* values : {&charge, &dx, &dy, &longitudinal, &time, &residual, &ordered}) {
    values->resize(n_pixels);
  }
  for (auto* values : {&charge_f, &border_f}) values->resize(n_pixels);
  for (auto* indices : {&chosen, &shuffled_}) indices->resize(n_pixels);
  starts_.resize(n_pixels + 1);
  known_.assign(n_pixels + 1, 0);
}

const ParameterScratch::Starts& ParameterScratch::starts(std::size_t n_points) {
  auto& starts = starts_[n_points];
  if (known_[n_points]) return starts;
  std::mt19937 generator(0);
  for (auto& start : starts) {
    for (std::size_t i = 0; i < n_points; ++i) shuffled_[i] = static_cast<std::uint16_t>(i);
    for (std::size_t i = n_points - 1; i > 0; --i) {
      std::swap(shuffled_[i], shuffled_[below(generator, static_cast<std::uint32_t>(i + 1))]);
    }
    start = {shuffled_[0], shuffled_[1]};
  }
  known_[n_points] = 1;
  return starts;
}

TimeFit fit_time(std::span<const double> position, std::span<const double> time,
                 ParameterScratch& scratch) {
  const std::size_t n = position.size();
  const bool finite = std::ranges::all_of(time, [](double t) { return std::isfinite(t); });
  if (n < 2 || !finite) return {};
  const auto used = static_cast<std::size_t>(kUsedFraction * static_cast<double>(n));
  double* const residual = scratch.residual.data();
  double* const ordered = scratch.ordered.data();

  TimeFit best;
  double best_sum = std::numeric_limits<double>::infinity();
  for (const auto& [p, q] : scratch.starts(n)) {
    Sums pair;
    pair.add(position[p], time[p]);
    pair.add(position[q], time[q]);
    TimeFit fit = pair.solve();
    if (std::isnan(fit.slope)) continue;
    const auto square = [&](std::size_t i) {
      const double difference = time[i] - (position[i] * fit.slope + fit.intercept);
      return difference * difference;
    };
    double sum = square(p) + square(q);
    for (int step = 0; step < kMaxSteps; ++step) {
      for (std::size_t i = 0; i < n; ++i) residual[i] = square(i);
      // Points up to the k-th smallest residual; of equal ones those that come first, which is what
      // a stable sort would take. If the last line was undefined so are all residuals, and the
      // first k points are taken.
      double limit = std::numeric_limits<double>::infinity();
      std::size_t ties = used;
      if (!std::isnan(fit.slope)) {
        std::copy_n(residual, n, ordered);
        std::nth_element(ordered, ordered + (used - 1), ordered + n);
        limit = ordered[used - 1];
        ties = used - static_cast<std::size_t>(std::count_if(ordered, ordered + used,
                                                             [&](double r) { return r < limit; }));
      }
      Sums sums;
      std::size_t n_chosen = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const bool inside = residual[i] < limit;
        if (!inside) {
          if (ties == 0 || residual[i] > limit) continue;
          --ties;
        }
        sums.add(position[i], time[i]);
        scratch.chosen[n_chosen++] = static_cast<std::uint16_t>(i);
      }
      fit = sums.solve();
      const double last = sum;
      sum = 0;
      for (std::size_t k = 0; k < n_chosen; ++k) sum += square(scratch.chosen[k]);
      if (std::abs(last - sum) < kConverged) break;
    }
    if (sum < best_sum) {
      best_sum = sum;
      best = fit;
    }
  }
  return best;
}

}  // namespace alisio::params
