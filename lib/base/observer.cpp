#include "lib/base/observer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <random>

namespace alisio {

std::string new_uuid7() {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  std::random_device entropy;
  const std::uint32_t a = entropy(), b = entropy(), c = entropy();
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:04x}{:08x}", (ms >> 16) & 0xffffffff,
                     ms & 0xffff, a & 0xfff, 0x8000 | (b & 0x3fff), (a >> 16) & 0xffff, c);
}

}  // namespace alisio
