#include <algorithm>
#include <array>
#include <bit>
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

/// Sum term(0) … term(n - 1) in four interleaved parts, which the processor adds side by side.
template <class Term>
double in_lanes(std::size_t n, const Term& term) {
  double part[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) part[k] += term(i + k);
  }
  for (; i < n; ++i) part[0] += term(i);
  return (part[0] + part[1]) + (part[2] + part[3]);
}

Sums weighted_sums(std::span<const double> x, std::span<const double> t,
                   std::span<const double> weight) {
  const std::size_t n = x.size();
  return {.n = in_lanes(n, [&](std::size_t i) { return weight[i]; }),
          .x = in_lanes(n, [&](std::size_t i) { return weight[i] * x[i]; }),
          .t = in_lanes(n, [&](std::size_t i) { return weight[i] * t[i]; }),
          .xx = in_lanes(n, [&](std::size_t i) { return weight[i] * (x[i] * x[i]); }),
          .xt = in_lanes(n, [&](std::size_t i) { return weight[i] * (x[i] * t[i]); })};
}

void square_residuals(std::span<const double> position, std::span<const double> time,
                      const TimeFit& fit, std::span<double> residual) {
  for (std::size_t i = 0; i < residual.size(); ++i) {
    const double difference = time[i] - (position[i] * fit.slope + fit.intercept);
    residual[i] = difference * difference;
  }
}

/// Move to the front of `candidates` the values that share the binary exponent of the k-th smallest
/// (from 0) of `values`, all positive or 0; return how many there are and subtract from k the
/// number of smaller ones. One pass over the values leaves a small part of them to be ordered.
std::size_t narrow(std::span<const double> values, std::size_t& k,
                   std::vector<double>& candidates) {
  constexpr int mantissa_bits = 52;
  std::array<std::uint16_t, 2048> count{};
  const auto exponent = [](double value) {
    return std::bit_cast<std::uint64_t>(value) >> mantissa_bits;
  };
  for (const double value : values) ++count[exponent(value)];
  std::size_t wanted = 0;
  for (; k >= count[wanted]; ++wanted) k -= count[wanted];
  std::size_t n = 0;
  for (const double value : values) {
    candidates[n] = value;
    n += exponent(value) == wanted;
  }
  return n;
}

/// Set chosen to 1 for the `n_chosen` smallest residuals and to 0 for the others. Of equal ones
/// those that come first are taken, as by a stable sort; if the residuals are not numbers, because
/// the last line was undefined, the first ones.
void choose_smallest(std::span<const double> residual, std::size_t n_chosen,
                     std::vector<double>& work, std::span<double> chosen) {
  constexpr std::size_t worth_narrowing = 200;
  if (std::isnan(residual[0])) {
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i < n_chosen ? 1 : 0;
    return;
  }
  std::size_t k = n_chosen - 1, n = residual.size();
  if (n >= worth_narrowing) {
    n = narrow(residual, k, work);
  } else {
    std::ranges::copy(residual, work.begin());
  }
  const auto begin = work.begin(), kth = begin + static_cast<std::ptrdiff_t>(k);
  const auto end = begin + static_cast<std::ptrdiff_t>(n);
  std::nth_element(begin, kth, end);
  const double limit = *kth;
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = residual[i] <= limit ? 1 : 0;
  auto surplus = std::count(kth + 1, end, limit);
  for (std::size_t i = chosen.size(); surplus > 0;) {
    if (residual[--i] != limit) continue;
    chosen[i] = 0;
    --surplus;
  }
}

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
  for (auto* values :
       {&charge, &border, &dx, &dy, &longitudinal, &time, &residual, &ordered, &chosen}) {
    values->resize(n_pixels);
  }
  for (auto* values : {&charge_f, &border_f}) values->resize(n_pixels);
  shuffled_.resize(n_pixels);
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
  const std::span<double> residual(scratch.residual.data(), n);
  const std::span<double> chosen(scratch.chosen.data(), n);

  TimeFit best;
  double best_sum = std::numeric_limits<double>::infinity();
  for (const auto& [p, q] : scratch.starts(n)) {
    Sums pair;
    pair.add(position[p], time[p]);
    pair.add(position[q], time[q]);
    TimeFit fit = pair.solve();
    if (std::isnan(fit.slope)) continue;
    square_residuals(position, time, fit, residual);
    double sum = residual[p] + residual[q];
    for (int step = 0; step < kMaxSteps; ++step) {
      choose_smallest(residual, used, scratch.ordered, chosen);
      fit = weighted_sums(position, time, chosen).solve();
      square_residuals(position, time, fit, residual);
      const double last = sum;
      sum = in_lanes(n, [&](std::size_t i) { return chosen[i] * residual[i]; });
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
