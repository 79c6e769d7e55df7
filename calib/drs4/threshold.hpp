#pragma once
#include <cstddef>

namespace alisio::calib {

/// Return whether any sample is above the threshold: then the low gain counts.
[[nodiscard]] inline bool is_above(const float* samples, std::size_t n, float threshold) {
  int above = 0;
  for (std::size_t s = 0; s < n; ++s) above |= samples[s] > threshold ? 1 : 0;
  return above != 0;
}

}  // namespace alisio::calib
