#include "calib/constants/constants.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;
using Shape = std::vector<std::size_t>;

constexpr const char* baseline_path = "/r1/monitoring/drs4_baseline/tel_001";

void require_shape(const Shape& found, const Shape& expected, const fs::path& file,
                   const std::string& object) {
  if (found == expected) return;
  throw Error(ErrorKind::bad_input,
              fmt::format("'{}' has shape ({}), this camera needs ({})", object,
                          fmt::join(found, ", "), fmt::join(expected, ", ")),
              file.string(), "is it a file of another camera?");
}

/// Rows of a table with shapes checked on the way.
class Table {
 public:
  Table(const hdf5::File& file, const std::string& path)
      : file_(file.path()), path_(path), reader_(file, path) {
    if (reader_.row_count() == 0)
      throw Error(ErrorKind::bad_input, "table '" + path + "' is empty", file_.string());
    rows_ = reader_.read(0, 1);
  }
  template <typename T>
  [[nodiscard]] std::vector<T> array(const std::string& name, const Shape& shape) const {
    require_shape(hdf5::find_column(reader_.columns(), name, file_.string() + ":" + path_).shape,
                  shape, file_, path_ + "/" + name);
    return rows_.column<T>(name);
  }
  template <typename T>
  [[nodiscard]] T scalar(const std::string& name) const {
    return array<T>(name, {})[0];
  }

 private:
  fs::path file_;
  std::string path_;
  hdf5::TableReader reader_;
  hdf5::Rows rows_;
};

}  // namespace

Drs4Pedestal read_drs4_pedestal(const fs::path& path, std::size_t n_pixels) {
  const hdf5::File file = hdf5::File::open(path);
  const Table table(file, baseline_path);
  const auto mean = table.array<std::int16_t>("baseline_mean", {n_gains, n_pixels, n_capacitors});
  Drs4Pedestal pedestal;
  pedestal.n_pixels = n_pixels;
  pedestal.spike_height = table.array<std::int16_t>("spike_height", {n_gains, n_pixels, 3});
  pedestal.baseline.resize(n_gains * n_pixels * Drs4Pedestal::row);
  for (std::size_t channel = 0; channel < n_gains * n_pixels; ++channel) {
    const std::int16_t* from = &mean[channel * n_capacitors];
    std::int16_t* to = &pedestal.baseline[channel * Drs4Pedestal::row];
    std::copy_n(from, n_capacitors, to);
    std::copy_n(from, Drs4Pedestal::padding, to + n_capacitors);
  }
  return pedestal;
}

CameraCalibration read_camera_calibration(const fs::path& path, std::size_t n_pixels) {
  const hdf5::File file = hdf5::File::open(path);
  const Shape shape{n_gains, n_pixels};
  CameraCalibration out;
  {
    const Table table(file, "/tel_1/calibration");
    MonitoringRow::Calibration& c = out.row.calibration;
    c.time = table.scalar<double>("time");
    c.time_min = table.scalar<double>("time_min");
    c.time_max = table.scalar<double>("time_max");
    c.dc_to_pe = table.array<double>("dc_to_pe", shape);
    c.pedestal_per_sample = table.array<double>("pedestal_per_sample", shape);
    c.time_correction = table.array<double>("time_correction", shape);
    c.n_pe = table.array<double>("n_pe", shape);
    c.unusable_pixels = table.array<std::uint8_t>("unusable_pixels", shape);
    for (std::size_t i = 0; i < c.dc_to_pe.size(); ++i) {
      if (!std::isnan(c.dc_to_pe[i]) && !std::isnan(c.pedestal_per_sample[i]) &&
          !std::isnan(c.time_correction[i]))
        continue;
      c.dc_to_pe[i] = c.pedestal_per_sample[i] = c.time_correction[i] = 0;
      c.unusable_pixels[i] = 1;
      ++out.nan_pixels;
    }
  }
  {
    const Table table(file, "/tel_1/pedestal");
    MonitoringRow::Pedestal& p = out.row.pedestal;
    p.n_events = table.scalar<std::int64_t>("n_events");
    p.sample_time = table.scalar<double>("sample_time");
    p.sample_time_min = table.scalar<double>("sample_time_min");
    p.sample_time_max = table.scalar<double>("sample_time_max");
    p.charge_mean = table.array<double>("charge_mean", shape);
    p.charge_median = table.array<double>("charge_median", shape);
    p.charge_std = table.array<double>("charge_std", shape);
    p.charge_median_outliers = table.array<std::uint8_t>("charge_median_outliers", shape);
    p.charge_std_outliers = table.array<std::uint8_t>("charge_std_outliers", shape);
  }
  {
    const Table table(file, "/tel_1/flatfield");
    MonitoringRow::Flatfield& f = out.row.flatfield;
    f.n_events = table.scalar<std::int64_t>("n_events");
    f.sample_time = table.scalar<double>("sample_time");
    f.sample_time_min = table.scalar<double>("sample_time_min");
    f.sample_time_max = table.scalar<double>("sample_time_max");
    f.charge_mean = table.array<double>("charge_mean", shape);
    f.charge_median = table.array<double>("charge_median", shape);
    f.charge_std = table.array<double>("charge_std", shape);
    f.time_mean = table.array<double>("time_mean", shape);
    f.time_median = table.array<double>("time_median", shape);
    f.time_std = table.array<double>("time_std", shape);
    f.relative_gain_mean = table.array<double>("relative_gain_mean", shape);
    f.relative_gain_median = table.array<double>("relative_gain_median", shape);
    f.relative_gain_std = table.array<double>("relative_gain_std", shape);
    f.relative_time_median = table.array<double>("relative_time_median", shape);
    f.charge_median_outliers = table.array<std::uint8_t>("charge_median_outliers", shape);
    f.charge_std_outliers = table.array<std::uint8_t>("charge_std_outliers", shape);
    f.time_median_outliers = table.array<std::uint8_t>("time_median_outliers", shape);
  }
  {
    const Table table(file, "/tel_1/pixel_status");
    out.hardware_failing_pixels = table.array<std::uint8_t>("hardware_failing_pixels", shape);
    out.pedestal_failing_pixels = table.array<std::uint8_t>("pedestal_failing_pixels", shape);
    out.flatfield_failing_pixels = table.array<std::uint8_t>("flatfield_failing_pixels", shape);
  }
  return out;
}

TimeCalibration read_time_calibration(const fs::path& path, std::size_t n_pixels) {
  const hdf5::File file = hdf5::File::open(path);
  TimeCalibration out;
  Shape found;
  out.fan = file.read_array("/fan", &found);
  require_shape(found, {n_gains, n_pixels, found.size() == 3 ? found[2] : 16}, path, "/fan");
  out.n_harmonics = found[2];
  out.fbn = file.read_array("/fbn", &found);
  require_shape(found, {n_gains, n_pixels, out.n_harmonics}, path, "/fbn");
  return out;
}

}  // namespace alisio::calib
