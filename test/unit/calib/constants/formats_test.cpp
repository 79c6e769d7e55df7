#include <fitsio.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "calib/constants/constants.hpp"
#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t n_pixels = 3, channels = n_gains * n_pixels;

/// Writes images and one-row tables with CFITSIO.
class FitsWriter {
 public:
  explicit FitsWriter(const fs::path& path) {
    fits_create_diskfile(&file_, path.c_str(), &status_);
  }
  ~FitsWriter() {
    fits_close_file(file_, &status_);
    EXPECT_EQ(status_, 0);
  }
  template <typename T>
  void image(const char* name, int bits, int type, std::vector<long> axes, std::vector<T> values) {
    fits_create_img(file_, bits, int(axes.size()), axes.data(), &status_);
    if (name != nullptr)
      fits_write_key(file_, TSTRING, "EXTNAME", const_cast<char*>(name), nullptr, &status_);
    if (!values.empty())
      fits_write_img(file_, type, 1, LONGLONG(values.size()), values.data(), &status_);
  }
  void table(const char* name) {
    fits_create_tbl(file_, BINARY_TBL, 1, 0, nullptr, nullptr, nullptr, name, &status_);
    columns_ = 0;
  }
  void column(const char* name, const std::vector<double>& values) {
    add(name, "D", values.size());
    std::vector<double> copy = values;
    fits_write_col(file_, TDOUBLE, columns_, 1, 1, LONGLONG(values.size()), copy.data(), &status_);
  }
  void column(const char* name, const std::vector<std::uint8_t>& values) {
    add(name, "L", values.size());
    std::vector<char> copy(values.begin(), values.end());
    fits_write_col(file_, TLOGICAL, columns_, 1, 1, LONGLONG(values.size()), copy.data(), &status_);
  }

 private:
  void add(const char* name, const std::string& type, std::size_t items) {
    fits_insert_col(file_, ++columns_, const_cast<char*>(name),
                    (std::to_string(items) + type).data(), &status_);
    long axes[2] = {long(n_pixels), long(n_gains)};
    if (items == channels) fits_write_tdim(file_, columns_, 2, axes, &status_);
  }
  fitsfile* file_ = nullptr;
  int status_ = 0, columns_ = 0;
};

class Formats : public FolderTest {
 protected:
  template <typename Call>
  static Error error_of(Call&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorKind::bug, "no error");
  }
};

std::vector<double> ramp(std::size_t n, double start) {
  std::vector<double> out(n);
  std::iota(out.begin(), out.end(), start);
  return out;
}

std::vector<std::int16_t> baselines() {
  std::vector<std::int16_t> out(channels * n_capacitors);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::int16_t(350 + int(i % 97) - int(i / 4096));
  return out;
}

void expect_baselines(const Drs4Pedestal& pedestal) {
  const auto mean = baselines();
  ASSERT_EQ(pedestal.baseline.size(), channels * Drs4Pedestal::row);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t k = 0; k < Drs4Pedestal::row; ++k)
      ASSERT_EQ(pedestal.baseline[c * Drs4Pedestal::row + k],
                mean[c * n_capacitors + k % n_capacitors]);
}

TEST_F(Formats, drs4_pedestal_in_fits_images_whatever_the_name) {
  const fs::path path = folder_ / "drs4_pedestal.Run2005.0000.h5";  // the content counts
  const std::vector<long> axes{long(n_capacitors), long(n_pixels), long(n_gains)};
  std::vector<std::int16_t> heights(channels * 3);
  std::iota(heights.begin(), heights.end(), std::int16_t{40});
  {
    FitsWriter file(path);
    file.image<std::int16_t>(nullptr, SHORT_IMG, TSHORT, {}, {});
    file.image("baseline_mean", SHORT_IMG, TSHORT, axes, baselines());
    file.image("spike_height", SHORT_IMG, TSHORT, {3, long(n_pixels), long(n_gains)}, heights);
  }
  const Drs4Pedestal pedestal = read_drs4_pedestal(path, n_pixels);
  expect_baselines(pedestal);
  EXPECT_EQ(pedestal.spike_height, heights);
  EXPECT_TRUE(pedestal.has_spike_heights);
  EXPECT_EQ(read_drs4_pedestal(path, any_pixels).n_pixels, n_pixels);
  EXPECT_TRUE(read_drs4_counts(path).empty());
  const Error other = error_of([&] { (void)read_drs4_pedestal(path, 7); });
  EXPECT_EQ(other.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(other.what()).find("(2, 3, 4096)"), std::string::npos) << other.what();
  EXPECT_NE(std::string(error_of([&] { (void)read_time_calibration(path, n_pixels); }).what())
                .find("is no time calibration file: it has no image 'fan'"),
            std::string::npos);
}

TEST_F(Formats, drs4_pedestal_of_the_first_years_has_no_spike_heights) {
  const fs::path path = folder_ / "drs4_pedestal.Run2005.0000.fits";
  {
    FitsWriter file(path);
    file.image<std::int16_t>(nullptr, SHORT_IMG, TSHORT, {long(n_pixels)}, {2, 0, 1});
    file.image(nullptr, SHORT_IMG, TSHORT, {long(n_capacitors), long(n_pixels), long(n_gains)},
               baselines());
  }
  const Drs4Pedestal pedestal = read_drs4_pedestal(path, n_pixels);
  expect_baselines(pedestal);
  EXPECT_FALSE(pedestal.has_spike_heights);
  EXPECT_EQ(pedestal.spike_height, std::vector<std::int16_t>(channels * 3, 0));
}

TEST_F(Formats, camera_calibration_with_the_columns_of_2020) {
  const std::vector<std::uint8_t> flags{0, 1, 0, 0, 0, 1};
  std::vector<double> dc_to_pe = ramp(channels, 0.01);
  dc_to_pe[4] = std::nan("");
  const fs::path path = folder_ / "calibration.Run2006.0000.fits";
  {
    FitsWriter file(path);
    file.image<std::int16_t>(nullptr, SHORT_IMG, TSHORT, {}, {});
    file.table("calibration");
    file.column("time", std::vector<double>{15.5});
    file.column("time_range", std::vector<double>{10, 20});
    file.column("dc_to_pe", dc_to_pe);
    file.column("pedestal_per_sample", ramp(channels, 4));
    file.column("time_correction", ramp(channels, -1));
    file.column("unusable_pixels", flags);
    file.table("pedestal");
    file.column("n_events", std::vector<double>{5000});
    file.column("sample_time_range", std::vector<double>{11, 19});
    file.column("charge_median", ramp(channels, 50));
    file.table("flatfield");
    file.column("sample_time_min", std::vector<double>{12});
    file.column("sample_time_max", std::vector<double>{18});
    file.column("charge_std_outliers", flags);
    file.table("pixel_status");
    file.column("hardware_failing_pixels", flags);
    file.column("pedestal_failing_pixels", std::vector<std::uint8_t>(channels, 0));
    file.column("flatfield_failing_pixels", flags);
  }
  const CameraCalibration read = read_camera_calibration(path, n_pixels);
  const auto& row = read.row;
  EXPECT_EQ(row.calibration.time, 15.5);
  EXPECT_EQ(row.calibration.time_min, 10);
  EXPECT_EQ(row.calibration.time_max, 20);
  EXPECT_EQ(row.calibration.dc_to_pe[5], dc_to_pe[5]);
  EXPECT_EQ(row.calibration.pedestal_per_sample[5], 9);
  EXPECT_EQ(row.calibration.time_correction[0], -1);
  EXPECT_TRUE(std::isnan(row.calibration.n_pe[0])) << "a statistic that is not there";
  EXPECT_EQ(row.calibration.unusable_pixels, (std::vector<std::uint8_t>{0, 1, 0, 0, 1, 1}));
  EXPECT_EQ(read.nan_pixels, 1u);
  EXPECT_EQ(row.pedestal.n_events, 5000);
  EXPECT_EQ(row.pedestal.sample_time_max, 19);
  EXPECT_EQ(row.pedestal.charge_median[5], 55);
  EXPECT_EQ(row.flatfield.sample_time_min, 12);
  EXPECT_EQ(row.flatfield.charge_std_outliers, flags);
  EXPECT_EQ(row.flatfield.time_median_outliers, std::vector<std::uint8_t>(channels, 0));
  EXPECT_EQ(read.flatfield_failing_pixels, flags);
  EXPECT_EQ(read_camera_calibration(path, any_pixels).row.pedestal.charge_median.size(), channels);
}

TEST_F(Formats, camera_calibration_without_what_counts_is_refused) {
  const fs::path path = folder_ / "calibration.Run2006.0000.fits";
  {
    FitsWriter file(path);
    file.image<std::int16_t>(nullptr, SHORT_IMG, TSHORT, {}, {});
    for (const char* table : {"calibration", "pedestal", "flatfield"}) {
      file.table(table);
      file.column("time", std::vector<double>{1});
    }
  }
  EXPECT_NE(std::string(error_of([&] { (void)read_camera_calibration(path, n_pixels); }).what())
                .find("it has no table 'pixel_status'"),
            std::string::npos);
  {
    FitsWriter file(folder_ / "without_gains.fits");
    file.image<std::int16_t>(nullptr, SHORT_IMG, TSHORT, {}, {});
    for (const char* table : {"calibration", "pedestal", "flatfield", "pixel_status"}) {
      file.table(table);
      file.column("time", std::vector<double>{1});
    }
  }
  const Error error =
      error_of([&] { (void)read_camera_calibration(folder_ / "without_gains.fits", n_pixels); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(error.what()).find("dc_to_pe"), std::string::npos) << error.what();
}

TEST_F(Formats, camera_calibration_of_telescope_0_in_hdf5) {
  const fs::path path = folder_ / "calibration.Run2006.0000.hdf5";
  {
    auto file = hdf5::File::create(path);
    const std::vector<double> values = ramp(channels, 1);
    const std::vector<std::uint8_t> flags(channels, 0);
    const auto write = [&](const std::string& table, std::vector<const char*> reals,
                           std::vector<const char*> logicals) {
      hdf5::TableSpec spec;
      spec.path = "/tel_0/" + table;
      std::vector<hdf5::ColumnSource> sources;
      const auto add = [&](const char* name, hdf5::ScalarType type, const void* data) {
        hdf5::ColumnSpec column;
        column.name = name;
        column.type = type;
        column.shape = {n_gains, n_pixels};
        spec.columns.push_back(column);
        sources.push_back({data, 0});
      };
      for (const char* name : reals) add(name, hdf5::ScalarType::float64, values.data());
      for (const char* name : logicals) add(name, hdf5::ScalarType::boolean, flags.data());
      hdf5::TableWriter writer(file, spec);
      writer.append(1, sources);
      writer.finish();
    };
    write("calibration", {"dc_to_pe", "pedestal_per_sample", "time_correction", "n_pe"},
          {"unusable_pixels"});
    write("pedestal", {"charge_median"}, {});
    write("flatfield", {"charge_median"}, {});
    write("pixel_status", {},
          {"hardware_failing_pixels", "pedestal_failing_pixels", "flatfield_failing_pixels"});
    file.close();
  }
  const CameraCalibration read = read_camera_calibration(path, n_pixels);
  EXPECT_EQ(read.row.calibration.n_pe, ramp(channels, 1));
  EXPECT_TRUE(std::isnan(read.row.calibration.time));
  const Error wrong = error_of([&] { (void)read_drs4_pedestal(path, n_pixels); });
  EXPECT_NE(std::string(wrong.what()).find("is no DRS4 pedestal file"), std::string::npos)
      << wrong.what();
  EXPECT_NE(std::string(error_of([&] { (void)read_time_calibration(path, n_pixels); }).what())
                .find("is no time calibration file: it has no array '/fan'"),
            std::string::npos);
}

TEST_F(Formats, time_calibration_in_fits_images) {
  const fs::path path = folder_ / "time_calibration.Run2006.0000.fits";
  const std::vector<double> fan = ramp(channels * 4, 0.25), fbn = ramp(channels * 4, -7);
  {
    FitsWriter file(path);
    file.image<double>(nullptr, SHORT_IMG, TDOUBLE, {}, {});
    file.image("fan", DOUBLE_IMG, TDOUBLE, {4, long(n_pixels), long(n_gains)}, fan);
    file.image("fbn", DOUBLE_IMG, TDOUBLE, {4, long(n_pixels), long(n_gains)}, fbn);
  }
  const TimeCalibration read = read_time_calibration(path, n_pixels);
  EXPECT_EQ(read.fan, fan);
  EXPECT_EQ(read.fbn, fbn);
  EXPECT_EQ(read.n_harmonics, 4u);
  EXPECT_EQ(read_time_calibration(path, any_pixels).fan, fan);
}

TEST_F(Formats, what_is_no_file_of_constants_is_said_in_one_line) {
  const fs::path text = folder_ / "notes.h5";
  std::ofstream(text) << "nothing";
  std::ofstream(folder_ / "empty.h5").close();
  EXPECT_EQ(error_of([&] { (void)read_drs4_pedestal(text, n_pixels); }).kind(),
            ErrorKind::bad_input);
  EXPECT_EQ(error_of([&] { (void)read_drs4_pedestal(folder_ / "empty.h5", n_pixels); }).kind(),
            ErrorKind::bad_input);
  const Error folder = error_of([&] { (void)read_camera_calibration(folder_, n_pixels); });
  EXPECT_EQ(folder.kind(), ErrorKind::missing_input);
  EXPECT_NE(std::string(folder.what()).find("is a folder"), std::string::npos) << folder.what();
  const Error missing = error_of([&] { (void)read_time_calibration(folder_ / "no", n_pixels); });
  EXPECT_EQ(missing.kind(), ErrorKind::missing_input);
  EXPECT_EQ(std::string(missing.what()).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace alisio::calib
