#pragma once
#include <string>
#include <vector>

#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"

/// What a stage needs that takes over most of a file and changes some of it.
namespace alisio::pipeline {

/// Copy everything below the root to the same place of `target`, except the objects at `left_out`
/// and what lies below them.
void copy_except(const hdf5::File& source, hdf5::File& target,
                 const std::vector<std::string>& left_out);

/// Return how a column that was read is written: with its own type and shape, and with the
/// description and unit of the column of that name in `known`, or else its own unit.
[[nodiscard]] hdf5::ColumnSpec spec_of(const hdf5::ColumnInfo& column,
                                       const std::vector<hdf5::ColumnSpec>& known);

}  // namespace alisio::pipeline
