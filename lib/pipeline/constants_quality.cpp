#include "lib/pipeline/constants_quality.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

calib::GateRange range_of(const config::Configuration& c, const char* key) {
  const auto [low, high] = c.range(key);
  return {low, high};
}

}  // namespace

calib::Drs4PedestalLimits drs4_pedestal_limits(const config::Configuration& c) {
  calib::Drs4PedestalLimits limits;
  limits.baseline = range_of(c, "gates.drs4_pedestal.baseline");
  limits.subtracted_baseline = range_of(c, "gates.drs4_pedestal.subtracted_baseline");
  limits.empty_capacitors = c.number("gates.drs4_pedestal.empty_capacitors");
  limits.spike_height = range_of(c, "gates.drs4_pedestal.spike_height");
  return limits;
}

calib::TimeCalibrationLimits time_calibration_limits(const config::Configuration& c) {
  calib::TimeCalibrationLimits limits;
  limits.channels_without_data = c.number("gates.time_calibration.channels_without_data");
  limits.amplitude = range_of(c, "gates.time_calibration.amplitude");
  return limits;
}

calib::CameraCalibrationLimits camera_calibration_limits(const config::Configuration& c) {
  calib::CameraCalibrationLimits limits;
  limits.unusable_pixels = c.number("gates.camera_calibration.unusable_pixels");
  limits.pedestal_per_sample = range_of(c, "gates.camera_calibration.pedestal_per_sample");
  limits.gain_spread = c.number("gates.camera_calibration.gain_spread");
  limits.dc_to_pe_spread = c.number("gates.camera_calibration.dc_to_pe_spread");
  limits.photoelectrons = range_of(c, "gates.camera_calibration.photoelectrons");
  limits.flatfield_events = c.integer("gates.camera_calibration.flatfield_events");
  limits.pedestal_events = c.integer("gates.camera_calibration.pedestal_events");
  return limits;
}

std::vector<calib::Gate> check_constants_file(std::string_view kind, const fs::path& path,
                                              const config::Configuration& c) {
  if (kind == "drs4_pedestal") {
    const auto counts = calib::read_drs4_counts(path);
    return calib::drs4_pedestal_gates(calib::read_drs4_pedestal(path, calib::any_pixels), counts,
                                      drs4_pedestal_limits(c));
  }
  if (kind == "time_calibration") {
    return calib::time_calibration_gates(calib::read_time_calibration(path, calib::any_pixels),
                                         time_calibration_limits(c));
  }
  if (kind == "charge_calibration" || kind == "catb_calibration") {
    const auto calibration = calib::read_camera_calibration(path, calib::any_pixels);
    return calib::camera_calibration_gates(calibration.row, camera_calibration_limits(c));
  }
  throw Error(ErrorKind::bug, fmt::format("no constants are called '{}'", kind));
}

}  // namespace alisio::pipeline
