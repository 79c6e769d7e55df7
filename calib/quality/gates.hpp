#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "calib/constants/constants.hpp"
#include "lib/base/gate.hpp"

/// Quality gates of calibration constants: a few numbers that tell whether a file of constants may
/// be used. They are computed from what the files hold, so they judge the peers' files as well.
namespace alisio::calib {

struct Drs4PedestalLimits {
  GateRange baseline{200, 600};            ///< camera mean of the baseline, ADC counts
  GateRange subtracted_baseline{-50, 50};  ///< if the event builder subtracted it
  double empty_capacitors = 0.05;          ///< greatest fraction without a readout
  GateRange spike_height{10, 100};         ///< camera mean of each of the three samples, ADC counts
};

struct TimeCalibrationLimits {
  double channels_without_data = 0.05;  ///< greatest fraction of channels with no curve
  GateRange amplitude{0.3, 10};         ///< camera median of the sum of the harmonics, ns
};

struct CameraCalibrationLimits {
  double unusable_pixels = 0.1;            ///< greatest fraction in either gain
  GateRange pedestal_per_sample{-10, 10};  ///< camera median, ADC or (Cat-B) p.e.
  /// Greatest spread (standard deviation over mean) of the F-factor gain over the usable pixels.
  double gain_spread = 0.3;
  double dc_to_pe_spread = 0.3;       ///< the same of dc_to_pe
  GateRange photoelectrons{20, 300};  ///< camera median of a flat-field pulse
  std::int64_t flatfield_events = 200, pedestal_events = 200;  ///< least numbers
};

/// Judge a DRS4 pedestal.
/// @param counts readouts of each capacitor [gain][pixel][capacitor]; empty if not known, then the
///        gate of empty capacitors is left out
[[nodiscard]] std::vector<Gate> drs4_pedestal_gates(const Drs4Pedestal& pedestal,
                                                    std::span<const std::uint16_t> counts,
                                                    const Drs4PedestalLimits& limits);
[[nodiscard]] std::vector<Gate> time_calibration_gates(const TimeCalibration& calibration,
                                                       const TimeCalibrationLimits& limits);
/// Judge one row of a charge calibration, Cat-A or Cat-B. Gates of one gain end in _hg or _lg.
[[nodiscard]] std::vector<Gate> camera_calibration_gates(const MonitoringRow& row,
                                                         const CameraCalibrationLimits& limits);

}  // namespace alisio::calib
