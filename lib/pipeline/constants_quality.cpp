#include "lib/pipeline/constants_quality.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

calib::GateRange range_of(const config::Configuration& c, const char* key) {
  const auto [low, high] = c.range(key);
  return {low, high};
}

/// Return the number of pixels that a [gain][pixel]… column of a table has.
std::size_t pixels_of(const fs::path& path, const char* table, const char* column) {
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::TableReader reader(file, table);
  const auto& shape =
      hdf5::find_column(reader.columns(), column, path.string() + ":" + table).shape;
  if (shape.size() < 2)
    throw Error(ErrorKind::bad_input, fmt::format("'{}' is no array of gains and pixels", column),
                path.string(), "is it a file of constants?");
  return shape[1];
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
    const char* table = "/r1/monitoring/drs4_baseline/tel_001";
    const std::size_t n_pixels = pixels_of(path, table, "baseline_mean");
    std::vector<std::uint16_t> counts;
    {
      const hdf5::File file = hdf5::File::open(path);
      const hdf5::TableReader reader(file, table);
      if (reader.has_column("baseline_counts") && reader.row_count() > 0)
        counts = reader.read(0, 1).column<std::uint16_t>("baseline_counts");
    }
    return calib::drs4_pedestal_gates(calib::read_drs4_pedestal(path, n_pixels), counts,
                                      drs4_pedestal_limits(c));
  }
  if (kind == "time_calibration") {
    std::vector<std::size_t> shape;
    static_cast<void>(hdf5::File::open(path).read_array("/fan", &shape));
    return calib::time_calibration_gates(
        calib::read_time_calibration(path, shape.size() < 2 ? 0 : shape[1]),
        time_calibration_limits(c));
  }
  if (kind == "charge_calibration" || kind == "catb_calibration") {
    const std::size_t n_pixels = pixels_of(path, "/tel_1/calibration", "dc_to_pe");
    return calib::camera_calibration_gates(calib::read_camera_calibration(path, n_pixels).row,
                                           camera_calibration_limits(c));
  }
  throw Error(ErrorKind::bug, fmt::format("no constants are called '{}'", kind));
}

}  // namespace alisio::pipeline
