#pragma once
#include <cstdint>
#include <string>

#include "lib/base/ids.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/sky/frames.hpp"

namespace alisio::sim {

/// Name of the source that the night looks at.
inline constexpr const char* source_name = "Synthetic";

/// The telescope following a point 0.4 degrees beside a source. Precession is taken into account to
/// first order, nutation, aberration and refraction are not: what they would change is far smaller
/// than a pixel, and the logs say where the telescope pointed.
class Track {
 public:
  /// Choose a source of declination 22 degrees that rises towards its culmination: at
  /// `reference_utc_s` (unix) it is 1.6 hours before it, 23 degrees from the zenith at La Palma.
  Track(const instrument::Telescope& telescope, std::int64_t reference_utc_s);

  /// Return where the telescope points, rad.
  [[nodiscard]] sky::AltAz pointing(double utc_s) const;
  /// Return the place of the source in the camera, m, to a tenth of a micrometre.
  [[nodiscard]] sky::CameraPoint source(double utc_s) const;

  [[nodiscard]] double pointing_ra_deg() const { return ra_deg_; }  ///< J2000
  [[nodiscard]] double pointing_dec_deg() const;                    ///< J2000

 private:
  [[nodiscard]] sky::AltAz direction(double dec_deg, double utc_s) const;
  double longitude_deg_, latitude_deg_, focal_length_, ra_deg_ = 0;
};

/// The drive's reports of a time span, one line a second: unix time, azimuth, zenith angle in deg.
[[nodiscard]] std::string drive_position_log(const Track& track, std::int64_t from_s,
                                             std::int64_t to_s);
/// The same times with corrections of zero.
[[nodiscard]] std::string bending_log(std::int64_t from_s, std::int64_t to_s);
[[nodiscard]] std::string target_log(const Track& track, std::int64_t from_s, std::int64_t to_s);

}  // namespace alisio::sim
