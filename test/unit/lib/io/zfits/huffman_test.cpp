#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <utility>

#include "lib/io/zfits/codecs.hpp"

namespace alisio::zfits {
namespace {

using Bits = std::vector<bool>;
using Words = std::vector<std::uint16_t>;

struct Block {
  std::vector<std::pair<Bits, std::uint16_t>> codes;
  std::uint64_t words = 0;
  Bits stream;
};

/// Codes by splitting leaves of a tree: any, which makes codes like those of noise, the last, which
/// makes one of each length, or the oldest, which makes all as long.
enum class Split { any, last, oldest };
Block random_block(std::mt19937& random, std::size_t codes, Split split, std::size_t words) {
  Block block;
  std::deque<Bits> leaves{{}};
  while (leaves.size() < codes) {
    const std::size_t at = split == Split::any    ? random() % leaves.size()
                           : split == Split::last ? leaves.size() - 1
                                                  : 0;
    std::swap(leaves[at], leaves.front());
    Bits leaf = std::move(leaves.front());
    leaves.pop_front();
    for (const bool bit : {false, true}) {
      leaf.push_back(bit);
      leaves.push_back(leaf);
      leaf.pop_back();
    }
  }
  for (auto& leaf : leaves)
    block.codes.emplace_back(std::move(leaf), static_cast<std::uint16_t>(random()));
  // Codes as frequent as they are short: a walk down the tree.
  for (; block.words < words; ++block.words) {
    std::size_t pick = random() % codes;
    for (int tries = 0; tries < 3; ++tries) {
      const std::size_t other = random() % codes;
      if (block.codes[other].first.size() < block.codes[pick].first.size()) pick = other;
    }
    const Bits& code = block.codes[pick].first;
    block.stream.insert(block.stream.end(), code.begin(), code.end());
  }
  return block;
}

template <typename T>
void append(std::vector<std::byte>& out, T value) {
  out.resize(out.size() + sizeof value);
  std::memcpy(out.data() + out.size() - sizeof value, &value, sizeof value);
}

void append_bits(std::vector<std::byte>& out, const Bits& bits) {
  const std::size_t start = out.size();
  out.resize(start + (bits.size() + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i]) out[start + i / 8] |= std::byte{1} << (i % 8);
}

/// Return the bytes of a block, and where its stream starts.
std::pair<std::vector<std::byte>, std::size_t> packed(const Block& block) {
  std::vector<std::byte> out;
  append(out, std::uint32_t{0});
  append(out, block.words);
  append(out, std::uint64_t{block.codes.size()});
  for (const auto& [bits, symbol] : block.codes) {
    append(out, symbol);
    append(out, static_cast<std::uint8_t>(bits.size()));
    append_bits(out, bits);
  }
  const std::size_t start = out.size();
  append_bits(out, block.stream);
  const auto length = static_cast<std::uint32_t>(out.size() - 4);
  std::memcpy(out.data(), &length, sizeof length);
  return {std::move(out), start};
}

struct Decoded {
  Words words;
  std::optional<std::size_t> damaged_at;
};

/// The definition: one bit after the other, down a tree of the codes.
Decoded decode_by_definition(const Block& block, std::span<const std::byte> bytes,
                             std::size_t start) {
  struct Node {
    std::array<std::size_t, 2> child{};
    std::optional<std::uint16_t> symbol;
  };
  std::vector<Node> tree(1);
  for (const auto& [bits, symbol] : block.codes) {
    std::size_t node = 0;
    for (const bool bit : bits) {
      if (tree[node].child[bit] == 0) {
        tree[node].child[bit] = tree.size();
        tree.emplace_back();
      }
      node = tree[node].child[bit];
    }
    tree[node].symbol = symbol;
  }
  Decoded decoded;
  std::size_t position = start * 8;
  while (decoded.words.size() < block.words) {
    std::size_t node = 0, at = position;
    while (!tree[node].symbol) {
      const bool bit =
          at < bytes.size() * 8 && (bytes[at / 8] >> (at % 8) & std::byte{1}) != std::byte{0};
      node = at < bytes.size() * 8 ? tree[node].child[bit] : 0;
      if (node == 0) {
        decoded.damaged_at = position / 8;
        return decoded;
      }
      ++at;
    }
    decoded.words.push_back(*tree[node].symbol);
    position = at;
  }
  return decoded;
}

void expect_as_defined(const Block& block, std::span<const std::byte> bytes, std::size_t start,
                       HuffmanWorkspace& work) {
  Decoded expected = decode_by_definition(block, bytes, start);
  for (const bool smoothing : {false, true}) {
    Buffer out;
    std::optional<std::size_t> damaged_at;
    try {
      undo_huffman16(bytes, smoothing, std::size_t{1} << 28, out, work);
    } catch (const Damage& damage) {
      damaged_at = damage.at;
    }
    ASSERT_EQ(damaged_at, expected.damaged_at);
    if (damaged_at) continue;
    Words words(out.size() / 2);
    std::memcpy(words.data(), out.data(), out.size());
    if (smoothing) undo_smoothing_scalar(expected.words.data(), expected.words.size());
    ASSERT_TRUE(words == expected.words) << "smoothing " << smoothing;
  }
}

TEST(HuffmanStream, IsDecodedAsDefinedWhateverTheCodes) {
  std::mt19937 random(5);
  HuffmanWorkspace work;
  struct Kind {
    std::size_t codes;
    Split split;
  };
  // Short codes, those of waveforms, none that falls into step, and one of up to 64 bits.
  for (const auto& [codes, split] :
       {Kind{2, Split::any}, Kind{40, Split::any}, Kind{3000, Split::any}, Kind{64, Split::oldest},
        Kind{4096, Split::oldest}, Kind{65, Split::last}, Kind{20, Split::last}})
    for (const std::size_t words : {1U, 5000U, 200'001U}) {
      const Block block = random_block(random, codes, split, words);
      const auto [bytes, start] = packed(block);
      SCOPED_TRACE(testing::Message() << codes << " codes, " << words << " words");
      expect_as_defined(block, bytes, start, work);
    }
}

TEST(HuffmanStream, DamageIsFoundWherePlainDecodingFindsIt) {
  std::mt19937 random(6);
  HuffmanWorkspace work;
  for (int n = 0; n < 30; ++n) {
    Block block = random_block(random, 20 + random() % 400, Split::any, random() % 150'000);
    // Codes that the table does not hold, so that not every pattern of bits is one.
    const bool with_gaps = n % 3 != 0;
    if (with_gaps) block.codes.resize(block.codes.size() - 1 - random() % 5);
    auto [bytes, start] = packed(block);
    if (n % 2 == 0) {
      const std::size_t cut = random() % (bytes.size() - start) / (1 + random() % 50);
      bytes.resize(bytes.size() - cut);
      const auto length = static_cast<std::uint32_t>(bytes.size() - 4);
      std::memcpy(bytes.data(), &length, sizeof length);
    }
    for (std::size_t flips = random() % 4; flips > 0; --flips)
      bytes[start + random() % (bytes.size() - start)] ^= std::byte{1} << (random() % 8);
    SCOPED_TRACE(n);
    if (block.words > (bytes.size() - start) * 8) continue;
    expect_as_defined(block, bytes, start, work);
  }
}

}  // namespace
}  // namespace alisio::zfits
