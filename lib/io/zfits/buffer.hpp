#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "lib/base/large_vector.hpp"

namespace alisio::zfits {

/// Bytes that grow but never shrink their memory, are not cleared, and have room for kernels that
/// store a few bytes past the end.
class Buffer {
 public:
  static constexpr std::size_t slack = 64;

  [[nodiscard]] std::byte* data() noexcept { return bytes_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {bytes_.get(), size_}; }

  /// Set the size; the content is kept up to the smaller of both sizes.
  void resize(std::size_t size) {
    if (size > capacity_ || !bytes_) {
      // All of the pages: the next block is a little larger, and new pages have to be cleared.
      using Pages = LargePageAllocator<std::byte>;
      const std::size_t needed = size + slack;
      const std::size_t taken = needed < Pages::page_bytes ? needed : Pages::whole_pages(needed);
      Memory larger(Pages{}.allocate(taken), Release{taken});
      if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
      bytes_ = std::move(larger);
      capacity_ = taken - slack;
    }
    size_ = size;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct Release {
    std::size_t allocated;
    void operator()(std::byte* bytes) const noexcept {
      LargePageAllocator<std::byte>{}.deallocate(bytes, allocated);
    }
  };
  using Memory = std::unique_ptr<std::byte[], Release>;

  Memory bytes_{nullptr, Release{0}};
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace alisio::zfits
