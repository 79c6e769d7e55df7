#include "calib/drs4/correct_readout.hpp"

#include <immintrin.h>

namespace alisio::calib::drs4 {
namespace {

void remove_spikes(const Readout& r, float* samples) {
  if (r.spike_height != nullptr) {
    subtract_spikes(samples, r.spikes, r.spike_height);
  } else {
    interpolate_spikes(samples, r.spikes);
  }
}

bool is_scaled(const Readout& r) {
  return r.scale != 1.F || r.offset != 0.F;
}

bool is_above_threshold(const Readout& r, const float* samples) {
  int above = 0;
  for (std::size_t s = 0; s < readout::n_samples; ++s)
    above |= samples[s] > r.gain_threshold[s] ? 1 : 0;
  return above != 0;
}

// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

/// From the raw values to the comparison with the threshold samples stay in registers. In memory
/// each step would wait until the one before has stored what is loaded at another width.
[[gnu::target("avx512bw,avx512dq,avx512vl")]] Corrected correct_readout_avx512(const Readout& r,
                                                                               Lapse lapse,
                                                                               float* samples) {
  constexpr std::size_t width = 8;
  static_assert(readout::n_samples % width == 0);
  const bool scaled = is_scaled(r);
  const __m256 scale = _mm256_set1_ps(r.scale), offset = _mm256_set1_ps(r.offset);
  const __m512d uncertainty = _mm512_set1_pd(time_lapse_uncertainty);
  unsigned differs = 0, above = 0;
  for (std::size_t s = 0; s < readout::n_samples; s += width) {
    const __m256i raw =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(r.raw + s)));
    const __m256i baseline =
        _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(r.baseline + s)));
    __m256 value;
    if (scaled) {
      const __m256 adc = _mm256_sub_ps(_mm256_div_ps(_mm256_cvtepi32_ps(raw), scale), offset);
      value = _mm256_sub_ps(adc, _mm256_cvtepi32_ps(baseline));
    } else {
      value = _mm256_cvtepi32_ps(_mm256_sub_epi32(raw, baseline));
    }
    if (r.lapse != nullptr) {
      const __m512d exact = _mm512_sub_pd(_mm512_cvtps_pd(value), _mm512_loadu_pd(r.lapse + s));
      if (lapse == Lapse::exact) {
        value = _mm512_cvtpd_ps(exact);
      } else {
        value = _mm512_cvtpd_ps(_mm512_sub_pd(exact, uncertainty));
        const __m256 high = _mm512_cvtpd_ps(_mm512_add_pd(exact, uncertainty));
        differs |= unsigned{_mm256_cmp_ps_mask(value, high, _CMP_NEQ_UQ)};
      }
    }
    above |= unsigned{_mm256_cmp_ps_mask(value, _mm256_loadu_ps(r.gain_threshold + s), _CMP_GT_OQ)};
    _mm256_storeu_ps(samples + s, value);
  }
  if (differs != 0) [[unlikely]]
    return Corrected::needs_exact_lapse;
  bool is_above = above != 0;
  // One readout in fifty has spikes.
  if (r.spikes.n > 0) [[unlikely]] {
    remove_spikes(r, samples);
    is_above = is_above_threshold(r, samples);
  }
  return is_above ? Corrected::above_threshold : Corrected::below_threshold;
}

#pragma GCC diagnostic pop

}  // namespace

[[gnu::target_clones("arch=x86-64-v3", "default")]] Corrected correct_readout_scalar(
    const Readout& r, Lapse lapse, float* __restrict samples) {
  if (is_scaled(r)) {
    for (std::size_t s = 0; s < readout::n_samples; ++s)
      samples[s] = float(r.raw[s]) / r.scale - r.offset;
    subtract_baseline(samples, r.baseline, samples);
  } else {
    subtract_baseline(r.raw, r.baseline, samples);
  }
  if (r.lapse != nullptr) {
    if (lapse == Lapse::exact) {
      subtract_lapse(samples, r.lapse);
    } else if (!subtract_approximate_lapse(samples, r.lapse)) {
      return Corrected::needs_exact_lapse;
    }
  }
  remove_spikes(r, samples);
  return is_above_threshold(r, samples) ? Corrected::above_threshold : Corrected::below_threshold;
}

Corrected correct_readout(const Readout& r, Lapse lapse, float* samples) {
  static const auto best = __builtin_cpu_supports("avx512bw") &&
                                   __builtin_cpu_supports("avx512dq") &&
                                   __builtin_cpu_supports("avx512vl")
                               ? correct_readout_avx512
                               : correct_readout_scalar;
  return best(r, lapse, samples);
}

}  // namespace alisio::calib::drs4
