#include "lib/io/hdf5/fletcher32.hpp"

#include <cstring>

namespace alisio::hdf5 {
namespace {

/// So many words that their weighted sum cannot overflow 32 bits.
constexpr std::size_t block_words = 256;

struct BlockSums {
  std::uint32_t plain, weighted;
};

/// Sums of the words, and of each times the number of words from it to the end of the block. Whole
/// numbers, so that vectors of any width give the same.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] BlockSums sum_block(
    const std::byte* data) {
  std::uint16_t words[block_words];
  std::memcpy(words, data, sizeof words);
  BlockSums sums{0, 0};
  for (std::uint32_t i = 0; i < block_words; ++i) {
    const auto word = std::uint32_t(std::uint16_t((words[i] << 8) | (words[i] >> 8)));
    sums.plain += word;
    sums.weighted += word * (std::uint32_t(block_words) - i);
  }
  return sums;
}

/// Fold to 16 bits in ones' complement: 0 only of 0.
std::uint64_t fold(std::uint64_t sum) {
  return sum == 0 ? 0 : (sum - 1) % 0xffff + 1;
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> data) {
  std::uint64_t low = 0, high = 0;
  std::size_t done = 0;
  for (; done + 2 * block_words <= data.size(); done += 2 * block_words) {
    const BlockSums sums = sum_block(data.data() + done);
    high = fold(high + block_words * low + sums.weighted);
    low = fold(low + sums.plain);
  }
  for (; done < data.size(); done += 2) {
    const auto byte = [&](std::size_t i) {
      return i < data.size() ? std::to_integer<std::uint64_t>(data[i]) : 0;
    };
    low += byte(done) << 8 | byte(done + 1);
    high += low;
  }
  return std::uint32_t(fold(high) << 16 | fold(low));
}

}  // namespace alisio::hdf5
