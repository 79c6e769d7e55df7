#include "lib/io/zfits/encode.hpp"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <queue>
#include <utility>

#include "lib/base/error.hpp"

namespace alisio::zfits {
namespace {

std::uint16_t word_at(const std::vector<std::byte>& data, std::size_t word) {
  std::uint16_t value;
  std::memcpy(&value, data.data() + 2 * word, 2);
  return value;
}

void set_word(std::vector<std::byte>& data, std::size_t word, unsigned value) {
  const auto bits = static_cast<std::uint16_t>(value);
  std::memcpy(data.data() + 2 * word, &bits, 2);
}

template <typename T>
void append(std::vector<std::byte>& data, T value) {
  const auto at = data.size();
  data.resize(at + sizeof value);
  std::memcpy(data.data() + at, &value, sizeof value);
}

void smooth(std::vector<std::byte>& data) {
  for (std::size_t j = data.size() / 2; j-- > 2;) {
    const int sum = static_cast<std::int16_t>(word_at(data, j - 1)) +
                    static_cast<std::int16_t>(word_at(data, j - 2));
    set_word(data, j, static_cast<unsigned>(word_at(data, j) - sum / 2));
  }
}

void difference(std::vector<std::byte>& data) {
  for (std::size_t j = data.size() / 2; j-- > 1;)
    set_word(data, j, static_cast<unsigned>(word_at(data, j) - word_at(data, j - 1)));
}

void offset(std::vector<std::byte>& data) {
  for (std::size_t j = 0; j < data.size() / 2; ++j) set_word(data, j, word_at(data, j) + 128U);
}

/// Put the low halves of all words (2 * half bytes each) before their high halves.
void split(std::vector<std::byte>& data, std::size_t half) {
  std::vector<std::byte> out(data.size());
  const std::size_t words = data.size() / (2 * half);
  for (std::size_t j = 0; j < words; ++j) {
    std::memcpy(out.data() + j * half, data.data() + 2 * j * half, half);
    std::memcpy(out.data() + (words + j) * half, data.data() + (2 * j + 1) * half, half);
  }
  data = std::move(out);
}

struct Code {
  std::uint64_t bits = 0;  ///< The first bit of the stream is the lowest.
  unsigned length = 0;
};

/// Huffman codes of the symbols that occur, by the usual merging of the two rarest.
std::vector<Code> huffman_codes(const std::vector<std::uint64_t>& counts) {
  struct Node {
    std::uint64_t count = 0;
    std::int32_t left = -1, right = -1;
  };
  std::vector<Node> nodes;
  std::vector<std::size_t> symbol_of;
  using Entry = std::pair<std::uint64_t, std::size_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> rarest;
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] == 0) continue;
    rarest.emplace(counts[symbol], nodes.size());
    nodes.push_back({counts[symbol], -1, -1});
    symbol_of.push_back(symbol);
  }
  while (rarest.size() > 1) {
    const auto [count_a, a] = rarest.top();
    rarest.pop();
    const auto [count_b, b] = rarest.top();
    rarest.pop();
    rarest.emplace(count_a + count_b, nodes.size());
    nodes.push_back(
        {count_a + count_b, static_cast<std::int32_t>(a), static_cast<std::int32_t>(b)});
  }
  std::vector<Code> codes(counts.size());
  std::vector<std::pair<std::size_t, Code>> open{{nodes.size() - 1, Code{}}};
  while (!open.empty()) {
    const auto [index, code] = open.back();
    open.pop_back();
    const Node& node = nodes[index];
    if (node.left < 0) {
      codes[symbol_of[index]] = code;
      continue;
    }
    open.emplace_back(node.left, Code{code.bits, code.length + 1});
    open.emplace_back(node.right,
                      Code{code.bits | std::uint64_t{1} << code.length, code.length + 1});
  }
  return codes;
}

void huffman(std::vector<std::byte>& data) {
  const std::size_t words = data.size() / 2;
  std::vector<std::uint64_t> counts(65536, 0);
  for (std::size_t j = 0; j < words; ++j) ++counts[word_at(data, j)];
  std::uint64_t kinds = 0;
  for (const auto count : counts) kinds += count > 0;

  std::vector<std::byte> out;
  out.reserve(data.size() / 2 + 4096);
  append(out, std::uint32_t{0});  // the length, filled in at the end
  append(out, std::uint64_t{words});
  append(out, kinds);
  if (kinds == 1) {
    append(out, word_at(data, 0));
  } else if (kinds > 1) {
    const auto codes = huffman_codes(counts);
    for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
      if (counts[symbol] == 0) continue;
      append(out, static_cast<std::uint16_t>(symbol));
      append(out, static_cast<std::uint8_t>(codes[symbol].length));
      for (unsigned bit = 0; bit < codes[symbol].length; bit += 8)
        append(out, static_cast<std::uint8_t>(codes[symbol].bits >> bit));
    }
    std::uint64_t held = 0;
    unsigned held_bits = 0;
    const auto put = [&](std::uint64_t bits, unsigned length) {
      held |= bits << held_bits;
      held_bits += length;
      for (; held_bits >= 8; held_bits -= 8, held >>= 8)
        out.push_back(static_cast<std::byte>(held & 0xffU));
    };
    for (std::size_t j = 0; j < words; ++j) {
      const Code& code = codes[word_at(data, j)];
      put(code.bits & 0xffffffffU, std::min(code.length, 32U));
      if (code.length > 32) put(code.bits >> 32, code.length - 32);
    }
    if (held_bits > 0) out.push_back(static_cast<std::byte>(held & 0xffU));
  }
  const auto length = static_cast<std::uint32_t>(out.size() - 4);
  std::memcpy(out.data(), &length, 4);
  data = std::move(out);
}

void deflate(std::vector<std::byte>& data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  std::vector<std::byte> out(size);
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(data.data()), static_cast<uLong>(data.size()),
                Z_DEFAULT_COMPRESSION) != Z_OK)
    throw Error(ErrorKind::resource, "zlib could not compress a column", "", "free some memory");
  out.resize(size);
  data = std::move(out);
}

void zstandard(std::vector<std::byte>& data) {
  std::vector<std::byte> out(ZSTD_compressBound(data.size()));
  const auto size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3);
  if (ZSTD_isError(size))
    throw Error(ErrorKind::resource, "zstd could not compress a column", "", "free some memory");
  out.resize(size);
  data = std::move(out);
}

/// Wrap the bytes as one run of literals: a valid LZO1X stream that compresses nothing. Columns of
/// this scheme hold some hundred bytes per row; matching would gain little.
void lzo_literals(std::vector<std::byte>& data) {
  std::vector<std::byte> out;
  const std::size_t n = data.size();
  if (n > 0 && n <= 238) {
    out.push_back(static_cast<std::byte>(17 + n));
  } else if (n > 238) {
    out.push_back(std::byte{0});
    std::size_t rest = n - 18;
    for (; rest > 255; rest -= 255) out.push_back(std::byte{0});
    out.push_back(static_cast<std::byte>(rest));
  }
  out.insert(out.end(), data.begin(), data.end());
  for (const unsigned end : {0x11U, 0U, 0U}) out.push_back(static_cast<std::byte>(end));
  data = std::move(out);
}

}  // namespace

std::vector<Process> processes_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::raw:
      return {Process::raw};
    case Scheme::fact:
      return {Process::smoothing, Process::huffman16};
    case Scheme::diffman16:
      return {Process::diff, Process::huffman16};
    case Scheme::zrice32:
      return {Process::split32, Process::zlib};
    case Scheme::zrice:
      return {Process::split16, Process::zlib};
    case Scheme::doublediffman16:
      return {Process::diff, Process::offset128, Process::split16, Process::zlib};
    case Scheme::zlib:
      return {Process::zlib};
    case Scheme::lzo:
      return {Process::lzo};
    case Scheme::zstd:
      return {Process::zstd};
  }
  return {Process::raw};
}

void apply(Process process, std::vector<std::byte>& data) {
  switch (process) {
    case Process::raw:
      return;
    case Process::smoothing:
      return smooth(data);
    case Process::huffman16:
      return huffman(data);
    case Process::diff:
      return difference(data);
    case Process::offset128:
      return offset(data);
    case Process::split16:
      return split(data, 1);
    case Process::split32:
      return split(data, 2);
    case Process::zlib:
      return deflate(data);
    case Process::zstd:
      return zstandard(data);
    case Process::lzo:
      return lzo_literals(data);
    default:
      throw Error(ErrorKind::bug,
                  "no scheme writes process " + std::to_string(static_cast<unsigned>(process)));
  }
}

}  // namespace alisio::zfits
