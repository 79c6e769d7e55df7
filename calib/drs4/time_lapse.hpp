#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "calib/drs4/readout.hpp"

/// What a capacitor gains between two readouts. Inline, so that it is compiled for each instruction
/// set that uses it.
namespace alisio::calib::drs4 {

/// The law factor * ms^power + offset, ADC counts, measured at 20 °C.
struct TimeLapseLaw {
  static constexpr double factor = 32.99, power = -0.22, offset = -11.9;
};

/// Baseline that a capacitor gained since it was read out last, ADC counts.
/// @param ms since the last readout
[[nodiscard]] inline double time_lapse_baseline(double ms) {
  return TimeLapseLaw::factor * std::pow(ms, TimeLapseLaw::power) + TimeLapseLaw::offset;
}

/// Capacitors read out longer ago need no correction.
inline constexpr double longest_lapse_ms = 100;
/// The same in ticks of the module clock; the shortest lapse is one tick.
inline constexpr std::uint64_t longest_lapse_ticks =
    std::uint64_t(longest_lapse_ms * readout::clock_ticks_per_ms);

/// Largest error of approximate_time_lapse_baseline(), ADC counts. The smaller, the fewer readouts
/// need the exact baselines.
inline constexpr double time_lapse_uncertainty = 1e-12;

/// Numbers between which the baselines of the samples of a readout lie, ADC counts.
struct LapseBounds {
  const double *low = nullptr, *high = nullptr;  ///< [sample]
};

/// Return the polynomial of `x` with these coefficients, of the highest power first.
template <typename... Double>
[[nodiscard]] inline double horner(double x, double highest, Double... lower) {
  double sum = highest;
  ((sum = sum * x + lower), ...);
  return sum;
}

/// Return the baseline of time_lapse_baseline() within time_lapse_uncertainty, by operations that a
/// compiler can do for several lapses at once: std::pow takes most of the correction's time.
/// @param ticks 1 … longest_lapse_ticks
[[nodiscard]] inline double approximate_time_lapse_baseline(std::uint32_t ticks) {
  // ticks = 2^exponent * mantissa, with the mantissa from 1/sqrt(2) to sqrt(2).
  constexpr std::int64_t bits_of_sqrt_half = std::bit_cast<std::int64_t>(0.70710678118654752);
  const auto bits = std::bit_cast<std::int64_t>(double(ticks));
  const std::int64_t exponent = (bits - bits_of_sqrt_half) >> 52;
  const auto mantissa = std::bit_cast<double>(bits - exponent * (std::int64_t{1} << 52));
  // ln(mantissa) = 2 artanh(z), by its series.
  const double z = (mantissa - 1) / (mantissa + 1), z2 = z * z, z4 = z2 * z2;
  // Even and odd powers are summed side by side: one sum of all waits twice as long for itself.
  const double series = horner(z4, 1.0 / 17, 1.0 / 13, 1.0 / 9, 1.0 / 5, 1.0) +
                        z2 * horner(z4, 1.0 / 19, 1.0 / 15, 1.0 / 11, 1.0 / 7, 1.0 / 3);
  constexpr double log2_e = 1.4426950408889634, log2_ticks_per_ms = 17.021066720163276;
  const double power =
      TimeLapseLaw::power * (double(exponent) - log2_ticks_per_ms + 2 * log2_e * z * series);
  // 2^power = 2^whole * e^rest; adding and taking away 1.5 * 2^52 rounds to whole numbers.
  constexpr double shifter = 6755399441055744.0, ln_2 = 0.69314718055994531;
  const double shifted = power + shifter;
  const double rest = (power - (shifted - shifter)) * ln_2;
  const double rest2 = rest * rest;
  const double exponential = horner(rest2, 1.0 / 479001600, 1.0 / 3628800, 1.0 / 40320, 1.0 / 720,
                                    1.0 / 24, 1.0 / 2, 1.0) +
                             rest * horner(rest2, 1.0 / 6227020800, 1.0 / 39916800, 1.0 / 362880,
                                           1.0 / 5040, 1.0 / 120, 1.0 / 6, 1.0);
  const std::int64_t whole = std::bit_cast<std::int64_t>(shifted) << 52;
  const auto scaled = std::bit_cast<double>(std::bit_cast<std::int64_t>(exponential) + whole);
  return TimeLapseLaw::factor * scaled + TimeLapseLaw::offset;
}

/// Subtract baselines as double, rounding to float. Differences and roundings keep their order, so
/// what both bounds give is what every number between them gives.
/// @return false if the bounds give different results: the samples are of no use then.
[[nodiscard]] inline bool subtract_lapse(float* samples, const LapseBounds& baseline) {
  int differs = 0;
  for (std::size_t s = 0; s < readout::n_samples; ++s) {
    const double sample{samples[s]};
    const auto least = float(sample - baseline.high[s]);
    const auto most = float(sample - baseline.low[s]);
    // No inequality: a sample that is no number makes no difference.
    differs |= least < most ? 1 : 0;
    samples[s] = least;
  }
  return differs == 0;
}

}  // namespace alisio::calib::drs4
