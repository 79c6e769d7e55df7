#include "calib/charge/extraction.hpp"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "calib/drs4/readout.hpp"
#include "calib/gain/gain.hpp"

namespace alisio::calib {
namespace {

constexpr std::size_t width = 8;

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

/// Convert eight samples: in double, each of the two steps rounded to float.
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m256 eight_to_pe(
    __m256 adc, __m512d pedestal, __m512d factor) {
  const __m256 signal = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_cvtps_pd(adc), pedestal));
  return _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_cvtps_pd(signal), factor));
}

/// For waveforms of readout::n_kept_samples.
[[gnu::target("avx512bw,avx512dq,avx512vl")]] void to_pe_avx512(const Channel& channel,
                                                                float* out) {
  const __m512d pedestal = _mm512_set1_pd(channel.pedestal_per_sample);
  const __m512d factor = _mm512_set1_pd(channel.dc_to_pe);
  __m256 pe[n_vectors];
  for (int k = 0; k < n_vectors; ++k)
    pe[k] = eight_to_pe(_mm256_loadu_ps(channel.samples + begin_of[k]), pedestal, factor);
  // All were read before: where the last two overlap, `out` may be where the samples are.
  for (int k = 0; k < n_vectors; ++k) _mm256_storeu_ps(out + begin_of[k], pe[k]);
}

/// Return the largest sample of each of eight waveforms of readout::n_kept_samples.
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m256 largest_of(
    const std::array<const float*, width>& samples) {
  __m256 largest[width];
  for (std::size_t c = 0; c < width; ++c) {
    const __m512 all =
        _mm512_max_ps(_mm512_max_ps(_mm512_loadu_ps(samples[c]), _mm512_loadu_ps(samples[c] + 16)),
                      _mm512_loadu_ps(samples[c] + n_kept - 16));
    largest[c] = _mm256_max_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  }
  // Halved and put side by side in turns: alone each would take as many steps as all do.
  for (std::size_t c = 0; c < width; c += 2)
    largest[c] = _mm256_max_ps(_mm256_unpacklo_ps(largest[c], largest[c + 1]),
                               _mm256_unpackhi_ps(largest[c], largest[c + 1]));
  for (std::size_t c = 0; c < width; c += 4)
    largest[c] = _mm256_max_ps(_mm256_shuffle_ps(largest[c], largest[c + 2], 0x44),
                               _mm256_shuffle_ps(largest[c], largest[c + 2], 0xee));
  return _mm256_max_ps(_mm256_permute2f128_ps(largest[0], largest[4], 0x20),
                       _mm256_permute2f128_ps(largest[0], largest[4], 0x31));
}

/// Return a bit for each sample of a waveform of readout::n_kept_samples that is not below a limit.
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline std::uint64_t not_below(
    const float* samples, __m512 limit) {
  constexpr int overlapping = n_kept - 16;
  const auto compare = [&](int begin) __attribute__((target("avx512f"), always_inline)) {
    return std::uint64_t{_mm512_cmp_ps_mask(_mm512_loadu_ps(samples + begin), limit, _CMP_GE_OQ)};
  };
  return compare(0) | compare(16) << 16U | compare(overlapping) << unsigned(overlapping);
}

/// Find the first samples that are largest in p.e., of eight waveforms of readout::n_kept_samples,
/// without converting any: conversion keeps their order, and can make equal only such as are equal
/// to some 22 bits.
/// @param pedestal  ADC counts
/// @param factor    p.e. per ADC count
/// @return a bit for each where another sample before the largest is that close: they have to be
/// converted.
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline unsigned find_peaks_in_pe(
    const std::array<const float*, width>& samples, __m512d pedestal, __m512d factor,
    std::array<int, width>& peak) {
  const __m256 largest = largest_of(samples);
  // Eight times what two roundings can be off, and what no product of a usual factor underflows at.
  constexpr float relative = 0x1p-20F, least = 1e-25F;
  const __m256 sign = _mm256_set1_ps(-0.F);
  const __m256 size = _mm256_add_ps(_mm256_andnot_ps(sign, largest),
                                    _mm256_andnot_ps(sign, _mm512_cvtpd_ps(pedestal)));
  const __m256 close = _mm256_sub_ps(
      largest, _mm256_add_ps(_mm256_mul_ps(size, _mm256_set1_ps(relative)), _mm256_set1_ps(least)));
  alignas(32) float limits[width], first_close[width];
  _mm256_store_ps(limits, close);
  for (std::size_t c = 0; c < width; ++c) {
    const std::uint64_t is_close = not_below(samples[c], _mm512_set1_ps(limits[c]));
    peak[c] = std::countr_zero(is_close | std::uint64_t{1} << unsigned(n_kept - 1));
    first_close[c] = samples[c][peak[c]];
  }
  constexpr float most_size = 1e9F;
  constexpr double least_factor = 1e-9, most_factor = 1e9;
  unsigned found = _mm256_cmp_ps_mask(_mm256_load_ps(first_close), largest, _CMP_EQ_OQ);
  found &= unsigned{_mm256_cmp_ps_mask(size, _mm256_set1_ps(most_size), _CMP_LT_OQ)};
  found &= unsigned{_mm512_cmp_pd_mask(factor, _mm512_set1_pd(least_factor), _CMP_GT_OQ)};
  found &= unsigned{_mm512_cmp_pd_mask(factor, _mm512_set1_pd(most_factor), _CMP_LT_OQ)};
  return ~found;
}

/// Exchange rows and columns of 8 x 8 numbers.
[[gnu::target("avx512vl"), gnu::always_inline]] inline void transpose(__m256 (&m)[width]) {
  __m256 a[width], b[width];
  for (std::size_t i = 0; i < width; i += 2) {
    a[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
    a[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
  }
  for (std::size_t i = 0; i < width; i += 4)
    for (std::size_t k = 0; k < 2; ++k) {
      b[i + 2 * k] = _mm256_shuffle_ps(a[i + k], a[i + k + 2], 0x44);
      b[i + 2 * k + 1] = _mm256_shuffle_ps(a[i + k], a[i + k + 2], 0xee);
    }
  for (std::size_t k = 0; k < 4; ++k) {
    m[k] = _mm256_permute2f128_ps(b[k], b[k + 4], 0x20);
    m[k + 4] = _mm256_permute2f128_ps(b[k], b[k + 4], 0x31);
  }
}

/// For waveforms of readout::n_kept_samples and windows of up to `width` samples. The order of a
/// sum's terms decides its last bits, so a sum waits for itself: eight channels are summed side by
/// side.
/// @pre at least one channel, at most `width`
/// @return a bit for each channel that has to be extracted by the scalar twin
[[gnu::target("avx512bw,avx512dq,avx512vl")]] unsigned extract_in_pe_avx512(
    std::span<const Channel> channels, Window window, double sampling_rate, Pulse* out) {
  // Lanes without a channel repeat the last one.
  std::array<const float*, width> samples;
  alignas(64) double pedestals[width], factors[width];
  for (std::size_t c = 0; c < width; ++c) {
    const Channel& channel = channels[std::min(c, channels.size() - 1)];
    samples[c] = channel.samples;
    pedestals[c] = channel.pedestal_per_sample;
    factors[c] = channel.dc_to_pe;
  }
  const __m512d pedestal = _mm512_load_pd(pedestals), factor = _mm512_load_pd(factors);
  alignas(32) std::array<int, width> peak;
  const unsigned undecided = find_peaks_in_pe(samples, pedestal, factor, peak);
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256 adc[width];
  for (std::size_t c = 0; c < width; ++c) {
    const int begin = peak[c] - window.shift;
    // As unsigned numbers, samples before the first one are large.
    const __mmask8 inside = _mm256_cmplt_epu32_mask(
        _mm256_add_epi32(_mm256_set1_epi32(begin), lane), _mm256_set1_epi32(n_kept));
    adc[c] = _mm256_maskz_loadu_ps(inside, samples[c] + begin);
  }
  transpose(adc);
  const __m512d zero = _mm512_setzero_pd(), one = _mm512_set1_pd(1), end = _mm512_set1_pd(n_kept);
  const __m512d peaks =
      _mm512_cvtepi32_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(peak.data())));
  __m512d sample = _mm512_sub_pd(peaks, _mm512_set1_pd(window.shift));
  __m512d charge = zero, weight = zero, moment = zero;
  for (std::size_t i = 0; i < width; ++i) {
    const __mmask8 in_window = int(i) < window.width ? 0xff : 0;
    const __mmask8 inside = _mm512_mask_cmp_pd_mask(
        _mm512_mask_cmp_pd_mask(in_window, sample, zero, _CMP_GE_OQ), sample, end, _CMP_LT_OQ);
    const __m512d value = _mm512_maskz_cvtps_pd(inside, eight_to_pe(adc[i], pedestal, factor));
    const __m512d positive = _mm512_max_pd(value, zero);
    charge = _mm512_add_pd(charge, value);
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
  return undecided & ((1U << channels.size()) - 1);
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

void to_pe_scalar(const Channel& channel, std::size_t n, float* out) {
  if (out != channel.samples) std::copy_n(channel.samples, n, out);
  convert(out, n, channel.pedestal_per_sample, channel.dc_to_pe);
}

void to_pe(const Channel& channel, std::size_t n, float* out) {
  if (has_avx512 && n == readout::n_kept_samples)
    to_pe_avx512(channel, out);
  else
    to_pe_scalar(channel, n, out);
}

void extract_in_pe_scalar(std::span<const Channel> channels, std::size_t n, Window window,
                          double sampling_rate, std::span<Pulse> out) {
  std::array<float, most_samples> samples;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    to_pe_scalar(channels[c], n, samples.data());
    out[c] = sum_window(samples.data(), n, find_peak(samples.data(), n), window, sampling_rate);
  }
}

void extract_in_pe(std::span<const Channel> channels, std::size_t n, Window window,
                   double sampling_rate, std::span<Pulse> out) {
  if (!has_avx512 || n != readout::n_kept_samples || window.width > int(width)) {
    extract_in_pe_scalar(channels, n, window, sampling_rate, out);
    return;
  }
  for (std::size_t c = 0; c < channels.size(); c += width) {
    const auto some = channels.subspan(c, std::min(width, channels.size() - c));
    unsigned undecided = extract_in_pe_avx512(some, window, sampling_rate, &out[c]);
    for (; undecided != 0; undecided &= undecided - 1) {
      const auto k = std::size_t(std::countr_zero(undecided));
      extract_in_pe_scalar(some.subspan(k, 1), n, window, sampling_rate, out.subspan(c + k, 1));
    }
  }
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
