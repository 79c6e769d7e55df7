#pragma once
#include <filesystem>
#include <string_view>
#include <vector>

#include "calib/quality/gates.hpp"
#include "lib/config/configuration.hpp"

namespace alisio::pipeline {

/// Translate the `gates` block of the configuration.
[[nodiscard]] calib::Drs4PedestalLimits drs4_pedestal_limits(const config::Configuration& c);
[[nodiscard]] calib::TimeCalibrationLimits time_calibration_limits(const config::Configuration& c);
/// The limits of the charge calibration, Cat-A and Cat-B.
[[nodiscard]] calib::CameraCalibrationLimits camera_calibration_limits(
    const config::Configuration& c);

/// Evaluate the quality gates of a file of constants, ours or the peers'. Of a file with several
/// rows (Cat-B), each row is judged, and of gates of the same name the worst is returned.
/// @param kind port that the file is a product of: drs4_pedestal, time_calibration,
///        charge_calibration or catb_calibration
/// @throws Error(missing_input, bad_input) if the file cannot be read; Error(bug) for other kinds.
[[nodiscard]] std::vector<Gate> check_constants_file(std::string_view kind,
                                                     const std::filesystem::path& file,
                                                     const config::Configuration& c);

}  // namespace alisio::pipeline
