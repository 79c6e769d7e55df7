#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/header.hpp"

namespace alisio::fits {
namespace {

std::string card(const std::string& text) {
  std::string line = text;
  line.resize(80, ' ');
  return line;
}

std::string block(const std::string& cards) {
  std::string padded = cards + card("END");
  padded.resize((padded.size() + block_size - 1) / block_size * block_size, ' ');
  return padded;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

/// A primary header with four bytes of data, and a table with a gap of one column.
std::string small_file() {
  std::string file = block(card("SIMPLE  =                    T / comment") + card("BITPIX  = 8") +
                           card("NAXIS   = 1") + card("NAXIS1  = 4"));
  file += std::string("\1\2\3\4", 4) + std::string(block_size - 4, '\0');
  file += block(card("XTENSION= 'BINTABLE'") + card("BITPIX  = 8") + card("NAXIS   = 2") +
                card("NAXIS1  = 2") + card("NAXIS2  = 3") + card("PCOUNT  = 5") +
                card("GCOUNT  = 1") + card("EXTNAME = 'It''s    '  / a name"));
  return file + std::string(block_size, 'x');
}

class FitsFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("alisio_fits_test_" + std::to_string(::getpid()) + ".fits");
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const std::string& content) {
    std::ofstream(path_, std::ios::binary).write(content.data(), std::ssize(content));
  }
  std::filesystem::path path_;
};

TEST(FitsHeader, ValuesKeepTheirTypes) {
  Header header;
  header.add_card(card("TEXT    = 'a/b  '' '           / comment"));
  header.add_card(card("WHOLE   =                 -42 / comment"));
  header.add_card(card("REAL    =  9223372036854775808."));
  header.add_card(card("DOUBLE  = 1.5D3"));
  header.add_card(card("YES     =                    T"));
  header.add_card(card("WHOLE   = 7"));
  header.add_card(card("COMMENT   WHOLE = 3"));
  EXPECT_EQ(header.text("TEXT"), "a/b  '");
  EXPECT_EQ(header.integer("WHOLE"), -42);
  EXPECT_EQ(header.real("REAL"), 9223372036854775808.0);
  EXPECT_EQ(header.real("DOUBLE"), 1500.0);
  EXPECT_EQ(header.logical("YES"), true);
  EXPECT_FALSE(header.integer("TEXT"));
  EXPECT_FALSE(header.integer("REAL"));
  EXPECT_FALSE(header.text("NONE"));
}

TEST(FitsHeader, HdusAreFoundWithTheirData) {
  const auto hdus = read_hdus(ByteSource::from_memory(bytes_of(small_file()), "memory"));
  ASSERT_EQ(hdus.size(), 2U);
  EXPECT_EQ(hdus[0].data_offset, 2880U);
  EXPECT_EQ(hdus[0].data_size, 4U);
  EXPECT_EQ(hdus[1].header_offset, 5760U);
  EXPECT_EQ(hdus[1].data_size, 11U);
  EXPECT_EQ(hdus[1].header.text("EXTNAME"), "It's");
}

TEST(FitsHeader, WhatIsNoFitsFileIsRefused) {
  for (const std::string& content :
       {std::string(), std::string("hello"), std::string(2880, ' '), small_file().substr(0, 2000),
        small_file().substr(0, 5770), small_file().substr(0, 8642)}) {
    try {
      (void)read_hdus(ByteSource::from_memory(bytes_of(content), "some.fits"));
      ADD_FAILURE() << content.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
      EXPECT_NE(error.where().find("some.fits"), std::string::npos);
      EXPECT_FALSE(error.remedy().empty());
    }
  }
}

TEST(FitsHeader, AbsurdSizesAreRefused) {
  std::string file = small_file();
  file.replace(file.find("NAXIS2  = 3"), 28, "NAXIS2  = 999999999999999999");
  EXPECT_THROW((void)read_hdus(ByteSource::from_memory(bytes_of(file), "some.fits")), Error);
}

TEST(FitsChecksum, PiecesSumLikeTheWhole) {
  std::vector<std::byte> bytes;
  for (unsigned i = 0; i < 101; ++i) bytes.push_back(static_cast<std::byte>(i * 37 + 200));
  RunningChecksum whole, pieces;
  whole.add(bytes);
  for (std::size_t at = 0, n = 1; at < bytes.size(); at += n, n = n % 7 + 1)
    pieces.add(std::span<const std::byte>(bytes).subspan(at, std::min(n, bytes.size() - at)));
  EXPECT_EQ(whole.value(), pieces.value());
  bytes.resize(104);
  EXPECT_EQ(whole.value(), add_to_checksum(0, bytes));
}

TEST(FitsChecksum, EncodingIsThatOfTheStandard) {
  // The example of the FITS Standard 4.0, appendix J.
  EXPECT_EQ(encode_checksum(868229149U), "hcHjjc9ghcEghc9g");
}

TEST_F(FitsFile, WithoutCardsOnlyTheHashIsKnown) {
  write(small_file());
  const auto hash = hash_fits_file(path_);
  EXPECT_EQ(hash.sha256, hash_file(path_));
  EXPECT_FALSE(hash.datasum_verified.has_value());
}

TEST_F(FitsFile, AFlippedBitIsFound) {
  std::string file = small_file();
  const auto with_sum = [&](const std::string& sum) {
    std::string copy = file;
    const auto end = copy.find(card("END"));
    copy.replace(end, 160, card("DATASUM = '" + sum + "'") + card("END"));
    return copy;
  };
  write(with_sum("  16909060"));  // 0x01020304
  EXPECT_EQ(hash_fits_file(path_).datasum_verified, true);
  EXPECT_EQ(hash_fits_file(path_).sha256, hash_file(path_));
  write(with_sum("  16909061"));
  try {
    (void)hash_fits_file(path_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(std::string(error.what()).find("DATASUM"), std::string::npos);
    EXPECT_NE(error.where().find("HDU 0"), std::string::npos);
  }
}

TEST_F(FitsFile, AMissingFileIsMissing) {
  try {
    (void)hash_fits_file(path_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
  }
}

}  // namespace
}  // namespace alisio::fits
