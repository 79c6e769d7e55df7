#include <fitsio.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"
#include "lib/io/fits/file.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::fits {
namespace {

namespace fs = std::filesystem;

class PlainFile : public FolderTest {
 protected:
  /// An image of 2 x 3 numbers without a name, one of 16 bits with a scale, and a table of two
  /// rows.
  fs::path write(const std::string& name) const {
    const fs::path path = folder_ / name;
    int status = 0;
    fitsfile* file = nullptr;
    fits_create_diskfile(&file, path.c_str(), &status);
    long axes[2] = {3, 2};
    double numbers[6] = {0.5, 1, 2, 3, 4, -5.25};
    fits_create_img(file, DOUBLE_IMG, 2, axes, &status);
    fits_write_img(file, TDOUBLE, 1, 6, numbers, &status);
    int telescope = 1;
    fits_write_key(file, TINT, "TEL_ID", &telescope, nullptr, &status);
    std::uint16_t words[6] = {0, 1, 40000, 65535, 7, 8};
    fits_create_img(file, USHORT_IMG, 2, axes, &status);
    fits_write_key(file, TSTRING, "EXTNAME", const_cast<char*>("Words"), nullptr, &status);
    fits_write_img(file, TUSHORT, 1, 6, words, &status);
    const char* names[] = {"gains", "flags", "n_events"};
    const char* forms[] = {"6D", "6L", "1K"};
    fits_create_tbl(file, BINARY_TBL, 0, 3, const_cast<char**>(names), const_cast<char**>(forms),
                    nullptr, "calibration", &status);
    fits_write_tdim(file, 1, 2, axes, &status);
    fits_write_tdim(file, 2, 2, axes, &status);
    char flags[6] = {1, 0, 0, 1, 1, 0};
    LONGLONG events[2] = {10000, 20000};
    fits_write_col(file, TDOUBLE, 1, 1, 1, 6, numbers, &status);
    fits_write_col(file, TLOGICAL, 2, 1, 1, 6, flags, &status);
    fits_write_col(file, TLONGLONG, 3, 1, 1, 2, events, &status);
    fits_close_file(file, &status);
    EXPECT_EQ(status, 0);
    return path;
  }
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

TEST_F(PlainFile, images_come_in_the_order_of_numpy) {
  const File file = File::open(write("plain[1].fits"));
  EXPECT_EQ(file.hdu_names(), (std::vector<std::string>{"PRIMARY", "Words", "calibration"}));
  EXPECT_EQ(file.integer_key("PRIMARY", "TEL_ID"), 1);
  EXPECT_FALSE(file.integer_key("PRIMARY", "NOTHING").has_value());
  const auto numbers = file.image<double>("primary");
  EXPECT_EQ(numbers.shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(numbers.values, (std::vector<double>{0.5, 1, 2, 3, 4, -5.25}));
  EXPECT_EQ(file.image<double>("WORDS").values[3], 65535);
  EXPECT_EQ(file.image<std::int64_t>(1).values[2], 40000);
  const Error too_large = error_of([&] { (void)file.image<std::int16_t>("words"); });
  EXPECT_EQ(too_large.kind(), ErrorKind::bad_input) << "65535 does not fit 16 bits with a sign";
}

TEST_F(PlainFile, cells_of_tables_have_shapes) {
  const File file = File::open(write("table.fits"));
  EXPECT_EQ(file.row_count("calibration"), 2u);
  EXPECT_TRUE(file.has_column("calibration", "gains"));
  EXPECT_FALSE(file.has_column("calibration", "offsets"));
  const auto gains = file.cell<double>("calibration", "gains", 0);
  EXPECT_EQ(gains.shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(gains.values[5], -5.25);
  const auto flags = file.cell<std::uint8_t>("calibration", "flags", 0);
  EXPECT_EQ(flags.values, (std::vector<std::uint8_t>{1, 0, 0, 1, 1, 0}));
  const auto events = file.cell<std::int64_t>("calibration", "n_events", 1);
  EXPECT_TRUE(events.shape.empty());
  EXPECT_EQ(events.values, std::vector<std::int64_t>{20000});
}

TEST_F(PlainFile, faults_name_file_and_place) {
  const fs::path path = write("faults.fits");
  const File file = File::open(path);
  for (const Error& error :
       {error_of([&] { (void)file.image<double>("none"); }),
        error_of([&] { (void)file.image<double>("calibration"); }),
        error_of([&] { (void)file.cell<double>("calibration", "none", 0); }),
        error_of([&] { (void)file.cell<double>("calibration", "gains", 9); })}) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
    EXPECT_NE(error.where().find("faults.fits"), std::string::npos) << error.what();
  }
  EXPECT_EQ(error_of([&] { File::open(folder_ / "none.fits"); }).kind(), ErrorKind::missing_input);
  EXPECT_EQ(error_of([&] { File::open(folder_); }).kind(), ErrorKind::missing_input);
  std::ofstream(folder_ / "text.fits") << "no such thing";
  EXPECT_EQ(error_of([&] { File::open(folder_ / "text.fits"); }).kind(), ErrorKind::bad_input);
  fs::resize_file(path, 2880 * 2);
  const Error cut = error_of([&] {
    const File short_file = File::open(path);
    (void)short_file.image<double>("calibration");
  });
  EXPECT_EQ(cut.kind(), ErrorKind::bad_input) << cut.what();
}

}  // namespace
}  // namespace alisio::fits
