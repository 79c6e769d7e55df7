#include "reco/dl3/assumed_positions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "lib/sky/separation.hpp"

namespace alisio::dl3 {
namespace {

using Rows = std::vector<std::size_t>;
constexpr double degree = std::numbers::pi / 180, focal_length = 29.30565;

/// Events 1, 2, 3, 3, 4, 4 at 1 ms from each other, seen from position 0 or 1.
Events six_rows() {
  Events events;
  events.n = 6;
  const double start = 1671148800;
  events.columns = {
      {"event_id", {1, 2, 3, 3, 4, 4}},
      {"dragon_time",
       {start, start + 0.001, start + 0.002, start + 0.002, start + 0.003, start + 0.003}},
      {"gammaness", {0.9, 0.8, 0.7, 0.7, 0.6, 0.8}},
      {"reco_energy", {1, 1, 1, 1, 1, std::nan("")}},
      {"position", {0, 1, 0, 1, 0, 1}},
      {"expected_src_x", {-0.2, 0.2, -0.2, 0.2, -0.2, 0.2}},
      {"expected_src_y", {0, 0, 0, 0, 0, 0}},
      {"alt_tel", std::vector<double>(6, 60 * degree)},
      {"az_tel", std::vector<double>(6, 110 * degree)}};
  return events;
}

TEST(AssumedPositions, AnEventCountsForThePositionOfItsGreatestGammaness) {
  EXPECT_EQ(rows_without_copies(six_rows()), (Rows{0, 1, 2, 5}));
}

TEST(AssumedPositions, EventsStandAtTheirPositions) {
  const sky::Site site{-17.8915, 28.7615, 2184};
  const sky::EarthOrientationTable table = sky::built_in_earth_orientation();
  const Events events = six_rows();
  const EventList list =
      event_list_at_assumed_positions(events, {0, 1, 2, 5}, focal_length, site, table);
  ASSERT_EQ(list.size(), 3u) << "an event without energy is left out";
  EXPECT_EQ(list.event_id, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(list.direction[0].ra_deg, list.direction[2].ra_deg) << "one place a position";
  EXPECT_NEAR(sky::separation_deg(list.direction[0], list.direction[1]),
              0.4 / focal_length / degree, 1e-4);
  EXPECT_NEAR(list.altitude_deg[1], 60 + 0.2 / focal_length / degree, 1e-6);
  const sky::Equatorial place = assumed_place(events, 1, focal_length, site, table);
  EXPECT_EQ(place.ra_deg, list.direction[1].ra_deg);
}

}  // namespace
}  // namespace alisio::dl3
