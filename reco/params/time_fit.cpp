#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include "reco/params/image_parameters.hpp"

#define ALISIO_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]

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

/// Sums run over four interleaved parts, which the processor adds side by side; their order is the
/// same whatever the width of its registers.
constexpr std::size_t lanes = 4;
using Four = double __attribute__((vector_size(lanes * sizeof(double))));

[[gnu::always_inline]] inline void load(const double* from, Four& to) {
  std::memcpy(&to, from, sizeof to);
}

[[gnu::always_inline]] inline double sum_of(const Four& part) {
  return (part[0] + part[1]) + (part[2] + part[3]);
}

ALISIO_CLONES Sums weighted_sums(std::size_t n, const double* x, const double* t,
                                 const double* weight) {
  Four of_n{}, of_x{}, of_t{}, of_xx{}, of_xt{};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Four w, at, time;
    load(weight + i, w);
    load(x + i, at);
    load(t + i, time);
    of_n += w;
    of_x += w * at;
    of_t += w * time;
    of_xx += w * (at * at);
    of_xt += w * (at * time);
  }
  for (; i < n; ++i) {
    of_n[0] += weight[i];
    of_x[0] += weight[i] * x[i];
    of_t[0] += weight[i] * t[i];
    of_xx[0] += weight[i] * (x[i] * x[i]);
    of_xt[0] += weight[i] * (x[i] * t[i]);
  }
  return {.n = sum_of(of_n),
          .x = sum_of(of_x),
          .t = sum_of(of_t),
          .xx = sum_of(of_xx),
          .xt = sum_of(of_xt)};
}

ALISIO_CLONES double sum_products(std::size_t n, const double* a, const double* b) {
  Four sum{};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Four left, right;
    load(a + i, left);
    load(b + i, right);
    sum += left * right;
  }
  for (; i < n; ++i) sum[0] += a[i] * b[i];
  return sum_of(sum);
}

ALISIO_CLONES void square_residuals(std::size_t n, const double* __restrict position,
                                    const double* __restrict time, TimeFit fit,
                                    double* __restrict residual) {
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = time[i] - (position[i] * fit.slope + fit.intercept);
    residual[i] = difference * difference;
  }
}

ALISIO_CLONES void mark_up_to(std::size_t n, const double* __restrict values, double limit,
                              double* __restrict mark) {
  for (std::size_t i = 0; i < n; ++i) mark[i] = values[i] <= limit ? 1 : 0;
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
  mark_up_to(chosen.size(), residual.data(), limit, chosen.data());
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
    square_residuals(n, position.data(), time.data(), fit, residual.data());
    double sum = residual[p] + residual[q];
    for (int step = 0; step < kMaxSteps; ++step) {
      choose_smallest(residual, used, scratch.ordered, chosen);
      fit = weighted_sums(n, position.data(), time.data(), chosen.data()).solve();
      square_residuals(n, position.data(), time.data(), fit, residual.data());
      const double last = sum;
      sum = sum_products(n, chosen.data(), residual.data());
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
