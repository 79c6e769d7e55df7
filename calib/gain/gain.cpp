#include "calib/gain/gain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace alisio::calib {

TimeShifts::TimeShifts(const TimeCalibration* drs4, std::span<const double> time_correction,
                       std::size_t n_pixels)
    : n_pixels_(n_pixels), has_drs4_(drs4 != nullptr) {
  const std::size_t channels = n_gains * n_pixels;
  if (!has_drs4_) {
    for (std::size_t c = 0; c < channels; ++c) table_.push_back(0.0 - time_correction[c]);
    return;
  }
  constexpr std::size_t n = n_channel_capacitors;
  std::vector<double> cosine(drs4->n_harmonics * n), sine(drs4->n_harmonics * n);
  for (std::size_t h = 1; h < drs4->n_harmonics; ++h) {
    const double omega = double(h) * (2 * std::numbers::pi / double(n));
    for (std::size_t f = 0; f < n; ++f) {
      cosine[h * n + f] = std::cos(omega * double(f));
      sine[h * n + f] = std::sin(omega * double(f));
    }
  }
  table_.assign(channels * n, 0.0);
  for (std::size_t c = 0; c < channels; ++c) {
    double* const row = &table_[c * n];
    for (std::size_t h = 1; h < drs4->n_harmonics; ++h) {
      const double a = drs4->fan[c * drs4->n_harmonics + h];
      const double b = drs4->fbn[c * drs4->n_harmonics + h];
      const double* const cos_row = &cosine[h * n];
      const double* const sin_row = &sine[h * n];
      for (std::size_t f = 0; f < n; ++f) {
        row[f] += a * cos_row[f];
        row[f] += b * sin_row[f];
      }
    }
    for (std::size_t f = 0; f < n; ++f) row[f] -= time_correction[c];
  }
}

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

}  // namespace alisio::calib
