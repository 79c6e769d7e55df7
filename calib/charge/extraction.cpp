#include "calib/charge/extraction.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "calib/drs4/readout.hpp"
#include "calib/gain/gain.hpp"

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

Pulse mean_time(double charge, double weight, double moment, std::size_t peak,
                double sampling_rate) {
  const auto time = static_cast<float>(weight > 0 ? moment / weight : double(peak));
  return {static_cast<float>(charge), static_cast<float>(double(time) / sampling_rate)};
}

[[gnu::target_clones("arch=x86-64-v3", "default")]] void convert(float* samples, std::size_t n,
                                                                 double pedestal_per_sample,
                                                                 double dc_to_pe) {
  convert_to_pe(samples, n, pedestal_per_sample, dc_to_pe);
}

// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

/// For waveforms of readout::n_kept_samples and windows of up to `width` samples. They stay in
/// registers from the conversion to the window, and a window that is cut at an end costs no
/// branch: the place of noise's peak cannot be guessed.
[[gnu::target("avx512bw,avx512dq,avx512vl")]] Pulse convert_and_extract_avx512(
    float* samples, double pedestal_per_sample, double dc_to_pe, Window window,
    double sampling_rate) {
  constexpr int n = int(readout::n_kept_samples), n_vectors = 5, last = n - int(width);
  // The last vector overlaps the one before.
  constexpr int begin_of[n_vectors] = {0, 8, 16, 24, last};
  const __m512d pedestal = _mm512_set1_pd(pedestal_per_sample), factor = _mm512_set1_pd(dc_to_pe);
  __m256 v[n_vectors];
  for (int k = 0; k < n_vectors; ++k) {
    const __m256 adc = _mm256_loadu_ps(samples + begin_of[k]);
    const __m256 signal = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_cvtps_pd(adc), pedestal));
    v[k] = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_cvtps_pd(signal), factor));
  }
  for (int k = 0; k < n_vectors; ++k) _mm256_storeu_ps(samples + begin_of[k], v[k]);

  __m256 largest =
      _mm256_max_ps(_mm256_max_ps(_mm256_max_ps(v[0], v[1]), _mm256_max_ps(v[2], v[3])), v[4]);
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  half = _mm_max_ss(half, _mm_movehdup_ps(half));
  largest = _mm256_broadcastss_ps(half);
  std::uint64_t equal = 0;
  for (int k = 0; k < n_vectors; ++k)
    equal |= std::uint64_t{_mm256_cmp_ps_mask(v[k], largest, _CMP_EQ_OQ)} << begin_of[k];
  const int peak = std::countr_zero(equal);

  const int begin = peak - window.shift;
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i sample = _mm256_add_epi32(_mm256_set1_epi32(begin), lane);
  // As unsigned numbers, those before the first sample are large.
  const __mmask8 inside = _mm256_cmplt_epu32_mask(sample, _mm256_set1_epi32(n)) &
                          _mm256_cmplt_epi32_mask(lane, _mm256_set1_epi32(window.width));
  const __m512 first_16 = _mm512_insertf32x8(_mm512_castps256_ps512(v[0]), v[1], 1);
  const __m512 second_16 = _mm512_insertf32x8(_mm512_castps256_ps512(v[2]), v[3], 1);
  const __m256 in_first_32 = _mm512_castps512_ps256(
      _mm512_permutex2var_ps(first_16, _mm512_castsi256_si512(sample), second_16));
  const __m256 in_last_8 =
      _mm256_permutevar8x32_ps(v[4], _mm256_sub_epi32(sample, _mm256_set1_epi32(last)));
  const __mmask8 is_late = _mm256_cmpge_epi32_mask(sample, _mm256_set1_epi32(last));
  const __m512d value =
      _mm512_maskz_cvtps_pd(inside, _mm256_mask_blend_ps(is_late, in_first_32, in_last_8));
  const __m512d positive = _mm512_max_pd(value, _mm512_setzero_pd());

  // The order of the sums decides their last bits.
  alignas(64) double values[width], weights[width], moments[width];
  _mm512_store_pd(values, value);
  _mm512_store_pd(weights, positive);
  _mm512_store_pd(moments, _mm512_mul_pd(positive, _mm512_cvtepi32_pd(sample)));
  double charge = 0, weight = 0, moment = 0;
  for (std::size_t i = 0; i < width; ++i) {
    charge += values[i];
    weight += weights[i];
    moment += moments[i];
  }
  return mean_time(charge, weight, moment, std::size_t(peak), sampling_rate);
}

#pragma GCC diagnostic pop

const bool has_avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");

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
  return mean_time(charge, weight, moment, peak, sampling_rate);
}

float sum_charge(const float* samples, std::size_t n, std::size_t peak, Window window) {
  const int begin = std::max(0, int(peak) - window.shift);
  const int end = std::min(int(n), int(peak) - window.shift + window.width);
  double charge = 0;
  for (int s = begin; s < end; ++s) charge += double(samples[s]);
  return static_cast<float>(charge);
}

Pulse convert_and_extract_scalar(float* samples, std::size_t n, double pedestal_per_sample,
                                 double dc_to_pe, Window window, double sampling_rate) {
  convert(samples, n, pedestal_per_sample, dc_to_pe);
  return sum_window(samples, n, find_peak(samples, n), window, sampling_rate);
}

Pulse convert_and_extract(float* samples, std::size_t n, double pedestal_per_sample,
                          double dc_to_pe, Window window, double sampling_rate) {
  if (has_avx512 && n == readout::n_kept_samples && window.width <= int(width))
    return convert_and_extract_avx512(samples, pedestal_per_sample, dc_to_pe, window,
                                      sampling_rate);
  return convert_and_extract_scalar(samples, n, pedestal_per_sample, dc_to_pe, window,
                                    sampling_rate);
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
