#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/zfits/writer.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::zfits {
namespace {

std::vector<std::byte> bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

class ZfitsFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("alisio_zfits_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "file.fits.fz";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_, path_;
};

constexpr Scheme all_schemes[] = {Scheme::raw,     Scheme::fact,  Scheme::diffman16,
                                  Scheme::zrice32, Scheme::zrice, Scheme::doublediffman16,
                                  Scheme::zlib,    Scheme::lzo,   Scheme::zstd};

/// Samples with a baseline, noise and some pulses, like LST waveforms.
std::vector<std::uint16_t> waveform_like(std::mt19937& random, std::size_t n) {
  std::normal_distribution<double> noise(400, 6);
  std::vector<std::uint16_t> samples(n);
  for (auto& sample : samples) sample = static_cast<std::uint16_t>(noise(random));
  for (std::size_t pulse = 0; pulse < n / 300; ++pulse) {
    const std::size_t at = random() % n;
    for (std::size_t j = at; j < std::min(n, at + 8); ++j)
      samples[j] = static_cast<std::uint16_t>(samples[j] + random() % 3500);
  }
  return samples;
}

using Rows = std::vector<std::vector<std::uint16_t>>;

void expect_round_trip(const std::filesystem::path& path, const Rows& rows, std::size_t per_tile,
                       Scheme scheme) {
  Writer writer(path);
  TableSpec spec;
  spec.name = "Events";
  spec.message_class = "ProtoR1.CameraEvent";
  spec.columns = {{"waveform", "7", ItemType::uint16, true, scheme}};
  spec.rows_per_tile = per_tile;
  spec.max_tiles = rows.size() / per_tile + 3;
  writer.begin_table(spec);
  for (const auto& row : rows) {
    Row columns;
    columns.add(row);
    writer.append_row(columns.columns());
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "the final name is taken too early";
  writer.close();

  EXPECT_EQ(fits::hash_fits_file(path).datasum_verified, true);
  const File file = File::open(path);
  const Table& table = file.table("Events");
  ASSERT_EQ(table.row_count(), rows.size());
  ASSERT_EQ(table.tile_count(), (rows.size() + per_tile - 1) / per_tile);
  DecodedColumn alone, read_before;
  DecodeScratch scratch;
  TileBytes bytes;
  for (std::size_t t = 0; t < table.tile_count(); ++t) {
    table.decode(t, 0, alone);
    const std::size_t first_column = 0;
    table.read(t, {&first_column, 1}, bytes);
    table.decode(t, 0, bytes, read_before, scratch);
    for (const DecodedColumn* const column : {&alone, &read_before}) {
      ASSERT_EQ(column->row_count(), table.rows_in_tile(t));
      for (std::size_t r = 0; r < column->row_count(); ++r) {
        const auto& expected = rows[table.first_row(t) + r];
        std::vector<std::uint16_t> got(column->item_count<std::uint16_t>(r));
        column->copy_row(r, std::span(got));
        ASSERT_EQ(got, expected) << "scheme " << static_cast<int>(scheme) << " tile " << t;
      }
    }
  }
}

TEST_F(ZfitsFile, EverySchemeGivesBackWaveforms) {
  std::mt19937 random(1);
  for (const Scheme scheme : all_schemes) {
    Rows rows;
    for (int r = 0; r < 11; ++r) rows.push_back(waveform_like(random, 2800));
    expect_round_trip(path_, rows, 4, scheme);
    std::filesystem::remove(path_);
  }
}

TEST_F(ZfitsFile, EverySchemeGivesBackRandomWords) {
  std::mt19937 random(2);
  for (const Scheme scheme : all_schemes) {
    // All values occur about equally often: codes of 16 bits, beyond the look-up table.
    Rows rows;
    for (int r = 0; r < 3; ++r) {
      std::vector<std::uint16_t> row(60'000 + static_cast<std::size_t>(r));
      for (auto& word : row) word = static_cast<std::uint16_t>(random());
      rows.push_back(std::move(row));
    }
    expect_round_trip(path_, rows, 2, scheme);
    std::filesystem::remove(path_);
  }
}

TEST_F(ZfitsFile, EverySchemeGivesBackRowsOfAnyLength) {
  std::mt19937 random(3);
  for (const Scheme scheme : all_schemes)
    for (const std::size_t longest : {0U, 1U, 2U, 3U, 7U, 120U, 130U, 600U}) {
      Rows rows;
      for (int r = 0; r < 9; ++r) {
        std::vector<std::uint16_t> row(longest == 0 ? 0 : random() % (longest + 1));
        for (auto& word : row) word = static_cast<std::uint16_t>(random() % 5 * 9000);
        rows.push_back(std::move(row));
      }
      expect_round_trip(path_, rows, 1 + random() % 9, scheme);
      std::filesystem::remove(path_);
    }
}

TEST_F(ZfitsFile, SkewedSymbolsWithVeryLongCodesComeBack) {
  // Differences with Fibonacci-like frequencies: the longest Huffman codes there are.
  std::vector<std::uint16_t> row;
  std::size_t a = 1, b = 1;
  for (std::uint16_t symbol = 0; symbol < 24; ++symbol) {
    row.insert(row.end(), a, static_cast<std::uint16_t>(symbol * 2000));
    const auto sum = a + b;
    a = b;
    b = sum;
  }
  std::shuffle(row.begin(), row.end(), std::mt19937(4));
  for (std::size_t j = 1; j < row.size(); ++j)
    row[j] = static_cast<std::uint16_t>(row[j] + row[j - 1]);
  expect_round_trip(path_, {row}, 1, Scheme::diffman16);
}

TableSpec mixed_table(const std::string& name) {
  TableSpec spec;
  spec.name = name;
  spec.message_class = "ProtoR1.CameraEvent";
  spec.rows_per_tile = 3;
  spec.max_tiles = 5;
  spec.cards = {{"LSTDVR", true, "volume reduced"},
                {"ANSWER", std::int64_t{42}, ""},
                {"RATIO", 0.5, ""},
                {"DATE", std::string("2022-12-15T20:00:00"), "it's a date"}};
  spec.columns = {{"event_id", "2", ItemType::uint64, false, Scheme::zrice32},
                  {"flag", "3", ItemType::boolean, false, Scheme::raw},
                  {"time", "4", ItemType::float64, false, Scheme::zlib},
                  {"version", "8", ItemType::text, true, Scheme::raw},
                  {"shift", "18", ItemType::int16, true, Scheme::zstd},
                  {"lstcam_counters", "11.6", ItemType::uint8, true, Scheme::lzo},
                  {"clock", "14", ItemType::uint64, true, Scheme::zlib},
                  {"pedestal", "15", ItemType::float32, true, Scheme::zrice},
                  {"one", "16", ItemType::uint32, true, Scheme::zrice32}};
  return spec;
}

void write_mixed(const std::filesystem::path& path) {
  Writer writer(path);
  for (const std::string name : {"CameraConfig", "Events"}) {
    writer.begin_table(mixed_table(name));
    for (std::uint64_t r = 0; r < 7; ++r) {
      const std::uint64_t event_id = r << 40 | r;
      const bool flag = r % 2 == 1;
      const double time = 0.25 * static_cast<double>(r);
      const std::string version(r, 'v');
      const std::vector<std::int16_t> shift(5, static_cast<std::int16_t>(-r));
      const std::vector<std::uint8_t> counters(r * 50, static_cast<std::uint8_t>(r));
      const std::vector<std::uint64_t> clock(3, ~r);
      const std::vector<float> pedestal{std::nanf(""), static_cast<float>(r)};
      const std::vector<std::uint32_t> one{static_cast<std::uint32_t>(r)};
      Row row;
      row.add(event_id).add(flag).add(time).add(version).add(shift).add(counters).add(clock);
      row.add(pedestal).add(one);
      writer.append_row(row.columns());
    }
  }
  writer.close();
}

TEST_F(ZfitsFile, TypesNamesAndCardsComeBack) {
  write_mixed(path_);
  EXPECT_EQ(fits::hash_fits_file(path_).datasum_verified, true);
  const File file = File::open(path_);
  EXPECT_EQ(file.table_names(), (std::vector<std::string>{"CameraConfig", "Events"}));
  EXPECT_FALSE(file.has_table("RunHeader"));
  EXPECT_THROW((void)file.table("RunHeader"), Error);
  const Table& table = file.table("Events");
  EXPECT_EQ(table.message_class(), "ProtoR1.CameraEvent");
  EXPECT_EQ(table.header().logical("LSTDVR"), true);
  EXPECT_EQ(table.header().integer("ANSWER"), 42);
  EXPECT_EQ(table.header().real("RATIO"), 0.5);
  EXPECT_EQ(table.header().text("DATE"), "2022-12-15T20:00:00");
  EXPECT_EQ(table.header().text("ORIGIN"), "CTA");
  ASSERT_EQ(table.tile_count(), 3U);
  EXPECT_EQ(table.rows_in_tile(2), 1U);
  EXPECT_EQ(table.first_row(2), 6U);
  EXPECT_EQ(table.find_field("11.6"), 5U);
  EXPECT_EQ(table.find_column("lstcam_counters"), 5U);
  EXPECT_FALSE(table.find_column("waveform"));
  EXPECT_FALSE(table.find_field(""));
  const auto spec = mixed_table("Events");
  for (std::size_t c = 0; c < spec.columns.size(); ++c) {
    EXPECT_EQ(table.columns()[c].name, spec.columns[c].name);
    EXPECT_EQ(table.columns()[c].field, spec.columns[c].field);
    EXPECT_EQ(table.columns()[c].type, spec.columns[c].type);
  }
  EXPECT_EQ(table.columns()[5].max_items, 300);
  EXPECT_EQ(table.processes(0, 0), (std::vector<std::uint16_t>{0x0e, 7}));

  DecodedColumn column;
  for (std::size_t t = 0; t < table.tile_count(); ++t)
    for (std::size_t i = 0; i < table.rows_in_tile(t); ++i) {
      const std::uint64_t r = table.first_row(t) + i;
      table.decode(t, 0, column);
      EXPECT_EQ(column.item<std::uint64_t>(i), r << 40 | r);
      table.decode(t, 1, column);
      EXPECT_EQ(column.item<std::uint8_t>(i), r % 2);
      table.decode(t, 2, column);
      EXPECT_EQ(column.item<double>(i), 0.25 * static_cast<double>(r));
      table.decode(t, 3, column);
      EXPECT_EQ(column.row(i).size(), r);
      table.decode(t, 4, column);
      ASSERT_EQ(column.item_count<std::int16_t>(i), 5U);
      EXPECT_EQ(column.item<std::int16_t>(i, 4), -static_cast<int>(r));
      table.decode(t, 5, column);
      EXPECT_EQ(column.row(i).size(), r * 50);
      table.decode(t, 6, column);
      EXPECT_EQ(column.item<std::uint64_t>(i, 2), ~r);
      table.decode(t, 7, column);
      EXPECT_TRUE(std::isnan(column.item<float>(i, 0)));
      EXPECT_EQ(column.item<float>(i, 1), static_cast<float>(r));
      table.decode(t, 8, column);
      ASSERT_EQ(column.item_count<std::uint32_t>(i), 1U);
      EXPECT_EQ(column.item<std::uint32_t>(i), r);
    }
}

TEST_F(ZfitsFile, ColumnsOfATileAreReadBeforeTheyAreDecoded) {
  write_mixed(path_);
  const File file = File::open(path_);
  const Table& table = file.table("Events");
  const auto rows_of = [](const DecodedColumn& column) {
    std::vector<std::vector<std::byte>> rows;
    for (std::size_t r = 0; r < column.row_count(); ++r)
      rows.emplace_back(column.row(r).begin(), column.row(r).end());
    return rows;
  };
  DecodedColumn expected, got;
  DecodeScratch scratch;
  TileBytes bytes;
  for (std::size_t t = 0; t < table.tile_count(); ++t) {
    // The other columns are read when they are decoded.
    const std::size_t some[] = {4, 1};
    table.read(t, some, bytes);
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      table.decode(t, c, expected);
      table.decode(t, c, bytes, got, scratch);
      EXPECT_EQ(rows_of(got), rows_of(expected)) << "tile " << t << ", column " << c;
    }
  }
}

TEST_F(ZfitsFile, WhatWasReadBeforeNeedsNoFile) {
  write_mixed(path_);
  const File file = File::open(path_);
  const Table& table = file.table("Events");
  const std::size_t some[] = {1, 4};
  TileBytes bytes;
  table.read(0, some, bytes);
  std::filesystem::resize_file(path_, 100);
  DecodedColumn column;
  DecodeScratch scratch;
  for (const std::size_t c : some) {
    table.decode(0, c, bytes, column, scratch);
    EXPECT_EQ(column.row_count(), table.rows_in_tile(0));
  }
  EXPECT_THROW(table.decode(1, 1, bytes, column, scratch), Error) << "another tile";
  EXPECT_THROW(table.read(0, some, bytes), Error);
  EXPECT_THROW(table.decode(1000, 0, column), Error);
}

TEST_F(ZfitsFile, ThreadsMayShareATable) {
  std::mt19937 random(5);
  Rows rows;
  for (int r = 0; r < 40; ++r) rows.push_back(waveform_like(random, 1000));
  expect_round_trip(path_, rows, 4, Scheme::fact);
  const File file = File::open(path_);
  const Table& table = file.table("Events");
  std::vector<int> wrong(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t n = 0; n < wrong.size(); ++n)
      threads.emplace_back([&, n] {
        DecodedColumn column;
        for (std::size_t t = 0; t < table.tile_count(); ++t) {
          table.decode(t, 0, column);
          for (std::size_t r = 0; r < column.row_count(); ++r)
            wrong[n] += column.item<std::uint16_t>(r, 999) != rows[table.first_row(t) + r][999];
        }
      });
  }
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_F(ZfitsFile, WithoutCloseNothingRemains) {
  {
    Writer writer(path_);
    writer.begin_table(mixed_table("Events"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ZfitsFile, MisuseOfTheWriterIsABug) {
  Writer writer(path_);
  EXPECT_THROW(writer.append_row({}), Error);
  TableSpec spec;
  spec.name = "Events";
  EXPECT_THROW(writer.begin_table(spec), Error);
  spec.columns = {{"event_id", "1", ItemType::uint64, false, Scheme::raw}};
  spec.rows_per_tile = 1;
  spec.max_tiles = 1;
  writer.begin_table(spec);
  const std::uint32_t narrow = 1;
  const std::uint64_t wide = 1;
  Row row;
  EXPECT_THROW(writer.append_row(row.add(narrow).columns()), Error);
  row.clear();
  writer.append_row(row.add(wide).columns());
  EXPECT_THROW(writer.append_row(row.columns()), Error) << "the catalogue has room for one tile";
}

/// Every byte and every length of a file: decode all of it, or say what is wrong with it.
void expect_decoded_or_refused(std::vector<std::byte> bytes) {
  try {
    const File file = File::from_memory(std::move(bytes), "damaged.fits.fz");
    DecodedColumn column;
    DecodeScratch scratch;
    TileBytes tile;
    for (const std::string& name : file.table_names()) {
      const Table& table = file.table(name);
      std::vector<std::size_t> columns(table.columns().size());
      std::iota(columns.begin(), columns.end(), std::size_t{0});
      for (std::size_t t = 0; t < table.tile_count(); ++t) {
        if (t % 2 == 0) table.read(t, columns, tile);
        for (const std::size_t c : columns) {
          if (t % 2 == 0)
            table.decode(t, c, tile, column, scratch);
          else
            table.decode(t, c, column);
          std::size_t sum = 0;
          for (std::size_t r = 0; r < column.row_count(); ++r)
            for (const std::byte byte : column.row(r)) sum += static_cast<std::size_t>(byte);
          volatile std::size_t read = sum;
          static_cast<void>(read);
          static_cast<void>(table.processes(t, c));
        }
      }
    }
  } catch (const Error& error) {
    ASSERT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
    ASSERT_NE(error.where().find("damaged.fits.fz"), std::string::npos) << error.what();
    ASSERT_FALSE(error.remedy().empty()) << error.what();
  }
}

void write_every_scheme(const std::filesystem::path& path) {
  std::mt19937 random(6);
  Writer writer(path);
  TableSpec spec;
  spec.name = "Events";
  spec.message_class = "ProtoR1.CameraEvent";
  for (const Scheme scheme : all_schemes)
    spec.columns.push_back({"column" + std::to_string(spec.columns.size()),
                            std::to_string(spec.columns.size() + 1), ItemType::uint16, true,
                            scheme});
  spec.rows_per_tile = 2;
  spec.max_tiles = 3;
  writer.begin_table(spec);
  for (int r = 0; r < 3; ++r) {
    const auto samples = waveform_like(random, 310);
    Row row;
    for (std::size_t c = 0; c < spec.columns.size(); ++c) row.add(samples);
    writer.append_row(row.columns());
  }
  writer.close();
}

TEST_F(ZfitsFile, TruncationIsRefusedAtAnyLength) {
  write_every_scheme(path_);
  const auto whole = bytes_of_file(path_);
  expect_decoded_or_refused(whole);
  for (std::size_t length = 0; length < whole.size(); length += length < 12'000 ? 97 : 41)
    expect_decoded_or_refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
}

TEST_F(ZfitsFile, DamagedBytesNeverCrash) {
  write_every_scheme(path_);
  const auto whole = bytes_of_file(path_);
  // Headers are mostly blanks: aim at the data, and some at the headers.
  const auto data_start = static_cast<std::size_t>(
      File::open(path_).table("Events").header().integer("ZHEAPPTR").value_or(0));
  ASSERT_GT(data_start, 0U);
  std::mt19937 random(7);
  for (int n = 0; n < 6000; ++n) {
    auto bytes = whole;
    const std::size_t from = n % 4 == 0 ? 0 : bytes.size() - 16'000;
    const std::size_t at = from + random() % (bytes.size() - from);
    bytes[at] = static_cast<std::byte>(n % 2 == 0 ? random() : 0xff * (random() % 2));
    expect_decoded_or_refused(std::move(bytes));
  }
}

TEST_F(ZfitsFile, DamagedTableOfManyTypesNeverCrashes) {
  write_mixed(path_);
  const auto whole = bytes_of_file(path_);
  std::mt19937 random(8);
  for (int n = 0; n < 4000; ++n) {
    auto bytes = whole;
    for (unsigned hits = 1 + random() % 4; hits > 0; --hits)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    expect_decoded_or_refused(std::move(bytes));
  }
}

/// Where the data unit of the last table of a file starts.
std::size_t last_data_offset(const std::vector<std::byte>& bytes) {
  return fits::read_hdus(fits::ByteSource::from_memory(bytes, "memory")).back().data_offset;
}

TEST_F(ZfitsFile, AThinnedCatalogueIsRebuiltFromTheTiles) {
  write_mixed(path_);
  auto bytes = bytes_of_file(path_);
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto card = view.rfind("ZSHRINK =                    1");
  ASSERT_NE(card, std::string_view::npos);
  bytes[card + 29] = static_cast<std::byte>('2');
  const std::size_t catalogue = last_data_offset(bytes);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(catalogue), 3 * 9 * 16, std::byte{0});
  const File file = File::from_memory(std::move(bytes), "thin.fits.fz");
  const Table& table = file.table("Events");
  ASSERT_EQ(table.tile_count(), 3U);
  DecodedColumn column;
  table.decode(2, 0, column);
  EXPECT_EQ(column.item<std::uint64_t>(0), std::uint64_t{6} << 40 | 6);
  table.decode(1, 5, column);
  EXPECT_EQ(column.row(2).size(), 250U);
}

TEST_F(ZfitsFile, AnEmptyColumnHasEmptyRows) {
  write_mixed(path_);
  auto bytes = bytes_of_file(path_);
  // The first column of the first tile: the tile is then found by the second.
  const std::size_t catalogue = last_data_offset(bytes);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(catalogue), 16, std::byte{0});
  // Where nothing is does not matter.
  bytes[catalogue + 10] = std::byte{1};
  // The tile header lies before the first block, so that block is cut out of the tile.
  const auto heap = catalogue + 5 * 9 * 16;
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + heap + 16, sizeof size);
  std::memmove(bytes.data() + heap + size, bytes.data() + heap, 16);
  const File file = File::from_memory(std::move(bytes), "empty.fits.fz");
  const Table& table = file.table("Events");
  DecodedColumn column;
  table.decode(0, 0, column);
  ASSERT_EQ(column.row_count(), 3U);
  EXPECT_TRUE(column.row(0).empty());
  table.decode(0, 2, column);
  EXPECT_EQ(column.item<double>(2), 0.5);
  table.decode(1, 0, column);
  EXPECT_EQ(column.item<std::uint64_t>(0), std::uint64_t{3} << 40 | 3);
}

TEST_F(ZfitsFile, TheChecksumsCatchEveryFlippedBit) {
  write_mixed(path_);
  const auto whole = bytes_of_file(path_);
  std::mt19937 random(10);
  for (int n = 0; n < 500; ++n) {
    auto bytes = whole;
    // From the second block on: a lost first keyword makes another error.
    const std::size_t at = fits::block_size + random() % (bytes.size() - fits::block_size);
    bytes[at] ^= static_cast<std::byte>(1U << random() % 8);
    const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto intact = [&](std::string_view key) {
      std::size_t times = 0;
      for (auto i = view.find(key); i != std::string_view::npos; i = view.find(key, i + 1)) ++times;
      return times == 3;
    };
    // A card that lost its name cannot be compared.
    if (!intact("CHECKSUM= '") || !intact("DATASUM = '")) continue;
    std::ofstream(path_, std::ios::binary).write(view.data(), std::ssize(view));
    EXPECT_THROW((void)fits::hash_fits_file(path_), Error) << "byte " << at;
  }
}

TEST_F(ZfitsFile, AnUnknownProcessIsNamed) {
  std::mt19937 random(9);
  expect_round_trip(path_, {waveform_like(random, 40)}, 1, Scheme::zlib);
  auto bytes = bytes_of_file(path_);
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto tile = view.find("TILE", 5760);
  ASSERT_NE(tile, std::string_view::npos);
  bytes[tile + 16 + 10] = std::byte{0x0b};
  const File file = File::from_memory(std::move(bytes), "odd.fits.fz");
  DecodedColumn column;
  try {
    file.table("Events").decode(0, 0, column);
    ADD_FAILURE();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"odd.fits.fz", "Events", "tile 0", "waveform", "process 11"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace alisio::zfits
