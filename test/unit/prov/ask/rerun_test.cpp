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

}  // namespace
}  // namespace alisio::prov
