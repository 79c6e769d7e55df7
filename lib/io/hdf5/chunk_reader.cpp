#include "lib/io/hdf5/chunk_reader.hpp"

#include <blosc.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "lib/io/hdf5/fletcher32.hpp"

namespace alisio::hdf5 {
namespace {

bool is_guarded_blosc(hid_t creation) {
  const auto filter = [&](unsigned place) {
    unsigned flags = 0, configuration = 0;
    std::size_t n_values = 0;
    return H5Pget_filter2(creation, place, &flags, &n_values, nullptr, 0, nullptr, &configuration);
  };
  hsize_t chunk = 0;
  return H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, 1, &chunk) == 1 &&
         H5Pget_nfilters(creation) == 2 && filter(0) == blosc_filter_id &&
         filter(1) == H5Z_FILTER_FLETCHER32;
}

}  // namespace

ChunkReader::ChunkReader(hid_t dataset, hid_t creation, std::size_t chunk_bytes)
    : dataset_(dataset),
      chunk_bytes_(chunk_bytes),
      usable_(is_guarded_blosc(creation) &&
              chunk_bytes <= std::size_t{std::numeric_limits<int>::max()}) {}

bool ChunkReader::load(hsize_t row) {
  hsize_t stored = 0;
  if (H5Dget_chunk_storage_size(dataset_, &row, &stored) < 0 || stored <= checksum_bytes ||
      stored > chunk_bytes_ + BLOSC_MAX_OVERHEAD + checksum_bytes)
    return false;
  stored_.resize(stored);
  unsigned skipped_filters = 0;
  if (H5Dread_chunk(dataset_, H5P_DEFAULT, &row, &skipped_filters, stored_.data()) < 0 ||
      skipped_filters != 0)
    return false;
  const std::span<const std::byte> compressed(stored_.data(), stored - checksum_bytes);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < checksum_bytes; ++i)
    sum |= std::to_integer<std::uint32_t>(stored_[compressed.size() + i]) << (8 * i);
  std::size_t bytes = 0, compressed_bytes = 0, block_bytes = 0;
  if (sum != fletcher32(compressed) ||
      blosc_cbuffer_validate(compressed.data(), compressed.size(), &bytes) < 0 ||
      bytes != chunk_bytes_)
    return false;
  int flags = 0;
  blosc_cbuffer_metainfo(compressed.data(), &item_bytes_, &flags);
  blosc_cbuffer_sizes(compressed.data(), &bytes, &compressed_bytes, &block_bytes);
  if (item_bytes_ == 0 || block_bytes == 0) return false;
  constexpr std::size_t usual_piece = std::size_t{4} << 20;
  piece_bytes_ = std::max<std::size_t>(1, usual_piece / block_bytes) * block_bytes;
  return true;
}

bool ChunkReader::take(std::size_t first, std::span<std::byte> out) const {
  if (first > chunk_bytes_ || out.size() > chunk_bytes_ - first) return false;
  if (out.empty()) return true;
  const auto take_all = [&](std::byte* to) {
    return blosc_decompress_ctx(stored_.data(), to, chunk_bytes_, 1) == int(chunk_bytes_);
  };
  if (out.size() == chunk_bytes_) return take_all(out.data());
  if (first % item_bytes_ == 0 && out.size() % item_bytes_ == 0)
    return blosc_getitem(stored_.data(), int(first / item_bytes_), int(out.size() / item_bytes_),
                         out.data()) == int(out.size());
  // Blosc gives whole items. Those of large rows are single bytes.
  std::vector<std::byte> all(chunk_bytes_);
  if (!take_all(all.data())) return false;
  std::copy_n(all.begin() + std::ptrdiff_t(first), out.size(), out.begin());
  return true;
}

}  // namespace alisio::hdf5
