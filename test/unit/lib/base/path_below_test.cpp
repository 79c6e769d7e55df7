#include "lib/base/path_below.hpp"

#include <gtest/gtest.h>

namespace alisio {
namespace {

TEST(PathBelow, TellsTheWayDownOrNothing) {
  EXPECT_EQ(path_below("/data/DL1/20240115/a.h5", "/data/DL1"), "20240115/a.h5");
  EXPECT_EQ(path_below("/data/DL1", "/data/DL1"), ".");
  EXPECT_FALSE(path_below("/data/DL10/a.h5", "/data/DL1"));
  EXPECT_FALSE(path_below("/data", "/data/DL1"));
  EXPECT_FALSE(path_below("a.h5", "/data/DL1")) << "relative and absolute have no way in common";
}

}  // namespace
}  // namespace alisio
