#pragma once
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"

/// Where DL1 and DL2 files hold what: the layout of cta-lstchain 0.12.3, table by table.
namespace alisio::pipeline {

inline constexpr const char* parameters_path = "/dl1/event/telescope/parameters/LST_LSTCam";
inline constexpr const char* images_path = "/dl1/event/telescope/image/LST_LSTCam";
inline constexpr const char* calibration_path = "/dl1/event/telescope/monitoring/calibration";
inline constexpr const char* pedestal_path = "/dl1/event/telescope/monitoring/pedestal";
inline constexpr const char* flatfield_path = "/dl1/event/telescope/monitoring/flatfield";
inline constexpr const char* dl2_parameters_path = "/dl2/event/telescope/parameters/LST_LSTCam";
inline constexpr const char* dl2_source_dependent_path =
    "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam";

/// The release whose layout and numbers the files follow; its readers look for it.
inline constexpr const char* lstchain_version = "0.12.3";
inline constexpr const char* ctapipe_version = "0.25.1";
inline constexpr const char* ctapipe_io_lst_version = "0.29.2";

/// Columns of the DL1 parameters table, in file order.
[[nodiscard]] std::vector<hdf5::ColumnSpec> parameter_columns();
/// Columns of the DL1 image table.
[[nodiscard]] std::vector<hdf5::ColumnSpec> image_columns(std::size_t n_pixels);
/// Columns of the three monitoring tables.
[[nodiscard]] std::vector<hdf5::ColumnSpec> calibration_columns(std::size_t n_pixels);
[[nodiscard]] std::vector<hdf5::ColumnSpec> pedestal_columns(std::size_t n_pixels);
[[nodiscard]] std::vector<hdf5::ColumnSpec> flatfield_columns(std::size_t n_pixels);

}  // namespace alisio::pipeline
