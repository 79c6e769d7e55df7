#include "prov/ask/rerun.hpp"

#include <gtest/gtest.h>

namespace alisio::prov {
namespace {

using Words = std::vector<std::string>;

TEST(Rerun, LeadsAllThatIsWrittenIntoTheFolder) {
  const Words recorded{"/usr/bin/alisio",
                       "r0-to-dl1",
                       "--input",
                       "/r0/a b.fits.fz",
                       "--output-dir",
                       "/dl1",
                       "--dl2",
                       "--dl2-output-dir",
                       "/dl2",
                       "--journal-dir=/dl1/log",
                       "--config",
                       "/site.yaml",
                       "--known-hashes",
                       "/state/h.json",
                       "--report",
                       "/state/j.json",
                       "--set",
                       "a=1"};
  EXPECT_EQ(redirected(recorded, "/again", "/again/alisio.yaml"),
            (Words{"r0-to-dl1", "--input", "/r0/a b.fits.fz", "--dl2", "--set", "a=1",
                   "--output-dir", "/again", "--journal-dir", "/again/journal", "--report",
                   "/again/job.json", "--config", "/again/alisio.yaml"}));
}

TEST(Rerun, LeadsTheOneFileThatIsWrittenIntoTheFolder) {
  EXPECT_EQ(redirected({"alisio", "irf", "--gamma", "/g.h5", "--output", "/irf/a.fits.gz"},
                       "/again", "/c.yaml"),
            (Words{"irf", "--gamma", "/g.h5", "--output", "/again/a.fits.gz", "--journal-dir",
                   "/again/journal", "--report", "/again/job.json", "--config", "/c.yaml"}));
}

TEST(Rerun, KeepsArgumentsBehindOptionsThatGo) {
  const Words words =
      redirected({"alisio", "run-summary", "--output-dir", "/s", "20240115"}, "/again", "/c.yaml");
  EXPECT_EQ(words[1], "20240115");
}

StoredEntity file_in(const std::string& root, const std::string& below) {
  StoredEntity file;
  file.path = root.empty() ? below : root + '/' + below;
  file.logical_path = root.empty() ? "" : below;
  return file;
}

/// Of a tree that stood in /old, and a file outside of it.
std::vector<StoredEntity> files_of_a_moved_tree() {
  return {file_in("/new/tree", "DL1/20240115/v1/dl1_0.h5"),
          file_in("/new/tree", "DL1/20240115/v1/dl1_1.h5"),
          file_in("/new/tree", "R0/20240115/s.fits"), file_in("", "/models/set.forest")};
}

TEST(Rerun, FindsWhatACommandNamesInATreeThatMoved) {
  const std::vector<StoredEntity> files = files_of_a_moved_tree();
  const auto place = [&](const std::string& path) {
    return place_now(path, files).value_or("nowhere");
  };
  EXPECT_EQ(place("/old/DL1/20240115/v1/dl1_0.h5"), "/new/tree/DL1/20240115/v1/dl1_0.h5");
  EXPECT_EQ(place("/old/DL1/../R0/20240115//s.fits"), "/new/tree/R0/20240115/s.fits");
  EXPECT_EQ(place("/old/DL1/20240115/v1/"), "/new/tree/DL1/20240115/v1");
  EXPECT_EQ(place("/old/R0"), "/new/tree/R0");
  // What is where it was recorded stays as it was written.
  EXPECT_EQ(place("/models/set.forest"), "/models/set.forest");
  EXPECT_EQ(place("/models/"), "/models/");
  EXPECT_EQ(place("/new/tree/R0/20240115/s.fits"), "/new/tree/R0/20240115/s.fits");
  // Words of a command that was given in a folder which is not on record.
  EXPECT_EQ(place("dl1_1.h5"), "/new/tree/DL1/20240115/v1/dl1_1.h5");
  EXPECT_EQ(place("../R0/20240115/s.fits"), "/new/tree/R0/20240115/s.fits");
  EXPECT_EQ(place("20240115/v1"), "/new/tree/DL1/20240115/v1");
  for (const char* none : {"20240115", "v1", "/old/DL1/20240115/v2", "/old/R0/20240115/t.fits",
                           "/models/other.forest", "1", "", "."})
    EXPECT_EQ(place(none), "nowhere") << none;
}

TEST(Rerun, TakesNoneOfSeveralPlaces) {
  const std::vector<StoredEntity> files{file_in("/a", "v1/dl1_0.h5"), file_in("/b", "v1/dl1_0.h5")};
  EXPECT_EQ(place_now("/old/v1/dl1_0.h5", files), std::nullopt);
  EXPECT_EQ(place_now("dl1_0.h5", files), std::nullopt);
  EXPECT_EQ(place_now("/b/v1/dl1_0.h5", files), "/b/v1/dl1_0.h5");
}

TEST(Rerun, PlacesTheWordsOfACommand) {
  const PlacedCommand now = placed({"/usr/bin/alisio",
                                    "r0-to-dl1",
                                    "--input=/old/R0/20240115/s.fits",
                                    "--date",
                                    "20240115",
                                    "--output-dir",
                                    "/old/DL1/20240115/v1",
                                    "--models",
                                    "/models/set.forest",
                                    "--note",
                                    "models=/of/our/own",
                                    "--set",
                                    "a.catalogue=/old/DL1/20240115/v1/dl1_0.h5",
                                    "--set",
                                    "paths.products=/old",
                                    "--tailcuts",
                                    "/old/aux/gone.json",
                                    "--index",
                                    ALISIO_SOURCE_DIR "/README.md",
                                    "--input-dir",
                                    ALISIO_SOURCE_DIR "/test"},
                                   files_of_a_moved_tree());
  EXPECT_EQ(now.words, (Words{"/usr/bin/alisio",
                              "r0-to-dl1",
                              "--input=/new/tree/R0/20240115/s.fits",
                              "--date",
                              "20240115",
                              "--output-dir",
                              "/old/DL1/20240115/v1",
                              "--models",
                              "/models/set.forest",
                              "--note",
                              "models=/of/our/own",
                              "--set",
                              "a.catalogue=/new/tree/DL1/20240115/v1/dl1_0.h5",
                              "--set",
                              "paths.products=/old",
                              "--tailcuts",
                              "/old/aux/gone.json",
                              "--index",
                              ALISIO_SOURCE_DIR "/README.md",
                              "--input-dir",
                              ALISIO_SOURCE_DIR "/test"}));
  EXPECT_EQ(now.absent, Words{"/old/aux/gone.json"});
  EXPECT_EQ(now.unrecorded, Words{ALISIO_SOURCE_DIR "/README.md"});
}

}  // namespace
}  // namespace alisio::prov
