#include "calib/constants/constants.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <span>

#include "lib/base/error.hpp"
#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/file.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;
using Shape = std::vector<std::size_t>;

constexpr const char* baselines_path = "/r1/monitoring/drs4_baseline";

/// What the content of a file says that it is, whatever its name.
enum class Format { hdf5, fits };

Format format_of(const fs::path& path, const char* wanted) {
  std::error_code problem;
  if (fs::is_directory(path, problem))
    throw Error(ErrorKind::missing_input, "is a folder, not a file", path.string(),
                fmt::format("give a {}", wanted));
  const fits::ByteSource file = fits::ByteSource::open(path);
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 9)), '\0');
  file.read(0, std::as_writable_bytes(std::span(start)));
  if (start.starts_with("\x89HDF\r\n")) return Format::hdf5;
  if (start.starts_with("SIMPLE  =") || start.starts_with("\x1f\x8b")) return Format::fits;
  throw Error(ErrorKind::bad_input, fmt::format("is no {}: neither HDF5 nor FITS", wanted),
              path.string(), "give the file that the calibration made");
}

/// The number of pixels of an array [gain][pixel]….
std::size_t pixels_in(const Shape& shape) {
  return shape.size() > 1 ? shape[1] : 0;
}

void require_shape(const Shape& found, const Shape& expected, const fs::path& file,
                   const std::string& object) {
  if (found == expected) return;
  throw Error(ErrorKind::bad_input,
              fmt::format("'{}' has shape ({}), this camera needs ({})", object,
                          fmt::join(found, ", "), fmt::join(expected, ", ")),
              file.string(), "is it a file of another camera?");
}

[[noreturn]] void refuse(const fs::path& file, const char* wanted, const std::string& lacking) {
  throw Error(ErrorKind::bad_input, fmt::format("is no {}: it has no {}", wanted, lacking),
              file.string(), "give a file of that kind");
}

/// The first row of a table, of either format.
class Row {
 public:
  Row(fs::path file, std::string table) : file_(std::move(file)), table_(std::move(table)) {}
  virtual ~Row() = default;
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  [[nodiscard]] virtual bool has(const std::string& column) const = 0;

  /// Return the wanted number of pixels, or that of a column [gain][pixel].
  [[nodiscard]] std::size_t pixels(const std::string& column, std::size_t wanted) const {
    if (wanted != any_pixels) return wanted;
    Shape found;
    static_cast<void>(read(column, found));
    return pixels_in(found);
  }
  template <typename T>
  [[nodiscard]] std::vector<T> array(const std::string& column, const Shape& shape) const {
    Shape found;
    const std::vector<double> values = read(column, found);
    require_shape(found, shape, file_, table_ + "/" + column);
    return {values.begin(), values.end()};
  }
  /// The same, or `absent` everywhere if the file is older than the column.
  template <typename T>
  [[nodiscard]] std::vector<T> array_or(const std::string& column, const Shape& shape,
                                        T absent) const {
    if (has(column)) return array<T>(column, shape);
    std::size_t items = 1;
    for (const std::size_t n : shape) items *= n;
    return std::vector<T>(items, absent);
  }
  template <typename T>
  [[nodiscard]] T scalar_or(const std::string& column, T absent) const {
    return array_or<T>(column, {}, absent)[0];
  }
  /// First and last time of a sample: two columns, or one of both in files of 2019 and 2020.
  [[nodiscard]] std::pair<double, double> range(const std::string& stem) const {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    if (has(stem + "_range")) {
      const auto both = array<double>(stem + "_range", {2});
      return {both[0], both[1]};
    }
    return {scalar_or(stem + "_min", none), scalar_or(stem + "_max", none)};
  }

 protected:
  [[nodiscard]] virtual std::vector<double> read(const std::string& column, Shape& shape) const = 0;

  fs::path file_;
  std::string table_;
};

class Hdf5Row : public Row {
 public:
  /// @param columns those that are needed; none: all of them
  Hdf5Row(const hdf5::File& file, const std::string& path,
          const std::vector<std::string>& columns = {})
      : Row(file.path(), path), reader_(file, path), columns_(columns) {
    if (reader_.row_count() == 0)
      throw Error(ErrorKind::bad_input, "table '" + path + "' is empty", file_.string());
    row_ = columns.empty() ? reader_.read(0, 1) : reader_.read_columns(0, columns);
  }
  [[nodiscard]] bool has(const std::string& column) const override {
    return reader_.has_column(column) &&
           (columns_.empty() ||
            std::find(columns_.begin(), columns_.end(), column) != columns_.end());
  }
  /// A large array of integers, without the way over real numbers.
  template <typename T>
  [[nodiscard]] std::vector<T> integers(const std::string& column, const Shape& shape) const {
    require_shape(shape_of(column), shape, file_, table_ + "/" + column);
    return row_.arrays<T>(column);
  }
  /// The same as it lies in memory, unaligned; nullptr if the file holds another type.
  [[nodiscard]] const std::byte* counts_in_place(const std::string& column,
                                                 const Shape& shape) const {
    require_shape(shape_of(column), shape, file_, table_ + "/" + column);
    return info_of(column).type == hdf5::ScalarType::int16
               ? static_cast<const std::byte*>(row_.source(column).data)
               : nullptr;
  }
  [[nodiscard]] const Shape& shape_of(const std::string& column) const {
    return info_of(column).shape;
  }

 protected:
  [[nodiscard]] std::vector<double> read(const std::string& column, Shape& shape) const override {
    shape = shape_of(column);
    return row_.arrays<double>(column);
  }

 private:
  [[nodiscard]] const hdf5::ColumnInfo& info_of(const std::string& column) const {
    return hdf5::find_column(reader_.columns(), column, file_.string() + ":" + table_);
  }

  hdf5::TableReader reader_;
  std::vector<std::string> columns_;  ///< that were asked for; none: all
  hdf5::Rows row_;
};

class FitsRow : public Row {
 public:
  FitsRow(const fits::File& file, const std::string& table) : Row(file.path(), table), fits_(file) {
    if (fits_.row_count(table) == 0)
      throw Error(ErrorKind::bad_input, "table '" + table + "' is empty", file_.string());
  }
  [[nodiscard]] bool has(const std::string& column) const override {
    return fits_.has_column(table_, column);
  }

 protected:
  [[nodiscard]] std::vector<double> read(const std::string& column, Shape& shape) const override {
    fits::Array<double> cell = fits_.cell<double>(table_, column, 0);
    shape = std::move(cell.shape);
    return std::move(cell.values);
  }

 private:
  const fits::File& fits_;
};

/// Lay the capacitors out with their beginning repeated after the end.
/// @param mean [channel][capacitor], 16-bit integers, not aligned
LargeVector<std::int16_t> padded(const std::byte* mean, std::size_t channels) {
  LargeVector<std::int16_t> out(channels * Drs4Pedestal::row);
  constexpr std::size_t row_bytes = n_capacitors * sizeof(std::int16_t);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    std::int16_t* const to = &out[channel * Drs4Pedestal::row];
    std::memcpy(to, mean + channel * row_bytes, row_bytes);
    std::copy_n(to, Drs4Pedestal::padding, to + n_capacitors);
  }
  return out;
}
LargeVector<std::int16_t> padded(const std::vector<std::int16_t>& mean) {
  return padded(std::as_bytes(std::span(mean)).data(), mean.size() / n_capacitors);
}

/// Counts that a file may hold as any kind of number.
std::vector<std::int16_t> rounded(const std::vector<float>& values) {
  constexpr float least = std::numeric_limits<std::int16_t>::min(),
                  most = std::numeric_limits<std::int16_t>::max();
  std::vector<std::int16_t> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), [=](float value) {
    return static_cast<std::int16_t>(std::clamp(std::nearbyint(value), least, most));
  });
  return out;
}

constexpr const char* drs4_words = "DRS4 pedestal file";
constexpr const char* charge_words = "charge calibration file";
constexpr const char* time_words = "time calibration file";

/// Return the table of baselines, which has one row.
std::string baselines_table(const hdf5::File& file) {
  const bool holds = file.exists(baselines_path) &&
                     file.kind_of(baselines_path) == hdf5::ObjectKind::group &&
                     !file.members(baselines_path).empty();
  if (!holds) refuse(file.path(), drs4_words, fmt::format("table '{}/tel_…'", baselines_path));
  return fmt::format("{}/{}", baselines_path, file.members(baselines_path)[0]);
}

Drs4Pedestal drs4_pedestal_of_hdf5(const fs::path& path, std::size_t n_pixels) {
  const hdf5::File file = hdf5::File::open(path);
  const Hdf5Row row(file, baselines_table(file), {"baseline_mean", "spike_height"});
  if (n_pixels == any_pixels) n_pixels = pixels_in(row.shape_of("baseline_mean"));
  Drs4Pedestal pedestal;
  pedestal.n_pixels = n_pixels;
  pedestal.spike_height = row.integers<std::int16_t>("spike_height", {n_gains, n_pixels, 3});
  const Shape shape{n_gains, n_pixels, n_capacitors};
  const std::byte* const mean = row.counts_in_place("baseline_mean", shape);
  pedestal.baseline = mean != nullptr ? padded(mean, n_gains * n_pixels)
                                      : padded(row.integers<std::int16_t>("baseline_mean", shape));
  return pedestal;
}

Drs4Pedestal drs4_pedestal_of_fits(const fs::path& path, std::size_t n_pixels) {
  const fits::File file = fits::File::open(path);
  Drs4Pedestal pedestal;
  const auto take = [&](const fits::Array<float>& mean) {
    pedestal.n_pixels = n_pixels == any_pixels ? pixels_in(mean.shape) : n_pixels;
    require_shape(mean.shape, {n_gains, pedestal.n_pixels, n_capacitors}, path, "baseline_mean");
    pedestal.baseline = padded(rounded(mean.values));
  };
  if (file.has_hdu("baseline_mean")) {
    take(file.image<float>("baseline_mean"));
    const auto heights = file.image<float>("spike_height");
    require_shape(heights.shape, {n_gains, pedestal.n_pixels, 3}, path, "spike_height");
    pedestal.spike_height = rounded(heights.values);
    return pedestal;
  }
  // lstchain 0.4 to 0.8: pixel numbers in the primary image, then the baselines, ordered by pixel
  // number too; spikes were interpolated then, their heights not measured.
  const std::vector<std::string> hdus = file.hdu_names();
  if (hdus.size() < 2 ||
      (!hdus[1].empty() && hdus[1] != "pedestal array" && hdus[1] != "PEDESTAL ARRAY"))
    refuse(path, drs4_words, "image 'baseline_mean'");
  take(file.image<float>(std::size_t{1}));
  pedestal.spike_height.assign(n_gains * pedestal.n_pixels * 3, 0);
  pedestal.has_spike_heights = false;
  return pedestal;
}

void set_neutral_where_nan(CameraCalibration& out) {
  MonitoringRow::Calibration& c = out.row.calibration;
  for (std::size_t i = 0; i < c.dc_to_pe.size(); ++i) {
    if (!std::isnan(c.dc_to_pe[i]) && !std::isnan(c.pedestal_per_sample[i]) &&
        !std::isnan(c.time_correction[i]))
      continue;
    c.dc_to_pe[i] = c.pedestal_per_sample[i] = c.time_correction[i] = 0;
    c.unusable_pixels[i] = 1;
    ++out.nan_pixels;
  }
}

/// What the tables of a calibration mean, in either format. What a reader of constants needs must
/// be there; statistics that older files lack are NaN, flags that they lack are not set.
CameraCalibration camera_calibration_of(const Row& calibration, const Row& pedestal,
                                        const Row& flatfield, const Row& pixel_status,
                                        std::size_t n_pixels) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const Shape shape{n_gains, calibration.pixels("dc_to_pe", n_pixels)};
  CameraCalibration out;
  const auto statistic = [&](const Row& row, const char* column) {
    return row.array_or<double>(column, shape, none);
  };
  const auto flag = [&](const Row& row, const char* column) {
    return row.array_or<std::uint8_t>(column, shape, 0);
  };
  MonitoringRow::Calibration& c = out.row.calibration;
  c.time = calibration.scalar_or("time", none);
  std::tie(c.time_min, c.time_max) = calibration.range("time");
  c.dc_to_pe = calibration.array<double>("dc_to_pe", shape);
  c.pedestal_per_sample = calibration.array<double>("pedestal_per_sample", shape);
  c.time_correction = calibration.array<double>("time_correction", shape);
  c.n_pe = statistic(calibration, "n_pe");
  c.unusable_pixels = calibration.array<std::uint8_t>("unusable_pixels", shape);
  set_neutral_where_nan(out);

  MonitoringRow::Pedestal& p = out.row.pedestal;
  p.n_events = pedestal.scalar_or<std::int64_t>("n_events", 0);
  p.sample_time = pedestal.scalar_or("sample_time", none);
  std::tie(p.sample_time_min, p.sample_time_max) = pedestal.range("sample_time");
  p.charge_mean = statistic(pedestal, "charge_mean");
  p.charge_median = statistic(pedestal, "charge_median");
  p.charge_std = statistic(pedestal, "charge_std");
  p.charge_median_outliers = flag(pedestal, "charge_median_outliers");
  p.charge_std_outliers = flag(pedestal, "charge_std_outliers");

  MonitoringRow::Flatfield& f = out.row.flatfield;
  f.n_events = flatfield.scalar_or<std::int64_t>("n_events", 0);
  f.sample_time = flatfield.scalar_or("sample_time", none);
  std::tie(f.sample_time_min, f.sample_time_max) = flatfield.range("sample_time");
  f.charge_mean = statistic(flatfield, "charge_mean");
  f.charge_median = statistic(flatfield, "charge_median");
  f.charge_std = statistic(flatfield, "charge_std");
  f.time_mean = statistic(flatfield, "time_mean");
  f.time_median = statistic(flatfield, "time_median");
  f.time_std = statistic(flatfield, "time_std");
  f.relative_gain_mean = statistic(flatfield, "relative_gain_mean");
  f.relative_gain_median = statistic(flatfield, "relative_gain_median");
  f.relative_gain_std = statistic(flatfield, "relative_gain_std");
  f.relative_time_median = statistic(flatfield, "relative_time_median");
  f.charge_median_outliers = flag(flatfield, "charge_median_outliers");
  f.charge_std_outliers = flag(flatfield, "charge_std_outliers");
  f.time_median_outliers = flag(flatfield, "time_median_outliers");

  out.hardware_failing_pixels = pixel_status.array<std::uint8_t>("hardware_failing_pixels", shape);
  out.pedestal_failing_pixels = pixel_status.array<std::uint8_t>("pedestal_failing_pixels", shape);
  out.flatfield_failing_pixels =
      pixel_status.array<std::uint8_t>("flatfield_failing_pixels", shape);
  return out;
}

constexpr const char* calibration_tables[] = {"calibration", "pedestal", "flatfield",
                                              "pixel_status"};

}  // namespace

Drs4Pedestal read_drs4_pedestal(const fs::path& path, std::size_t n_pixels) {
  return format_of(path, drs4_words) == Format::fits ? drs4_pedestal_of_fits(path, n_pixels)
                                                     : drs4_pedestal_of_hdf5(path, n_pixels);
}

std::vector<std::uint16_t> read_drs4_counts(const fs::path& path) {
  if (format_of(path, drs4_words) == Format::fits) return {};
  const hdf5::File file = hdf5::File::open(path);
  const std::string table = baselines_table(file);
  if (!hdf5::TableReader(file, table).has_column("baseline_counts")) return {};
  const Hdf5Row row(file, table, {"baseline_counts"});
  return row.integers<std::uint16_t>("baseline_counts", row.shape_of("baseline_mean"));
}

CameraCalibration read_camera_calibration(const fs::path& path, std::size_t n_pixels) {
  if (format_of(path, charge_words) == Format::fits) {
    const fits::File file = fits::File::open(path);
    for (const char* table : calibration_tables)
      if (!file.has_hdu(table)) refuse(path, charge_words, fmt::format("table '{}'", table));
    return camera_calibration_of(FitsRow(file, "calibration"), FitsRow(file, "pedestal"),
                                 FitsRow(file, "flatfield"), FitsRow(file, "pixel_status"),
                                 n_pixels);
  }
  const hdf5::File file = hdf5::File::open(path);
  // The group is named after the telescope, which was number 0 in the first years.
  std::string group;
  for (const std::string& name : file.members("/"))
    if (name.starts_with("tel_") && group.empty()) group = "/" + name + "/";
  if (group.empty()) refuse(path, charge_words, "group 'tel_…'");
  for (const char* table : calibration_tables)
    if (!file.exists(group + table))
      refuse(path, charge_words, fmt::format("table '{}{}'", group, table));
  return camera_calibration_of(
      Hdf5Row(file, group + "calibration"), Hdf5Row(file, group + "pedestal"),
      Hdf5Row(file, group + "flatfield"), Hdf5Row(file, group + "pixel_status"), n_pixels);
}

TimeCalibration read_time_calibration(const fs::path& path, std::size_t n_pixels) {
  TimeCalibration out;
  Shape fan_shape, fbn_shape;
  if (format_of(path, time_words) == Format::fits) {
    const fits::File file = fits::File::open(path);
    for (const char* name : {"fan", "fbn"})
      if (!file.has_hdu(name)) refuse(path, time_words, fmt::format("image '{}'", name));
    fits::Array<double> fan = file.image<double>("fan"), fbn = file.image<double>("fbn");
    out.fan = std::move(fan.values), fan_shape = std::move(fan.shape);
    out.fbn = std::move(fbn.values), fbn_shape = std::move(fbn.shape);
  } else {
    const hdf5::File file = hdf5::File::open(path);
    for (const char* name : {"/fan", "/fbn"})
      if (!file.exists(name) || file.kind_of(name) != hdf5::ObjectKind::array)
        refuse(path, time_words, fmt::format("array '{}'", name));
    out.fan = file.read_array("/fan", &fan_shape);
    out.fbn = file.read_array("/fbn", &fbn_shape);
  }
  constexpr std::size_t usual_harmonics = 16;
  if (n_pixels == any_pixels) n_pixels = pixels_in(fan_shape);
  require_shape(fan_shape,
                {n_gains, n_pixels, fan_shape.size() == 3 ? fan_shape[2] : usual_harmonics}, path,
                "fan");
  out.n_harmonics = fan_shape[2];
  require_shape(fbn_shape, {n_gains, n_pixels, out.n_harmonics}, path, "fbn");
  return out;
}

}  // namespace alisio::calib
