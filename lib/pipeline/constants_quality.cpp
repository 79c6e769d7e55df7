#include "lib/pipeline/constants_quality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

GateRange range_of(const config::Configuration& c, const char* key) {
  const auto [low, high] = c.range(key);
  return {low, high};
}

/// Read what the gates look at, of each row of a Cat-B file.
std::vector<MonitoringRow> charge_calibrations(const fs::path& path) {
  const hdf5::File file = hdf5::File::open(path);
  const auto read = [&](const char* table) {
    const hdf5::TableReader reader(file, table);
    if (reader.row_count() == 0)
      throw Error(ErrorKind::bad_input, fmt::format("table '{}' is empty", table), path.string(),
                  "make the calibration again");
    return reader.read_all();
  };
  const hdf5::Rows calibration = read("/tel_1/calibration"), pedestal = read("/tel_1/pedestal"),
                   flatfield = read("/tel_1/flatfield");
  const std::size_t n = calibration.size();
  if (pedestal.size() != n || flatfield.size() != n)
    throw Error(ErrorKind::bad_input, "the tables below '/tel_1' differ in length", path.string(),
                "make the calibration again");
  std::vector<MonitoringRow> rows(n);
  const auto divide = [&](const hdf5::Rows& from, const char* name, auto&& member) {
    using Values = std::remove_reference_t<decltype(member(rows.front()))>;
    const auto all = from.arrays<typename Values::value_type>(name);
    const std::size_t items = all.size() / n;
    for (std::size_t i = 0; i < n; ++i)
      member(rows[i]).assign(&all[i * items], &all[i * items] + items);
  };
  using Row = MonitoringRow;
  divide(
      calibration, "dc_to_pe", [](Row & r) -> auto& { return r.calibration.dc_to_pe; });
  divide(
      calibration, "pedestal_per_sample",
      [](Row & r) -> auto& { return r.calibration.pedestal_per_sample; });
  divide(
      calibration, "n_pe", [](Row & r) -> auto& { return r.calibration.n_pe; });
  divide(
      calibration, "unusable_pixels",
      [](Row & r) -> auto& { return r.calibration.unusable_pixels; });
  divide(
      pedestal, "charge_median", [](Row & r) -> auto& { return r.pedestal.charge_median; });
  divide(
      flatfield, "charge_median", [](Row & r) -> auto& { return r.flatfield.charge_median; });
  const auto pedestals = pedestal.column<std::int64_t>("n_events"),
             flatfields = flatfield.column<std::int64_t>("n_events");
  for (std::size_t i = 0; i < n; ++i) {
    rows[i].pedestal.n_events = pedestals[i];
    rows[i].flatfield.n_events = flatfields[i];
  }
  return rows;
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

std::vector<Gate> check_constants_file(std::string_view kind, const fs::path& path,
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
  if (kind == "charge_calibration")
    return calib::camera_calibration_gates(
        calib::read_camera_calibration(path, calib::any_pixels).row, camera_calibration_limits(c));
  if (kind == "catb_calibration") {
    std::vector<Gate> gates;
    const auto limits = camera_calibration_limits(c);
    for (const MonitoringRow& row : charge_calibrations(path))
      gates = worse_of(gates, calib::camera_calibration_gates(row, limits));
    return gates;
  }
  throw Error(ErrorKind::bug, fmt::format("no constants are called '{}'", kind));
}

}  // namespace alisio::pipeline
