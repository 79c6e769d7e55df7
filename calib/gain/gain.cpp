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

}  // namespace alisio::calib
