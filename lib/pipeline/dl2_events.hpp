#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"
#include "reco/dl3/events.hpp"

namespace alisio::pipeline {

/// Reads the DL2 table of a file, ours or lstchain's, in pieces: Monte Carlo files are larger than
/// the memory that a job should take.
class Dl2EventReader {
 public:
  /// @throws Error(bad_input) naming the file if it holds no DL2 table.
  explicit Dl2EventReader(const hdf5::File& file);

  [[nodiscard]] std::uint64_t row_count() const { return table_.row_count(); }
  [[nodiscard]] bool has_column(const std::string& name) const { return table_.has_column(name); }
  /// Read columns of rows [first, first + n). @throws Error(bad_input) if one is missing.
  [[nodiscard]] dl3::Events read(std::uint64_t first, std::size_t n,
                                 const std::vector<std::string>& columns) const;
  /// Read columns of the whole table.
  [[nodiscard]] dl3::Events read_all(const std::vector<std::string>& columns) const {
    return read(0, row_count(), columns);
  }

 private:
  hdf5::TableReader table_;
};

}  // namespace alisio::pipeline
