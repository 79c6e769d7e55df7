#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace alisio {

/// Allocates large arrays on 2 MiB pages where the system grants them. Tables of tens of MB that
/// are read at random places spend much of their time in address translation otherwise.
template <typename T>
struct LargePageAllocator {
  using value_type = T;
  static constexpr std::size_t page_bytes = std::size_t{2} << 20;
  /// Return `bytes` rounded up to whole large pages.
  static constexpr std::size_t whole_pages(std::size_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
  }

  LargePageAllocator() = default;
  template <typename U>
  LargePageAllocator(const LargePageAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    if (bytes < page_bytes) return static_cast<T*>(::operator new(bytes));
    // Straight from the system, and straight back: in the heap, what is freed of such sizes is
    // seldom found again. Mapped a page too large, so that a whole number of pages can be cut out.
    const std::size_t whole = whole_pages(bytes);
    void* const mapped = ::mmap(nullptr, whole + page_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
    const std::size_t before = whole_pages(begin) - begin;
    char* const memory = static_cast<char*>(mapped) + before;
    if (before > 0) static_cast<void>(::munmap(mapped, before));
    if (before < page_bytes) static_cast<void>(::munmap(memory + whole, page_bytes - before));
    // Advice only: without large pages the memory is as good, and slower.
    static_cast<void>(::madvise(memory, whole, MADV_HUGEPAGE));
    return reinterpret_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    if (n * sizeof(T) < page_bytes)
      ::operator delete(memory);
    else
      static_cast<void>(::munmap(static_cast<void*>(memory), whole_pages(n * sizeof(T))));
  }
  bool operator==(const LargePageAllocator&) const = default;
};

/// A vector for tables of many MB.
template <typename T>
using LargeVector = std::vector<T, LargePageAllocator<T>>;

/// Leaves new elements as they are: for what is filled at once, so that it need not be cleared
/// before.
template <typename T>
struct UnclearedPageAllocator : LargePageAllocator<T> {
  template <typename U>
  struct rebind {
    using other = UnclearedPageAllocator<U>;
  };
  template <typename U>
  void construct(U* element) noexcept {
    ::new (static_cast<void*>(element)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* element, Arguments&&... arguments) {
    ::new (static_cast<void*>(element)) U(std::forward<Arguments>(arguments)...);
  }
};

/// Bytes that resize() does not clear.
using LargeBuffer = std::vector<std::byte, UnclearedPageAllocator<std::byte>>;

}  // namespace alisio
