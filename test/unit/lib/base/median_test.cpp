#include "lib/base/median.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace alisio {
namespace {

TEST(NanMedian, IsNumpys) {
  std::vector<double> odd = {3, 1, NAN, 2};
  EXPECT_EQ(nan_median(odd), 2.0);
  std::vector<double> even = {4, 1, 3, 2, NAN};
  EXPECT_EQ(nan_median(even), 2.5);
  std::vector<double> none = {NAN};
  EXPECT_TRUE(std::isnan(nan_median(none)));
}

TEST(UpperMedian, IsAValue) {
  EXPECT_EQ(upper_median({3, 1, 2}), 2);
  EXPECT_EQ(upper_median({4, 1, 3, 2}), 3);
  EXPECT_TRUE(std::isnan(upper_median({})));
}

TEST(NanMedian, OfManyValuesIsThatOfTheSortedOnes) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal(0, 3);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> odd{0.0,    -0.0,   NAN,     infinity, -infinity, 1e308,
                                -1e308, 1e-310, -2e-310, 1e30,     3.0};
  for (const std::size_t n : {1, 2, 63, 64, 65, 500, 1855, 1856}) {
    for (int kind = 0; kind < 6; ++kind) {
      std::vector<double> values;
      for (std::size_t i = 0; i < n; ++i) {
        const double any = normal(random);
        values.push_back(kind == 0   ? any
                         : kind == 1 ? std::round(any)
                         : kind == 2 ? 2.5
                         : kind == 3 ? any * 1e-310
                         : kind == 4 ? (random() % 9 == 0 ? NAN : any * 1e6)
                                     : odd[random() % odd.size()]);
      }
      std::vector<double> sorted;
      for (const double value : values)
        if (!std::isnan(value)) sorted.push_back(value);
      std::sort(sorted.begin(), sorted.end());
      const std::size_t half = sorted.size() / 2;
      const double expected = sorted.empty()           ? NAN
                              : sorted.size() % 2 == 1 ? sorted[half]
                                                       : (sorted[half - 1] + sorted[half]) / 2;
      const double median = nan_median(values);
      EXPECT_TRUE(median == expected || (std::isnan(median) && std::isnan(expected)))
          << n << ' ' << kind << ": " << median << " for " << expected;
    }
  }
}

}  // namespace
}  // namespace alisio
