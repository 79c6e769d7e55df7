#include "lib/config/response_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace alisio::config {
namespace {
namespace fs = std::filesystem;

TEST(ResponseFiles, AreThoseOfTheirNamesAndNotHidden) {
  const fs::path folder =
      fs::temp_directory_path() / ("alisio_responses_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  for (const char* name : {"irf_b.fits.gz", "irf_a.fits", ".irf_c.fits.gz", "irf.txt", "dl3.fits"})
    std::ofstream(folder / name) << "content";
  const std::vector<fs::path> files = response_files(folder);
  fs::remove_all(folder);
  EXPECT_EQ(files, (std::vector<fs::path>{folder / "irf_a.fits", folder / "irf_b.fits.gz"}));
}

}  // namespace
}  // namespace alisio::config
