#pragma once
#include <cstddef>
#include <span>

#include "lib/base/large_vector.hpp"
#include "lib/io/hdf5/handle.hpp"

namespace alisio::hdf5 {

/// Reads chunks of rows that Blosc has compressed and Fletcher's sum guards straight from the file:
/// in half the time that HDF5 takes, and no more of a chunk than is asked for. A chunk of constants
/// holds 90 MB, of which their readers need a third.
class ChunkReader {
 public:
  /// @param dataset stays open while this lives
  /// @param creation properties of the dataset
  /// @param chunk_bytes of its values
  ChunkReader(hid_t dataset, hid_t creation, std::size_t chunk_bytes);
  /// Return whether the dataset is of rank 1 and its chunks are compressed like that.
  [[nodiscard]] bool usable() const { return usable_; }

  /// Load the chunk that begins at a row; false if something is unusual, damaged for example: HDF5
  /// knows what. @pre usable()
  [[nodiscard]] bool load(hsize_t row);
  /// Return a number of bytes that are fast to take at once, from multiples of it on.
  [[nodiscard]] std::size_t piece_bytes() const { return piece_bytes_; }
  /// Put the values' bytes from `first` on into `out`; false if they are damaged. @pre load()
  [[nodiscard]] bool take(std::size_t first, std::span<std::byte> out) const;

 private:
  hid_t dataset_;
  std::size_t chunk_bytes_, piece_bytes_ = 0, item_bytes_ = 1;
  bool usable_;
  LargeBuffer stored_;
};

}  // namespace alisio::hdf5
