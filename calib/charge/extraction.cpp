#include "calib/charge/extraction.hpp"

#include <immintrin.h>

#include <algorithm>

namespace alisio::calib {
namespace {

[[gnu::target("avx2")]] std::size_t find_peak_avx2(const float* samples, std::size_t n) {
  if (n < 8) return find_peak_scalar(samples, n);
  __m256 largest = _mm256_loadu_ps(samples);
  for (std::size_t s = 8; s + 8 <= n; s += 8) {
    largest = _mm256_max_ps(largest, _mm256_loadu_ps(samples + s));
  }
  // The last vector overlaps: the largest value does not mind being seen twice.
  largest = _mm256_max_ps(largest, _mm256_loadu_ps(samples + n - 8));
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  half = _mm_max_ss(half, _mm_movehdup_ps(half));
  const __m256 value = _mm256_set1_ps(_mm_cvtss_f32(half));
  for (std::size_t s = 0; s + 8 <= n; s += 8) {
    const int equal =
        _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(samples + s), value, _CMP_EQ_OQ));
    if (equal != 0) return s + std::size_t(__builtin_ctz(unsigned(equal)));
  }
  const int equal =
      _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(samples + n - 8), value, _CMP_EQ_OQ));
  return n - 8 + std::size_t(__builtin_ctz(unsigned(equal)));
}

const bool has_avx2 = __builtin_cpu_supports("avx2");

}  // namespace

std::size_t find_peak_scalar(const float* samples, std::size_t n) {
  return std::size_t(std::max_element(samples, samples + n) - samples);
}

std::size_t find_peak(const float* samples, std::size_t n) {
  return has_avx2 ? find_peak_avx2(samples, n) : find_peak_scalar(samples, n);
}

Pulse sum_window(const float* samples, std::size_t n, std::size_t peak, Window window,
                 double sampling_rate) {
  const int begin = std::max(0, int(peak) - window.shift);
  const int end = std::min(int(n), int(peak) - window.shift + window.width);
  double charge = 0, weight = 0, moment = 0;
  for (int s = begin; s < end; ++s) {
    const double value = double(samples[s]);
    charge += value;
    // Adding 0 instead of branching leaves the sums as they are.
    const double positive = value > 0 ? value : 0.0;
    moment += positive * double(s);
    weight += positive;
  }
  const auto time = static_cast<float>(weight > 0 ? moment / weight : double(peak));
  return {static_cast<float>(charge), static_cast<float>(double(time) / sampling_rate)};
}

void interpolate_invalid(const instrument::CameraGeometry& geometry,
                         std::span<const std::uint8_t> invalid, std::span<float> image,
                         std::span<float> peak_time) {
  for (std::size_t p = 0; p < invalid.size(); ++p) {
    if (invalid[p] == 0) continue;
    float charge = 0, time = 0;
    int n = 0;
    for (const auto neighbour : geometry.neighbours_of(p)) {
      if (invalid[neighbour] != 0) continue;
      charge += image[neighbour];
      time += peak_time[neighbour];
      ++n;
    }
    image[p] = n > 0 ? static_cast<float>(double(charge) / n) : 0.F;
    peak_time[p] = n > 0 ? static_cast<float>(double(time) / n) : 0.F;
  }
}

}  // namespace alisio::calib
