#include "lib/pipeline/interleaved_file.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>

namespace alisio::pipeline::fixed_point {
namespace {

std::uint16_t encode_plainly(float value) {
  const float scaled = std::nearbyint(value * scale) + offset;
  if (std::isnan(scaled)) return not_a_number;
  if (scaled < 0) return negative_infinity;
  if (scaled > float(negative_infinity - 1)) return positive_infinity;
  return static_cast<std::uint16_t>(scaled);
}

TEST(FixedPoint, EncodesAnyFloatAsTheDefinitionDoes) {
  // All signs, exponents and special values; and all values at which the code changes.
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 331) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    ASSERT_EQ(encode(value), encode_plainly(value)) << value;
  }
  for (int code = -3; code < 65540; ++code) {
    float value = (float(code) - 0.5F - offset) / scale;
    for (int i = 0; i < 3; ++i) value = std::nextafter(value, -2000.F);
    for (int i = 0; i < 6; ++i, value = std::nextafter(value, 2000.F))
      ASSERT_EQ(encode(value), encode_plainly(value)) << value;
  }
  for (const float value : {INFINITY, -INFINITY, NAN, 0.F, -0.F, 3e38F, -3e38F})
    EXPECT_EQ(encode(value), encode_plainly(value)) << value;
}

}  // namespace
}  // namespace alisio::pipeline::fixed_point
