#include "lib/report/packing.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace alisio::report {
namespace {

std::string base64_of(const std::string& text) {
  return base64({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

std::vector<unsigned char> unbase64(const std::string& text) {
  static const std::string digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes;
  std::uint32_t bits = 0;
  int n = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    n += 6;
    if (n < 8) continue;
    n -= 8;
    bytes.push_back(static_cast<unsigned char>(bits >> n));
  }
  return bytes;
}

/// What the page's script does.
std::vector<double> unpack(const std::string& text) {
  const std::vector<unsigned char> bytes = unbase64(text.substr(1));
  std::vector<double> values;
  if (text[0] == 'c') {
    std::size_t at = 0;
    const auto next = [&] {
      double value = 0, factor = 1;
      for (;; factor *= 128) {
        const unsigned char byte = bytes.at(at++);
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.size()) {
      values.push_back(next());
      if (values.back() == 0) values.resize(values.size() + static_cast<std::size_t>(next()), 0);
    }
    return values;
  }
  const std::size_t size = text[0] == 'f' ? 4 : 8;
  EXPECT_EQ(bytes.size() % size, 0U);
  for (std::size_t i = 0; i < bytes.size(); i += size) {
    std::uint64_t bits = 0;
    for (std::size_t k = size; k-- > 0;) bits = bits << 8 | bytes[i + k];
    values.push_back(size == 4 ? double(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                               : std::bit_cast<double>(bits));
  }
  return values;
}

// The vectors of RFC 4648, section 10.
TEST(Packing, Base64OfTheStandard) {
  EXPECT_EQ(base64_of(""), "");
  EXPECT_EQ(base64_of("f"), "Zg==");
  EXPECT_EQ(base64_of("fo"), "Zm8=");
  EXPECT_EQ(base64_of("foo"), "Zm9v");
  EXPECT_EQ(base64_of("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_of("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_of("foobar"), "Zm9vYmFy");
}

TEST(Packing, CountsComeBackExactly) {
  std::vector<double> counts{0, 0, 0, 1, 127, 128, 0, 300, 9007199254740991.0, 0, 0};
  counts.resize(10000, 0);
  const std::string packed = pack(counts);
  EXPECT_EQ(packed[0], 'c');
  EXPECT_EQ(unpack(packed), counts);
  EXPECT_LT(packed.size(), 60U) << "runs of zeros are not shortened";
}

TEST(Packing, SingleZeros) {
  const std::vector<double> counts{0, 1, 0, 1, 0};
  EXPECT_EQ(unpack(pack(counts)), counts);
  EXPECT_TRUE(unpack(pack(std::vector<double>{})).empty());
}

TEST(Packing, FractionsKeepSevenDigits) {
  const std::vector<double> values{-1.5, 3.14159265358979, 1e-20, 6.02e23};
  const std::string packed = pack(values);
  EXPECT_EQ(packed[0], 'f');
  const std::vector<double> back = unpack(packed);
  ASSERT_EQ(back.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(back[i], values[i], std::abs(values[i]) * 6e-8);
}

TEST(Packing, TimesKeepAllDigits) {
  const std::vector<double> times{1671148800.123456, 1671148800.123457};
  const std::string packed = pack(times, true);
  EXPECT_EQ(packed[0], 'd');
  EXPECT_EQ(unpack(packed), times);
}

TEST(Packing, WhatIsNoCountIsNotPackedAsOne) {
  EXPECT_EQ(pack(std::vector<double>{1, -1})[0], 'f');
  EXPECT_EQ(pack(std::vector<double>{1, 0.5})[0], 'f');
  EXPECT_EQ(pack(std::vector<double>{1, 9007199254740992.0})[0], 'f');
  const std::vector<double> odd{1, std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity()};
  const std::vector<double> back = unpack(pack(odd));
  EXPECT_TRUE(std::isnan(back[1]));
  EXPECT_TRUE(std::isinf(back[2]));
}

}  // namespace
}  // namespace alisio::report
