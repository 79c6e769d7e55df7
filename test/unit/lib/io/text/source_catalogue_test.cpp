#include "lib/io/text/source_catalogue.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::text {
namespace {
namespace fs = std::filesystem;

class SourceCatalogue : public FolderTest {
 protected:
  const fs::path& write(const std::string& content) const {
    write_file_atomically(file_, content);
    return file_;
  }
  std::string refusal(const std::string& content) const {
    try {
      const auto sources = read_source_catalogue(write(content));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  fs::path file_ = folder_ / "catalogue.csv";
};

TEST_F(SourceCatalogue, OursIsReadAndKnowsAliases) {
  const auto sources = read_source_catalogue(fs::path(ALISIO_SOURCE_DIR) / "cfg" / "sources.ecsv");
  EXPECT_GE(sources.size(), 12U);
  for (const char* name : {"Crab Nebula", "crab", "CRAB_NEBULA", "M1"}) {
    const auto crab = find_source(sources, name);
    ASSERT_TRUE(crab) << name;
    EXPECT_NEAR(crab->ra_deg, 83.633, 1e-3);
    EXPECT_NEAR(crab->dec_deg, 22.0145, 1e-3);
  }
  EXPECT_TRUE(find_source(sources, "Mkn 421"));
  EXPECT_FALSE(find_source(sources, "Mrk 42"));
}

TEST_F(SourceCatalogue, PlainCsvIsEnough) {
  const auto sources =
      read_source_catalogue(write("dec_deg,name,ra_deg\n# a comment\n-5,\"A, or B\",1.5\n"));
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].name, "A, or B");
  EXPECT_EQ(sources[0].ra_deg, 1.5);
  EXPECT_EQ(sources[0].dec_deg, -5);
}

TEST_F(SourceCatalogue, SaysWhatIsWrong) {
  EXPECT_NE(refusal("name,ra\nA,1\n").find("has no column 'ra_deg'"), std::string::npos);
  EXPECT_NE(refusal("name,ra_deg,dec_deg\nA,1,91\n").find("no position"), std::string::npos);
  EXPECT_NE(refusal("name,ra_deg,dec_deg\nA,nan,1\n").find("no position"), std::string::npos);
  EXPECT_NE(refusal("name,ra_deg,dec_deg\nA,1\n").find(":2"), std::string::npos);
  EXPECT_NE(refusal("name,ra_deg,dec_deg,aliases\nA,1,1,C\nB,2,2,c\n").find("'c' names 'A' too"),
            std::string::npos);
}

TEST_F(SourceCatalogue, UnknownNamesGetASuggestion) {
  const auto sources = read_source_catalogue(write("name,ra_deg,dec_deg\nMrk 421,166.1,38.2\n"));
  try {
    const Source found = source_of_name(sources, "Mrk 422", "sources.csv");
    FAIL() << found.name;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("Mrk 421"), std::string::npos);
  }
}

TEST(NearestSource, IsFoundWithItsDistance) {
  const std::vector<Source> catalogue{
      {"far", 10, 0, {}}, {"near", 20, 1, {}}, {"other", 30, 0, {}}};
  const auto nearest = nearest_source(catalogue, {20, 0});
  ASSERT_TRUE(nearest);
  EXPECT_EQ(nearest->source.name, "near");
  EXPECT_NEAR(nearest->distance_deg, 1, 1e-9);
  EXPECT_FALSE(nearest_source({}, {20, 0}));
}

}  // namespace
}  // namespace alisio::text
