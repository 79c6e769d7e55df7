// Reads what the peers wrote, if the sample data are there.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/data_hash.hpp"
#include "test/unit/lib/io/hdf5/sample_table.hpp"

namespace alisio::hdf5 {
namespace {
namespace fs = std::filesystem;

class Reference : public testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("ALISIO_SHARED");
    data_ = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") / "data";
    if (!fs::exists(data_ / "reference")) GTEST_SKIP() << "no sample data";
  }
  fs::path data_;
};

TEST_F(Reference, dl1_of_lstchain_reads) {
  const File file = File::open(data_ / "reference/dl1/dl1_LST-1.Run11220.0000.h5");
  const TableReader parameters(file, "/dl1/event/telescope/parameters/LST_LSTCam");
  EXPECT_EQ(parameters.row_count(), 200u);
  EXPECT_EQ(parameters.chunk_rows(), 202u);
  EXPECT_EQ(find_column(parameters.columns(), "alt_tel", "").unit, "rad");
  const Rows rows = parameters.read_all();
  EXPECT_EQ(rows.column<std::int64_t>("event_id").front(), 1);
  EXPECT_EQ(rows.column<double>("alt_tel").front(), 0.8224947034975955);
  EXPECT_EQ(rows.column<double>("dragon_time")[1], 1671141603.001195);

  const TableReader images(file, "/dl1/event/telescope/image/LST_LSTCam");
  const Rows first = images.read(0, 30);
  const auto mask = first.arrays<std::uint8_t>("image_mask");
  const auto n_pixels = rows.column<std::int64_t>("n_pixels");
  const std::size_t pixels = find_column(images.columns(), "image", "").items;
  for (std::size_t i = 0; i < 30; ++i) {
    std::int64_t n = 0;
    for (std::size_t p = 0; p < pixels; ++p) n += mask[i * pixels + p];
    // Images without pixels have no parameters: -1.
    EXPECT_EQ(n, std::max<std::int64_t>(0, n_pixels[i])) << "event " << i;
  }
}

TEST_F(Reference, constants_and_plain_gzip_files_read) {
  const File drs4 = File::open(data_ / "calibration/drs4_pedestal.Run11218.0000.h5");
  const TableReader table(drs4, "/r1/monitoring/drs4_baseline/tel_001");
  ASSERT_EQ(table.row_count(), 1u);
  const ColumnInfo& baseline = find_column(table.columns(), "baseline_mean", "");
  EXPECT_EQ(baseline.type, ScalarType::int16);
  EXPECT_EQ(baseline.items, 2u * 1855 * 4096);
  const auto values = table.read_all().arrays<std::int16_t>("baseline_mean");
  double sum = 0;
  for (const std::int16_t v : values) sum += v;
  EXPECT_NEAR(sum / double(values.size()), 400, 20);

  std::vector<std::size_t> shape;
  const File time = File::open(data_ / "calibration/time_calibration.Run11219.0000.h5");
  static_cast<void>(time.read_array("/fan", &shape));
  EXPECT_EQ(shape, (std::vector<std::size_t>{2, 1855, 16}));
  const File waveforms = File::open(data_ / "reference/waveforms/golden_r1_Run11220.h5");
  static_cast<void>(waveforms.read_array("/event_00001/raw", &shape));
  EXPECT_EQ(shape, (std::vector<std::size_t>{2, 1855, 40}));
}

TEST_F(Reference, every_sample_file_reads_whole) {
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(data_))
    if (entry.path().extension() == ".h5") {
      EXPECT_EQ(data_hash(entry.path()).size(), 64u) << entry.path();
      ++files;
    }
  EXPECT_GT(files, 10u);
}

TEST_F(Reference, configuration_copied_keeps_its_data_and_attributes) {
  const Scratch folder("configuration");
  const File source = File::open(data_ / "reference/dl1/dl1_LST-1.Run11220.0000.h5");
  File target = File::create(folder / "dl2.h5");
  source.copy_to(target, "/configuration");
  target.close();
  const File copy = File::open(folder / "dl2.h5");
  const std::string geometry = "/configuration/instrument/telescope/camera/geometry_0";
  EXPECT_EQ(copy.text_attribute(geometry, "CAM_ID"), "LSTCam");
  EXPECT_EQ(TableReader(copy, geometry).read_all().column<double>("pix_x"),
            TableReader(source, geometry).read_all().column<double>("pix_x"));
}

}  // namespace
}  // namespace alisio::hdf5
