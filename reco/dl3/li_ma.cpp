#include "reco/dl3/li_ma.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace alisio::dl3 {

double li_ma_significance(double n_on, double n_off, double alpha) {
  if (!(alpha > 0) || !std::isfinite(alpha)) return std::numeric_limits<double>::quiet_NaN();
  const double sum = n_on + n_off;
  // n log(n / expected) tends to 0 with n.
  const double on = n_on > 0 ? n_on * std::log((1 + alpha) / alpha * (n_on / sum)) : 0;
  const double off = n_off > 0 ? n_off * std::log((1 + alpha) * (n_off / sum)) : 0;
  // The sum of the two is never negative but for rounding.
  const double magnitude = std::sqrt(2 * std::max(0.0, on + off));
  return n_on < alpha * n_off ? -magnitude : magnitude;
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
