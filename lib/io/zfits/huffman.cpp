#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "lib/io/zfits/codecs.hpp"

static_assert(std::endian::native == std::endian::little, "zfits streams are little endian");

namespace alisio::zfits {
namespace {

constexpr unsigned max_code_bits = 64;
constexpr std::uint32_t no_code = 0xffffffffU;

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

unsigned bit_at(const std::byte* stream, std::size_t position) {
  return (static_cast<unsigned>(stream[position >> 3]) >> (position & 7)) & 1U;
}

/// Undo smoothing from one buffer to another. `out[-1]` and `out[-2]` must be the words before.
///
/// While the running words stay in 0..32767 the halved sum needs neither the truncation towards
/// zero of negative sums nor wrapping, and a[j] = (a[j-1] + (2 d[j] + a[j-2])) >> 1 has a chain of
/// two operations per word. A block in which a word leaves that range (the length words between
/// events do) is done again by definition.
void smooth_block(const std::uint16_t* in, std::uint16_t* out, std::size_t count) {
  const auto word = [](std::uint16_t bits) {
    return std::int32_t{static_cast<std::int16_t>(bits)};
  };
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

constexpr std::size_t smoothing_lanes = 16, most_lane_words = 512, least_lane_words = 64;

using Words8 = __m128i;
constexpr std::size_t words8 = 8;

Words8 load_words(const std::uint16_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
void store_words(std::uint16_t* at, Words8 words) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), words);
}

/// Exchange rows and columns of 8 x 8 words.
[[gnu::always_inline]] inline void transpose(Words8 (&m)[words8]) {
  Words8 a[words8], b[words8];
  for (std::size_t i = 0; i < 4; ++i) {
    a[2 * i] = _mm_unpacklo_epi16(m[2 * i], m[2 * i + 1]);
    a[2 * i + 1] = _mm_unpackhi_epi16(m[2 * i], m[2 * i + 1]);
  }
  for (const std::size_t i : {0, 4}) {
    b[i] = _mm_unpacklo_epi32(a[i], a[i + 2]);
    b[i + 1] = _mm_unpackhi_epi32(a[i], a[i + 2]);
    b[i + 2] = _mm_unpacklo_epi32(a[i + 1], a[i + 3]);
    b[i + 3] = _mm_unpackhi_epi32(a[i + 1], a[i + 3]);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    m[2 * i] = _mm_unpacklo_epi64(b[i], b[i + 4]);
    m[2 * i + 1] = _mm_unpackhi_epi64(b[i], b[i + 4]);
  }
}

/// Undo smoothing of consecutive stretches of words side by side; false if it must be done one
/// after the other. `out[-1]` and `out[-2]` must be the words before.
///
/// The words before all stretches but the first are a guess. If both were wrong by the same number,
/// so would be all that follow, for floor((a + c + b + c) / 2) = floor((a + b) / 2) + c. In each
/// step the errors of the last two words come closer to each other, and after some ten are equal.
/// So the first words of a stretch are computed once more from the true ones, until their
/// difference to the guessed ones stays: to the rest it is added. This holds for words of 0..32766,
/// which is looked after.
/// @param lane_words of a stretch; a multiple of 8
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] bool smooth_lanes(
    const std::uint16_t* in, std::uint16_t* out, std::size_t lane_words) {
  constexpr std::size_t groups = smoothing_lanes / words8;
  const auto word = [](std::uint16_t bits) {
    return std::int32_t{static_cast<std::int16_t>(bits)};
  };
  const std::int32_t guess = word(out[-1]);
  if (guess < 0 || word(out[-2]) < 0) return false;
  Words8 before[groups], last[groups];
  for (std::size_t g = 0; g < groups; ++g)
    before[g] = last[g] = _mm_set1_epi16(static_cast<std::int16_t>(guess));
  before[0] = _mm_insert_epi16(before[0], word(out[-2]), 0);
  for (std::size_t j = 0; j < lane_words; j += words8) {
    // Two groups in turns: each step waits for the one before.
    Words8 words[groups][words8];
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t k = 0; k < words8; ++k)
        words[g][k] = load_words(in + (g * words8 + k) * lane_words + j);
      transpose(words[g]);
    }
    for (std::size_t k = 0; k < words8; ++k) {
      for (std::size_t g = 0; g < groups; ++g) {
        // The floor of the mean, without the 17th bit of the sum.
        const Words8 half = _mm_srai_epi16(_mm_xor_si128(last[g], before[g]), 1);
        const Words8 rest = _mm_add_epi16(_mm_and_si128(last[g], before[g]), words[g][k]);
        before[g] = last[g];
        last[g] = words[g][k] = _mm_add_epi16(rest, half);
      }
    }
    for (std::size_t g = 0; g < groups; ++g) {
      transpose(words[g]);
      for (std::size_t k = 0; k < words8; ++k)
        store_words(out + (g * words8 + k) * lane_words + j, words[g][k]);
    }
  }
  Words8 smallest = _mm_setzero_si128(), largest = _mm_setzero_si128();
  for (std::size_t lane = 0; lane < smoothing_lanes; ++lane) {
    const std::uint16_t* const differences = in + lane * lane_words;
    std::uint16_t* const words = out + lane * lane_words;
    std::int32_t older = word(words[-2]), newer = word(words[-1]);
    std::int32_t all = older | newer;
    // Errors of the guessed words; the first lane's are not.
    std::int32_t error_before = lane == 0 ? 0 : older - guess;
    std::int32_t error = lane == 0 ? 0 : newer - guess;
    std::size_t j = 0;
    for (; j < lane_words && error != error_before; ++j) {
      const std::int32_t value = word(differences[j]) + ((older + newer) >> 1);
      all |= value;
      error_before = error;
      error = value - word(words[j]);
      words[j] = static_cast<std::uint16_t>(value);
      older = newer;
      newer = value;
    }
    if ((all & ~0x7fff) != 0 || error != static_cast<std::int16_t>(error)) return false;
    for (; j % words8 != 0; ++j) {
      const std::int32_t value = word(words[j]) + error;
      if ((value & ~0x7fff) != 0) return false;
      words[j] = static_cast<std::uint16_t>(value);
    }
    // Sums that saturate are seen as what they are then, 32767 or negative.
    const Words8 addend = _mm_set1_epi16(static_cast<std::int16_t>(error));
    for (; j < lane_words; j += words8) {
      const Words8 sum = _mm_adds_epi16(load_words(words + j), addend);
      smallest = _mm_min_epi16(smallest, sum);
      largest = _mm_max_epi16(largest, sum);
      store_words(words + j, sum);
    }
  }
  const Words8 outside = _mm_or_si128(_mm_cmplt_epi16(smallest, _mm_setzero_si128()),
                                      _mm_cmpeq_epi16(largest, _mm_set1_epi16(0x7fff)));
  return _mm_movemask_epi8(outside) == 0;
}

/// Undo smoothing from one buffer to another. `out[-1]` and `out[-2]` must be the words before.
void smooth(const std::uint16_t* in, std::uint16_t* out, std::size_t count) {
  constexpr std::size_t block = 64;
  while (count > 0) {
    const std::size_t lane_words =
        std::min(count / smoothing_lanes, most_lane_words) / words8 * words8;
    const bool in_lanes = lane_words >= least_lane_words;
    const std::size_t some = in_lanes ? lane_words * smoothing_lanes : count;
    if (!in_lanes || !smooth_lanes(in, out, lane_words)) {
      for (std::size_t j = 0; j < some; j += block)
        smooth_block(in + j, out + j, std::min(block, some - j));
    }
    in += some;
    out += some;
    count -= some;
  }
}

/// Takes decoded words in order and puts them where they belong, smoothing them if asked to.
class Output {
 public:
  Output(std::uint16_t* out, std::size_t count, bool smoothing)
      : out_(out), left_(count), smoothing_(smoothing) {}

  /// Take words, but no more than are still missing.
  void take(const std::uint16_t* words, std::size_t count) {
    count = std::min(count, left_);
    left_ -= count;
    if (!smoothing_) {
      std::memcpy(out_, words, count * sizeof(std::uint16_t));
      out_ += count;
      return;
    }
    for (; count > 0 && done_ < 2; --count, ++done_) *out_++ = *words++;
    smooth(words, out_, count);
    out_ += count;
  }
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  std::uint16_t* out_;
  std::size_t left_;
  std::size_t done_ = 0;
  bool smoothing_;
};

/// Decodes a bit stream with several look-up chains at once.
///
/// One chain waits for its table look-ups: each must know the length of the code before. So a piece
/// of the stream is decoded by several lanes that start at equal distances, all but the first at a
/// guess: in the middle of a code, most likely. Huffman codes fall into step by themselves after
/// some symbols. A lane notes where its first symbols started; when the lane before comes to one of
/// these places, the words from there on are the true ones, for the same bits follow. If they never
/// fall into step the lane before goes on alone: slower, but the result is always that of plain
/// decoding.
class StreamDecoder {
 public:
  StreamDecoder(std::span<const std::byte> stream, HuffmanWorkspace& work, std::size_t offset)
      : table_(work.table),
        begin_(stream.data()),
        end_(stream.size() * 8),
        offset_(offset),
        words_(work.words) {
    words_.resize(lanes * lane_words);
  }

  void run(Output& output) {
    while (output.left() > 0) {
      const std::size_t mean_bits = std::max<std::size_t>(1, (end_ - position_) / output.left());
      const std::size_t lane_bits =
          std::min(output.left(), lanes * typical_words) / lanes * mean_bits;
      if (output.left() >= smallest_piece && lane_bits * lanes + margin < end_ - position_)
        run_lanes(lane_bits, output);
      else
        run_alone(std::min(end_, position_ + typical_words * mean_bits), output);
    }
  }

 private:
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t typical_words = 32'768;
  static constexpr std::size_t lane_words = typical_words * 3 / 2;
  static constexpr std::size_t smallest_piece = 8192;
  static constexpr std::size_t noted = 256;
  static constexpr unsigned lookups = 5;
  /// What one round of look-ups takes and gives at most.
  static constexpr std::size_t round_bits =
      lookups * HuffmanTable::lookup_bits + HuffmanTable::long_bits;
  static_assert(lookups * HuffmanTable::lookup_bits < 57);
  static constexpr std::size_t round_words = lookups * 2;
  /// A round reads 8 bytes from the one that holds its first bit, and stores up to 2 words too
  /// many.
  static constexpr std::size_t margin = 256;

  struct Lane {
    std::size_t position = 0, stop = 0;
    std::uint16_t *first = nullptr, *out = nullptr, *last = nullptr;
    std::size_t notes = 0;
    std::array<std::size_t, noted> starts;  ///< Where the first `notes` symbols started.

    /// Return how many rounds can be done without a look at any limit.
    [[nodiscard]] std::size_t rounds() const {
      if (position + round_bits > stop || last - out < static_cast<std::ptrdiff_t>(round_words))
        return 0;
      return std::min((stop - position) / round_bits,
                      static_cast<std::size_t>(last - out) / round_words);
    }
  };

  struct Tables {
    const std::uint32_t* symbols;
    const std::uint8_t* lengths;
    const std::uint32_t* long_lookup;
    const std::byte* stream;
  };
  [[nodiscard]] Tables tables() const {
    return {table_.symbols(), table_.lengths(), table_.long_lookup(), begin_};
  }

  /// Do one round of look-ups; return false if it ended before a code that is in neither table.
  static bool round(const Tables& tables, std::size_t& position, std::uint16_t*& out) {
    constexpr std::uint64_t mask = (std::uint64_t{1} << HuffmanTable::lookup_bits) - 1;
    std::uint64_t bits = load<std::uint64_t>(tables.stream + (position >> 3)) >> (position & 7);
    std::uint32_t symbols = 0;
    unsigned length = 0, total = 0;
    for (unsigned n = 0; n < lookups; ++n) {
      symbols = tables.symbols[bits & mask];
      length = tables.lengths[bits & mask];
      std::memcpy(out, &symbols, sizeof symbols);
      out += length >> 6;
      bits >>= length & 63U;
      total += length;
    }
    // The bits of a round are fewer than 64, so that they do not spill into the counts above them.
    position += total & 63U;
    // A look-up without symbols takes no bits, so that all after it are without symbols too.
    if (length != 0) [[likely]]
      return true;
    bits = load<std::uint64_t>(tables.stream + (position >> 3)) >> (position & 7);
    constexpr std::uint64_t long_mask = (std::uint64_t{1} << HuffmanTable::long_bits) - 1;
    const std::uint32_t one =
        tables.long_lookup[symbols + (bits >> HuffmanTable::lookup_bits & long_mask)];
    if (one == 0) return false;
    *out++ = static_cast<std::uint16_t>(one);
    position += one >> 16;
    return true;
  }

  /// Decode one symbol, long code or not; false if there is none.
  bool step(Lane& lane) const {
    const auto symbol = table_.step(begin_, lane.position, end_);
    if (symbol.bits == 0) return false;
    *lane.out++ = symbol.value;
    lane.position += symbol.bits;
    return true;
  }

  /// Go on until less than a round is left before the stop or in the memory of the lane.
  bool finish(Lane& lane) const {
    const Tables tables = this->tables();
    while (const std::size_t rounds = lane.rounds())
      for (std::size_t n = 0; n < rounds; ++n)
        if (!round(tables, lane.position, lane.out)) {
          if (!step(lane)) return false;
          break;
        }
    return true;
  }

  /// Advance all lanes in turns until one of them ends; returns early if one cannot go on.
  void advance_together(std::array<Lane, lanes>& all) const {
    const Tables tables = this->tables();
    for (;;) {
      std::size_t rounds = all[0].rounds();
      for (const Lane& lane : all) rounds = std::min(rounds, lane.rounds());
      if (rounds == 0) return;
      std::size_t position0 = all[0].position, position1 = all[1].position,
                  position2 = all[2].position, position3 = all[3].position;
      std::uint16_t *out0 = all[0].out, *out1 = all[1].out, *out2 = all[2].out, *out3 = all[3].out;
      unsigned stopped = 0;
      for (std::size_t n = 0; n < rounds && stopped == 0; ++n) {
        stopped |= round(tables, position0, out0) ? 0U : 1U;
        stopped |= round(tables, position1, out1) ? 0U : 2U;
        stopped |= round(tables, position2, out2) ? 0U : 4U;
        stopped |= round(tables, position3, out3) ? 0U : 8U;
      }
      all[0].position = position0, all[0].out = out0;
      all[1].position = position1, all[1].out = out1;
      all[2].position = position2, all[2].out = out2;
      all[3].position = position3, all[3].out = out3;
      for (std::size_t k = 0; k < lanes; ++k)
        if ((stopped >> k & 1U) != 0 && !step(all[k])) return;
    }
  }

  void run_lanes(std::size_t lane_bits, Output& output) {
    auto& all = lanes_;
    for (std::size_t k = 0; k < lanes; ++k) {
      Lane& lane = all[k];
      lane.position = position_ + k * lane_bits;
      lane.stop = lane.position + lane_bits;
      lane.first = lane.out = words_.data() + k * lane_words;
      lane.last = lane.first + lane_words - 4;
      lane.notes = 0;
      if (k == 0) continue;
      while (lane.notes < noted && lane.position < lane.stop) {
        lane.starts[lane.notes] = lane.position;
        if (!step(lane)) break;
        ++lane.notes;
      }
    }
    advance_together(all);
    for (Lane& lane : all) finish(lane);

    output.take(all[0].first, static_cast<std::size_t>(all[0].out - all[0].first));
    position_ = all[0].position;
    for (std::size_t k = 1; k < lanes && output.left() > 0; ++k) {
      const Lane& lane = all[k];
      std::size_t note = 0;
      Lane bridge;
      bridge.first = bridge.out = bridge_.data();
      bridge.last = bridge.first + bridge_.size();
      bridge.position = position_;
      for (;;) {
        while (note < lane.notes && lane.starts[note] < bridge.position) ++note;
        if (note == lane.notes || lane.starts[note] == bridge.position) break;
        if (bridge.out == bridge.last || !step(bridge)) {
          note = lane.notes;
          break;
        }
      }
      output.take(bridge.first, static_cast<std::size_t>(bridge.out - bridge.first));
      position_ = bridge.position;
      if (note < lane.notes) {
        output.take(lane.first + note, static_cast<std::size_t>(lane.out - lane.first) - note);
        position_ = lane.position;
      } else {
        // Up to just before the next lane, so that it gets its chance.
        run_alone(lane.stop, output);
      }
    }
  }

  /// Decode up to about a bit of the stream, or until no word is missing.
  void run_alone(std::size_t stop, Output& output) {
    Lane lane;
    while (output.left() > 0 && position_ < stop) {
      lane.position = position_;
      lane.first = lane.out = alone_.data();
      lane.last = lane.first + std::min(alone_.size() - 4, output.left());
      lane.stop = std::min(stop, end_ > margin ? end_ - margin : 0);
      if (finish(lane)) {
        // Less than a round is left: to the stop, in memory, or to the end of the stream.
        while (lane.position < stop && lane.out < lane.last)
          if (!step(lane)) fail(lane.position);
      } else {
        fail(lane.position);
      }
      output.take(lane.first, static_cast<std::size_t>(lane.out - lane.first));
      position_ = lane.position;
    }
    if (output.left() > 0 && position_ >= end_) fail(position_);
  }

  [[noreturn]] void fail(std::size_t position) const {
    throw Damage{"the Huffman stream holds bits that are no code, or ends too early",
                 offset_ + position / 8};
  }

  const HuffmanTable& table_;
  const std::byte* begin_;
  std::size_t end_;  ///< Bits in the stream.
  std::size_t offset_;
  std::vector<std::uint16_t>& words_;
  std::size_t position_ = 0;  ///< Bits that are done.
  std::array<Lane, lanes> lanes_;
  std::array<std::uint16_t, 1024> bridge_;
  std::array<std::uint16_t, 1024> alone_;
};

}  // namespace

std::size_t HuffmanTable::build(std::span<const std::byte> bytes, std::uint64_t count) {
  constexpr std::size_t size = std::size_t{1} << lookup_bits;
  nodes_.assign(1, Node{});
  // The first entries of the second look-up say "no code" for patterns that begin none.
  constexpr std::size_t long_size = std::size_t{1} << long_bits;
  long_.assign(long_size, 0);
  std::vector<std::uint32_t> long_start(size, 0);
  single_.assign(size, no_code);
  std::size_t at = 0;
  for (std::uint64_t n = 0; n < count; ++n) {
    if (bytes.size() - at < 3) throw Damage{"the Huffman code table is cut short", at};
    const auto symbol = load<std::uint16_t>(bytes.data() + at);
    const auto length = static_cast<unsigned>(bytes[at + 2]);
    const std::size_t code_bytes = (length + 7) / 8;
    if (length == 0 || length > max_code_bits)
      throw Damage{"a Huffman code of " + std::to_string(length) + " bits makes no sense", at + 2};
    if (bytes.size() - at - 3 < code_bytes) throw Damage{"the Huffman code table is cut short", at};
    const std::byte* code = bytes.data() + at + 3;
    std::size_t node = 0;
    for (unsigned bit = 0; bit < length; ++bit) {
      const unsigned side = bit_at(code, bit);
      std::int32_t child = nodes_[node].child[side];
      if (child < 0) {
        child = static_cast<std::int32_t>(nodes_.size());
        nodes_[node].child[side] = child;
        nodes_.emplace_back();
      } else if (bit + 1 == length) {
        throw Damage{"two Huffman codes collide", at};
      }
      node = static_cast<std::size_t>(child);
      if (nodes_[node].symbol >= 0) throw Damage{"two Huffman codes collide", at};
    }
    nodes_[node].symbol = symbol;
    if (length <= lookup_bits) {
      std::size_t pattern = static_cast<std::size_t>(code[0]);
      if (code_bytes > 1) pattern |= static_cast<std::size_t>(code[1]) << 8;
      pattern &= (std::size_t{1} << length) - 1;
      for (std::size_t index = pattern; index < size; index += std::size_t{1} << length)
        single_[index] = symbol | length << 16;
    } else if (length <= lookup_bits + long_bits) {
      std::uint32_t pattern = 0;
      for (std::size_t byte = 0; byte < code_bytes; ++byte)
        pattern |= static_cast<std::uint32_t>(code[byte]) << (8 * byte);
      pattern &= (std::uint32_t{1} << length) - 1;
      std::uint32_t& start = long_start[pattern & (size - 1)];
      if (start == 0) {
        start = static_cast<std::uint32_t>(long_.size());
        long_.resize(long_.size() + long_size, 0);
      }
      for (std::size_t index = pattern >> lookup_bits; index < long_size;
           index += std::size_t{1} << (length - lookup_bits))
        long_[start + index] = symbol | length << 16;
    }
    at += 3 + code_bytes;
  }
  symbols_.assign(size, 0);
  lengths_.assign(size, 0);
  for (std::size_t index = 0; index < size; ++index) {
    const std::uint32_t first = single_[index];
    if (first == no_code) {
      symbols_[index] = long_start[index];
      continue;
    }
    const unsigned used = first >> 16;
    symbols_[index] = first & 0xffffU;
    lengths_[index] = static_cast<std::uint8_t>(used | 1U << 6);
    const std::uint32_t second = single_[index >> used];
    if (second == no_code || (second >> 16) > lookup_bits - used) continue;
    symbols_[index] |= second << 16;
    lengths_[index] = static_cast<std::uint8_t>((used + (second >> 16)) | 2U << 6);
  }
  return at;
}

HuffmanTable::Symbol HuffmanTable::step(const std::byte* stream, std::size_t position,
                                        std::size_t end) const {
  const std::size_t start = position;
  if (end - position >= 128) {
    const std::uint64_t bits = load<std::uint64_t>(stream + (position >> 3)) >> (position & 7);
    const std::uint32_t one = single_[bits & ((1U << lookup_bits) - 1)];
    if (one != no_code) return {static_cast<std::uint16_t>(one), one >> 16};
  }
  std::size_t node = 0;
  while (position < end) {
    const std::int32_t child = nodes_[node].child[bit_at(stream, position++)];
    if (child < 0) return {};
    node = static_cast<std::size_t>(child);
    if (nodes_[node].symbol >= 0)
      return {static_cast<std::uint16_t>(nodes_[node].symbol),
              static_cast<unsigned>(position - start)};
  }
  return {};
}

void undo_smoothing_scalar(std::uint16_t* words, std::size_t count) {
  for (std::size_t j = 2; j < count; ++j) {
    const int sum =
        static_cast<std::int16_t>(words[j - 1]) + static_cast<std::int16_t>(words[j - 2]);
    words[j] = static_cast<std::uint16_t>(static_cast<std::int16_t>(words[j]) + sum / 2);
  }
}

void undo_smoothing(std::uint16_t* words, std::size_t count) {
  std::array<std::uint16_t, smoothing_lanes * most_lane_words> block;
  for (std::size_t j = 2; j < count; j += block.size()) {
    const std::size_t some = std::min(block.size(), count - j);
    std::memcpy(block.data(), words + j, some * sizeof(std::uint16_t));
    smooth(block.data(), words + j, some);
  }
}

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
