#include "calib/charge/extraction.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdint>

namespace alisio::calib {
namespace {

constexpr std::size_t width = 8, most_samples = 64;

/// @pre width <= n <= most_samples
[[gnu::target("avx2")]] std::size_t find_peak_avx2(const float* samples, std::size_t n) {
  // The last vector overlaps: the largest value does not mind being seen twice.
  const std::size_t last = n - width;
  __m256 largest = _mm256_loadu_ps(samples + last);
  for (std::size_t s = 0; s < last; s += width)
    largest = _mm256_max_ps(largest, _mm256_loadu_ps(samples + s));
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  half = _mm_max_ss(half, _mm_movehdup_ps(half));
  const __m256 value = _mm256_set1_ps(_mm_cvtss_f32(half));
  // Of all samples before the first is looked for: to leave the loop at it would be a guess.
  std::uint64_t equal = 0;
  for (std::size_t s = 0; s < last; s += width)
    equal |= std::uint64_t(unsigned(_mm256_movemask_ps(
                 _mm256_cmp_ps(_mm256_loadu_ps(samples + s), value, _CMP_EQ_OQ))))
             << s;
  equal |= std::uint64_t(unsigned(_mm256_movemask_ps(
               _mm256_cmp_ps(_mm256_loadu_ps(samples + last), value, _CMP_EQ_OQ))))
           << last;
  return std::size_t(std::countr_zero(equal));
}

const bool has_avx2 = __builtin_cpu_supports("avx2");

}  // namespace

std::size_t find_peak_scalar(const float* samples, std::size_t n) {
  return std::size_t(std::max_element(samples, samples + n) - samples);
}

std::size_t find_peak(const float* samples, std::size_t n) {
  return has_avx2 && n >= width && n <= most_samples ? find_peak_avx2(samples, n)
                                                     : find_peak_scalar(samples, n);
}

Pulse sum_window(const float* samples, std::size_t n, std::size_t peak, Window window,
                 double sampling_rate) {
  const int begin = std::max(0, int(peak) - window.shift);
  const int end = std::min(int(n), int(peak) - window.shift + window.width);
  double charge = 0, weight = 0, moment = 0;
  const auto add = [&](int s) {
    const double value = double(samples[s]);
    charge += value;
    // Adding 0 leaves the sums as they are. The sign of noise is a matter of chance, so that a
    // branch, which the compiler would make of a comparison, costs more than the sums.
    const double positive = _mm_cvtsd_f64(_mm_max_sd(_mm_set_sd(value), _mm_setzero_pd()));
    moment += positive * double(s);
    weight += positive;
  };
  constexpr int usual_width = 8;
  if (end - begin == usual_width) {
    // A fixed number of samples, for the compiler.
    for (int i = 0; i < usual_width; ++i) add(begin + i);
  } else {
    for (int s = begin; s < end; ++s) add(s);
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
