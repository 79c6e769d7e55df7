#include "calib/drs4/readout_history.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "calib/constants/constants.hpp"
#include "calib/drs4/time_lapse.hpp"

namespace alisio::calib::drs4 {
namespace {

using readout::chips_per_module;
using readout::n_samples;

/// Readouts that are compared at once, and room for as many before the first.
constexpr std::size_t step = 64;

/// Capacitors that the chip reads besides, for even pixels, if a readout begins in the last quarter
/// of a channel: at the same place of the next channel, up to its end.
constexpr std::size_t n_besides = 12, last_without = 767;

/// A readout at `begin` overlaps [first, first + 40) if begin - first + shift, around the ring, is
/// below a limit; so do the capacitors besides.
constexpr std::size_t readout_shift = n_samples - 1, readout_limit = 2 * n_samples - 1;
constexpr std::size_t besides_shift = n_channel_capacitors + n_besides - 1;
constexpr std::size_t besides_limit = n_samples + n_besides - 1;

std::size_t around_ring(std::size_t begin, std::size_t first, std::size_t shift) {
  return (begin + n_capacitors + shift - first) % n_capacitors;
}

/// Bits of the samples of a readout.
constexpr std::uint64_t all_samples = (std::uint64_t{1} << n_samples) - 1;

/// Bits [at, at + n), those below 0 or from 40 on left out.
constexpr std::uint64_t samples_at(int at, std::size_t n) {
  const std::uint64_t ones = (std::uint64_t{1} << n) - 1;
  return (at >= 0 ? ones << at : ones >> -at) & all_samples;
}

/// Samples that a readout overlaps, by around_ring() with readout_shift. A table: the shift goes
/// either way, which no processor can foresee.
constexpr std::array<std::uint64_t, readout_limit> overlapped_samples = [] {
  std::array<std::uint64_t, readout_limit> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = samples_at(int(i) - int(readout_shift), n_samples);
  return table;
}();

#if defined(__x86_64__)
[[gnu::target("avx512bw")]] inline __m512i all_512(std::size_t value) {
  return _mm512_set1_epi16(short(value));
}

[[gnu::target("avx512bw")]] Overlaps find_overlaps_avx512(const std::uint16_t* earlier,
                                                          std::size_t first) {
  const __m512i ring = all_512(n_capacitors - 1), channel = all_512(n_channel_capacitors - 1);
  const __m512i to_readout = all_512(n_capacitors + readout_shift - first);
  const __m512i to_besides = all_512(n_capacitors + besides_shift - first);
  Overlaps out;
  for (std::size_t i = 0; i < step; i += 32) {
    const __m512i begin = _mm512_loadu_si512(earlier + i);
    const __mmask32 readout = _mm512_cmplt_epi16_mask(
        _mm512_and_si512(_mm512_add_epi16(begin, to_readout), ring), all_512(readout_limit));
    const __mmask32 besides = _mm512_mask_cmplt_epi16_mask(
        _mm512_cmpgt_epi16_mask(_mm512_and_si512(begin, channel), all_512(last_without)),
        _mm512_and_si512(_mm512_add_epi16(begin, to_besides), ring), all_512(besides_limit));
    out.readout |= std::uint64_t{readout} << i;
    out.besides |= std::uint64_t{besides} << i;
  }
  return out;
}

[[gnu::target("avx2")]] inline __m256i all_256(std::size_t value) {
  return _mm256_set1_epi16(short(value));
}

/// Return a bit for each of 32 comparisons.
[[gnu::target("avx2")]] inline std::uint64_t bits_of(__m256i low, __m256i high) {
  // Packing takes the two halves of each vector in turn.
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
  return std::uint64_t{std::uint32_t(_mm256_movemask_epi8(bytes))};
}

[[gnu::target("avx2")]] Overlaps find_overlaps_avx2(const std::uint16_t* earlier,
                                                    std::size_t first) {
  const __m256i ring = all_256(n_capacitors - 1), channel = all_256(n_channel_capacitors - 1);
  const __m256i to_readout = all_256(n_capacitors + readout_shift - first);
  const __m256i to_besides = all_256(n_capacitors + besides_shift - first);
  Overlaps out;
  for (std::size_t i = 0; i < step; i += 32) {
    __m256i readout[2], besides[2];
    for (std::size_t k = 0; k < 2; ++k) {
      const __m256i begin =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(earlier + i + 16 * k));
      readout[k] = _mm256_cmpgt_epi16(all_256(readout_limit),
                                      _mm256_and_si256(_mm256_add_epi16(begin, to_readout), ring));
      besides[k] = _mm256_and_si256(
          _mm256_cmpgt_epi16(_mm256_and_si256(begin, channel), all_256(last_without)),
          _mm256_cmpgt_epi16(all_256(besides_limit),
                             _mm256_and_si256(_mm256_add_epi16(begin, to_besides), ring)));
    }
    out.readout |= bits_of(readout[0], readout[1]) << i;
    out.besides |= bits_of(besides[0], besides[1]) << i;
  }
  return out;
}
#endif

constexpr std::size_t lapses_at_once = 8;

/// @param n a multiple of lapses_at_once
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void approximate(
    const std::uint32_t* ticks, std::size_t n, double* out) {
  for (std::size_t i = 0; i < n; i += lapses_at_once)
    for (std::size_t k = 0; k < lapses_at_once; ++k)
      out[i + k] = approximate_time_lapse_baseline(ticks[i + k]);
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] void write_where_avx512(const std::uint64_t* samples,
                                                   const double* values, std::size_t n,
                                                   double* out) {
  constexpr std::size_t width = 8, n_vectors = n_samples / width;
  __m512d all[n_vectors];
  for (auto& vector : all) vector = _mm512_setzero_pd();
  for (std::size_t i = 0; i < n; ++i) {
    const __m512d value = _mm512_set1_pd(values[i]);
    for (std::size_t v = 0; v < n_vectors; ++v)
      all[v] = _mm512_mask_mov_pd(all[v], __mmask8(samples[i] >> (v * width)), value);
  }
  for (std::size_t v = 0; v < n_vectors; ++v) _mm512_storeu_pd(out + v * width, all[v]);
}
#endif

/// Write each value where its bits are, 0 elsewhere. No sample has two values.
void write_where(const std::uint64_t* samples, const double* values, std::size_t n, double* out) {
#if defined(__x86_64__)
  static const bool has_avx512 = __builtin_cpu_supports("avx512f");
  if (has_avx512) {
    write_where_avx512(samples, values, n, out);
    return;
  }
#endif
  std::fill_n(out, n_samples, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::uint64_t left = samples[i]; left != 0; left &= left - 1)
      out[std::countr_zero(left)] = values[i];
}

}  // namespace

Overlaps find_overlaps_scalar(const std::uint16_t* earlier, std::size_t first_capacitor) {
  Overlaps out;
  for (std::size_t i = 0; i < step; ++i) {
    const std::size_t begin = earlier[i];
    if (around_ring(begin, first_capacitor, readout_shift) < readout_limit)
      out.readout |= std::uint64_t{1} << i;
    if (begin % n_channel_capacitors > last_without &&
        around_ring(begin, first_capacitor, besides_shift) < besides_limit)
      out.besides |= std::uint64_t{1} << i;
  }
  return out;
}

Overlaps find_overlaps(const std::uint16_t* earlier, std::size_t first_capacitor) {
#if defined(__x86_64__)
  static const auto best = __builtin_cpu_supports("avx512bw") ? find_overlaps_avx512
                           : __builtin_cpu_supports("avx2")   ? find_overlaps_avx2
                                                              : find_overlaps_scalar;
  return best(earlier, first_capacitor);
#else
  return find_overlaps_scalar(earlier, first_capacitor);
#endif
}

void evaluate(std::span<LapseBaselines> chips) {
  constexpr std::size_t room = chips_per_module / n_gains * LapseBaselines::most;
  static_assert(room % lapses_at_once == 0);
  std::array<std::uint32_t, room> ticks;
  std::array<double, room> values;
  std::size_t n = 0;
  for (const LapseBaselines& chip : chips) {
    std::copy_n(chip.ticks_.begin(), chip.n_, ticks.begin() + std::ptrdiff_t(n));
    n += chip.n_;
  }
  if (n == 0) return;
  const std::size_t whole = (n + lapses_at_once - 1) / lapses_at_once * lapses_at_once;
  std::fill(ticks.begin() + std::ptrdiff_t(n), ticks.begin() + std::ptrdiff_t(whole), 1U);
  approximate(ticks.data(), whole, values.data());
  n = 0;
  for (LapseBaselines& chip : chips) {
    if (chip.empty()) continue;
    std::copy_n(values.begin() + std::ptrdiff_t(n), chip.n_, chip.value_.begin());
    n += chip.n_;
    chip.spread();
  }
}

void LapseBaselines::make_exact() {
  for (std::size_t i = 0; i < n_; ++i)
    value_[i] = time_lapse_baseline(double(ticks_[i]) / readout::clock_ticks_per_ms);
  spread();
}

void LapseBaselines::spread() {
  write_where(odd_samples_.data(), value_.data(), n_, odd_.data());
  alike_ = std::equal(odd_samples_.begin(), odd_samples_.begin() + std::ptrdiff_t(n_),
                      even_samples_.begin());
  if (!alike_) write_where(even_samples_.data(), value_.data(), n_, even_.data());
}

ReadoutHistory::ReadoutHistory()
    : begin_(step),
      end_(step),
      capacity_(8 * step),
      first_capacitor_(chips_per_module * capacity_),
      clock_(capacity_) {}

void ReadoutHistory::forget(std::uint64_t clock) {
  if (clock == 0) return;
  // One clock that ran ahead must not cost what the next ones need.
  const std::uint64_t now = previous_clock_ == 0 ? 0 : std::min(clock, previous_clock_);
  previous_clock_ = clock;
  while (begin_ < end_ && (clock_[begin_] == 0 || clock_[begin_] + longest_lapse_ticks <= now))
    ++begin_;
}

void ReadoutHistory::make_room() {
  if (end_ - begin_ > most_events) begin_ = end_ - most_events;
  const std::size_t n = end_ - begin_, old = capacity_;
  std::size_t capacity = capacity_;
  while (capacity < step + 2 * n) capacity *= 2;
  std::vector<std::uint16_t> first_capacitor(chips_per_module * capacity);
  std::vector<std::uint64_t> clock(capacity);
  for (std::size_t chip = 0; chip < chips_per_module; ++chip)
    std::copy_n(&first_capacitor_[chip * old + begin_], n,
                &first_capacitor[chip * capacity + step]);
  std::copy_n(&clock_[begin_], n, &clock[step]);
  first_capacitor_ = std::move(first_capacitor);
  clock_ = std::move(clock);
  capacity_ = capacity;
  begin_ = step;
  end_ = step + n;
}

void ReadoutHistory::add(std::span<const std::uint16_t> first_capacitors, std::uint64_t clock) {
  if (end_ == capacity_) make_room();
  for (std::size_t chip = 0; chip < chips_per_module; ++chip)
    first_capacitor_[chip * capacity_ + end_] =
        std::uint16_t(first_capacitors[chip] % n_capacitors);
  clock_[end_++] = clock;
}

void ReadoutHistory::find(std::size_t chip, std::size_t first_capacitor, std::uint64_t clock,
                          std::size_t newer, LapseBaselines& out) const {
  out.n_ = 0;
  if (clock == 0) return;
  std::uint64_t odd_left = all_samples, even_left = all_samples;
  const std::uint16_t* const begins = &first_capacitor_[chip * capacity_];
  for (std::size_t stop = end_ - newer; stop > begin_ && odd_left != 0;) {
    const std::size_t start = stop - step;
    const Overlaps overlaps = find_overlaps(begins + start, first_capacitor);
    std::uint64_t any = overlaps.readout | overlaps.besides;
    if (start < begin_) any &= ~std::uint64_t{0} << (begin_ - start);
    while (any != 0 && odd_left != 0) {
      const auto bit = std::size_t(63 - std::countl_zero(any));
      any ^= std::uint64_t{1} << bit;
      const std::size_t begin = begins[start + bit];
      std::uint64_t odd = 0, even = 0;
      if ((overlaps.readout >> bit & 1) != 0) [[likely]]
        odd = overlapped_samples[around_ring(begin, first_capacitor, readout_shift)];
      if ((overlaps.besides >> bit & 1) != 0) [[unlikely]] {
        const int at = int(around_ring(begin, first_capacitor, besides_shift)) - int(n_besides - 1);
        const std::size_t in_channel = begin % n_channel_capacitors;
        even = samples_at(at, std::min(n_besides, n_channel_capacitors - in_channel));
      }
      even = (even | odd) & even_left;
      odd &= odd_left;
      even_left ^= even;
      odd_left ^= odd;
      // Whether a readout adds anything is a matter of chance: it is written in any case, and
      // counted if it does.
      const std::uint64_t then = clock_[start + bit];
      out.ticks_[out.n_] = std::uint32_t(clock - then);
      out.odd_samples_[out.n_] = odd;
      out.even_samples_[out.n_] = even;
      const bool applies = then != 0 && then < clock && clock - then < longest_lapse_ticks;
      out.n_ += static_cast<std::size_t>((odd | even) != 0) & static_cast<std::size_t>(applies);
    }
    stop = start;
    if (start < begin_) break;
  }
}

}  // namespace alisio::calib::drs4
