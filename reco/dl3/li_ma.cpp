#include "reco/dl3/li_ma.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace alisio::dl3 {
namespace {

/// Return (1 + x) log(1 + x) - x for x >= -1.
double without_first_order(double x) {
  constexpr double small = 0.01;
  if (std::abs(x) > small) return x > -1 ? (1 + x) * std::log1p(x) - x : 1;
  double sum = 0, power = x;
  for (int k = 2; k <= 9; ++k) {
    power *= k == 2 ? x : -x;
    sum += power / (k * (k - 1));
  }
  return sum;
}

}  // namespace

double li_ma_significance(double n_on, double n_off, double alpha) {
  if (!(alpha > 0) || !std::isfinite(alpha)) return std::numeric_limits<double>::quiet_NaN();
  const double sum = n_on + n_off;
  if (!(sum > 0)) return 0;
  const double expected_on = sum * alpha / (1 + alpha), expected_off = sum / (1 + alpha);
  const double excess = (n_on - alpha * n_off) / (1 + alpha);
  // The first-order terms of the two logarithms cancel; left in, they cost eight digits where the
  // excess is small.
  const double half = expected_on * without_first_order(excess / expected_on) +
                      expected_off * without_first_order(-excess / expected_off);
  const double magnitude = std::sqrt(2 * std::max(0.0, half));
  return excess < 0 ? -magnitude : magnitude;
}

Excess excess_of(std::int64_t n_on, std::int64_t n_off, double alpha) {
  const double on = double(n_on), off = double(n_off);
  return {.n_on = n_on,
          .n_off = n_off,
          .alpha = alpha,
          .background = alpha * off,
          .excess = on - alpha * off,
          .excess_error = std::sqrt(on + alpha * alpha * off),
          .significance = li_ma_significance(on, off, alpha)};
}

}  // namespace alisio::dl3
