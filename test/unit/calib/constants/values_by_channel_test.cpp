#include "calib/constants/values_by_channel.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alisio::calib {
namespace {

TEST(ValuesByChannel, ComeInTheOrderOfEventsHoweverManyThereAre) {
  constexpr std::size_t n_channels = 37, n_events = 300;
  ValuesByChannel values(n_channels);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t e = 0; e < n_events; ++e) {
      // What was added so far is there after each event, in chunks or not.
      std::vector<float> event(n_channels);
      std::vector<std::uint8_t> mask(n_channels);
      for (std::size_t c = 0; c < n_channels; ++c) {
        event[c] = float(1000 * e + c);
        mask[c] = (e + c) % 7 == 0 ? 2 : 0;
      }
      values.add(event, mask);
      const std::size_t channel = e % n_channels;
      std::size_t seen = 0;
      values.for_each(channel, [&](float value) {
        if ((seen + channel) % 7 == 0)
          ASSERT_TRUE(std::isnan(value)) << e << ", " << seen;
        else
          ASSERT_EQ(value, float(1000 * seen + channel));
        ++seen;
      });
      ASSERT_EQ(seen, e + 1);
    }
    values.clear();
    values.for_each(0, [](float) { FAIL() << "nothing is left"; });
  }
}

}  // namespace
}  // namespace alisio::calib
