#include "calib/drs4/lapse_baselines.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>

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

/// A vector of each of some chips.
struct Vectors {
  __m512d of[chips_at_once];
};

/// Return what `work` makes for each chip, by its number.
template <typename Work>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline Vectors
for_each_chip(const Work& work) {
  Vectors out;
#pragma GCC unroll 4
  for (std::size_t k = 0; k < chips_at_once; ++k) out.of[k] = work(k);
  return out;
}

/// Return the polynomial of each x with these coefficients, of the highest power first.
template <typename... Double>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline Vectors
horner_avx512(const Vectors& x, double highest, Double... lower) {
  Vectors sum;
#pragma GCC unroll 4
  for (std::size_t k = 0; k < chips_at_once; ++k) sum.of[k] = _mm512_set1_pd(highest);
  const auto add = [&](double coefficient) ALISIO_AVX512_LAMBDA {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < chips_at_once; ++k)
      sum.of[k] = _mm512_fmadd_pd(sum.of[k], x.of[k], _mm512_set1_pd(coefficient));
  };
  (add(lower), ...);
  return sum;
}

/// The steps of approximate_time_lapse_baseline(), with fused operations.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline Vectors
approximate_avx512(const __m256i* ticks) {
  constexpr auto bits_of_sqrt_half = std::bit_cast<std::int64_t>(0.70710678118654752);
  const __m512d one = _mm512_set1_pd(1);
  __m512i exponent[chips_at_once];
  const Vectors z = for_each_chip([&](std::size_t k) ALISIO_AVX512_LAMBDA {
    const __m512i bits = _mm512_castpd_si512(_mm512_cvtepu32_pd(ticks[k]));
    exponent[k] =
        _mm512_srai_epi64(_mm512_sub_epi64(bits, _mm512_set1_epi64(bits_of_sqrt_half)), 52);
    const __m512d mantissa =
        _mm512_castsi512_pd(_mm512_sub_epi64(bits, _mm512_slli_epi64(exponent[k], 52)));
    return _mm512_div_pd(_mm512_sub_pd(mantissa, one), _mm512_add_pd(mantissa, one));
  });
  const auto square = [](const Vectors& x) ALISIO_AVX512_LAMBDA {
    return for_each_chip([&](std::size_t k)
                             ALISIO_AVX512_LAMBDA { return _mm512_mul_pd(x.of[k], x.of[k]); });
  };
  const Vectors z2 = square(z), z4 = square(z2);
  const Vectors odd = horner_avx512(z4, 1.0 / 19, 1.0 / 15, 1.0 / 11, 1.0 / 7, 1.0 / 3);
  const Vectors even = horner_avx512(z4, 1.0 / 17, 1.0 / 13, 1.0 / 9, 1.0 / 5, 1.0);
  constexpr double log2_e = 1.4426950408889634, log2_ticks_per_ms = 17.021066720163276;
  const Vectors power = for_each_chip([&](std::size_t k) ALISIO_AVX512_LAMBDA {
    const __m512d series = _mm512_fmadd_pd(z2.of[k], odd.of[k], even.of[k]);
    const __m512d log2_ms = _mm512_fmadd_pd(
        _mm512_mul_pd(z.of[k], _mm512_set1_pd(2 * log2_e)), series,
        _mm512_sub_pd(_mm512_cvtepi64_pd(exponent[k]), _mm512_set1_pd(log2_ticks_per_ms)));
    return _mm512_mul_pd(log2_ms, _mm512_set1_pd(-0.22));
  });
  const Vectors whole = for_each_chip([&](std::size_t k) ALISIO_AVX512_LAMBDA {
    return _mm512_roundscale_pd(power.of[k], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  });
  constexpr double ln_2 = 0.69314718055994531;
  const Vectors rest = for_each_chip([&](std::size_t k) ALISIO_AVX512_LAMBDA {
    return _mm512_mul_pd(_mm512_sub_pd(power.of[k], whole.of[k]), _mm512_set1_pd(ln_2));
  });
  const Vectors rest2 = square(rest);
  const Vectors even_powers = horner_avx512(rest2, 1.0 / 479001600, 1.0 / 3628800, 1.0 / 40320,
                                            1.0 / 720, 1.0 / 24, 1.0 / 2, 1.0);
  const Vectors odd_powers = horner_avx512(rest2, 1.0 / 6227020800, 1.0 / 39916800, 1.0 / 362880,
                                           1.0 / 5040, 1.0 / 120, 1.0 / 6, 1.0);
  return for_each_chip([&](std::size_t k) ALISIO_AVX512_LAMBDA {
    const __m512d exponential = _mm512_fmadd_pd(rest.of[k], odd_powers.of[k], even_powers.of[k]);
    return _mm512_fmadd_pd(_mm512_scalef_pd(exponential, whole.of[k]), _mm512_set1_pd(32.99),
                           _mm512_set1_pd(-11.9));
  });
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
    const Vectors values = approximate_avx512(ticks);
    for (std::size_t k = 0; k < chips_at_once; ++k) {
      low[k].*part = _mm512_maskz_sub_pd(some[k], values.of[k], uncertainty);
      high[k].*part = _mm512_maskz_add_pd(some[k], values.of[k], uncertainty);
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
