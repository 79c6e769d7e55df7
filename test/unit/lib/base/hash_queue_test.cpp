#include "lib/base/hash_queue.hpp"

#include <gtest/gtest.h>

#include <random>

namespace alisio {
namespace {

TEST(HashQueue, GivesTheHashOfAllBuffersInTheirOrder) {
  std::mt19937 random(1);
  for (const std::size_t most : {std::size_t{10}, std::size_t{5000}, std::size_t{3} << 20}) {
    Hasher expected;
    HashQueue queue;
    for (int i = 0; i < 60; ++i) {
      LargeVector<std::byte> buffer(random() % most);
      for (std::byte& value : buffer) value = std::byte(random());
      expected.update(buffer);
      queue.add(std::move(buffer));
    }
    EXPECT_EQ(queue.finish(), expected.finish()) << most;
  }
}

TEST(HashQueue, GivesTheHashOfNothing) {
  EXPECT_EQ(HashQueue().finish(), hash_text(""));
}

TEST(HashQueue, MayBeGivenUpAtAnyTime) {
  HashQueue queue;
  for (int i = 0; i < 4; ++i) queue.add(LargeVector<std::byte>(std::size_t{8} << 20));
}

}  // namespace
}  // namespace alisio
