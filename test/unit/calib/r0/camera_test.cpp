#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/io/zfits/writer.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;
using zfits::ItemType;

/// How the samples of a file are stored, as its table DataStream says.
struct StoredAs {
  float scale = 1, offset = 0;
};

/// Write an R1v1 file of a camera with one module and without events.
void write(const fs::path& path, StoredAs stored) {
  const auto table = [](const char* name, const char* of, std::vector<zfits::ColumnSpec> columns) {
    zfits::TableSpec spec;
    spec.name = name;
    spec.message_class = of;
    spec.columns = std::move(columns);
    spec.cards.push_back({"ORIGIN", std::string("CTAO"), ""});
    return spec;
  };
  zfits::Writer writer(path);
  writer.begin_table(table("CameraConfiguration", "R1v1.CameraConfiguration",
                           {{"tel_id", "1", ItemType::uint32},
                            {"local_run_id", "2", ItemType::uint64},
                            {"config_time_s", "3", ItemType::float64},
                            {"pixel_id_map", "5", ItemType::uint16, true},
                            {"module_id_map", "6", ItemType::uint16, true},
                            {"num_samples_nominal", "13", ItemType::uint32}}));
  const std::uint32_t telescope = 1, samples = 40;
  const std::uint64_t run = 7;
  const double start_s = 1'700'000'000;
  const std::vector<std::uint16_t> pixels{0, 1, 2, 3, 4, 5, 6}, modules{0};
  zfits::Row row;
  row.add(telescope).add(run).add(start_s).add(pixels).add(modules).add(samples);
  writer.append_row(row.columns());
  writer.begin_table(table(
      "DataStream", "R1v1.TelescopeDataStream",
      {{"waveform_scale", "4", ItemType::float32}, {"waveform_offset", "5", ItemType::float32}}));
  row.clear();
  row.add(stored.scale).add(stored.offset);
  writer.append_row(row.columns());
  writer.begin_table(table("Events", "R1v1.Event", {{"event_id", "1", ItemType::uint64}}));
  writer.close();
}

class CameraOfNewFormat : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("camera_of_new_format_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    file_ = folder_ / "LST-1.1.Run00007.0000.fits.fz";
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_, file_;
};

TEST_F(CameraOfNewFormat, SaysHowSamplesAreStored) {
  write(file_, {80, 5});
  const R0Source source(file_, {});
  EXPECT_TRUE(source.camera().r1v1);
  EXPECT_EQ(source.camera().waveform_scale, 80.F);
  EXPECT_EQ(source.camera().waveform_offset, 5.F);
}

/// Division by it would make samples infinite, and images of them.
TEST_F(CameraOfNewFormat, AScaleThatIsNoneIsRefused) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const StoredAs stored : {StoredAs{0, 0}, StoredAs{-1, 0}, StoredAs{infinity, 0},
                                StoredAs{nan, 0}, StoredAs{1, nan}, StoredAs{1, infinity}}) {
    write(file_, stored);
    try {
      const R0Source source(file_, {});
      FAIL() << stored.scale << ", " << stored.offset;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
      EXPECT_NE(std::string(error.what()).find(file_.string()), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace alisio::calib
