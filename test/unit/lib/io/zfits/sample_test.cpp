#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lib/base/hash.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::zfits {
namespace {

std::filesystem::path shared_folder() {
  const char* variable = std::getenv("ALISIO_SHARED");
  return variable ? variable : ALISIO_SOURCE_DIR "/../shared";
}

struct Sample {
  const char* path;
  const char* config_table;
  const char* event_id_field;
  const char* waveform_field;
  const char* first_hash;  ///< SHA-256 of the waveforms of rows 0 and 19, read by protozfits.
  const char* last_hash;
};

class SampleFile : public ::testing::TestWithParam<Sample> {};

TEST_P(SampleFile, GivesWhatProtozfitsGives) {
  const Sample& sample = GetParam();
  const auto path = shared_folder() / "data" / sample.path;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  EXPECT_EQ(fits::hash_fits_file(path).datasum_verified, true);
  const File file = File::open(path);
  EXPECT_EQ(file.table(sample.config_table).row_count(), 1U);
  const Table& events = file.table("Events");
  DecodedColumn ids, waveforms;
  events.decode(0, events.find_field(sample.event_id_field).value(), ids);
  events.decode(0, events.find_field(sample.waveform_field).value(), waveforms);
  ASSERT_EQ(ids.row_count(), 20U);
  EXPECT_EQ(ids.item<std::uint64_t>(0), 1U);
  EXPECT_EQ(ids.item<std::uint64_t>(19), 77U);
  const auto hash = [&](std::size_t row) {
    Hasher hasher;
    hasher.update(waveforms.row(row));
    return hasher.finish();
  };
  EXPECT_EQ(hash(0), sample.first_hash);
  EXPECT_EQ(hash(19), sample.last_hash);

  DecodedColumn column;
  for (const std::string& name : file.table_names()) {
    const Table& table = file.table(name);
    for (std::size_t t = 0; t < table.tile_count(); ++t)
      for (std::size_t c = 0; c < table.columns().size(); ++c) {
        ASSERT_NO_THROW(table.decode(t, c, column)) << table.columns()[c].name;
        EXPECT_EQ(column.row_count(), table.rows_in_tile(t));
      }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, SampleFile,
    ::testing::Values(Sample{"night/R0/20221215/LST-1.1.Run11220.0000.fits.fz", "CameraConfig", "2",
                             "7",
                             "da37dd1d0a75bf71ecb97b52d6317f0330cfe1f0cf30e09fd346af858684b4e6",
                             "794718054286714f39e50b353b8ec14426a6e1a1b02396ca39570d972ee01031"},
                      Sample{"night_r1v1/R0/20240215/LST-1.1.Run17000.0000.fits.fz",
                             "CameraConfiguration", "1", "11",
                             "9f578d107e64bbd2d69e0bc068cb2d68f886b17e72bec550982cab4d27deb061",
                             "cd44f036a68318e352272af310972eea150c3cec26963345086401088a0e4022"}));

}  // namespace
}  // namespace alisio::zfits
