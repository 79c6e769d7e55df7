#pragma once
#include <filesystem>
#include <string>

#include "lib/base/observer.hpp"
#include "lib/io/hdf5/file.hpp"
#include "reco/dl2/dl2.hpp"
#include "reco/dl2/source_dependent.hpp"

namespace alisio::pipeline {

/// Read the parameters table of a DL1 file, ours or lstchain's. Columns that old files lack
/// stay NaN or empty if something else is made of that, else hold what data of LST-1 have: zeros,
/// no simulated particle, telescope 1, physics events. @throws Error(bad_input) naming file, table
/// and column.
[[nodiscard]] dl2::Dl1Columns read_dl1_columns(const hdf5::File& file);

/// Return the effective focal length of the optics table, m, or `otherwise` if there is none.
[[nodiscard]] double effective_focal_length(const hdf5::File& file, double otherwise);

/// Write a DL2 file: the instrument and monitoring tables of the DL1 file and the DL2 table. With
/// no rows the table is there, empty.
void write_dl2_file(const std::filesystem::path& path, const hdf5::File& dl1,
                    const dl2::Dl2Columns& rows, const std::string& config_json,
                    const ProductMetadata& metadata);

/// Write a DL2 file of a source-dependent analysis: as above, but the DL2 table holds the DL1
/// columns and delta_t alone, and what was reconstructed stands, for each position, in
/// /dl2/event/telescope/parameters_src_dependent/LST_LSTCam under names like "('on', 'alpha')".
/// @param positions,rows  [position], the same events in all
void write_source_dependent_dl2_file(const std::filesystem::path& path, const hdf5::File& dl1,
                                     const std::vector<dl2::AssumedPosition>& positions,
                                     const std::vector<dl2::Dl2Columns>& rows,
                                     const std::string& config_json,
                                     const ProductMetadata& metadata);

}  // namespace alisio::pipeline
