#include "lib/io/zfits/codecs.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <random>

namespace alisio::zfits {
namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& items) {
  std::vector<std::byte> out(items.size() * sizeof(T));
  if (!items.empty()) std::memcpy(out.data(), items.data(), out.size());
  return out;
}

template <typename T>
std::vector<T> items_of(const Buffer& buffer) {
  std::vector<T> out(buffer.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), buffer.data(), out.size() * sizeof(T));
  return out;
}

std::string text_of(const Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

constexpr std::size_t limit = 1 << 20;

TEST(Smoothing, TheFastOneIsTheDefinition) {
  std::mt19937 random(1);
  for (const unsigned range : {20U, 4000U, 65536U})
    for (std::size_t n = 0; n < 400; ++n) {
      std::vector<std::uint16_t> fast(n), slow;
      for (auto& word : fast) word = static_cast<std::uint16_t>(random() % range - range / 4);
      slow = fast;
      undo_smoothing(fast.data(), n);
      undo_smoothing_scalar(slow.data(), n);
      ASSERT_EQ(fast, slow) << n << " words below " << range;
    }
}

TEST(Smoothing, ManyWordsAreDoneSideBySide) {
  std::mt19937 random(2);
  // Waveforms; words up to the largest that need no wrapping, and beyond; few that jump.
  struct Words {
    unsigned least, range, one_in;
  };
  for (const auto& [least, range, one_in] :
       {Words{300, 200, 0}, Words{0, 4096, 0}, Words{0, 32'768, 0}, Words{32'000, 767, 0},
        Words{0, 65'536, 0}, Words{300, 200, 5000}, Words{32'760, 9, 0}, Words{0, 2, 0}})
    for (std::size_t n = 1000; n < 60'000; n += 1 + n / 2) {
      std::vector<std::uint16_t> words(n), smoothed;
      for (auto& word : words) {
        const bool jumps = one_in > 0 && random() % one_in == 0;
        word = static_cast<std::uint16_t>(jumps ? random() : least + random() % range);
      }
      smoothed = words;
      for (std::size_t j = n; j-- > 2;) {
        const int sum =
            static_cast<std::int16_t>(words[j - 1]) + static_cast<std::int16_t>(words[j - 2]);
        smoothed[j] = static_cast<std::uint16_t>(words[j] - sum / 2);
      }
      undo_smoothing(smoothed.data(), n);
      ASSERT_EQ(smoothed, words) << n << " words of " << least << " to " << least + range;
    }
}

TEST(Smoothing, HalvesAreTruncatedTowardsZero) {
  std::vector<std::uint16_t> words{static_cast<std::uint16_t>(-3), 0, 10};
  undo_smoothing(words.data(), words.size());
  EXPECT_EQ(words[2], 9);  // 10 + (-3 + 0) / 2 = 10 - 1
}

TEST(Huffman, CodesOfThreeSymbols) {
  // 7: code 0; 500: code 1,0; 9: code 1,1. Stream: 9 7 500 7 = 1,1 0 1,0 0.
  const auto in = bytes({16 + 4 * 3 + 1,
                         0,
                         0,
                         0,
                         4,
                         0,
                         0,
                         0,
                         0,
                         0,
                         0,
                         0,
                         3,
                         0,
                         0,
                         0,
                         0,
                         0,
                         0,
                         0,
                         7,
                         0,
                         1,
                         0,  //
                         0xf4,
                         1,
                         2,
                         0b01,
                         9,
                         0,
                         2,
                         0b11,
                         0b001011});
  Buffer out;
  HuffmanWorkspace work;
  undo_huffman16(in, false, limit, out, work);
  EXPECT_EQ(items_of<std::uint16_t>(out), (std::vector<std::uint16_t>{9, 7, 500, 7}));
  undo_huffman16(in, true, limit, out, work);
  EXPECT_EQ(items_of<std::uint16_t>(out), (std::vector<std::uint16_t>{9, 7, 508, 264}));
}

TEST(Huffman, OneSymbolHasNoCode) {
  const auto in = bytes({18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 1});
  Buffer out;
  HuffmanWorkspace work;
  undo_huffman16(in, false, limit, out, work);
  EXPECT_EQ(items_of<std::uint16_t>(out), std::vector<std::uint16_t>(5, 259));
}

TEST(Huffman, CollidingCodesAreRefused) {
  // 7: code 0; 9: code 0,1.
  const auto in = bytes(
      {25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 9, 0, 2, 0b10, 0});
  Buffer out;
  HuffmanWorkspace work;
  EXPECT_THROW(undo_huffman16(in, false, limit, out, work), Damage);
}

TEST(Huffman, HalvesAreJoined) {
  const auto half = bytes({18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 1});
  auto in = bytes({22, 0, 0, 0, 22, 0, 0, 0});
  in.insert(in.end(), half.begin(), half.end());
  in.insert(in.end(), half.begin(), half.end());
  Buffer out, scratch;
  HuffmanWorkspace work;
  undo_halfman16(in, limit, out, scratch, work);
  EXPECT_EQ(items_of<std::uint16_t>(out), std::vector<std::uint16_t>(4, 259));
}

TEST(Lzo, EveryKindOfMatch) {
  const auto decoded = [](std::initializer_list<unsigned> values) {
    Buffer out;
    undo_lzo(bytes(values), 0, limit, out);
    return text_of(out);
  };
  // "abcd", then three bytes from four back by the short form (code >= 64), end.
  EXPECT_EQ(decoded({21, 'a', 'b', 'c', 'd', 64 | 3 << 2, 0, 0x11, 0, 0}), "abcdabc");
  // Overlapping run of one byte: distance 1, length 2 + 31 + 4.
  EXPECT_EQ(decoded({18, 'z', 32, 4, 0, 0, 0x11, 0, 0}), std::string(1 + 37, 'z'));
  // Two literals after a match, then the two-byte match of state 2.
  EXPECT_EQ(decoded({21, 'a', 'b', 'c', 'd', 64 | 3 << 2 | 2, 0, 'x', 'y', 1 << 2, 0, 0x11, 0, 0}),
            "abcdabcxyxy");
  EXPECT_EQ(decoded({0x11, 0, 0}), "");
}

TEST(Lzo, FarMatches) {
  // 20000 literals as one long run, then a match 16384 + 1 back.
  std::string text(20'000, ' ');
  std::mt19937 random(3);
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  std::vector<std::byte> in = bytes({0});
  std::size_t rest = text.size() - 18;
  for (; rest > 255; rest -= 255) in.push_back(std::byte{0});
  in.push_back(static_cast<std::byte>(rest));
  for (const char c : text) in.push_back(static_cast<std::byte>(c));
  for (const unsigned v : {16U | 3U, 1U << 2, 0U, 0x11U, 0U, 0U})
    in.push_back(static_cast<std::byte>(v));
  Buffer out;
  undo_lzo(in, 0, limit, out);
  EXPECT_EQ(text_of(out), text + text.substr(20'000 - 16'385, 5));
}

TEST(Lzo, WhatIsOutsideIsRefused) {
  Buffer out;
  EXPECT_THROW(undo_lzo(bytes({}), 0, limit, out), Damage);
  EXPECT_THROW(undo_lzo(bytes({21, 'a'}), 0, limit, out), Damage);
  EXPECT_THROW(undo_lzo(bytes({18, 'z', 32, 4, 8, 0, 0x11, 0, 0}), 0, limit, out), Damage);
  EXPECT_THROW(undo_lzo(bytes({18, 'z', 32, 4, 0, 0, 0x11, 0, 0}), 0, 20, out), Damage);
  EXPECT_THROW(undo_lzo(bytes({0x11, 0, 0, 0}), 0, limit, out), Damage);
}

TEST(Rice, TheStreamThatCfitsioWrites) {
  // 5 5 6 4 1000: first value 5; code 0 (no change), then unary and low bits, then 16 plain bits.
  // Differences 0, 0, 1, -2, 996 are mapped to 0, 0, 2, 3, 1992.
  std::string stream;
  const auto put = [&](unsigned value, int n) {
    for (int bit = n - 1; bit >= 0; --bit) stream += (value >> bit & 1) != 0 ? '1' : '0';
  };
  put(5, 16);
  put(0, 4);
  put(0, 4);
  put(1, 4);  // no low bits: 2 is 001
  put(1, 3);
  put(2, 4);  // one low bit: 3 is 01,1
  put(1, 2);
  put(1, 1);
  put(15, 4);
  put(1992, 16);
  while (stream.size() % 8 != 0) stream += '0';
  auto in = bytes({10, 0, 0, 0});
  for (std::size_t i = 0; i < stream.size(); i += 8)
    in.push_back(static_cast<std::byte>(std::stoi(stream.substr(i, 8), nullptr, 2)));
  Buffer out;
  undo_rice(in, limit, out);
  EXPECT_EQ(items_of<std::uint16_t>(out), (std::vector<std::uint16_t>{5, 5, 6, 4, 1000}));
  EXPECT_THROW(undo_rice(std::span(in).first(in.size() - 2), limit, out), Damage);
}

TEST(Runs, SameAndSparseValues) {
  Buffer out;
  undo_same_values(bytes_of(std::vector<std::uint32_t>{2, 3, 7, 1, 9}), limit, out);
  EXPECT_EQ(items_of<std::uint32_t>(out), (std::vector<std::uint32_t>{7, 7, 7, 9}));
  EXPECT_THROW(undo_same_values(bytes_of(std::vector<std::uint32_t>{1, 0xffffffff, 7}), limit, out),
               Damage);
  undo_sparse_values(bytes_of(std::vector<std::int32_t>{-1, 5, 2, 8, 0, 9, 1}), limit, out);
  EXPECT_EQ(items_of<std::int32_t>(out), (std::vector<std::int32_t>{-1, -1, 8, 9, -1}));
  EXPECT_THROW(undo_sparse_values(bytes_of(std::vector<std::int32_t>{0, 1, -2}), limit, out),
               Damage);
}

TEST(LossyFloats, HundredthsBecomeFloats) {
  Buffer out;
  undo_lossy_floats(bytes_of(std::vector<std::int32_t>{8, 150, -25, 0}), 2, out);
  float values[2];
  std::memcpy(values, out.data() + 4, sizeof values);
  EXPECT_EQ(values[0], 1.5F);
  EXPECT_EQ(values[1], -0.25F);
  EXPECT_THROW(undo_lossy_floats(bytes_of(std::vector<std::int32_t>{8, 1}), 1, out), Damage);
}

TEST(Decompressors, BombsStopAtTheLimit) {
  // zstd: a frame of one run-length block claiming 128 KiB, beyond a limit of 4096 bytes.
  Inflater inflater;
  Buffer out;
  const auto frame = bytes({0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x03, 0x00, 0x10, 'a'});
  EXPECT_THROW(inflater.undo_zstd(frame, 0, 4096, out), Damage);
  inflater.undo_zstd(frame, 0, limit, out);
  EXPECT_EQ(text_of(out), std::string(131'072, 'a'));
  EXPECT_THROW(inflater.undo_zstd(std::span(frame).first(7), 0, limit, out), Damage);
  EXPECT_THROW(inflater.undo_zlib(bytes({0x78, 0x9c}), 10, limit, out), Damage);
  EXPECT_THROW(inflater.undo_zlib(frame, 10, limit, out), Damage);
}

}  // namespace
}  // namespace alisio::zfits
