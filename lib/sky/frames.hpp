#pragma once

namespace alisio::sky {

/// Altitude and azimuth, rad.
struct AltAz {
  double altitude = 0, azimuth = 0;
};

/// A place in the camera frame: x up in altitude, y towards increasing azimuth, m.
struct CameraPoint {
  double x = 0, y = 0;
};

/// Return the direction of a camera position: equidistant mapping (no tangent), no refraction, as
/// ctapipe's CameraFrame. Azimuth is in [0, 2 pi).
/// @param focal_length the effective one (aberration included) for sky positions, m.
[[nodiscard]] AltAz camera_to_altaz(CameraPoint point, double focal_length, AltAz pointing);

/// The inverse.
[[nodiscard]] CameraPoint altaz_to_camera(AltAz direction, double focal_length, AltAz pointing);

}  // namespace alisio::sky
