#include "lib/io/fits/table_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/data_hash.hpp"
#include "lib/io/fits/file.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::fits {
namespace {
namespace fs = std::filesystem;

class TableWriter : public FolderTest {
 protected:
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }

  [[nodiscard]] static BinaryTable example() {
    BinaryTable table;
    table.name = "RINGS";
    table.cards = {{"NIGHT", std::int64_t{20221215}, "evening"}};
    table.columns = {{"id", "", "", std::vector<std::int64_t>{1, -2, 9007199254740993}},
                     {"n", "", "", std::vector<std::int32_t>{3, 4, -5}},
                     {"time", "s", "of the event",
                      std::vector<double>{0.1, std::numeric_limits<double>::quiet_NaN(), 1e300}},
                     {"size", "p.e.", "", std::vector<float>{1.5F, -0.F, 3e7F}},
                     {"good", "", "", Logicals{{1, 0, 1}}},
                     {"cut", "", "", std::vector<std::string>{"none", "", "too wide"}}};
    return table;
  }
};

TEST_F(TableWriter, DataHashIsOfTheDataAlone) {
  write_tables(file("a.fits"), {{"PRODID", std::string("v1"), ""}}, {example()});
  write_tables(file("b.fits"), {{"PRODID", std::string("v2"), ""}}, {example()});
  EXPECT_EQ(data_hash(file("a.fits")), data_hash(file("b.fits")));
  EXPECT_EQ(data_hash(file("a.fits")).size(), 64U);
  BinaryTable other = example();
  std::get<std::vector<std::int32_t>>(other.columns[1].values)[0] = 5;
  write_tables(file("c.fits"), {}, {other});
  EXPECT_NE(data_hash(file("a.fits")), data_hash(file("c.fits")));
  other = example();
  other.columns[0].name = "ID";
  write_tables(file("d.fits"), {}, {other});
  EXPECT_NE(data_hash(file("a.fits")), data_hash(file("d.fits")));
}

TEST_F(TableWriter, ReadsBackWhatWasWritten) {
  const std::string text(300, 'x');
  write_tables(file("a.fits"),
               {{"PRODID", std::string("v1"), ""},
                {"CTA ACTIVITY ID", std::string("0190-ab"), ""},
                {"LONGTEXT", text, ""},
                {"GOOD", true, ""},
                {"WIDTH", 0.25, ""}},
               {example()});
  const File read = File::open(file("a.fits"));
  EXPECT_EQ(read.hdu_names(), (std::vector<std::string>{"PRIMARY", "RINGS"}));
  EXPECT_EQ(read.text_key("PRIMARY", "PRODID"), "v1");
  EXPECT_EQ(read.text_key("PRIMARY", "CTA ACTIVITY ID"), "0190-ab");
  EXPECT_EQ(read.text_key("PRIMARY", "LONGTEXT"), text);
  EXPECT_EQ(read.text_key("PRIMARY", "ABSENT"), std::nullopt);
  EXPECT_EQ(read.integer_key("RINGS", "NIGHT"), 20221215);
  EXPECT_EQ(read.row_count("RINGS"), 3U);
  EXPECT_EQ(read.column<std::int64_t>("RINGS", "id"),
            (std::vector<std::int64_t>{1, -2, 9007199254740993}));
  EXPECT_EQ(read.column<std::int64_t>("RINGS", "n"), (std::vector<std::int64_t>{3, 4, -5}));
  const auto time = read.column<double>("RINGS", "time");
  EXPECT_EQ(time[0], 0.1);
  EXPECT_TRUE(std::isnan(time[1]));
  EXPECT_EQ(time[2], 1e300);
  EXPECT_EQ(read.column<float>("RINGS", "size"), (std::vector<float>{1.5F, -0.F, 3e7F}));
  EXPECT_EQ(read.column<std::uint8_t>("RINGS", "good"), (std::vector<std::uint8_t>{1, 0, 1}));
  EXPECT_EQ(read.text_column("RINGS", "cut"), (std::vector<std::string>{"none", "", "too wide"}));
  EXPECT_THROW((void)read.column<double>("RINGS", "absent"), Error);
  EXPECT_THROW((void)read.text_column("RINGS", "id"), Error);
}

TEST_F(TableWriter, WritesTheSameFileTwiceAndAChecksum) {
  write_tables(file("a.fits"), {}, {example()});
  write_tables(file("b.fits"), {}, {example()});
  const FitsHash hash = hash_fits_file(file("a.fits"));
  EXPECT_EQ(hash.sha256, hash_fits_file(file("b.fits")).sha256);
  EXPECT_EQ(hash.datasum_verified, true);
  // A changed byte of the data is seen.
  std::fstream stream(file("a.fits"), std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(-2880, std::ios::end);
  stream.put('!');
  stream.close();
  EXPECT_THROW((void)hash_fits_file(file("a.fits")), Error);
}

TEST_F(TableWriter, WritesEmptyTables) {
  BinaryTable table;
  table.columns = {{"id", "", "", std::vector<std::int64_t>{}},
                   {"cut", "", "", std::vector<std::string>{}}};
  write_tables(file("a.fits"), {}, {table, table});
  const File read = File::open(file("a.fits"));
  EXPECT_EQ(read.row_count(""), 0U);
  EXPECT_TRUE(read.column<std::int64_t>("", "id").empty());
  EXPECT_TRUE(read.text_column("", "cut").empty());
}

TEST_F(TableWriter, KeepsTheShapeOfArrays) {
  BinaryTable table;
  table.name = "MATRIX";
  table.columns = {{.name = "m",
                    .unit = "m2",
                    .comment = "",
                    .values = std::vector<double>{1, 2, 3, 4, 5, 6},
                    .shape = {2, 3}}};
  write_tables(file("a.fits"), {}, {table});
  const File read = File::open(file("a.fits"));
  EXPECT_EQ(read.row_count("MATRIX"), 1U);
  const Array<double> cell = read.cell<double>("MATRIX", "m", 0);
  EXPECT_EQ(cell.shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(cell.values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(read.text_key("MATRIX", "TDIM1"), "(3,2)");
  table.columns[0].shape = {4};
  EXPECT_THROW(write_tables(file("b.fits"), {}, {table}), Error);
}

TEST_F(TableWriter, ChecksumCardsOfEveryUnitHold) {
  write_tables(file("a.fits"), {{"PRODID", std::string("v1"), ""}}, {example(), example()});
  const File read = File::open(file("a.fits"));
  EXPECT_TRUE(read.text_key("PRIMARY", "CHECKSUM"));
  EXPECT_TRUE(read.text_key("RINGS", "CHECKSUM"));
  // A changed letter of a header is seen too.
  std::fstream stream(file("a.fits"), std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes(2880, ' ');
  stream.read(bytes.data(), std::streamsize(bytes.size()));
  const std::size_t at = bytes.find("'v1");
  ASSERT_NE(at, std::string::npos);
  stream.seekp(std::streamoff(at) + 1);
  stream.put('w');
  stream.close();
  EXPECT_THROW((void)hash_fits_file(file("a.fits")), Error);
}

TEST_F(TableWriter, PacksTheSameContent) {
  write_tables(file("a.fits"), {}, {example()});
  write_tables(file("a.fits.gz"), {}, {example()}, Packing::gzip);
  write_tables(file("b.fits.gz"), {}, {example()}, Packing::gzip);
  EXPECT_LT(fs::file_size(file("a.fits.gz")), fs::file_size(file("a.fits")));
  EXPECT_EQ(hash_file(file("a.fits.gz")), hash_file(file("b.fits.gz")));
  EXPECT_EQ(data_hash(file("a.fits.gz")), data_hash(file("a.fits")));
  EXPECT_EQ(File::open(file("a.fits.gz")).row_count("RINGS"), 3U);
  fs::resize_file(file("b.fits.gz"), fs::file_size(file("b.fits.gz")) / 2);
  EXPECT_THROW((void)data_hash(file("b.fits.gz")), Error);
}

TEST_F(TableWriter, CardsKeepWhatFitsCanHold) {
  write_tables(file("a.fits"), {{"OBJECT", std::string("\u0160\u00edek\t\u4e16 ~"), "\u03b3"}}, {});
  EXPECT_EQ(File::open(file("a.fits")).text_key("PRIMARY", "OBJECT"), "??ek?? ~");
  EXPECT_TRUE(*hash_fits_file(file("a.fits")).datasum_verified);
}

TEST_F(TableWriter, RefusesBadColumnsAndPlaces) {
  BinaryTable table = example();
  table.columns.push_back({"short", "", "", std::vector<double>{1}});
  EXPECT_THROW(write_tables(file("a.fits"), {}, {table}), Error);
  EXPECT_FALSE(fs::exists(file("a.fits")));
  EXPECT_THROW(write_tables(file("absent") / "a.fits", {}, {example()}), Error);
}

}  // namespace
}  // namespace alisio::fits
