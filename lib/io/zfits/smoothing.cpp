#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/io/zfits/codecs.hpp"

namespace alisio::zfits {
namespace {

std::int32_t word(std::uint16_t bits) {
  return std::int32_t{static_cast<std::int16_t>(bits)};
}

/// Undo smoothing, one word after the other.
///
/// While the running words stay in 0..32767 the halved sum needs neither the truncation towards
/// zero of negative sums nor wrapping, and a[j] = (a[j-1] + (2 d[j] + a[j-2])) >> 1 has a chain of
/// two operations per word. A block in which a word leaves that range (the length words between
/// events do) is done again by definition.
void smooth_block(const std::uint16_t* in, std::uint16_t* out, std::size_t count) {
  std::int32_t before = word(out[-2]), last = word(out[-1]);
  std::int32_t all = before | last;
  for (std::size_t j = 0; j < count; ++j) {
    const std::int32_t value = (last + (2 * word(in[j]) + before)) >> 1;
    before = last;
    last = value;
    all |= value;
    out[j] = static_cast<std::uint16_t>(value);
  }
  if ((all & ~0x7fff) == 0) return;
  before = word(out[-2]);
  last = word(out[-1]);
  for (std::size_t j = 0; j < count; ++j) {
    out[j] = static_cast<std::uint16_t>(word(in[j]) + (last + before) / 2);
    before = last;
    last = word(out[j]);
  }
}

void smooth_alone(const std::uint16_t* in, std::uint16_t* out, std::size_t count) {
  constexpr std::size_t block = 64;
  for (std::size_t j = 0; j < count; j += block)
    smooth_block(in + j, out + j, std::min(block, count - j));
}

constexpr std::size_t lanes = 16, columns = 8;
/// A stretch is short enough for all to stay in the first-level cache.
constexpr std::size_t most_lane_words = 528, least_lane_words = 64;
/// Words after which two recursions over the same differences stay equally far apart: their
/// distance is halved in each step, and ends between two numbers with even odds in each.
constexpr std::size_t settling_words = 32;

using LaneWords = std::array<std::int16_t, lanes>;

/// Of each stretch: the words before it as computed, and its smallest and largest word.
struct Stretches {
  LaneWords before, last, smallest, largest;
};

#define ALISIO_AVX2 [[gnu::target("avx2"), gnu::always_inline]] inline

ALISIO_AVX2 __m256i load(const LaneWords& words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words.data()));
}
ALISIO_AVX2 void store(LaneWords& words, __m256i values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words.data()), values);
}

/// Load 8 words of each stretch, so that after transpose() row k holds the k-th of all.
ALISIO_AVX2 void load_columns(const std::uint16_t* in, std::size_t lane_words, __m256i* rows) {
  for (std::size_t k = 0; k < columns; ++k) {
    const std::uint16_t* const at = in + k * lane_words;
    rows[k] = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + columns * lane_words)), 1);
  }
}

ALISIO_AVX2 void store_columns(std::uint16_t* out, std::size_t lane_words, const __m256i* rows) {
  for (std::size_t k = 0; k < columns; ++k) {
    std::uint16_t* const at = out + k * lane_words;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_castsi256_si128(rows[k]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + columns * lane_words),
                     _mm256_extracti128_si256(rows[k], 1));
  }
}

/// Exchange rows and columns of two squares of 8 x 8 words.
ALISIO_AVX2 void transpose(__m256i* m) {
  __m256i a[columns], b[columns];
  for (std::size_t i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi16(m[2 * i], m[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi16(m[2 * i], m[2 * i + 1]);
  }
  for (const std::size_t i : {0, 4}) {
    b[i] = _mm256_unpacklo_epi32(a[i], a[i + 2]);
    b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 2]);
    b[i + 2] = _mm256_unpacklo_epi32(a[i + 1], a[i + 3]);
    b[i + 3] = _mm256_unpackhi_epi32(a[i + 1], a[i + 3]);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    m[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
    m[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
  }
}

/// Turn 8 columns of differences into words.
ALISIO_AVX2 void recur(__m256i* rows, __m256i& before, __m256i& last) {
  for (std::size_t k = 0; k < columns; ++k) {
    // The floor of the mean, without the 17th bit of the sum.
    const __m256i half = _mm256_srai_epi16(_mm256_xor_si256(last, before), 1);
    const __m256i rest = _mm256_add_epi16(_mm256_and_si256(last, before), rows[k]);
    before = last;
    last = rows[k] = _mm256_add_epi16(rest, half);
  }
}

/// Compute the stretches side by side, each from a guess of the words before it.
/// @param found the guess in `before` and `last`, which are exact for the first stretch
ALISIO_AVX2 void compute(const std::uint16_t* in, std::uint16_t* out, std::size_t lane_words,
                         Stretches& found) {
  __m256i rows[columns];
  __m256i before = load(found.before), last = load(found.last);
  // Words before all stretches but the first, each by what computes the stretch before.
  for (std::size_t j = lane_words - settling_words; j < lane_words; j += columns) {
    load_columns(in + j, lane_words, rows);
    transpose(rows);
    recur(rows, before, last);
  }
  LaneWords settled_before, settled_last;
  store(settled_before, before);
  store(settled_last, last);
  std::copy_n(settled_before.begin(), lanes - 1, found.before.begin() + 1);
  std::copy_n(settled_last.begin(), lanes - 1, found.last.begin() + 1);
  before = load(found.before);
  last = load(found.last);
  __m256i smallest = last, largest = last;
  for (std::size_t j = 0; j < lane_words; j += columns) {
    load_columns(in + j, lane_words, rows);
    transpose(rows);
    recur(rows, before, last);
    for (const __m256i& row : rows) {
      smallest = _mm256_min_epi16(smallest, row);
      largest = _mm256_max_epi16(largest, row);
    }
    transpose(rows);
    store_columns(out + j, lane_words, rows);
  }
  store(found.smallest, smallest);
  store(found.largest, largest);
}

[[gnu::target("avx2")]] void compute_avx2(const std::uint16_t* in, std::uint16_t* out,
                                          std::size_t lane_words, Stretches& found) {
  compute(in, out, lane_words, found);
}
/// The same with twice the registers.
[[gnu::target("avx2,avx512bw,avx512vl")]] void compute_avx512(const std::uint16_t* in,
                                                              std::uint16_t* out,
                                                              std::size_t lane_words,
                                                              Stretches& found) {
  compute(in, out, lane_words, found);
}

[[gnu::target_clones("arch=x86-64-v3", "default")]] void add_to(std::uint16_t* words,
                                                                std::size_t count,
                                                                std::uint16_t addend) {
  for (std::size_t j = 0; j < count; ++j) words[j] = static_cast<std::uint16_t>(words[j] + addend);
}

const bool has_avx2 = __builtin_cpu_supports("avx2");
const bool has_avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");

/// Undo smoothing of consecutive stretches of words side by side. `out[-1]` and `out[-2]` must be
/// the words before.
///
/// The words before all stretches but the first are a guess. If both are wrong by the same number,
/// so are all that follow, for floor((a + c + b + c) / 2) = floor((a + b) / 2) + c: that number is
/// known when the stretch before is done, and added. This holds for words of 0..32767, which is
/// looked after: a word that leaves that range, truly or as computed, shows in the extremes.
/// @param lane_words of a stretch; a multiple of 8
/// @return how many stretches were done, from the first on; the next is to be done alone.
std::size_t smooth_lanes(const std::uint16_t* in, std::uint16_t* out, std::size_t lane_words) {
  Stretches found;
  found.last.fill(static_cast<std::int16_t>(out[-1]));
  found.before.fill(static_cast<std::int16_t>(out[-1]));
  found.before[0] = static_cast<std::int16_t>(out[-2]);
  if (found.last[0] < 0 || found.before[0] < 0) return 0;
  (has_avx512 ? compute_avx512 : compute_avx2)(in, out, lane_words, found);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    std::uint16_t* const words = out + lane * lane_words;
    const std::int32_t error = word(words[-1]) - found.last[lane];
    if (word(words[-2]) - found.before[lane] != error) return lane;
    if (found.smallest[lane] + error < 0 || found.largest[lane] + error > 0x7fff) return lane;
    if (error != 0) add_to(words, lane_words, static_cast<std::uint16_t>(error));
  }
  return lanes;
}

/// Copy words that are not read soon: written into the cache, lines would be read from memory first
/// and drive others out.
[[gnu::target("avx2")]] void write_past_cache(const std::uint16_t* from, std::size_t count,
                                              std::uint16_t* to) {
  constexpr std::size_t step = sizeof(__m256i) / sizeof *to, line = 64;
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(to) % line / sizeof *to;
  std::size_t j = std::min(count, beyond == 0 ? 0 : line / sizeof *to - beyond);
  std::copy_n(from, j, to);
  for (; j + 2 * step <= count; j += 2 * step)
    for (std::size_t half = 0; half < 2; ++half)
      _mm256_stream_si256(
          reinterpret_cast<__m256i*>(to + j + half * step),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + j + half * step)));
  std::copy_n(from + j, count - j, to + j);
  // Such writes are in no order: before others are told of these, all must have arrived.
  _mm_sfence();
}

/// Return the words of a stretch for so many words, or 0 if they are better done alone. Stretches
/// at distances of many powers of two would compete for few lines of the cache.
std::size_t lane_words_for(std::size_t count) {
  if (!has_avx2) return 0;
  std::size_t words = std::min(count / lanes, most_lane_words) / columns * columns;
  if (words % 64 == 0 && words > 0) words -= columns;
  return words < least_lane_words ? 0 : words;
}

}  // namespace

std::size_t undo_smoothing(const std::uint16_t* in, std::uint16_t* out, std::size_t count,
                           bool more_follow) {
  std::size_t done = 0;
  // The words so far, after the two before them.
  alignas(64) std::array<std::uint16_t, lanes * most_lane_words + 2> block;
  while (const std::size_t lane_words = lane_words_for(count - done)) {
    std::uint16_t* const words = block.data() + 2;
    std::copy_n(out + done - 2, 2, block.data());
    std::size_t some = lane_words * smooth_lanes(in + done, words, lane_words);
    if (some < lanes * lane_words) {
      smooth_alone(in + done + some, words + some, lane_words);
      some += lane_words;
    }
    write_past_cache(words, some, out + done);
    done += some;
  }
  if (more_follow && count - done < most_left_to_smooth) return done;
  smooth_alone(in + done, out + done, count - done);
  return count;
}

void undo_smoothing_scalar(std::uint16_t* words, std::size_t count) {
  for (std::size_t j = 2; j < count; ++j) {
    const int sum =
        static_cast<std::int16_t>(words[j - 1]) + static_cast<std::int16_t>(words[j - 2]);
    words[j] = static_cast<std::uint16_t>(static_cast<std::int16_t>(words[j]) + sum / 2);
  }
}

void undo_smoothing(std::uint16_t* words, std::size_t count) {
  std::array<std::uint16_t, lanes * most_lane_words> block;
  for (std::size_t j = 2; j < count; j += block.size()) {
    const std::size_t some = std::min(block.size(), count - j);
    std::memcpy(block.data(), words + j, some * sizeof(std::uint16_t));
    undo_smoothing(block.data(), words + j, some, false);
  }
}

}  // namespace alisio::zfits
