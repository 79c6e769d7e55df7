#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "lib/sim/camera_model.hpp"
#include "lib/sim/waveforms.hpp"

namespace alisio::sim {

/// What the constants say of the run that a real night would make them from.
struct ConstantsOrigin {
  std::string description;  ///< JSON, kept as attribute `config`
  std::size_t n_drs4_events = 0;
  bool baseline_subtracted = false;  ///< by the event builder: nothing is left of it
  std::size_t n_flat_fields = 0, n_pedestals = 0;
  double time_min = 0, time_max = 0;  ///< of the calibration run, unix UTC s
  double night_sky_scale = 1;         ///< night sky of the calibration run
};

/// Write the DRS4 pedestal file: table /r1/monitoring/drs4_baseline/tel_001 of lstchain's layout.
/// @throws Error(resource).
void write_drs4_pedestal(const CameraModel& camera, const ConstantsOrigin& origin,
                         const std::filesystem::path& file);

/// Write the charge calibration: tables calibration, flatfield, pedestal and pixel_status of /tel_1
/// as lstchain has them. Coefficients are those of its flat-field method (charges of 12 samples,
/// all pixels brought to the camera's median); pixels of strong gain or noise are unusable.
/// @throws Error(resource).
void write_charge_calibration(const CameraModel& camera, const PulseTables& tables,
                              const ConstantsOrigin& origin, const std::filesystem::path& file);

/// Write the sampling delays: datasets fan and fbn, [gain][pixel][harmonic], ns. @throws
/// Error(resource).
void write_time_calibration(const CameraModel& camera, const ConstantsOrigin& origin,
                            const std::filesystem::path& file);

}  // namespace alisio::sim
