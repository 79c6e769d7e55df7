#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/io/zfits/codecs.hpp"

static_assert(std::endian::native == std::endian::little, "zfits streams are little endian");

namespace alisio::zfits {
namespace {

constexpr unsigned max_code_bits = 64;
constexpr std::size_t short_size = std::size_t{1} << HuffmanTable::lookup_bits;
/// In the second table: this pattern begins codes that are longer than both tables.
constexpr std::uint32_t longer_code = 1;

unsigned bit_at(const std::byte* stream, std::size_t position) {
  return (static_cast<unsigned>(stream[position >> 3]) >> (position & 7)) & 1U;
}

/// One entry of the code table of a block.
struct Code {
  std::uint16_t symbol = 0;
  unsigned length = 0;
  const std::byte* bits = nullptr;

  [[nodiscard]] std::size_t byte_count() const { return (length + 7) / 8; }
  /// Return its first bits, as many as both look-ups take at most.
  [[nodiscard]] std::size_t pattern() const {
    std::uint32_t some = 0;
    std::memcpy(&some, bits, std::min(byte_count(), sizeof some));
    constexpr unsigned most = HuffmanTable::lookup_bits + HuffmanTable::long_bits;
    return some & ((std::size_t{1} << std::min(length, most)) - 1);
  }
};

/// Read the code entry at a place and go on to the next. @throws Damage.
Code next_code(std::span<const std::byte> bytes, std::size_t& at) {
  if (bytes.size() - at < 3) throw Damage{"the Huffman code table is cut short", at};
  Code code;
  std::memcpy(&code.symbol, bytes.data() + at, sizeof code.symbol);
  code.length = static_cast<unsigned>(bytes[at + 2]);
  code.bits = bytes.data() + at + 3;
  if (code.length == 0 || code.length > max_code_bits)
    throw Damage{"a Huffman code of " + std::to_string(code.length) + " bits makes no sense",
                 at + 2};
  if (bytes.size() - at - 3 < code.byte_count())
    throw Damage{"the Huffman code table is cut short", at};
  at += 3 + code.byte_count();
  return code;
}

}  // namespace

std::size_t HuffmanTable::build(std::span<const std::byte> bytes, std::uint64_t count) {
  single_.assign(short_size, 0);
  // The first entries say "no code" for patterns that begin none.
  long_.assign(std::size_t{1} << long_bits, 0);
  long_start_.assign(short_size, 0);
  nodes_.assign(1, Node{});
  std::size_t at = 0;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::size_t start = at;
    const Code code = next_code(bytes, at);
    const bool is_new = code.length <= lookup_bits
                            ? add_short(code.symbol, code.length, code.pattern())
                            : add_long(code.symbol, code.length, code.pattern(), code.bits);
    if (!is_new) throw Damage{"two Huffman codes collide", start};
  }
  join_codes();
  return at;
}

bool HuffmanTable::add_short(std::uint16_t symbol, unsigned length, std::size_t pattern) {
  for (std::size_t index = pattern; index < short_size; index += std::size_t{1} << length) {
    if (single_[index] != 0 || long_start_[index] != 0) return false;
    single_[index] = symbol | length << 16;
  }
  return true;
}

bool HuffmanTable::add_long(std::uint16_t symbol, unsigned length, std::size_t pattern,
                            const std::byte* bits) {
  constexpr std::size_t size = std::size_t{1} << long_bits;
  if (single_[pattern % short_size] != 0) return false;
  std::uint32_t& start = long_start_[pattern % short_size];
  if (start == 0) {
    start = static_cast<std::uint32_t>(long_.size());
    long_.resize(long_.size() + size, 0);
  }
  std::uint32_t* const entries = long_.data() + start;
  const std::size_t rest = pattern >> lookup_bits;
  if (length <= lookup_bits + long_bits) {
    for (std::size_t index = rest; index < size;
         index += std::size_t{1} << (length - lookup_bits)) {
      if (entries[index] != 0) return false;
      entries[index] = symbol | length << 16;
    }
    return true;
  }
  if (entries[rest] != 0 && entries[rest] != longer_code) return false;
  entries[rest] = longer_code;
  return add_to_tree(symbol, length, bits);
}

bool HuffmanTable::add_to_tree(std::uint16_t symbol, unsigned length, const std::byte* bits) {
  std::size_t node = 0;
  for (unsigned bit = 0; bit < length; ++bit) {
    const unsigned side = bit_at(bits, bit);
    std::int32_t child = nodes_[node].child[side];
    if (child < 0) {
      child = static_cast<std::int32_t>(nodes_.size());
      nodes_[node].child[side] = child;
      nodes_.emplace_back();
    } else if (bit + 1 == length) {
      return false;
    }
    node = static_cast<std::size_t>(child);
    if (nodes_[node].symbol >= 0) return false;
  }
  nodes_[node].symbol = symbol;
  return true;
}

void HuffmanTable::join_codes() {
  for (std::size_t index = 0; index < short_size; ++index) {
    const std::uint32_t first = single_[index];
    if (first == 0) {
      lookup_.symbols[index] = long_start_[index];
      lookup_.lengths[index] = 0;
      continue;
    }
    const unsigned used = first >> 16;
    const std::uint32_t second = single_[index >> used];
    const unsigned both = used + (second >> 16);
    const bool fits = second != 0 && both <= lookup_bits;
    lookup_.symbols[index] = (first & 0xffffU) | (fits ? second << 16 : 0);
    lookup_.lengths[index] = static_cast<std::uint8_t>(fits ? both | 2U << 6 : used | 1U << 6);
  }
}

HuffmanTable::Symbol HuffmanTable::step(const std::byte* stream, std::size_t position,
                                        std::size_t end) const {
  if (position >= end) return {};
  const std::byte* const at = stream + (position >> 3);
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, std::min(sizeof bits, (end - position + (position & 7) + 7) / 8));
  bits >>= position & 7;
  std::uint32_t one = single_[bits % short_size];
  if (one == 0) {
    one = long_[long_start_[bits % short_size] +
                (bits >> lookup_bits) % (std::size_t{1} << long_bits)];
    if (one == longer_code) return step_in_tree(stream, position, end);
  }
  if (one == 0 || (one >> 16) > end - position) return {};
  return {static_cast<std::uint16_t>(one), one >> 16};
}

HuffmanTable::Symbol HuffmanTable::step_in_tree(const std::byte* stream, std::size_t position,
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

}  // namespace alisio::zfits
