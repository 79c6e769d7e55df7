#include "reco/muon/ring_kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

// One body for every kind of processor, in vectors of eight that the compiler splits where
// registers are shorter.
#define ALISIO_BODY [[gnu::always_inline]] inline

namespace alisio::muon::kernels {
namespace {

using Pair = double __attribute__((vector_size(2 * sizeof(double))));
using Four = double __attribute__((vector_size(4 * sizeof(double))));
using Eight = double __attribute__((vector_size(lanes * sizeof(double))));
using EightBits = std::int64_t __attribute__((vector_size(lanes * sizeof(double))));
using EightNumbers = std::int32_t __attribute__((vector_size(lanes * sizeof(std::int32_t))));

template <typename Vector>
ALISIO_BODY void load(const double* from, Vector& out) {
  std::memcpy(&out, from, sizeof out);
}

ALISIO_BODY void store(const Eight& values, double* to) {
  std::memcpy(to, &values, sizeof values);
}

ALISIO_BODY double sum_of(const Eight& v) {
  return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

ALISIO_BODY double product_of(const Eight& v) {
  return ((v[0] * v[1]) * (v[2] * v[3])) * ((v[4] * v[5]) * (v[6] * v[7]));
}

/// Square roots, 0 of what is negative.
ALISIO_BODY void take_roots(const Eight& v, Eight& out) {
  const Eight positive = v > 0.0 ? v : Eight{};
  double root[lanes];
  store(positive, root);
  for (double& value : root) value = std::sqrt(value);
  load(root, out);
}

ALISIO_BODY void fill_chords_body(const Nodes& nodes, double x, double y, const Disk& mirror,
                                  const Disk& hole, double* __restrict chord) {
  const double mirror_square = mirror.radius * mirror.radius;
  const double hole_square = hole.radius * hole.radius;
  // Where the first of eight directions passes the hole by more than this, all pass it: the
  // distance changes by no more than the impact per radian.
  const double reach = hole.radius + double(lanes) * nodes.step * (std::abs(x) + std::abs(y));
  for (std::size_t start = 0; start < nodes.n; start += lanes) {
    Eight cosines, sines;
    load(nodes.cosine + start, cosines);
    load(nodes.sine + start, sines);
    const Eight along = x * cosines - y * sines, across = y * cosines + x * sines;
    const Eight square = across * across;
    Eight half_mirror, half_hole{};
    take_roots(mirror_square - square, half_mirror);
    if (!(std::abs(across[0]) > reach)) take_roots(hole_square - square, half_hole);
    store(mirror.half * half_mirror + mirror.middle * along -
              (hole.half * half_hole + hole.middle * along),
          chord + start);
  }
}

/// Turn the four values of each of four pixels into four of each kind.
ALISIO_BODY void transpose(const double* const (&from)[lanes], std::size_t first, Four (&out)[4]) {
  Four a, b, c, d;
  load(from[first], a);
  load(from[first + 1], b);
  load(from[first + 2], c);
  load(from[first + 3], d);
  const Four ab_even = __builtin_shufflevector(a, b, 0, 4, 2, 6);
  const Four ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
  const Four cd_even = __builtin_shufflevector(c, d, 0, 4, 2, 6);
  const Four cd_odd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
  out[0] = __builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5);
  out[1] = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5);
  out[2] = __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7);
  out[3] = __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7);
}

ALISIO_BODY void join(const Four& low, const Four& high, Eight& out) {
  out = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
}

/// Half the error function at eight places, and its slope.
ALISIO_BODY void half_erf(const HalfErf& table, const Eight& x, Eight& value, Eight& slope) {
  constexpr std::int64_t sign_bit = std::numeric_limits<std::int64_t>::min();
  const EightBits bits = reinterpret_cast<EightBits>(x);
  const EightBits magnitude = bits & ~sign_bit;
  const Eight place = reinterpret_cast<Eight>(magnitude) * HalfErf::per_unit;
  const EightBits inside = place < double(HalfErf::entries - 1);
  const Eight within = inside ? place : Eight{};
  const EightNumbers entry = __builtin_convertvector(within, EightNumbers);
  const Eight t = within - __builtin_convertvector(entry, Eight);
  const double* from[lanes];
  for (std::size_t k = 0; k < lanes; ++k) from[k] = table.data() + 2 * std::size_t(entry[k]);
  Four low[4], high[4];
  transpose(from, 0, low);
  transpose(from, lanes / 2, high);
  Eight a, a_slope, b, b_slope;
  join(low[0], high[0], a);
  join(low[1], high[1], a_slope);
  join(low[2], high[2], b);
  join(low[3], high[3], b_slope);
  const Eight rise = b - a;
  const Eight second = 3 * rise - 2 * a_slope - b_slope, third = a_slope + b_slope - 2 * rise;
  const Eight cubic = a + t * (a_slope + t * (second + t * third));
  const Eight size = inside ? cubic : Eight{} + 0.5;
  const EightBits signed_size = (reinterpret_cast<EightBits>(size) & ~sign_bit) | (bits & sign_bit);
  value = reinterpret_cast<Eight>(signed_size);
  slope = inside ? (a_slope + t * (2 * second + t * 3 * third)) * HalfErf::per_unit : Eight{};
}

ALISIO_BODY void spread_body(std::size_t n, const double* radial, double half_pixel,
                             double inverse_width, const HalfErf& table, const Across& out) {
  for (std::size_t i = 0; i < n; i += lanes) {
    Eight middle, above, above_slope, below, below_slope;
    load(radial + i, middle);
    const Eight outer = (middle + half_pixel) * inverse_width;
    const Eight inner = (middle - half_pixel) * inverse_width;
    half_erf(table, outer, above, above_slope);
    half_erf(table, inner, below, below_slope);
    store(above - below, out.share + i);
    store(-(outer * above_slope - inner * below_slope), out.by_width + i);
  }
}

/// Table values at four pairs of nodes: the lower ones and those that follow.
ALISIO_BODY void look_up(const double* table, const std::int32_t* node, Four& low, Four& high) {
  Pair a, b, c, d;
  load(table + node[0], a);
  load(table + node[1], b);
  load(table + node[2], c);
  load(table + node[3], d);
  const Four ac = __builtin_shufflevector(a, c, 0, 1, 2, 3);
  const Four bd = __builtin_shufflevector(b, d, 0, 1, 2, 3);
  low = __builtin_shufflevector(ac, bd, 0, 4, 2, 6);
  high = __builtin_shufflevector(ac, bd, 1, 5, 3, 7);
}

ALISIO_BODY void interpolate_four(const Pixels& pixels, std::size_t i, const double* table,
                                  Four& value) {
  Four low, high, fraction;
  look_up(table, pixels.node + i, low, high);
  load(pixels.fraction + i, fraction);
  value = low + fraction * (high - low);
}

ALISIO_BODY void interpolate_body(const Pixels& pixels, const double* table,
                                  double* __restrict at_pixel) {
  for (std::size_t i = 0; i < pixels.n; i += lanes / 2) {
    Four value;
    interpolate_four(pixels, i, table, value);
    std::memcpy(at_pixel + i, &value, sizeof value);
  }
}

/// What a pass over the pixels is for.
enum class Pass { value, change, terms };

/// @param chord  [node], or [pixel] for Pass::value
template <Pass pass>
ALISIO_BODY PixelSums sum_body(const Pixels& pixels, const double* chord, double scale,
                               double* __restrict metres_at, double* __restrict products,
                               const PixelTerms* terms) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Eight squares{}, gradient{}, curvature{}, least = Eight{} + infinity, product = Eight{} + 1.0;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < pixels.n; i += lanes) {
    Eight charge, across, metres;
    load(pixels.charge + i, charge);
    load(pixels.across + i, across);
    if constexpr (pass == Pass::value) {
      load(chord + i, metres);
    } else {
      Four low, high;
      interpolate_four(pixels, i, chord, low);
      interpolate_four(pixels, i + lanes / 2, chord, high);
      join(low, high, metres);
      store(metres, metres_at + i);
    }
    const Eight expected = scale * across * metres;
    const Eight v = pedestal_variance + variance_per_pe * expected;
    const Eight off = charge - expected, inverse = 1 / v;
    squares += off * off * inverse;
    least = v < least ? v : least;
    product *= v;
    if (++rows == rows_per_product) {
      *products++ = product_of(product);
      product = Eight{} + 1.0;
      rows = 0;
    }
    if constexpr (pass == Pass::value) continue;
    const Eight first =
        inverse * (0.5 * variance_per_pe - off - 0.5 * variance_per_pe * off * off * inverse);
    const Eight second = inverse + 0.5 * variance_per_pe * variance_per_pe * inverse * inverse;
    gradient += first * expected;
    curvature += second * expected * expected;
    if constexpr (pass == Pass::terms) {
      store(expected, terms->expected + i);
      store(first, terms->by_expected + i);
      store(second, terms->information + i);
    }
  }
  if (rows > 0) *products = product_of(product);
  double smallest = least[0];
  for (std::size_t k = 1; k < lanes; ++k) smallest = std::min(smallest, least[k]);
  return {sum_of(squares), smallest, sum_of(gradient), sum_of(curvature)};
}

// The functions of one kind of processor.
#define ALISIO_KERNELS(kind, target)                                                            \
  target void fill_chords_##kind(const Nodes& nodes, double x, double y, const Disk& mirror,    \
                                 const Disk& hole, double* chord) {                             \
    fill_chords_body(nodes, x, y, mirror, hole, chord);                                         \
  }                                                                                             \
  target void interpolate_##kind(const Pixels& pixels, const double* table, double* at_pixel) { \
    interpolate_body(pixels, table, at_pixel);                                                  \
  }                                                                                             \
  target PixelSums sum_##kind(const Pixels& pixels, const double* chord, double scale,          \
                              double* metres, double* products) {                               \
    return sum_body<Pass::change>(pixels, chord, scale, metres, products, nullptr);             \
  }                                                                                             \
  target PixelSums sum_and_keep_##kind(const Pixels& pixels, const double* chord, double scale, \
                                       double* metres, double* products,                        \
                                       const PixelTerms& terms) {                               \
    return sum_body<Pass::terms>(pixels, chord, scale, metres, products, &terms);               \
  }                                                                                             \
  target PixelSums sum_value_##kind(const Pixels& pixels, const double* metres, double scale,   \
                                    double* products) {                                         \
    return sum_body<Pass::value>(pixels, metres, scale, nullptr, products, nullptr);            \
  }                                                                                             \
  target void spread_##kind(std::size_t n, const double* radial, double half_pixel,             \
                            double inverse_width, const HalfErf& table, const Across& out) {    \
    spread_body(n, radial, half_pixel, inverse_width, table, out);                              \
  }                                                                                             \
  constexpr Kernels kernels_##kind{spread_##kind, fill_chords_##kind,  interpolate_##kind,      \
                                   sum_##kind,    sum_and_keep_##kind, sum_value_##kind};

#define ALISIO_EVERYWHERE
ALISIO_KERNELS(portable, ALISIO_EVERYWHERE)
#if defined(__x86_64__)
#define ALISIO_AVX2 [[gnu::target("avx2")]]
#define ALISIO_AVX512 [[gnu::target("avx512f,avx512dq,avx512bw,avx512vl")]]
ALISIO_KERNELS(avx2, ALISIO_AVX2)
ALISIO_KERNELS(avx512, ALISIO_AVX512)
#endif

}  // namespace

HalfErf::HalfErf() {
  for (std::size_t k = 0; k < entries; ++k) {
    const double x = double(k) / per_unit;
    table_[2 * k] = 0.5 * std::erf(x);
    table_[2 * k + 1] = std::numbers::inv_sqrtpi * std::exp(-x * x) / per_unit;
  }
}

std::span<const Kernels> available() {
#if defined(__x86_64__)
  static constexpr std::array all{kernels_avx512, kernels_avx2, kernels_portable};
  static const std::size_t first = [] {
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
      return 0;
    return __builtin_cpu_supports("avx2") ? 1 : 2;
  }();
  return std::span(all).subspan(first);
#else
  static constexpr std::array all{kernels_portable};
  return all;
#endif
}

}  // namespace alisio::muon::kernels
