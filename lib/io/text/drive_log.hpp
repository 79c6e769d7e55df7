#pragma once
#include <filesystem>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::text {

/// Where the telescope pointed, from the drive's report, corrected for bending if a
/// BendingModelCorrection log lies beside it.
struct DriveLog {
  std::vector<double> time;                  ///< UTC unix, s, ascending
  std::vector<double> azimuth;               ///< deg
  std::vector<double> altitude;              ///< deg, 90 - zenith
  std::filesystem::path file, bending_file;  ///< bending_file is empty if there is none
};

/// Altitude and azimuth, rad; NaN outside the log.
struct Pointing {
  double altitude = 0, azimuth = 0;
};

/// Read DrivePosition_log_YYYYMMDD.txt (time, azimuth, zenith angle in degrees), or a log of before
/// late 2022, drive_log_YY_MM_DD.txt (a date, a time, mean, least, most and scatter of azimuth and
/// zenith angle, the target), and the bending log beside it. Lines out of order are sorted by time;
/// if one log is longer, its surplus is left out.
/// @throws Error(missing_input); Error(bad_input) naming file and line, also if the two logs have
/// different times.
[[nodiscard]] DriveLog read_drive_log(const std::filesystem::path& file);

/// Return the drive log of a night in a folder, empty if there is none.
[[nodiscard]] std::filesystem::path drive_log_of(const std::filesystem::path& folder,
                                                 const NightDate& date);
/// Return the bending and target logs that belong to a drive log, if they exist, else empty paths.
[[nodiscard]] std::filesystem::path bending_log_of(const std::filesystem::path& drive_log);
[[nodiscard]] std::filesystem::path target_log_of(const std::filesystem::path& drive_log);

/// Interpolate linearly at a UTC unix time. The arithmetic is numpy.interp's, so that pointings are
/// those of the peers to the last bit; only between two samples on either side of north, where the
/// peers cross the whole circle, the short way is taken.
[[nodiscard]] Pointing pointing_at(const DriveLog& log, double unix_utc_s);

}  // namespace alisio::text
