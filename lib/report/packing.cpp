#include "lib/report/packing.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace alisio::report {
namespace {

constexpr double count_limit = 9007199254740992.0;  // 2^53: beyond it a script's numbers have gaps

bool is_count(double value) {
  return value >= 0 && value < count_limit && value == std::floor(value) && !std::signbit(value);
}

void put_varint(std::vector<unsigned char>& bytes, std::uint64_t value) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<unsigned char>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<unsigned char>(value));
}

template <typename Unsigned>
void put_little_endian(std::vector<unsigned char>& bytes, Unsigned bits) {
  for (std::size_t i = 0; i < sizeof bits; ++i)
    bytes.push_back(static_cast<unsigned char>(bits >> (8 * i)));
}

std::vector<unsigned char> pack_counts(std::span<const double> values) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i < values.size(); ++i) {
    put_varint(bytes, static_cast<std::uint64_t>(values[i]));
    if (values[i] != 0) continue;
    const std::size_t first = i;
    while (i + 1 < values.size() && values[i + 1] == 0) ++i;
    put_varint(bytes, i - first);
  }
  return bytes;
}

}  // namespace

std::string base64(std::span<const unsigned char> bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= left ? digits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::string pack(std::span<const double> values, bool exact) {
  if (std::all_of(values.begin(), values.end(), is_count)) return 'c' + base64(pack_counts(values));
  std::vector<unsigned char> bytes;
  bytes.reserve(values.size() * 8);
  for (const double value : values) {
    if (exact)
      put_little_endian(bytes, std::bit_cast<std::uint64_t>(value));
    else
      put_little_endian(bytes, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  }
  return (exact ? 'd' : 'f') + base64(bytes);
}

}  // namespace alisio::report
