#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "reco/dl2/dl2.hpp"

namespace alisio::dl2 {
namespace {

constexpr double full_turn = 2 * std::numbers::pi;

/// Wrap an angle into [0, 2 pi); values inside are not touched.
double wrap(double angle) {
  if (angle >= 0 && angle < full_turn) return angle;
  double wrapped = angle - std::floor(angle / full_turn) * full_turn;
  if (wrapped >= full_turn) wrapped -= full_turn;
  if (wrapped < 0) wrapped += full_turn;
  return wrapped;
}

/// Fill the NaN values among the first n by linear interpolation over the row number; at the ends
/// by the nearest value. `anchor` is the value of the row before the first, or null.
void interpolate_missing(std::vector<double>& values, std::size_t n, const double* anchor) {
  const auto rows = static_cast<std::ptrdiff_t>(n);
  std::ptrdiff_t left = -1;
  bool has_left = anchor != nullptr;
  double left_value = has_left ? *anchor : 0;
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const auto at = [&values](std::ptrdiff_t row) -> double& {
      return values[static_cast<std::size_t>(row)];
    };
    if (!std::isnan(at(i))) {
      left = i;
      left_value = at(i);
      has_left = true;
      continue;
    }
    std::ptrdiff_t right = i;
    while (right < rows && std::isnan(at(right))) ++right;
    if (right == rows && !has_left) return;
    const double right_value = right < rows ? at(right) : left_value;
    if (!has_left) left_value = right_value;
    const double slope = (right_value - left_value) / static_cast<double>(right - left);
    for (; i < right; ++i) at(i) = slope * static_cast<double>(i - left) + left_value;
    --i;
  }
}

bool any_finite(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Dl1Columns head(const Dl1Columns& rows, std::size_t begin, std::size_t end) {
  std::vector<std::size_t> numbers(end - begin);
  std::iota(numbers.begin(), numbers.end(), begin);
  return rows.select(numbers);
}

}  // namespace

Prepared Preparer::push(const Dl1Columns& rows) {
  for (const double time : rows.dragon_time) {
    waiting_.delta_t.push_back(has_previous_ ? time - previous_time_ : 0);
    previous_time_ = time;
    has_previous_ = true;
  }
  waiting_.dl1.append(rows);
  std::size_t n = waiting_.dl1.size();
  while (n > 0 && !(std::isfinite(waiting_.dl1.alt_tel[n - 1]) &&
                    std::isfinite(waiting_.dl1.az_tel[n - 1]))) {
    --n;
  }
  return settle(n, false);
}

Prepared Preparer::finish() {
  return settle(waiting_.dl1.size(), true);
}

Prepared Preparer::settle(std::size_t n, bool at_end) {
  Prepared result;
  if (n == 0) return result;
  auto& alt = waiting_.dl1.alt_tel;
  auto& az = waiting_.dl1.az_tel;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isnan(alt[i]) || std::isnan(az[i])) ++result.imputed_pointings;
  }
  if (at_end && !has_anchor_ && !(any_finite(alt) && any_finite(az))) {
    // Without any pointing there is nothing to interpolate between: the events are dropped, as by
    // the peers, for want of finite features or directions.
    result.imputed_pointings = 0;
  } else if (result.imputed_pointings > 0) {
    interpolate_missing(alt, n, has_anchor_ ? &anchor_alt_ : nullptr);
    interpolate_missing(az, n, has_anchor_ ? &anchor_az_ : nullptr);
  }
  has_anchor_ = true;
  anchor_alt_ = alt[n - 1];
  anchor_az_ = az[n - 1];

  if (n == waiting_.dl1.size()) {
    result.dl1 = std::exchange(waiting_.dl1, {});
    result.delta_t = std::exchange(waiting_.delta_t, {});
  } else {
    result.dl1 = head(waiting_.dl1, 0, n);
    waiting_.dl1 = head(waiting_.dl1, n, waiting_.dl1.size());
    const auto split = waiting_.delta_t.begin() +
                       static_cast<std::ptrdiff_t>(std::min(n, waiting_.delta_t.size()));
    result.delta_t.assign(waiting_.delta_t.begin(), split);
    waiting_.delta_t.erase(waiting_.delta_t.begin(), split);
  }
  for (double& angle : result.dl1.az_tel) angle = wrap(angle);
  if (result.dl1.sin_az_tel.empty()) {
    for (const double angle : result.dl1.az_tel) result.dl1.sin_az_tel.push_back(std::sin(angle));
  }
  // The peers impute the azimuth but not its sine, and so drop every event without pointing.
  for (std::size_t i = 0; i < result.dl1.size(); ++i) {
    double& sine = result.dl1.sin_az_tel[i];
    if (std::isnan(sine)) sine = std::sin(result.dl1.az_tel[i]);
  }
  return result;
}

Prepared prepare(const Dl1Columns& dl1) {
  const auto is_nan = [](double v) { return std::isnan(v); };
  const bool missing = std::any_of(dl1.alt_tel.begin(), dl1.alt_tel.end(), is_nan) ||
                       std::any_of(dl1.az_tel.begin(), dl1.az_tel.end(), is_nan);
  Preparer preparer;
  if (!missing || std::is_sorted(dl1.event_id.begin(), dl1.event_id.end())) {
    Prepared result = preparer.push(dl1);
    const Prepared rest = preparer.finish();
    result.dl1.append(rest.dl1);
    result.delta_t.insert(result.delta_t.end(), rest.delta_t.begin(), rest.delta_t.end());
    result.imputed_pointings += rest.imputed_pointings;
    return result;
  }
  std::vector<std::size_t> order(dl1.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&dl1](std::size_t a, std::size_t b) {
    return dl1.event_id[a] < dl1.event_id[b];
  });
  Prepared sorted = prepare(dl1.select(order));
  // The time since the previous row is that of the table's own order.
  for (std::size_t i = 0; i < sorted.delta_t.size(); ++i) {
    const std::size_t row = order[i];
    sorted.delta_t[i] = row == 0 ? 0 : dl1.dragon_time[row] - dl1.dragon_time[row - 1];
  }
  return sorted;
}

}  // namespace alisio::dl2
