#include "calib/drs4/correct_readout.hpp"

#include <immintrin.h>

#include <type_traits>

namespace alisio::calib::drs4 {
namespace {

using readout::n_samples;
using Threshold = std::span<const float, n_samples>;

void remove_spikes(const Readout& r) {
  if (r.spike_height != nullptr) {
    subtract_spikes(r.samples, r.spikes, r.spike_height);
  } else {
    interpolate_spikes(r.samples, r.spikes);
  }
}

bool is_scaled(ReadoutScale scale) {
  return scale.scale != 1.F || scale.offset != 0.F;
}

/// @param samples stored values, or ADC counts
template <typename Sample>
[[gnu::always_inline]] inline void subtract_narrow_baseline(const Sample* samples, const Readout& r,
                                                            float* out) {
  const std::uint8_t* const narrow = r.narrow_baseline;
  const std::int32_t base = r.narrow_base;
  for (std::size_t s = 0; s < n_samples; ++s) {
    // Whole numbers of 16 bits, so that float holds them and their difference.
    const std::int32_t baseline = base + narrow[s];
    if constexpr (std::is_same_v<Sample, float>)
      out[s] = samples[s] - float(baseline);
    else
      out[s] = float(std::int32_t{samples[s]} - baseline);
  }
}

bool is_above_threshold(const float* samples, Threshold threshold) {
  int above = 0;
  for (std::size_t s = 0; s < n_samples; ++s) above |= samples[s] > threshold[s] ? 1 : 0;
  return above != 0;
}

// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

/// From the raw values to the comparison with the threshold samples stay in registers. In memory
/// each step would wait until the one before has stored what is loaded at another width.
template <bool narrow, bool scaled, bool with_lapse>
[[gnu::target("avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline CorrectedSet
correct_one_avx512(const Readout& r, ReadoutScale stored, const float* threshold) {
  constexpr std::size_t width = 8;
  static_assert(n_samples % width == 0);
  unsigned differs = 0, above = 0;
#pragma GCC unroll 5
  for (std::size_t s = 0; s < n_samples; s += width) {
    const __m256i raw =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(r.raw + s)));
    __m256i baseline;
    if constexpr (narrow)
      baseline = _mm256_add_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64(
                                      reinterpret_cast<const __m128i*>(r.narrow_baseline + s))),
                                  _mm256_set1_epi32(r.narrow_base));
    else
      baseline =
          _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(r.baseline + s)));
    __m256 value;
    __m512d wide;
    if constexpr (scaled) {
      const __m256 adc =
          _mm256_sub_ps(_mm256_div_ps(_mm256_cvtepi32_ps(raw), _mm256_set1_ps(stored.scale)),
                        _mm256_set1_ps(stored.offset));
      value = _mm256_sub_ps(adc, _mm256_cvtepi32_ps(baseline));
      if constexpr (with_lapse) wide = _mm512_cvtps_pd(value);
    } else {
      const __m256i difference = _mm256_sub_epi32(raw, baseline);
      if constexpr (with_lapse)
        wide = _mm512_cvtepi32_pd(difference);
      else
        value = _mm256_cvtepi32_ps(difference);
    }
    if constexpr (with_lapse) {
      value = _mm512_cvtpd_ps(_mm512_sub_pd(wide, _mm512_loadu_pd(r.lapse.high + s)));
      const __m256 most = _mm512_cvtpd_ps(_mm512_sub_pd(wide, _mm512_loadu_pd(r.lapse.low + s)));
      differs |= unsigned{_mm256_cmp_ps_mask(value, most, _CMP_LT_OQ)};
    }
    above |= unsigned{_mm256_cmp_ps_mask(value, _mm256_loadu_ps(threshold + s), _CMP_GT_OQ)};
    _mm256_storeu_ps(r.samples + s, value);
  }
  return {above != 0 ? 1U : 0U, differs != 0 ? 1U : 0U};
}

template <bool scaled>
[[gnu::target("avx512bw,avx512dq,avx512vl")]] CorrectedSet correct_all_avx512(
    std::span<const Readout> readouts, ReadoutScale scale, Threshold threshold) {
  CorrectedSet set;
  for (std::size_t i = 0; i < readouts.size(); ++i) {
    const Readout& r = readouts[i];
    const float* const above = threshold.data();
    CorrectedSet one =
        r.narrow_baseline != nullptr
            ? (r.lapse.low != nullptr ? correct_one_avx512<true, scaled, true>(r, scale, above)
                                      : correct_one_avx512<true, scaled, false>(r, scale, above))
            : (r.lapse.low != nullptr ? correct_one_avx512<false, scaled, true>(r, scale, above)
                                      : correct_one_avx512<false, scaled, false>(r, scale, above));
    // One readout in fifty has spikes.
    if (r.spikes.n > 0 && one.needs_exact_lapse == 0) [[unlikely]] {
      remove_spikes(r);
      one.above_threshold = is_above_threshold(r.samples, threshold) ? 1 : 0;
    }
    set.above_threshold |= (one.above_threshold & ~one.needs_exact_lapse) << i;
    set.needs_exact_lapse |= one.needs_exact_lapse << i;
  }
  return set;
}

#pragma GCC diagnostic pop

CorrectedSet correct_readouts_avx512(std::span<const Readout> readouts, ReadoutScale scale,
                                     Threshold threshold) {
  return is_scaled(scale) ? correct_all_avx512<true>(readouts, scale, threshold)
                          : correct_all_avx512<false>(readouts, scale, threshold);
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v3", "default")]] CorrectedSet correct_readouts_scalar(
    std::span<const Readout> readouts, ReadoutScale scale, Threshold gain_threshold) {
  CorrectedSet set;
  for (std::size_t i = 0; i < readouts.size(); ++i) {
    const Readout& r = readouts[i];
    float* __restrict const samples = r.samples;
    if (is_scaled(scale)) {
      for (std::size_t s = 0; s < n_samples; ++s)
        samples[s] = float(r.raw[s]) / scale.scale - scale.offset;
      if (r.narrow_baseline != nullptr)
        subtract_narrow_baseline(samples, r, samples);
      else
        subtract_baseline(samples, r.baseline, samples);
    } else if (r.narrow_baseline != nullptr) {
      subtract_narrow_baseline(r.raw, r, samples);
    } else {
      subtract_baseline(r.raw, r.baseline, samples);
    }
    if (r.lapse.low != nullptr && !subtract_lapse(samples, r.lapse)) {
      set.needs_exact_lapse |= 1U << i;
      continue;
    }
    remove_spikes(r);
    if (is_above_threshold(samples, gain_threshold)) set.above_threshold |= 1U << i;
  }
  return set;
}

CorrectedSet correct_readouts(std::span<const Readout> readouts, ReadoutScale scale,
                              Threshold gain_threshold) {
  static const auto best = __builtin_cpu_supports("avx512bw") &&
                                   __builtin_cpu_supports("avx512dq") &&
                                   __builtin_cpu_supports("avx512vl")
                               ? correct_readouts_avx512
                               : correct_readouts_scalar;
  return best(readouts, scale, gain_threshold);
}

}  // namespace alisio::calib::drs4
