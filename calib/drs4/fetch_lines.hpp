#pragma once
#include <cstddef>

namespace alisio::calib::drs4 {

/// Bring items into the cache by plain loads, a line each, which overlap: prefetch instructions are
/// dropped where the address is not in the translation buffer.
template <typename T>
void fetch_lines(const T* from, std::size_t n) {
  constexpr std::size_t line = 64;
  const auto* const bytes = reinterpret_cast<const volatile char*>(from);
  for (std::size_t b = 0; b < n * sizeof(T); b += line) static_cast<void>(bytes[b]);
  // From a place within a line on, the last one is reached by its end.
  if (n > 0) static_cast<void>(bytes[n * sizeof(T) - 1]);
}

}  // namespace alisio::calib::drs4
