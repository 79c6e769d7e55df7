#include "lib/io/text/earth_orientation.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::text {
namespace {
namespace fs = std::filesystem;

class EarthOrientationFile : public FolderTest {
 protected:
  sky::EarthOrientationTable read(const std::string& content) const {
    write_file_atomically(file_, content);
    return read_earth_orientation(file_);
  }
  fs::path file_ = folder_ / "orientation";
};

// Of finals2000A.all: a day with Bulletin B, one with Bulletin A only, one yet to come.
constexpr const char* finals =
    "73 1 2 41684.00 I  0.120733 0.009786  0.136966 0.015902  I 0.8084178 0.0002710  0.0000 0.1916"
    "  P    -0.766    0.199    -0.720    0.300   .143000   .137000   .8075000   -18.637    -3.667  "
    "\n"
    "73 1 3 41685.00 P  0.118980 0.011039  0.135656 0.013616  P 0.8056163 0.0002710\n"
    "73 1 4 41686.00\n";

TEST_F(EarthOrientationFile, FinalsPreferBulletinB) {
  const auto table = read(finals);
  ASSERT_EQ(table.mjd.size(), 2U);
  EXPECT_EQ(table.mjd[0], 41684);
  EXPECT_EQ(table.orientation[0].ut1_minus_utc, 0.8075);
  EXPECT_EQ(table.orientation[0].x, 0.143);
  EXPECT_EQ(table.orientation[0].y, 0.137);
  EXPECT_EQ(table.orientation[1].ut1_minus_utc, 0.8056163);
  EXPECT_EQ(table.orientation[1].x, 0.118980);
}

TEST_F(EarthOrientationFile, SeriesC04) {
  const auto table = read(
      "# EOP (IERS) 20 C04 TIME SERIES\n"
      "1962   1   1   0  37665.00   -0.012700    0.213000   0.0326338    0.000000\n"
      "1962   1   2   0  37666.00   -0.015900    0.214100   0.0320547    0.000000\n");
  ASSERT_EQ(table.mjd.size(), 2U);
  EXPECT_EQ(table.orientation[1].x, -0.0159);
  EXPECT_EQ(table.orientation[1].y, 0.2141);
  EXPECT_EQ(table.orientation[1].ut1_minus_utc, 0.0320547);
}

TEST_F(EarthOrientationFile, OtherFilesAreRefused) {
  EXPECT_THROW(static_cast<void>(read("hello\n")), Error);
  EXPECT_THROW(static_cast<void>(read("")), Error);
  EXPECT_THROW(static_cast<void>(read("# C04\n1962 1 1 0 37666 0 0 0\n1962 1 2 0 37665 0 0 0\n")),
               Error);
}

}  // namespace
}  // namespace alisio::text
