#include "lib/io/fits/read_tables.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"

namespace alisio::fits {
namespace {
namespace fs = std::filesystem;

class ReadTables : public testing::Test {
 protected:
  ~ReadTables() override { fs::remove(file_); }
  fs::path file_ =
      fs::path(testing::TempDir()) / ("read_tables" + std::to_string(::getpid()) + ".fits");
};

BinaryTable example() {
  return {"EFFECTIVE AREA",
          {{"ZEN_PNT", 23.63, "deg"},
           {"OBS_ID", std::int64_t{17}, ""},
           {"GOOD", true, "as it is"},
           {"ETRUE_SCALE", 1.5, ""},
           {"NAME", std::string("it's"), ""}},
          {{"ENERG_LO", "TeV", "", std::vector<double>{1, 2, 3, 4, 5, 6}, {3}},
           {"THETA_LO", "deg", "", std::vector<double>{0.5, 0.6}, {1}},
           {"MATRIX", "", "", std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {3, 2}},
           {"n", "", "", std::vector<std::int64_t>{1, 2}},
           {"kind", "", "", std::vector<std::string>{"a", "much longer"}},
           {"ok", "", "", Logicals{{1, 0}}}}};
}

TEST_F(ReadTables, GivesBackWhatWasWritten) {
  for (const Packing packing : {Packing::none, Packing::gzip}) {
    write_tables(file_, {{"CTA ACTIVITY", std::string("x"), ""}}, {example(), {"EMPTY", {}, {}}},
                 packing);
    const auto tables = read_tables(file_);
    ASSERT_EQ(tables.size(), 2U);
    const BinaryTable &read = tables[0], wrote = example();
    EXPECT_EQ(read.name, wrote.name);
    ASSERT_EQ(read.columns.size(), wrote.columns.size());
    for (std::size_t c = 0; c < wrote.columns.size(); ++c) {
      const Column &a = read.columns[c], &b = wrote.columns[c];
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.unit, b.unit);
      EXPECT_EQ(a.shape, b.shape) << a.name;
      EXPECT_EQ(a.values.index(), b.values.index()) << a.name;
    }
    EXPECT_EQ(std::get<std::vector<float>>(read.columns[2].values),
              std::get<std::vector<float>>(wrote.columns[2].values));
    EXPECT_EQ(std::get<std::vector<std::string>>(read.columns[4].values)[1], "much longer");
    ASSERT_EQ(read.cards.size(), wrote.cards.size());
    for (std::size_t i = 0; i < wrote.cards.size(); ++i) {
      EXPECT_EQ(read.cards[i].key, wrote.cards[i].key);
      EXPECT_EQ(read.cards[i].value, wrote.cards[i].value) << read.cards[i].key;
    }
    EXPECT_EQ(read.cards[0].comment, "deg");
    EXPECT_TRUE(read_table_headers(file_)[0].columns.empty());
  }
}

TEST_F(ReadTables, FindsCardsAndColumns) {
  const BinaryTable table = example();
  EXPECT_EQ(number_of_card(table, "ZEN_PNT", file_), 23.63);
  EXPECT_EQ(number_of_card(table, "OBS_ID", file_), 17);
  EXPECT_EQ(text_of_card(table, "NAME"), "it's");
  EXPECT_EQ(text_of_card(table, "ABSENT"), "");
  EXPECT_THROW(static_cast<void>(number_of_card(table, "NAME", file_)), Error);
  EXPECT_THROW(static_cast<void>(column_of(table, "ENERG_HI", file_)), Error);
  EXPECT_EQ(column_of(table, "matrix", file_).shape, (std::vector<std::size_t>{3, 2}));
}

TEST_F(ReadTables, DamageIsSaid) {
  EXPECT_THROW(static_cast<void>(read_tables(file_)), Error);  // absent
  std::ofstream(file_) << "no FITS";
  EXPECT_THROW(static_cast<void>(read_tables(file_)), Error);
  write_tables(file_, {}, {example()});
  fs::resize_file(file_, fs::file_size(file_) - 2880);
  EXPECT_THROW(static_cast<void>(read_tables(file_)), Error);
}

}  // namespace
}  // namespace alisio::fits
