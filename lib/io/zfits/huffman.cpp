#include <algorithm>
#include <array>
#include <cstring>

#include "lib/io/zfits/codecs.hpp"

namespace alisio::zfits {
namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// Takes decoded words in order and puts them where they belong, smoothing them if asked to.
class Output {
 public:
  Output(std::uint16_t* out, std::size_t count, bool smoothing)
      : out_(out), left_(count), smoothing_(smoothing) {}

  /// Take words, but no more than are still missing. Overwrites most_left_to_smooth words before
  /// them.
  void take(std::uint16_t* words, std::size_t count) {
    count = std::min(count, left_);
    left_ -= count;
    if (!smoothing_) {
      std::memcpy(out_, words, count * sizeof(std::uint16_t));
      out_ += count;
      return;
    }
    for (; count > 0 && done_ < 2; --count, ++done_) *out_++ = *words++;
    words -= held_count_;
    count += held_count_;
    std::copy_n(held_.begin(), held_count_, words);
    const std::size_t smoothed = undo_smoothing(words, out_, count, left_ > 0);
    out_ += smoothed;
    held_count_ = count - smoothed;
    std::copy_n(words + smoothed, held_count_, held_.begin());
  }
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  std::uint16_t* out_;
  std::size_t left_;
  std::size_t done_ = 0;
  bool smoothing_;
  std::size_t held_count_ = 0;  ///< Words that wait for more, to be smoothed with them.
  std::array<std::uint16_t, most_left_to_smooth> held_;
};

/// Lanes that are decoded in turns: while one waits for a look-up, the others go on.
constexpr std::size_t lanes = 6;
/// A round is twice so many look-ups and, seldom, that of a long code.
constexpr unsigned lookups = 4;
/// What a round takes and gives at most.
constexpr std::size_t round_bits =
    2 * lookups * HuffmanTable::lookup_bits + HuffmanTable::lookup_bits + HuffmanTable::long_bits;
constexpr std::size_t round_words = 2 * lookups * 2 + 1;
/// A round stores up to 2 words too many,
constexpr std::size_t spare_words = 4;
/// and reads 8 bytes from the one that holds the bit after its last.
constexpr std::size_t spare_bits = 64 + 8;

/// Decoding of one stretch of a stream.
struct Lane {
  Lane() = default;
  explicit Lane(std::span<std::uint16_t> memory)
      : first(memory.data()), out(first), last(first + memory.size()) {}

  std::size_t position = 0, stop = 0;
  std::uint16_t *first = nullptr, *out = nullptr, *last = nullptr;
  bool stuck = false;  ///< What follows begins no code.

  /// Return how many rounds can be done without a look at any limit.
  /// @param end  of what may be read, bits
  [[nodiscard]] std::size_t rounds(std::size_t end) const {
    end = std::min(end, stop);
    if (stuck || position >= end) return 0;
    return std::min((end - position) / round_bits,
                    static_cast<std::size_t>(last - out) / round_words);
  }
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(out - first); }
};

/// Do rounds of look-ups in turns; return the lanes, as bits, that came to a code that is in
/// neither table, which ends this early.
template <std::size_t count>
[[gnu::always_inline]] inline unsigned advance(const HuffmanTable& table, const std::byte* stream,
                                               Lane* all, std::size_t rounds) {
  const HuffmanTable::Lookup* const lookup = &table.lookup();
  constexpr std::uint64_t mask = (std::uint64_t{1} << HuffmanTable::lookup_bits) - 1;
  // The highest bit is set and moves down: the zeros above it count the bits that are done. At
  // least 63 - 7 are left after each load.
  constexpr std::uint64_t marker = std::uint64_t{1} << 63;
  static_assert(lookups * HuffmanTable::lookup_bits <= 56 &&
                HuffmanTable::lookup_bits + HuffmanTable::long_bits <= 56);
  const std::byte* at[count];
  std::uint64_t bits[count];
  std::byte* out[count];
#pragma GCC unroll 8
  for (std::size_t k = 0; k < count; ++k) {
    at[k] = stream + (all[k].position >> 3);
    bits[k] = (load<std::uint64_t>(at[k]) | marker) >> (all[k].position & 7);
    out[k] = reinterpret_cast<std::byte*>(all[k].out);
  }
  const auto refill = [&](std::size_t k) __attribute__((always_inline)) {
    const auto done = static_cast<unsigned>(__builtin_clzll(bits[k]));
    at[k] += done >> 3;
    bits[k] = (load<std::uint64_t>(at[k]) | marker) >> (done & 7);
  };
  unsigned stuck = 0;
  for (std::size_t n = 0; n < rounds && stuck == 0; ++n) {
    std::uint32_t without_code = 0;
#pragma GCC unroll 2
    for (unsigned half = 0; half < 2; ++half) {
#pragma GCC unroll 8
      for (unsigned turn = 0; turn < lookups; ++turn) {
#pragma GCC unroll 8
        for (std::size_t k = 0; k < count; ++k) {
          const std::uint64_t index = bits[k] & mask;
          const std::uint32_t pair = lookup->symbols[index];
          const std::uint64_t length = lookup->lengths[index];
          std::memcpy(out[k], &pair, sizeof pair);
          bits[k] >>= length & 63U;
          out[k] += length >> 5;  // two bytes for each symbol; bit 5 is not set
          // A look-up without symbols takes no bits, so that all after it are without symbols too.
          if (half == 1 && turn + 1 == lookups)
            without_code |= static_cast<std::uint32_t>(length) - 1;
        }
      }
#pragma GCC unroll 8
      for (std::size_t k = 0; k < count; ++k) refill(k);
    }
    if (without_code >> 31 == 0) [[likely]]
      continue;
      // Without branches, since it is never foreseen which lane it is.
#pragma GCC unroll 8
    for (std::size_t k = 0; k < count; ++k) {
      const std::uint64_t index = bits[k] & mask;
      const std::uint64_t is_long = lookup->lengths[index] == 0 ? 1 : 0;
      const std::uint64_t rest =
          bits[k] >> HuffmanTable::lookup_bits & ((1U << HuffmanTable::long_bits) - 1);
      const std::uint32_t one =
          table.long_lookup()[(lookup->symbols[index] + rest) & (0 - is_long)];
      const std::uint64_t length = one >> 16;
      std::memcpy(out[k], &one, sizeof(std::uint16_t));
      bits[k] >>= length & 63U;
      out[k] += length != 0 ? 2 : 0;
      stuck |= static_cast<unsigned>(is_long & (length == 0 ? 1 : 0)) << k;
    }
#pragma GCC unroll 8
    for (std::size_t k = 0; k < count; ++k) refill(k);
  }
#pragma GCC unroll 8
  for (std::size_t k = 0; k < count; ++k) {
    all[k].position = static_cast<std::size_t>(at[k] - stream) * 8 +
                      static_cast<unsigned>(__builtin_clzll(bits[k]));
    all[k].out = reinterpret_cast<std::uint16_t*>(out[k]);
  }
  return stuck;
}

[[gnu::target_clones("arch=x86-64-v3", "default")]] unsigned advance_together(
    const HuffmanTable& table, const std::byte* stream, Lane* all, std::size_t rounds) {
  return advance<lanes>(table, stream, all, rounds);
}
[[gnu::target_clones("arch=x86-64-v3", "default")]] unsigned advance_alone(
    const HuffmanTable& table, const std::byte* stream, Lane* lane, std::size_t rounds) {
  return advance<1>(table, stream, lane, rounds);
}

/// Decodes a bit stream with several look-up chains at once.
///
/// One chain waits for its table look-ups: each must know the length of the code before. So a piece
/// of the stream is decoded by several lanes, at equal distances. All but the first start at a
/// guess, in the middle of a code most likely, and a little before their stretch: Huffman codes
/// fall into step by themselves after some symbols. A lane ends with the first code that starts in
/// the stretch of the next. If this is where the next began its own, its words are the true ones,
/// for the same bits follow. If not its stretch is done again, from there: slower, but the result
/// is always that of plain decoding.
class StreamDecoder {
 public:
  StreamDecoder(std::span<const std::byte> stream, HuffmanWorkspace& work, std::size_t offset)
      : table_(work.table),
        begin_(stream.data()),
        end_(stream.size() * 8),
        safe_end_(end_ > spare_bits ? end_ - spare_bits : 0),
        offset_(offset) {
    work.words.resize((lanes + 1) * stride);
    for (std::size_t k = 0; k <= lanes; ++k)
      memory_[k] = {work.words.data() + k * stride + most_left_to_smooth, lane_words};
  }

  void run(Output& output) {
    while (output.left() > 0) {
      const std::size_t words = std::min(output.left(), lanes * typical_words);
      const std::size_t bits = (end_ - position_) * words / output.left();
      const std::size_t most_bits = safe_end_ > position_ ? safe_end_ - position_ : 0;
      const std::size_t lane_bits = std::min(bits, most_bits) / lanes;
      if (words >= smallest_piece && lane_bits >= 2 * settling_bits)
        run_lanes(lane_bits, output);
      else
        run_alone(end_, output);
    }
  }

 private:
  /// The words of all lanes stay in the second-level cache.
  static constexpr std::size_t typical_words = 16384;
  static constexpr std::size_t lane_words = typical_words * 3 / 2;
  static constexpr std::size_t stride = most_left_to_smooth + lane_words + spare_words;
  static constexpr std::size_t smallest_piece = 4096;
  static constexpr std::size_t idle_rounds = lane_words / round_words;
  /// Before the stretch of a lane: some hundred codes.
  static constexpr std::size_t settling_bits = 512;

  /// Decode one symbol, long code or not; false if there is none.
  bool step(Lane& lane) const {
    const auto symbol = table_.step(begin_, lane.position, end_);
    if (symbol.bits == 0) {
      lane.stuck = true;
      return false;
    }
    *lane.out++ = symbol.value;
    lane.position += symbol.bits;
    return true;
  }

  /// Do rounds up to less than one before the stop, the end of the memory or that of the stream.
  void do_rounds(Lane& lane) const {
    while (const std::size_t rounds = lane.rounds(safe_end_))
      if (advance_alone(table_, begin_, &lane, rounds) != 0) step(lane);
  }

  /// The same for all lanes, in turns while more than one has some to do. Those that have none, as
  /// stretches take differently many, do something that is of no use.
  void do_rounds_in_turns() {
    for (;;) {
      std::array<Lane, lanes> working;
      std::size_t rounds = idle_rounds, active = 0;
      for (std::size_t k = 0; k < lanes; ++k) {
        const std::size_t own = all_[k].rounds(safe_end_);
        working[k] = own > 0 ? all_[k] : Lane(memory_[lanes]);
        if (own > 0) rounds = std::min(rounds, own), ++active;
      }
      if (active < 2) break;
      const unsigned stuck = advance_together(table_, begin_, working.data(), rounds);
      for (std::size_t k = 0; k < lanes; ++k) {
        if (all_[k].rounds(safe_end_) == 0) continue;
        all_[k] = working[k];
        if ((stuck >> k & 1U) != 0) step(all_[k]);
      }
    }
    for (Lane& lane : all_) do_rounds(lane);
  }

  /// Go on to the first code at or after the stop of each lane, or until its memory is full.
  void finish(std::span<Lane> all) const {
    for (bool some_left = true; some_left;) {
      some_left = false;
      for (Lane& lane : all)
        if (lane.position < lane.stop && lane.out < lane.last && !lane.stuck)
          some_left |= step(lane);
    }
  }

  void run_lanes(std::size_t lane_bits, Output& output) {
    for (std::size_t k = 0; k < lanes; ++k) {
      all_[k] = Lane(memory_[k]);
      all_[k].position = position_ + k * lane_bits - (k > 0 ? settling_bits : 0);
      all_[k].stop = all_[k].position + settling_bits;
    }
    do_rounds_in_turns();
    finish(all_);
    std::array<std::size_t, lanes> start{position_};
    for (std::size_t k = 0; k < lanes; ++k) {
      if (k > 0) {
        start[k] = all_[k].position;
        all_[k].out = all_[k].first;
      }
      all_[k].stop = position_ + (k + 1) * lane_bits;
    }
    do_rounds_in_turns();
    finish(all_);
    for (std::size_t k = 0; k < lanes && output.left() > 0; ++k) {
      if (start[k] == position_) {
        output.take(all_[k].first, all_[k].count());
        position_ = all_[k].position;
      } else {
        run_alone(all_[k].stop, output);
      }
    }
  }

  /// Decode up to the first code at or after a bit of the stream, or until no word is missing.
  /// @throws Damage if a word is missing and no code follows.
  void run_alone(std::size_t stop, Output& output) {
    while (output.left() > 0 && position_ < stop) {
      Lane lane(memory_[lanes]);
      lane.last = std::min(lane.last, lane.first + output.left());
      lane.position = position_;
      lane.stop = stop;
      do_rounds(lane);
      finish({&lane, 1});
      output.take(lane.first, lane.count());
      position_ = lane.position;
      if (lane.stuck) fail();
    }
    if (output.left() > 0 && position_ >= end_) fail();
  }

  [[noreturn]] void fail() const {
    throw Damage{"the Huffman stream holds bits that are no code, or ends too early",
                 offset_ + position_ / 8};
  }

  const HuffmanTable& table_;
  const std::byte* begin_;
  std::size_t end_;       ///< Bits in the stream.
  std::size_t safe_end_;  ///< Up to here a round reads nothing beyond.
  std::size_t offset_;
  std::size_t position_ = 0;                                ///< Bits that are done.
  std::array<std::span<std::uint16_t>, lanes + 1> memory_;  ///< Of the lanes, and of one alone.
  std::array<Lane, lanes> all_;
};

}  // namespace

void undo_huffman16(std::span<const std::byte> in, bool smoothing, std::size_t limit, Buffer& out,
                    HuffmanWorkspace& work) {
  constexpr std::size_t prefix = 4 + 16;
  if (in.size() < prefix) throw Damage{"the Huffman block is cut short", in.size()};
  const std::size_t length = load<std::uint32_t>(in.data());
  if (length < 16 || length > in.size() - 4)
    throw Damage{"the length of the Huffman block makes no sense", 0};
  in = in.first(4 + length);
  const auto words = load<std::uint64_t>(in.data() + 4);
  const auto codes = load<std::uint64_t>(in.data() + 12);
  if (words > limit / 2)
    throw Damage{"the Huffman block claims " + std::to_string(words) + " words", 4};
  if (words == 0) {
    out.resize(0);
    return;
  }
  if (codes == 0 || codes > 65536)
    throw Damage{"the Huffman block claims " + std::to_string(codes) + " codes", 12};
  if (codes == 1) {
    if (in.size() < prefix + 2) throw Damage{"the Huffman block is cut short", in.size()};
    const auto symbol = load<std::uint16_t>(in.data() + prefix);
    out.resize(words * 2);
    auto* const target = reinterpret_cast<std::uint16_t*>(out.data());
    std::fill_n(target, words, symbol);
    if (smoothing) undo_smoothing(target, words);
    return;
  }
  std::size_t table_bytes = 0;
  try {
    table_bytes = work.table.build(in.subspan(prefix), codes);
  } catch (Damage& damage) {
    damage.at += prefix;
    throw;
  }
  const auto stream = in.subspan(prefix + table_bytes);
  // Every code takes at least one bit: refuse absurd sizes before memory is asked for.
  if (words > stream.size() * 8)
    throw Damage{"the Huffman block claims " + std::to_string(words) + " words", 4};
  out.resize(words * 2);
  Output output(reinterpret_cast<std::uint16_t*>(out.data()), words, smoothing);
  StreamDecoder(stream, work, prefix + table_bytes).run(output);
}

void undo_halfman16(std::span<const std::byte> in, std::size_t limit, Buffer& out, Buffer& scratch,
                    HuffmanWorkspace& work) {
  if (in.size() < 8) throw Damage{"the two Huffman blocks are cut short", in.size()};
  const std::size_t sizes[2] = {load<std::uint32_t>(in.data()), load<std::uint32_t>(in.data() + 4)};
  out.resize(0);
  std::size_t at = 8;
  for (const std::size_t size : sizes) {
    if (size > in.size() - at) throw Damage{"the two Huffman blocks are cut short", at};
    try {
      undo_huffman16(in.subspan(at, size), false, limit - out.size(), scratch, work);
    } catch (Damage& damage) {
      damage.at += at;
      throw;
    }
    const std::size_t done = out.size();
    out.resize(done + scratch.size());
    if (scratch.size() > 0) std::memcpy(out.data() + done, scratch.data(), scratch.size());
    at += size;
  }
}

}  // namespace alisio::zfits
