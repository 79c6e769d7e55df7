#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace alisio {

/// Allocates large arrays on 2 MiB pages where the system grants them. Tables of tens of MB that
/// are read at random places spend much of their time in address translation otherwise.
template <typename T>
struct LargePageAllocator {
  using value_type = T;
  static constexpr std::size_t page_bytes = std::size_t{2} << 20;

  LargePageAllocator() = default;
  template <typename U>
  LargePageAllocator(const LargePageAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    if (bytes < page_bytes) return static_cast<T*>(::operator new(bytes));
    const std::size_t whole = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    void* const memory = std::aligned_alloc(page_bytes, whole);
    if (memory == nullptr) throw std::bad_alloc();
    // Advice only: without large pages the memory is as good, and slower.
    static_cast<void>(::madvise(memory, whole, MADV_HUGEPAGE));
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    if (n * sizeof(T) < page_bytes)
      ::operator delete(memory);
    else
      std::free(memory);
  }
  bool operator==(const LargePageAllocator&) const = default;
};

/// A vector for tables of many MB.
template <typename T>
using LargeVector = std::vector<T, LargePageAllocator<T>>;

}  // namespace alisio
