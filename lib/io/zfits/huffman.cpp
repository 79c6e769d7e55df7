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

/// Collects decoded words block by block, smoothing them on the way while they are in the cache.
class Output {
 public:
  static constexpr std::size_t block = 256;
  /// The most words that one round of look-ups gives.
  static constexpr std::size_t overshoot = 12;

  Output(std::uint16_t* out, std::size_t count, bool smoothing)
      : out_(out), left_(count), smoothing_(smoothing) {}

  /// Return where the next words go: at least `wanted` of them, at most `allowed`.
  std::uint16_t* staging() { return smoothing_ ? staging_.data() : out_; }
  [[nodiscard]] std::size_t wanted() const { return std::min(left_, block); }
  [[nodiscard]] std::size_t allowed() const { return std::min(left_, block + overshoot); }
  /// Take `count` words that were put into staging().
  void take(std::size_t count) {
    if (smoothing_) {
      const std::uint16_t* in = staging_.data();
      std::size_t n = count;
      while (n > 0 && done_ < 2) {
        *out_++ = *in++;
        ++done_;
        --n;
      }
      while (n > 0) {
        const std::size_t some = std::min<std::size_t>(n, 64);
        smooth_block(in, out_, some);
        in += some;
        out_ += some;
        n -= some;
      }
    } else {
      out_ += count;
    }
    left_ -= count;
  }
  [[nodiscard]] bool full() const { return left_ == 0; }

 private:
  std::uint16_t* out_;
  std::size_t left_;
  std::size_t done_ = 0;
  bool smoothing_;
  std::array<std::uint16_t, block + 2 * overshoot> staging_;
};

/// Decode `count` words from a bit stream.
void decode_stream(std::span<const std::byte> stream, const HuffmanTable& table, std::size_t offset,
                   Output& output) {
  constexpr std::uint64_t mask = (std::uint64_t{1} << HuffmanTable::lookup_bits) - 1;
  const std::uint64_t* lookup = table.lookup();
  const std::byte* const begin = stream.data();
  const std::byte* const end = begin + stream.size();
  const std::size_t end_bit = stream.size() * 8;
  std::size_t position = 0;  // bit of the stream, whenever the bit buffer is not in use
  while (!output.full()) {
    std::uint16_t* const first = output.staging();
    std::uint16_t* const enough = first + output.wanted();
    const std::size_t allowed = output.allowed();
    std::uint16_t* out = first;
    const auto fits = [&](const std::uint16_t* at) {
      return static_cast<std::size_t>(at - first) + Output::overshoot <= allowed;
    };
    while (out < enough) {
      // Fast: four look-ups of up to three symbols per refill of the bit buffer.
      if (fits(out) && end_bit - position >= 128) {
        const std::byte* next = begin + (position >> 3);
        std::uint64_t bits = load<std::uint64_t>(next) >> (position & 7);
        unsigned count = 64 - static_cast<unsigned>(position & 7);
        next += 8;
        bool stopped = false;
        const auto look = [&] {
          const std::uint64_t entry = lookup[bits & mask];
          std::memcpy(out, &entry, sizeof entry);
          const auto length = static_cast<unsigned>(entry >> 48) & 0xffU;
          out += entry >> 56;
          bits >>= length;
          count -= length;
          return entry >> 56 != 0;
        };
        for (;;) {
          if (!look() || !look() || !look() || !look()) {
            stopped = true;
            break;
          }
          if (out >= enough || !fits(out) || end - next < 8) break;
          // At most 60 bits are left. Whole bytes are counted in; what is loaded above them is the
          // beginning of the next load and does not harm.
          bits |= load<std::uint64_t>(next) << count;
          const unsigned bytes = (63 - count) >> 3;
          next += bytes;
          count += bytes * 8;
        }
        position = static_cast<std::size_t>(next - begin) * 8 - count;
        if (!stopped) continue;
      }
      const auto symbol = table.step(begin, position, end_bit);
      if (symbol.bits == 0)
        throw Damage{"the Huffman stream holds bits that are no code, or ends too early",
                     offset + position / 8};
      *out++ = symbol.value;
      position += symbol.bits;
    }
    output.take(static_cast<std::size_t>(out - first));
  }
}

}  // namespace

std::size_t HuffmanTable::build(std::span<const std::byte> bytes, std::uint64_t count) {
  constexpr std::size_t size = std::size_t{1} << lookup_bits;
  nodes_.assign(1, Node{});
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
    }
    at += 3 + code_bytes;
  }
  lookup_.assign(size, 0);
  for (std::size_t index = 0; index < size; ++index) {
    std::uint64_t entry = 0, symbols = 0;
    unsigned used = 0;
    while (symbols < 3) {
      const std::uint32_t one = single_[index >> used];
      if (one == no_code || (one >> 16) > lookup_bits - used) break;
      entry |= std::uint64_t{one & 0xffffU} << (16 * symbols++);
      used += one >> 16;
    }
    lookup_[index] = entry | std::uint64_t{used} << 48 | symbols << 56;
  }
  return at;
}

HuffmanTable::Symbol HuffmanTable::step(const std::byte* stream, std::size_t position,
                                        std::size_t end) const {
  const std::size_t start = position;
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
  std::array<std::uint16_t, 64> block;
  for (std::size_t j = 2; j < count; j += block.size()) {
    const std::size_t some = std::min(block.size(), count - j);
    std::memcpy(block.data(), words + j, some * sizeof(std::uint16_t));
    smooth_block(block.data(), words + j, some);
  }
}

void undo_huffman16(std::span<const std::byte> in, bool smoothing, std::size_t limit, Buffer& out,
                    HuffmanTable& table) {
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
    table_bytes = table.build(in.subspan(prefix), codes);
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
  decode_stream(stream, table, prefix + table_bytes, output);
}

void undo_halfman16(std::span<const std::byte> in, std::size_t limit, Buffer& out, Buffer& scratch,
                    HuffmanTable& table) {
  if (in.size() < 8) throw Damage{"the two Huffman blocks are cut short", in.size()};
  const std::size_t sizes[2] = {load<std::uint32_t>(in.data()), load<std::uint32_t>(in.data() + 4)};
  out.resize(0);
  std::size_t at = 8;
  for (const std::size_t size : sizes) {
    if (size > in.size() - at) throw Damage{"the two Huffman blocks are cut short", at};
    try {
      undo_huffman16(in.subspan(at, size), false, limit - out.size(), scratch, table);
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
