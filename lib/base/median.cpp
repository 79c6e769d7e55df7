#include "lib/base/median.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace alisio {
namespace {

/// Move to the front of `values`, all finite and in [least, most], those between the k-th and the
/// next smallest (from 0) and what lies close to them; return how many there are, and subtract from
/// k the number of smaller ones. Counting in steps leaves few values to be ordered.
std::size_t keep_middle(std::span<double> values, double least, double most, std::size_t& k) {
  constexpr std::size_t n_steps = 1024;
  const double per_unit = double(n_steps - 1) / (most - least);
  const auto step_of = [&](double value) {
    return std::size_t(std::min((value - least) * per_unit, double(n_steps - 1)));
  };
  std::array<std::uint32_t, n_steps> counts{};
  for (const double value : values) ++counts[step_of(value)];
  std::size_t first = 0, before = 0;
  while (before + counts[first] <= k) before += counts[first++];
  std::size_t last = first, through = before + counts[first];
  while (through <= k + 1) through += counts[++last];
  std::size_t kept = 0;
  for (const double value : values) {
    const std::size_t step = step_of(value);
    values[kept] = value;
    kept += std::size_t(step >= first && step <= last);
  }
  k -= before;
  return kept;
}

}  // namespace

double nan_median(std::span<double> values) {
  constexpr std::size_t worth_counting = 64;
  double least = std::numeric_limits<double>::infinity(), most = -least;
  std::size_t n = 0;
  for (const double value : values) {
    values[n] = value;
    n += std::size_t(value == value);
    least = value < least ? value : least;
    most = value > most ? value : most;
  }
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  // Rank of the larger of the two middle values, or of the only one.
  std::size_t rank = n / 2;
  const bool even = n % 2 == 0;
  const double span = most - least;
  if (n >= worth_counting && std::isnormal(span) && std::isfinite(double(n) / span)) {
    std::size_t lower = rank - 1;
    n = keep_middle(values.first(n), least, most, lower);
    rank = lower + 1;
  }
  const auto middle = values.begin() + std::ptrdiff_t(rank);
  std::nth_element(values.begin(), middle, values.begin() + std::ptrdiff_t(n));
  if (!even) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double upper_median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace alisio
