#include "calib/drs4/readout_history.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "calib/constants/constants.hpp"
#include "calib/drs4/fetch_lines.hpp"
#include "calib/drs4/time_lapse.hpp"

namespace alisio::calib::drs4 {
namespace {

using readout::chips_per_module;
using readout::n_samples;

/// Readouts are compared in whole steps, and there is room for one before the first.
constexpr std::size_t step = 32;
/// Readouts that are searched before it is asked whether they were enough: mostly they are.
constexpr std::size_t search = 384;
/// Of more earlier readouts than these, as at more than 2.5 kHz, often too many overlap for vectors
/// to decide: the search would be done twice.
constexpr std::size_t most_for_vectors = 256;
/// Readouts that find_avx512() takes at once, and earlier ones of each that it looks at.
constexpr std::size_t found_at_once = 4, most_latest = 8;

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

/// Samples that a readout overlaps, by around_ring() with readout_shift; none from the limit on. A
/// table: the shift goes either way, which no processor can foresee.
constexpr std::array<std::uint64_t, readout_limit + 1> overlapped_samples = [] {
  std::array<std::uint64_t, readout_limit + 1> table{};
  for (std::size_t i = 0; i < readout_limit; ++i)
    table[i] = samples_at(int(i) - int(readout_shift), n_samples);
  return table;
}();

/// Return whether some readout can read besides what one at `first` reads: of ten, seven need not
/// look for any.
bool can_be_read_besides(std::size_t first) {
  const std::size_t lowest_begin = first + n_capacitors - besides_shift;
  return lowest_begin % n_channel_capacitors + besides_limit - 1 > last_without;
}

/// Return whether a readout that begins at `begin` overlaps the capacitors that one at `first`
/// reads, or those that it reads besides.
bool overlaps(std::size_t begin, std::size_t first) {
  return around_ring(begin, first, readout_shift) < readout_limit ||
         (begin % n_channel_capacitors > last_without &&
          around_ring(begin, first, besides_shift) < besides_limit);
}

#if defined(__x86_64__)
// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

[[gnu::target("avx512bw")]] inline __m512i all_512(std::size_t value) {
  return _mm512_set1_epi16(short(value));
}

/// @param found_begins gets the first capacitors of those that are found, unless it is nullptr
template <bool with_besides>
[[gnu::target("avx512bw,avx512vbmi2,popcnt"), gnu::always_inline]] inline std::size_t
find_overlaps_avx512_of(const std::uint16_t* begins, std::size_t n, std::size_t first,
                        std::uint16_t* found, std::uint16_t* found_begins) {
  const __m512i ring = all_512(n_capacitors - 1), channel = all_512(n_channel_capacitors - 1);
  const __m512i to_readout = all_512(n_capacitors + readout_shift - first);
  const __m512i to_besides = all_512(n_capacitors + besides_shift - first);
  alignas(64) std::uint16_t lanes[32];
  for (std::uint16_t i = 0; i < 32; ++i) lanes[i] = i;
  __m512i number = _mm512_load_si512(lanes);
  std::size_t n_found = 0;
  for (std::size_t i = 0; i < n; i += 32) {
    const __m512i begin = _mm512_loadu_si512(begins + i);
    __mmask32 any = _mm512_cmplt_epi16_mask(
        _mm512_and_si512(_mm512_add_epi16(begin, to_readout), ring), all_512(readout_limit));
    if constexpr (with_besides)
      any |= _mm512_mask_cmplt_epi16_mask(
          _mm512_cmpgt_epi16_mask(_mm512_and_si512(begin, channel), all_512(last_without)),
          _mm512_and_si512(_mm512_add_epi16(begin, to_besides), ring), all_512(besides_limit));
    // Whether a readout overlaps is a matter of chance: no branch asks for it.
    _mm512_storeu_si512(found + n_found, _mm512_maskz_compress_epi16(any, number));
    if (found_begins != nullptr)
      _mm512_storeu_si512(found_begins + n_found, _mm512_maskz_compress_epi16(any, begin));
    n_found += std::size_t(_mm_popcnt_u32(any));
    number = _mm512_add_epi16(number, all_512(32));
  }
  return n_found;
}

[[gnu::target("avx512bw,avx512vbmi2,popcnt")]] std::size_t find_overlaps_avx512(
    const std::uint16_t* begins, std::size_t n, std::size_t first, std::uint16_t* found) {
  return can_be_read_besides(first)
             ? find_overlaps_avx512_of<true>(begins, n, first, found, nullptr)
             : find_overlaps_avx512_of<false>(begins, n, first, found, nullptr);
}

[[gnu::target("avx512f")]] inline __m512i all_of(std::size_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}

/// around_ring() of eight readouts.
[[gnu::target("avx512f")]] inline __m512i around_ring_of(__m512i begin, std::size_t first,
                                                         std::size_t shift) {
  return _mm512_and_si512(_mm512_add_epi64(begin, all_of(n_capacitors + shift - first)),
                          all_of(n_capacitors - 1));
}

/// Bits [at, at + n), those below 0 or from 40 on left out, where `ones` are n bits. Of the two
/// shifts one is by a negative number, which leaves nothing.
[[gnu::target("avx512f")]] inline __m512i samples_of(__m512i ones, __m512i at) {
  const __m512i shifted =
      _mm512_or_si512(_mm512_sllv_epi64(ones, at),
                      _mm512_srlv_epi64(ones, _mm512_sub_epi64(_mm512_setzero_si512(), at)));
  return _mm512_and_si512(shifted, all_of(all_samples));
}

#pragma GCC diagnostic pop

[[gnu::target("avx2")]] inline __m256i all_256(std::size_t value) {
  return _mm256_set1_epi16(short(value));
}

/// Return a bit for each of 32 comparisons.
[[gnu::target("avx2")]] inline std::uint32_t bits_of(__m256i low, __m256i high) {
  // Packing takes the two halves of each vector in turn.
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
  return std::uint32_t(_mm256_movemask_epi8(bytes));
}

[[gnu::target("avx2")]] std::size_t find_overlaps_avx2(const std::uint16_t* begins, std::size_t n,
                                                       std::size_t first, std::uint16_t* found) {
  const __m256i ring = all_256(n_capacitors - 1), channel = all_256(n_channel_capacitors - 1);
  const __m256i to_readout = all_256(n_capacitors + readout_shift - first);
  const __m256i to_besides = all_256(n_capacitors + besides_shift - first);
  std::size_t n_found = 0;
  for (std::size_t i = 0; i < n; i += 32) {
    __m256i any[2];
    for (std::size_t k = 0; k < 2; ++k) {
      const __m256i begin =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(begins + i + 16 * k));
      const __m256i readout = _mm256_cmpgt_epi16(
          all_256(readout_limit), _mm256_and_si256(_mm256_add_epi16(begin, to_readout), ring));
      const __m256i besides = _mm256_and_si256(
          _mm256_cmpgt_epi16(_mm256_and_si256(begin, channel), all_256(last_without)),
          _mm256_cmpgt_epi16(all_256(besides_limit),
                             _mm256_and_si256(_mm256_add_epi16(begin, to_besides), ring)));
      any[k] = _mm256_or_si256(readout, besides);
    }
    for (std::uint32_t bits = bits_of(any[0], any[1]); bits != 0; bits &= bits - 1)
      found[n_found++] = std::uint16_t(i + std::size_t(std::countr_zero(bits)));
  }
  return n_found;
}
#endif

}  // namespace

std::size_t find_overlaps_scalar(const std::uint16_t* begins, std::size_t n,
                                 std::size_t first_capacitor, std::uint16_t* found) {
  std::size_t n_found = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (overlaps(begins[i], first_capacitor)) found[n_found++] = std::uint16_t(i);
  return n_found;
}

std::size_t find_overlaps(const std::uint16_t* begins, std::size_t n, std::size_t first_capacitor,
                          std::uint16_t* found) {
#if defined(__x86_64__)
  static const auto best =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")
          ? find_overlaps_avx512
      : __builtin_cpu_supports("avx2") ? find_overlaps_avx2
                                       : find_overlaps_scalar;
  return best(begins, n, first_capacitor, found);
#else
  return find_overlaps_scalar(begins, n, first_capacitor, found);
#endif
}

ReadoutHistory::ReadoutHistory()
    : begin_(step),
      end_(step),
      capacity_(16 * step),
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

void ReadoutHistory::fetch() const {
  // Those that are searched first, and mostly decide.
  const std::size_t first = std::max(begin_, end_ - std::min(end_, search));
  for (std::size_t chip = 0; chip < chips_per_module; ++chip)
    fetch_lines(first_capacitor_.data() + chip * capacity_ + first, end_ - first);
  fetch_lines(clock_.data() + first, end_ - first);
}

void ReadoutHistory::find(std::span<const Readout> readouts, std::uint64_t clock,
                          std::size_t newer) const {
#if defined(__x86_64__)
  static const bool has_avx512 =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
  if (has_avx512 && clock != 0 && end_ - begin_ <= most_for_vectors) {
    for (; !readouts.empty(); readouts = readouts.subspan(std::min(found_at_once, readouts.size())))
      find_avx512(readouts.first(std::min(found_at_once, readouts.size())), clock, newer);
    return;
  }
#endif
  for (const Readout& readout : readouts) find_scalar(readout, clock, newer);
}

void ReadoutHistory::find_scalar(const Readout& readout, std::uint64_t clock,
                                 std::size_t newer) const {
  if (can_be_read_besides(readout.first_capacitor))
    find_with<true>(readout, clock, newer);
  else
    find_with<false>(readout, clock, newer);
}

#if defined(__x86_64__)
// GCC 12 takes the intrinsics' "undefined" values for mistakes of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

struct ReadoutHistory::Latest {
  const std::uint16_t *numbers, *begins;  ///< those after the last are there, whatever they are
  std::size_t n;                          ///< at most most_latest
  std::size_t start;
  bool are_all;  ///< no other readout overlaps
};

/// The latest readout that overlaps a sample decides about it, whether it applies or not. When
/// baselines are given to samples a later one takes them from an earlier one, so that here none has
/// to be asked what those after it left.
template <bool with_besides>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")]] bool ReadoutHistory::find_from(
    const Latest& latest, const Readout& wanted, std::uint64_t clock) const {
  LapseBaselines& out = *wanted.out;
  const auto given = __mmask8((1U << latest.n) - 1);
  const auto load = [](const std::uint16_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  const __m512i number = _mm512_cvtepu16_epi64(load(latest.numbers));
  const __m512i begin = _mm512_cvtepu16_epi64(load(latest.begins));
  const __m512i zero = _mm512_setzero_si512();
  const __m512i place = around_ring_of(begin, wanted.first_capacitor, readout_shift);
  const __mmask8 overlaps = _mm512_mask_cmplt_epu64_mask(given, place, all_of(readout_limit));
  const __m512i odd = _mm512_maskz_mov_epi64(
      overlaps, samples_of(all_of(all_samples), _mm512_sub_epi64(place, all_of(readout_shift))));
  if (!latest.are_all && std::uint64_t(_mm512_reduce_or_epi64(odd)) != all_samples) return false;

  const __m512i then = _mm512_mask_i64gather_epi64(zero, given, number,
                                                   clock_.data() + latest.start, sizeof clock_[0]);
  const __m512i elapsed = _mm512_sub_epi64(all_of(clock), then);
  __mmask8 applies = _mm512_mask_cmpneq_epu64_mask(given, then, zero);
  applies = _mm512_mask_cmplt_epu64_mask(applies, then, all_of(clock));
  applies = _mm512_mask_cmplt_epu64_mask(applies, elapsed, all_of(longest_lapse_ticks));
  if (latest.start < begin_)
    applies = _mm512_mask_cmpge_epu64_mask(applies, number, all_of(begin_ - latest.start));
  // The first may not apply, for what is older than they are decides about nothing. One that does
  // not after one that does takes samples away.
  const unsigned without = given & ~unsigned{applies};
  if ((without & (without + 1)) != 0) return false;

  out.n_ = std::size_t(_mm_popcnt_u32(applies));
  out.alike_ = true;
  static_assert(LapseBaselines::room_after >= most_latest);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.ticks_.data()),
                      _mm512_cvtepi64_epi32(_mm512_maskz_compress_epi64(applies, elapsed)));
  _mm512_storeu_si512(out.odd_samples_.data(), _mm512_maskz_compress_epi64(applies, odd));
  _mm512_storeu_si512(out.odd_samples_.data() + most_latest, zero);
  if constexpr (with_besides) {
    const __m512i in_channel = _mm512_and_si512(begin, all_of(n_channel_capacitors - 1));
    const __m512i besides = around_ring_of(begin, wanted.first_capacitor, besides_shift);
    __mmask8 reads_besides = _mm512_mask_cmpgt_epu64_mask(given, in_channel, all_of(last_without));
    reads_besides = _mm512_mask_cmplt_epu64_mask(reads_besides, besides, all_of(besides_limit));
    if (reads_besides == 0) return true;
    const __m512i n_read = _mm512_min_epu64(
        all_of(n_besides), _mm512_sub_epi64(all_of(n_channel_capacitors), in_channel));
    const __m512i ones = _mm512_srlv_epi64(all_of((1U << n_besides) - 1),
                                           _mm512_sub_epi64(all_of(n_besides), n_read));
    const __m512i samples = samples_of(ones, _mm512_sub_epi64(besides, all_of(n_besides - 1)));
    const __m512i even = _mm512_mask_or_epi64(odd, reads_besides, odd, samples);
    out.alike_ = false;
    _mm512_storeu_si512(out.even_samples_.data(), _mm512_maskz_compress_epi64(applies, even));
    _mm512_storeu_si512(out.even_samples_.data() + most_latest, zero);
  }
  return true;
}

[[gnu::target("avx512bw,avx512vbmi2,popcnt")]] void ReadoutHistory::find_avx512(
    std::span<const Readout> readouts, std::uint64_t clock, std::size_t newer) const {
  const std::size_t stop = end_ - newer;
  // All that there are: find() does not let more come here.
  static_assert(most_for_vectors % step == 0);
  const std::size_t n_searched = stop > begin_ ? (stop - begin_ + step - 1) / step * step : 0;
  const std::size_t start = stop - n_searched;
  // All are searched before any is looked at: what was stored at many places cannot be loaded in
  // one piece until it has arrived in the cache.
  std::array<std::array<std::uint16_t, most_for_vectors + overlap_room>, found_at_once> numbers,
      begins;
  std::array<std::size_t, found_at_once> n_found;
  for (std::size_t k = 0; k < readouts.size(); ++k) {
    const std::uint16_t* const searched =
        first_capacitor_.data() + readouts[k].chip * capacity_ + start;
    const std::size_t first = readouts[k].first_capacitor;
    n_found[k] = can_be_read_besides(first)
                     ? find_overlaps_avx512_of<true>(searched, n_searched, first, numbers[k].data(),
                                                     begins[k].data())
                     : find_overlaps_avx512_of<false>(searched, n_searched, first,
                                                      numbers[k].data(), begins[k].data());
  }
  for (std::size_t k = 0; k < readouts.size(); ++k) {
    const std::size_t n = std::min(n_found[k], most_latest), skipped = n_found[k] - n;
    const Latest latest{&numbers[k][skipped], &begins[k][skipped], n, start, skipped == 0};
    const bool found = can_be_read_besides(readouts[k].first_capacitor)
                           ? find_from<true>(latest, readouts[k], clock)
                           : find_from<false>(latest, readouts[k], clock);
    if (!found) find_scalar(readouts[k], clock, newer);
  }
}

#pragma GCC diagnostic pop
#endif

template <bool with_besides>
void ReadoutHistory::find_with(const Readout& wanted, std::uint64_t clock,
                               std::size_t newer) const {
  const std::size_t first_capacitor = wanted.first_capacitor;
  LapseBaselines& out = *wanted.out;
  out.clear();
  if (clock == 0) return;
  std::uint64_t odd_left = all_samples, even_left = all_samples, differing = 0;
  const std::uint16_t* const begins = &first_capacitor_[wanted.chip * capacity_];
  std::array<std::uint16_t, search + overlap_room> found;
  std::size_t n = 0;
  for (std::size_t stop = end_ - newer; stop > begin_ && odd_left != 0;) {
    // Whole steps; those before begin_ are passed over.
    const std::size_t n_searched = std::min(search, (stop - begin_ + step - 1) / step * step);
    const std::size_t start = stop - n_searched;
    for (std::size_t k = find_overlaps(begins + start, n_searched, first_capacitor, found.data());
         k > 0 && odd_left != 0; --k) {
      const std::size_t readout = start + found[k - 1];
      if (readout < begin_) break;
      const std::size_t begin = begins[readout];
      const std::size_t place = around_ring(begin, first_capacitor, readout_shift);
      const std::uint64_t overlapped = overlapped_samples[std::min(place, readout_limit)];
      const std::uint64_t odd = overlapped & odd_left;
      std::uint64_t any = odd;
      if constexpr (with_besides) {
        std::uint64_t even = overlapped;
        const std::size_t in_channel = begin % n_channel_capacitors;
        const std::size_t besides = around_ring(begin, first_capacitor, besides_shift);
        if (besides < besides_limit && in_channel > last_without) [[unlikely]]
          even |= samples_at(int(besides) - int(n_besides - 1),
                             std::min(n_besides, n_channel_capacitors - in_channel));
        even &= even_left;
        even_left ^= even;
        any |= even;
        out.even_samples_[n] = even;
        differing |= odd ^ even;
      }
      odd_left ^= odd;
      // Whether a readout adds anything is a matter of chance: it is written in any case, and
      // counted if it does.
      const std::uint64_t then = clock_[readout];
      out.ticks_[n] = std::uint32_t(clock - then);
      out.odd_samples_[n] = odd;
      const bool applies = then != 0 && then < clock && clock - then < longest_lapse_ticks;
      n += static_cast<std::size_t>(any != 0) & static_cast<std::size_t>(applies);
    }
    stop = start;
    if (start < begin_) break;
  }
  out.n_ = n;
  out.alike_ = differing == 0;
  std::fill_n(&out.odd_samples_[n], LapseBaselines::room_after, std::uint64_t{0});
  if (!out.alike_) std::fill_n(&out.even_samples_[n], LapseBaselines::room_after, std::uint64_t{0});
}

}  // namespace alisio::calib::drs4
