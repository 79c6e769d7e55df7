#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/base/large_vector.hpp"
#include "lib/event/monitoring.hpp"

/// What R0 calibration reads from the calibration files, in every form that LST-1 has had: HDF5 or
/// FITS, told by their content, of this year or of 2019. Arrays are [gain][pixel], flattened, gain
/// 0 high and 1 low, pixels in camera-geometry order.
namespace alisio::calib {

inline constexpr std::size_t n_gains = 2;
/// Capacitors of a pixel: four cascaded DRS4 channels of 1024.
inline constexpr std::size_t n_capacitors = 4096;
inline constexpr std::size_t n_channel_capacitors = 1024;

/// Given as the number of pixels: as many as the file has.
inline constexpr std::size_t any_pixels = 0;

/// Baseline and spikes of the DRS4 chips, ADC counts.
struct Drs4Pedestal {
  std::size_t n_pixels = 0;
  /// [gain][pixel][capacitor], padded: the first `padding` capacitors follow the last one again, so
  /// that a readout that wraps around reads on.
  static constexpr std::size_t padding = 64;
  static constexpr std::size_t row = n_capacitors + padding;
  LargeVector<std::int16_t> baseline;
  std::vector<std::int16_t> spike_height;  ///< [gain][pixel][3]
  /// False for files of 2019 to 2021 that hold baselines only: the heights are 0, spikes stay.
  bool has_spike_heights = true;
};

/// Read the DRS4 pedestal file: HDF5 table /r1/monitoring/drs4_baseline/tel_…, FITS images
/// baseline_mean and spike_height, or the FITS image of lstchain 0.4 to 0.8.
/// @throws Error(missing_input), Error(bad_input) naming the table and the shape found and expected
/// if it is of another camera.
[[nodiscard]] Drs4Pedestal read_drs4_pedestal(const std::filesystem::path& file,
                                              std::size_t n_pixels);

/// Return how often each capacitor was read out for its baseline, [gain][pixel][capacitor]; empty
/// if the file does not tell. @throws as read_drs4_pedestal.
[[nodiscard]] std::vector<std::uint16_t> read_drs4_counts(const std::filesystem::path& file);

/// The charge calibration (Cat-A).
struct CameraCalibration {
  MonitoringRow row;  ///< as it is stored in row 0 of the DL1 monitoring tables
  std::vector<std::uint8_t> hardware_failing_pixels, pedestal_failing_pixels,
      flatfield_failing_pixels;
  std::size_t nan_pixels = 0;  ///< constants that were NaN: set unusable and neutral
};

/// Read the first calibration of a charge calibration file: HDF5 group /tel_…, or FITS; tables
/// calibration, pedestal, flatfield and pixel_status. Statistics that an old file lacks are NaN,
/// flags that it lacks are not set. Pixels with NaN constants become
/// unusable with constants of 0. @throws as read_drs4_pedestal.
[[nodiscard]] CameraCalibration read_camera_calibration(const std::filesystem::path& file,
                                                        std::size_t n_pixels);

/// DRS4 sampling delays, ns, as a function of the first capacitor.
struct TimeCalibration {
  std::vector<double> fan, fbn;  ///< [gain][pixel][harmonic]
  std::size_t n_harmonics = 0;
};

/// Read the time calibration file: arrays fan and fbn of HDF5, or FITS images. @throws as
/// read_drs4_pedestal.
[[nodiscard]] TimeCalibration read_time_calibration(const std::filesystem::path& file,
                                                    std::size_t n_pixels);

}  // namespace alisio::calib
