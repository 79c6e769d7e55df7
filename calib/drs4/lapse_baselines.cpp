#include "calib/drs4/lapse_baselines.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace alisio::calib::drs4 {
namespace {

using readout::n_samples;

constexpr std::size_t lapses_at_once = 8;

/// @param n a multiple of lapses_at_once
[[gnu::target_clones("arch=x86-64-v3", "default")]] void approximate(const std::uint32_t* ticks,
                                                                     std::size_t n, double* out) {
  for (std::size_t i = 0; i < n; i += lapses_at_once)
    for (std::size_t k = 0; k < lapses_at_once; ++k)
      out[i + k] = approximate_time_lapse_baseline(ticks[i + k]);
}

/// Write each value where its bits are, 0 elsewhere. Of two values for a sample the later counts.
void write_where(const std::uint64_t* samples, const double* values, std::size_t n, double addend,
                 double* out) {
  std::fill_n(out, n_samples, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::uint64_t left = samples[i]; left != 0; left &= left - 1)
      out[std::countr_zero(left)] = values[i] + addend;
}

#if defined(__x86_64__)
// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

#define ALISIO_AVX512_LAMBDA \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), always_inline))

/// Chips whose lapses are computed in step: each alone would wait for itself most of the time.
constexpr std::size_t chips_at_once = 4;

/// What approximate_avx512() looks up. With ticks = 2^e * mantissa, and `inverse` that of the
/// middle of the mantissa's sixteenth of 1 ... 2,
///
///     factor * (ticks / clock_ticks_per_ms)^p = scale(e) * power(sixteenth) * (1 + r)^p
///
/// holds for r = mantissa * inverse - 1, which lies within 1/32 of 0, where nine terms of the
/// series are enough.
struct LapsePowers {
  static constexpr std::size_t sixteenths = 16, terms = 9;
  /// The longest lapse is below 2^24 ticks. Scales are looked up by the bits of the floating-point
  /// exponent, e + 1023: 16 of them, and the 8 largest.
  static constexpr std::size_t small_scales = 16, large_scales = 8;
  static_assert(longest_lapse_ticks < std::uint64_t{1} << (small_scales + large_scales));
  alignas(64) std::array<double, sixteenths> inverse, power;
  alignas(64) std::array<double, small_scales> small_scale;
  alignas(64) std::array<double, large_scales> large_scale;
  std::array<double, terms + 1> series;

  LapsePowers() {
    for (std::size_t i = 0; i < sixteenths; ++i) {
      inverse[i] = 1 / (1 + (double(i) + 0.5) / double(sixteenths));
      power[i] = std::pow(inverse[i], -TimeLapseLaw::power);
    }
    constexpr std::size_t bias = 1023;
    for (std::size_t e = 0; e < small_scales + large_scales; ++e) {
      const double scale =
          TimeLapseLaw::factor *
          std::pow(std::ldexp(1, int(e)) / readout::clock_ticks_per_ms, TimeLapseLaw::power);
      if (e < small_scales)
        small_scale[(e + bias) % small_scales] = scale;
      else
        large_scale[(e + bias) % large_scales] = scale;
    }
    series[0] = 1;
    for (std::size_t k = 1; k <= terms; ++k)
      series[k] = series[k - 1] * (TimeLapseLaw::power - double(k - 1)) / double(k);
  }
};

/// Return the values at the lowest four bits of indices.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m512d look_up(
    const std::array<double, 16>& values, __m512i index) {
  return _mm512_permutex2var_pd(_mm512_load_pd(values.data()), index,
                                _mm512_load_pd(values.data() + 8));
}

/// Return what approximate_time_lapse_baseline() does, by a table and a shorter series.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m512d
approximate_avx512(const LapsePowers& table, __m256i ticks) {
  const __m512i bits = _mm512_castpd_si512(_mm512_cvtepu32_pd(ticks));
  const __m512i exponent = _mm512_srli_epi64(bits, 52), sixteenth = _mm512_srli_epi64(bits, 48);
  const __mmask8 is_large =
      _mm256_cmpge_epu32_mask(ticks, _mm256_set1_epi32(1 << LapsePowers::small_scales));
  const __m512d scale =
      _mm512_mask_permutexvar_pd(look_up(table.small_scale, exponent), is_large, exponent,
                                 _mm512_load_pd(table.large_scale.data()));
  constexpr std::int64_t mantissa_bits = (std::int64_t{1} << 52) - 1;
  const __m512d mantissa =
      _mm512_or_pd(_mm512_castsi512_pd(_mm512_and_si512(bits, _mm512_set1_epi64(mantissa_bits))),
                   _mm512_set1_pd(1));
  const __m512d r = _mm512_fmsub_pd(mantissa, look_up(table.inverse, sixteenth), _mm512_set1_pd(1));
  __m512d sum = _mm512_set1_pd(table.series[LapsePowers::terms]);
#pragma GCC unroll 9
  for (std::size_t k = LapsePowers::terms; k > 0; --k)
    sum = _mm512_fmadd_pd(sum, r, _mm512_set1_pd(table.series[k - 1]));
  return _mm512_fmadd_pd(_mm512_mul_pd(scale, look_up(table.power, sixteenth)), sum,
                         _mm512_set1_pd(TimeLapseLaw::offset));
}

/// Values of up to 16 earlier readouts.
struct Values16 {
  __m512d first, last;
};

/// Return the number of the earlier readout that read each sample last, 15 if none did.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline __m512i
reader_of_samples(const std::uint64_t* samples, std::size_t n) {
  __m512i reader = _mm512_set1_epi8(15), number = _mm512_setzero_si512();
  const auto take = [&](std::size_t begin) ALISIO_AVX512_LAMBDA {
#pragma GCC unroll 8
    for (std::size_t i = begin; i < begin + lapses_at_once; ++i) {
      reader = _mm512_mask_mov_epi8(reader, samples[i], number);
      number = _mm512_add_epi8(number, _mm512_set1_epi8(1));
    }
  };
  take(0);
  if (n > lapses_at_once) take(lapses_at_once);
  return reader;
}

/// Give each sample the bounds of its reader.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline void
give_to_samples(__m512i reader, const Values16& low, const Values16& high, double* low_out,
                double* high_out) {
  alignas(64) std::uint8_t readers[64];
  _mm512_store_si512(readers, reader);
#pragma GCC unroll 5
  for (std::size_t s = 0; s < n_samples; s += lapses_at_once) {
    const __m512i of =
        _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(readers + s)));
    _mm512_storeu_pd(low_out + s, _mm512_permutex2var_pd(low.first, of, low.last));
    _mm512_storeu_pd(high_out + s, _mm512_permutex2var_pd(high.first, of, high.last));
  }
}
#pragma GCC diagnostic pop
#endif

}  // namespace

void LapseBaselines::spread(const double* values, double uncertainty) {
  const auto fill = [&](const auto& samples, Bounds& bounds) {
    write_where(samples.data(), values, n_, -uncertainty, bounds.low.data());
    write_where(samples.data(), values, n_, uncertainty, bounds.high.data());
  };
  fill(odd_samples_, odd_);
  if (!alike_) fill(even_samples_, even_);
}

void LapseBaselines::evaluate_scalar() {
  const std::size_t whole = (n_ + lapses_at_once - 1) / lapses_at_once * lapses_at_once;
  std::fill(ticks_.begin() + std::ptrdiff_t(n_), ticks_.begin() + std::ptrdiff_t(whole), 1U);
  std::array<double, most> values;
  approximate(ticks_.data(), whole, values.data());
  spread(values.data(), time_lapse_uncertainty);
}

void LapseBaselines::make_exact() {
  std::array<double, most> values;
  for (std::size_t i = 0; i < n_; ++i)
    values[i] = time_lapse_baseline(double(ticks_[i]) / readout::clock_ticks_per_ms);
  spread(values.data(), 0);
}

void evaluate_lapses_scalar(std::span<LapseBaselines> chips) {
  for (LapseBaselines& chip : chips)
    if (!chip.empty()) chip.evaluate_scalar();
}

#if defined(__x86_64__)
/// Values stay in registers, from which each sample takes its reader's.
/// @param chips no more than are done at once
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void LapseBaselines::evaluate_avx512(
    std::span<LapseBaselines> chips) {
  const __m512d uncertainty = _mm512_set1_pd(time_lapse_uncertainty);
  static const LapsePowers powers;
  Values16 low[chips_at_once], high[chips_at_once];
  const auto bound = [&](std::size_t begin, __m512d Values16::*part) ALISIO_AVX512_LAMBDA {
    __mmask8 some[chips_at_once] = {};
    __m256i ticks[chips_at_once] = {};
    unsigned any = 0;
    for (std::size_t k = 0; k < chips.size(); ++k) {
      const std::size_t n = std::max(chips[k].n_, begin) - begin;
      some[k] = __mmask8((1U << std::min(n, lapses_at_once)) - 1);
      ticks[k] = _mm256_maskz_loadu_epi32(some[k], chips[k].ticks_.data() + begin);
      any |= some[k];
    }
    if (any == 0) {
      for (std::size_t k = 0; k < chips_at_once; ++k)
        low[k].*part = high[k].*part = _mm512_setzero_pd();
      return;
    }
#pragma GCC unroll 4
    for (std::size_t k = 0; k < chips_at_once; ++k) {
      const __m512d values = approximate_avx512(powers, ticks[k]);
      low[k].*part = _mm512_maskz_sub_pd(some[k], values, uncertainty);
      high[k].*part = _mm512_maskz_add_pd(some[k], values, uncertainty);
    }
  };
  bound(0, &Values16::first);
  bound(lapses_at_once, &Values16::last);
  for (std::size_t k = 0; k < chips.size(); ++k) {
    LapseBaselines& chip = chips[k];
    if (chip.empty()) continue;
    if (chip.n_ >= 2 * lapses_at_once) [[unlikely]] {
      chip.evaluate_scalar();
      continue;
    }
    const auto fill = [&](const auto& samples, Bounds& bounds) ALISIO_AVX512_LAMBDA {
      give_to_samples(reader_of_samples(samples.data(), chip.n_), low[k], high[k],
                      bounds.low.data(), bounds.high.data());
    };
    fill(chip.odd_samples_, chip.odd_);
    if (!chip.alike_) fill(chip.even_samples_, chip.even_);
  }
}
#undef ALISIO_AVX512_LAMBDA
#endif

void evaluate_lapses(std::span<LapseBaselines> chips) {
#if defined(__x86_64__)
  static const bool has_avx512 = __builtin_cpu_supports("avx512bw") &&
                                 __builtin_cpu_supports("avx512dq") &&
                                 __builtin_cpu_supports("avx512vl");
  if (has_avx512) {
    for (; !chips.empty(); chips = chips.subspan(std::min(chips.size(), chips_at_once)))
      LapseBaselines::evaluate_avx512(chips.first(std::min(chips.size(), chips_at_once)));
    return;
  }
#endif
  evaluate_lapses_scalar(chips);
}

}  // namespace alisio::calib::drs4
