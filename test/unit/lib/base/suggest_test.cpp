#include "lib/base/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace alisio {
namespace {

TEST(Suggest, FindsTheNearWordOrListsAll) {
  const std::vector<std::string> known{"picture_threshold", "boundary_threshold"};
  EXPECT_EQ(suggestion("picture_treshold", known), "did you mean 'picture_threshold'?");
  EXPECT_EQ(suggestion("zzz", known), "known: picture_threshold, boundary_threshold");
}

}  // namespace
}  // namespace alisio
