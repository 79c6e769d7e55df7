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

constexpr int n_kept = int(readout::n_kept_samples), n_vectors = 5,
              last_begin = n_kept - int(width);
/// Where the vectors of a waveform begin: the last one overlaps the one before.
constexpr int begin_of[n_vectors] = {0, 8, 16, 24, last_begin};

/// Convert a waveform to p.e. in registers, and return the samples of the window around its peak, 0
/// outside of the waveform or the window. A window that is cut at an end costs no branch: the place
/// of noise's peak cannot be guessed.
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m512d convert_and_cut(
    const Channel& channel, Window window, int& peak) {
  const __m512d pedestal = _mm512_set1_pd(channel.pedestal_per_sample);
  const __m512d factor = _mm512_set1_pd(channel.dc_to_pe);
  __m256 v[n_vectors];
  for (int k = 0; k < n_vectors; ++k) {
    const __m256 adc = _mm256_loadu_ps(channel.samples + begin_of[k]);
    const __m256 signal = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_cvtps_pd(adc), pedestal));
    v[k] = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_cvtps_pd(signal), factor));
  }
  for (int k = 0; k < n_vectors; ++k) _mm256_storeu_ps(channel.samples + begin_of[k], v[k]);

  __m256 largest =
      _mm256_max_ps(_mm256_max_ps(_mm256_max_ps(v[0], v[1]), _mm256_max_ps(v[2], v[3])), v[4]);
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  half = _mm_max_ss(half, _mm_movehdup_ps(half));
  largest = _mm256_broadcastss_ps(half);
  std::uint64_t equal = 0;
  for (int k = 0; k < n_vectors; ++k)
    equal |= std::uint64_t{_mm256_cmp_ps_mask(v[k], largest, _CMP_EQ_OQ)} << begin_of[k];
  peak = std::countr_zero(equal);

  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i sample = _mm256_add_epi32(_mm256_set1_epi32(peak - window.shift), lane);
  // As unsigned numbers, those before the first sample are large.
  const __mmask8 inside = _mm256_cmplt_epu32_mask(sample, _mm256_set1_epi32(n_kept)) &
                          _mm256_cmplt_epi32_mask(lane, _mm256_set1_epi32(window.width));
  const __m512 first_16 = _mm512_insertf32x8(_mm512_castps256_ps512(v[0]), v[1], 1);
  const __m512 second_16 = _mm512_insertf32x8(_mm512_castps256_ps512(v[2]), v[3], 1);
  const __m256 in_first_32 = _mm512_castps512_ps256(
      _mm512_permutex2var_ps(first_16, _mm512_castsi256_si512(sample), second_16));
  const __m256 in_last_8 =
      _mm256_permutevar8x32_ps(v[4], _mm256_sub_epi32(sample, _mm256_set1_epi32(last_begin)));
  const __mmask8 is_late = _mm256_cmpge_epi32_mask(sample, _mm256_set1_epi32(last_begin));
  return _mm512_maskz_cvtps_pd(inside, _mm256_mask_blend_ps(is_late, in_first_32, in_last_8));
}

/// Exchange rows and columns of 8 x 8 numbers.
[[gnu::target("avx512dq"), gnu::always_inline]] inline void transpose(__m512d (&m)[width]) {
  __m512d a[width], b[width];
  for (std::size_t i = 0; i < width; i += 2) {
    a[i] = _mm512_unpacklo_pd(m[i], m[i + 1]);
    a[i + 1] = _mm512_unpackhi_pd(m[i], m[i + 1]);
  }
  // Pairs of lanes: first the even ones of two rows, then the odd ones.
  for (std::size_t i = 0; i < width; i += 4)
    for (std::size_t k = 0; k < 2; ++k) {
      b[i + k] = _mm512_shuffle_f64x2(a[i + k], a[i + k + 2], 0x88);
      b[i + k + 2] = _mm512_shuffle_f64x2(a[i + k], a[i + k + 2], 0xdd);
    }
  for (std::size_t k = 0; k < 4; ++k) {
    m[k] = _mm512_shuffle_f64x2(b[k], b[k + 4], 0x88);
    m[k + 4] = _mm512_shuffle_f64x2(b[k], b[k + 4], 0xdd);
  }
}

/// For waveforms of readout::n_kept_samples and windows of up to `width` samples. The order of a
/// sum's terms decides its last bits, so a sum waits for itself: eight channels are summed side by
/// side.
/// @pre at most `width` channels
[[gnu::target("avx512bw,avx512dq,avx512vl")]] void convert_and_extract_avx512(
    std::span<const Channel> channels, Window window, double sampling_rate, Pulse* out) {
  __m512d value[width];
  alignas(32) int peak[width] = {};
  for (std::size_t c = 0; c < width; ++c)
    value[c] =
        c < channels.size() ? convert_and_cut(channels[c], window, peak[c]) : _mm512_setzero_pd();
  transpose(value);
  const __m512d zero = _mm512_setzero_pd(), one = _mm512_set1_pd(1);
  const __m512d peaks =
      _mm512_cvtepi32_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(peak)));
  __m512d sample = _mm512_sub_pd(peaks, _mm512_set1_pd(window.shift));
  __m512d charge = zero, weight = zero, moment = zero;
  for (std::size_t i = 0; i < width; ++i) {
    const __m512d positive = _mm512_max_pd(value[i], zero);
    charge = _mm512_add_pd(charge, value[i]);
    weight = _mm512_add_pd(weight, positive);
    moment = _mm512_add_pd(moment, _mm512_mul_pd(positive, sample));
    sample = _mm512_add_pd(sample, one);
  }
  const __mmask8 has_weight = _mm512_cmp_pd_mask(weight, zero, _CMP_GT_OQ);
  const __m256 time = _mm512_cvtpd_ps(_mm512_mask_div_pd(peaks, has_weight, moment, weight));
  const __m256 peak_time =
      _mm512_cvtpd_ps(_mm512_div_pd(_mm512_cvtps_pd(time), _mm512_set1_pd(sampling_rate)));
  alignas(32) float charges[width], times[width];
  _mm256_store_ps(charges, _mm512_cvtpd_ps(charge));
  _mm256_store_ps(times, peak_time);
  for (std::size_t c = 0; c < channels.size(); ++c) out[c] = {charges[c], times[c]};
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

void convert_and_extract_scalar(std::span<const Channel> channels, std::size_t n, Window window,
                                double sampling_rate, std::span<Pulse> out) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    float* const samples = channels[c].samples;
    convert(samples, n, channels[c].pedestal_per_sample, channels[c].dc_to_pe);
    out[c] = sum_window(samples, n, find_peak(samples, n), window, sampling_rate);
  }
}

void convert_and_extract(std::span<const Channel> channels, std::size_t n, Window window,
                         double sampling_rate, std::span<Pulse> out) {
  if (!has_avx512 || n != readout::n_kept_samples || window.width > int(width)) {
    convert_and_extract_scalar(channels, n, window, sampling_rate, out);
    return;
  }
  for (std::size_t c = 0; c < channels.size(); c += width)
    convert_and_extract_avx512(channels.subspan(c, std::min(width, channels.size() - c)), window,
                               sampling_rate, &out[c]);
}

void interpolate_invalid(const instrument::CameraGeometry& geometry,
                         std::span<const std::uint8_t> invalid, std::span<float> values) {
  for (std::size_t p = 0; p < invalid.size(); ++p) {
    if (invalid[p] == 0) continue;
    float sum = 0;
    int n = 0;
    for (const auto neighbour : geometry.neighbours_of(p)) {
      if (invalid[neighbour] != 0) continue;
      sum += values[neighbour];
      ++n;
    }
    values[p] = n > 0 ? static_cast<float>(double(sum) / n) : 0.F;
  }
}

}  // namespace alisio::calib
