#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/instrument/camera.hpp"

namespace alisio::instrument {

struct Optics {
  std::string name;             ///< "LST"
  std::string size_type;        ///< "LST"
  std::string reflector_shape;  ///< "PARABOLIC"
  double mirror_area = 0;       ///< m^2
  std::int64_t n_mirrors = 0;
  std::int64_t n_mirror_tiles = 0;
  double equivalent_focal_length = 0;  ///< m; metres to degrees of length and width
  double effective_focal_length = 0;   ///< m, aberration included; sky positions, muon angles
};

/// One telescope: place, optics, camera and readout. Everything that differs between telescopes or
/// cameras is data in `cfg/camera/<camera>/`, never a number in code.
struct Telescope {
  std::int64_t tel_id = 0;
  std::string name;                        ///< "LST"
  std::string type;                        ///< "LST"
  std::string description;                 ///< "LST_LST_LSTCam"
  std::string subarray;                    ///< "LST-1 subarray"
  std::array<double, 3> position{};        ///< in the frame of the array, m
  std::array<double, 3> reference_itrs{};  ///< geocentric origin of the array's frame, m
  double longitude_deg = 0;                ///< deg, east positive
  double latitude_deg = 0;                 ///< geodetic, deg
  double height = 0;                       ///< of the elevation axis above the ellipsoid, m
  Optics optics;
  CameraGeometry geometry;
  CameraReadout readout;
};

/// Return `cfg_folder`/camera/`camera_name`/`file`.
/// Throws Error(missing_input) if the camera is unknown (with the known ones) or the file absent.
[[nodiscard]] std::filesystem::path camera_file(const std::filesystem::path& cfg_folder,
                                                std::string_view camera_name,
                                                std::string_view file);

/// Load geometry, readout and telescope number `tel_id` of a camera from `geometry.ecsv`,
/// `readout.ecsv` and `telescope_<tel_id, three digits>.ecsv` of its folder.
/// @param cfg_folder folder that holds `camera/`.
/// Throws Error(missing_input) for an absent file, Error(bad_input) naming file and line for one
/// that cannot be understood or does not fit the others.
[[nodiscard]] Telescope load_telescope(const std::filesystem::path& cfg_folder,
                                       std::string_view camera_name = "LSTCam",
                                       std::int64_t tel_id = 1);

}  // namespace alisio::instrument
