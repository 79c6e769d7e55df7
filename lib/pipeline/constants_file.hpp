#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "calib/constants/constants.hpp"
#include "lib/base/observer.hpp"

namespace alisio::pipeline {

/// What a file of charge constants says besides the constants.
struct ConstantsFileInfo {
  std::int64_t telescope = 1;
  std::string stage;               ///< that made it
  std::string configuration_json;  ///< the `config` attribute of the tables
};

/// Write a charge calibration, Cat-A or Cat-B, as lstchain's readers expect it: tables
/// /tel_<n>/{calibration,flatfield,pedestal,pixel_status}, one row per calibration.
/// @throws Error(resource).
void write_charge_calibration(const std::filesystem::path& path,
                              const std::vector<calib::CameraCalibration>& rows,
                              const ConstantsFileInfo& info, const ProductMetadata& metadata);

/// Read B, the quadratic term of the F-factor's systematics, [gain][pixel], from a file of
/// lstchain_fit_intensity_scan (scan_fit_*.h5).
/// @throws Error(missing_input), Error(bad_input) if it has none, or of another camera.
[[nodiscard]] std::vector<double> read_quadratic_term(const std::filesystem::path& path,
                                                      std::size_t n_pixels);

}  // namespace alisio::pipeline
