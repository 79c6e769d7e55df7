#pragma once
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"

/// The table of a source-dependent DL2 file, ours or lstchain's: /dl2/event/telescope/
/// parameters_src_dependent/LST_LSTCam, whose columns are named "('off_180', 'alpha')".
namespace alisio::pipeline {

/// Return the names of the positions that a table holds: "on" first, then those off, "off_180".
/// Empty if it has no alpha for the source.
[[nodiscard]] std::vector<std::string> assumed_positions_of(const hdf5::TableReader& table);

/// Return the name of a quantity's column.
[[nodiscard]] std::string column_of_position(const std::string& position,
                                             const std::string& quantity);

}  // namespace alisio::pipeline
