#include <blosc.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <mutex>

#include "lib/base/error.hpp"
#include "lib/base/large_vector.hpp"
#include "lib/io/hdf5/handle.hpp"

namespace alisio::hdf5 {
namespace {

/// Return memory that std::free gives back, or nullptr. A chunk of constants is 90 MB: on small
/// pages the system would spend as long on giving them as Blosc on filling them.
void* allocate(std::size_t bytes) noexcept {
  using Pages = LargePageAllocator<std::byte>;
  if (bytes < Pages::page_bytes) return std::malloc(bytes);
  const std::size_t whole = Pages::whole_pages(bytes);
  void* const memory = std::aligned_alloc(Pages::page_bytes, whole);
  if (memory != nullptr) static_cast<void>(::madvise(memory, whole, MADV_HUGEPAGE));
  return memory;
}

/// HDF5 filter callback. Its parameters are those that PyTables writes: revision, Blosc format,
/// type size, chunk bytes, level, shuffle, compressor by Blosc's number.
size_t blosc_filter(unsigned flags, size_t n_values, const unsigned values[], size_t n_bytes,
                    size_t* buffer_size, void** buffer) {
  void* out = nullptr;
  size_t out_size = 0;
  int produced = 0;
  if ((flags & H5Z_FLAG_REVERSE) != 0) {
    // HDF5 trusts the size that comes back, so a damaged header must not decide it.
    if (blosc_cbuffer_validate(*buffer, n_bytes, &out_size) < 0) return 0;
    if (out_size == 0 || (n_values > 3 && values[3] != 0 && out_size != values[3])) return 0;
    out = allocate(out_size + 1);
    if (out == nullptr) return 0;
    produced = blosc_decompress_ctx(*buffer, out, out_size, 1);
  } else {
    const int level = n_values > 4 ? int(values[4]) : 5;
    const int shuffle = n_values > 5 ? int(values[5]) : 1;
    const size_t type_size = n_values > 2 ? values[2] : 1;
    const char* compressor = BLOSC_ZSTD_COMPNAME;
    if (n_values > 6 && blosc_compcode_to_compname(int(values[6]), &compressor) < 0) return 0;
    out_size = n_bytes + BLOSC_MAX_OVERHEAD;
    out = std::malloc(out_size);
    if (out == nullptr) return 0;
    produced = blosc_compress_ctx(level, shuffle, type_size, n_bytes, *buffer, out, out_size,
                                  compressor, 0, 1);
  }
  if (produced <= 0) {
    std::free(out);
    return 0;
  }
  std::free(*buffer);
  *buffer = out;
  *buffer_size = out_size;
  return size_t(produced);
}

extern "C" {
static herr_t innermost(unsigned n, const H5E_error2_t* entry, void* text) {
  if (n == 0 && entry->desc != nullptr) *static_cast<std::string*>(text) = entry->desc;
  return 0;
}
}

}  // namespace

void prepare_library() {
  static std::once_flag registered;
  std::call_once(registered, [] {
    // After a full disk HDF5 keeps files that it could not close and crashes on them at exit; all
    // files are closed by their owners, so its own clean-up has nothing else to do.
    H5dont_atexit();
    const H5Z_class2_t filter{H5Z_CLASS_T_VERS, blosc_filter_id, 1,       1,
                              "blosc",          nullptr,         nullptr, blosc_filter};
    if (H5Zregister(&filter) < 0)
      throw Error(ErrorKind::bug, "the Blosc filter cannot be registered with HDF5");
  });
  // The error stack, and whether it is printed, belongs to the thread.
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(quiet);
}

std::string last_hdf5_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "no further information from HDF5" : text;
}

}  // namespace alisio::hdf5
