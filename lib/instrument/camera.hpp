#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace alisio::instrument {

/// The pixels of a camera, in the order of its table, with what follows from their places.
/// Positions are in the camera frame: x points up in altitude, y towards increasing azimuth.
struct CameraGeometry {
  std::string name;                ///< "LSTCam"
  std::string pixel_type;          ///< "hexagon"
  std::string table_version;       ///< of the geometry table, "2.0"
  double camera_rotation_deg = 0;  ///< deg
  double pixel_rotation_deg = 0;   ///< deg
  std::size_t n_pixels = 0;
  std::vector<std::int64_t> pix_id;  ///< [pixel]
  std::vector<double> x, y;          ///< [pixel], m
  std::vector<double> area;          ///< [pixel], m^2
  double pixel_width = 0;            ///< flat to flat, m; from the area of the first pixel

  /// Neighbours in compressed rows: those of pixel i are neighbour[neighbour_start[i]] up to, not
  /// including, neighbour[neighbour_start[i + 1]], in increasing order. The relation is symmetric.
  std::vector<std::uint32_t> neighbour_start;  ///< [pixel + 1]
  std::vector<std::uint16_t> neighbour;

  /// 1 for a pixel with fewer neighbours than the best-connected pixel has.
  std::vector<std::uint8_t> border_width_1;
  /// 1 for a pixel of border_width_1 or a neighbour of one.
  std::vector<std::uint8_t> border_width_2;

  [[nodiscard]] std::span<const std::uint16_t> neighbours_of(std::size_t pixel) const {
    return {&neighbour[neighbour_start[pixel]],
            neighbour_start[pixel + 1] - neighbour_start[pixel]};
  }
};

/// Fill pixel_width, neighbours and borders of a geometry whose pixels are known.
/// Rule (ctapipe's for hexagons): of the 6 nearest pixels, those closer than 1.4 times the distance
/// of the nearest one; made symmetric. Throws Error(bad_input) if there are no pixels, more than
/// 65535, an area is not positive, or two pixels coincide; `where` names the source of the pixels.
void complete_geometry(CameraGeometry& geometry, const std::string& where);

/// How the camera digitises, and the shape of a reference pulse.
struct CameraReadout {
  std::string camera_name;
  std::string table_version;   ///< of the readout table, "3.0"
  std::size_t n_channels = 0;  ///< gains
  std::size_t n_pixels = 0;
  std::size_t n_samples = 0;                 ///< samples per readout
  double sampling_rate = 0;                  ///< GHz
  double reference_pulse_width = 0;          ///< sample width of the reference pulse, ns
  std::vector<double> reference_pulse_time;  ///< [sample], ns
  std::vector<std::vector<double>> reference_pulse_shape;  ///< [gain][sample]
};

}  // namespace alisio::instrument
