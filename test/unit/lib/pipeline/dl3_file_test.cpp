#include "lib/pipeline/dl3_file.hpp"

#include <gtest/gtest.h>

#include "lib/io/fits/read_tables.hpp"

namespace alisio::pipeline {
namespace {

dl3::Observation example() {
  dl3::Observation o;
  o.obs_id = 11220;
  o.target = {"Crab", {83.6331, 22.0145}};
  o.start_unix_s = 1671148800;
  o.stop_unix_s = 1671148900;
  o.good_times = {{1671148800, 1671148840}, {1671148850, 1671148900}};
  o.time = {90, 81, 7e-6, 8000};
  o.pointing.icrs = {83.6331, 22.4145};
  o.events = {{5, 9},
              {1671148801, 1671148899},
              {{83, 22}, {84, 23}},
              {{1, 2}, {3, 4}},
              {60, 60.1},
              {110, 110.1},
              {0.1, 2},
              {0.8, 0.9}};
  return o;
}

TEST(Dl3File, TimesCountFromOctober2018) {
  EXPECT_EQ(seconds_since_epoch(1538352000), 0);
  EXPECT_EQ(seconds_since_epoch(1600000000), 61648000);
  // A leap second lies between 2016 and 2017.
  EXPECT_EQ(seconds_since_epoch(1483228799) - seconds_since_epoch(1483228800), -2);
  EXPECT_EQ(date_and_time(1600000000.9996).time, "12:26:41.000");
  EXPECT_EQ(date_and_time(1671148799.9999).date, "2022-12-16");
  EXPECT_EQ(dl3_name(1, 502, fits::Packing::gzip), "dl3_LST-1.Run00502.fits.gz");
}

TEST(Dl3File, TimesFitEachOther) {
  const auto tables = observation_tables(example(), {"alisio", "now", {{"EXTRA", 1.5, ""}}});
  ASSERT_EQ(tables.size(), 3U);
  const auto number = [&](const char* key) { return fits::number_of_card(tables[0], key, ""); };
  EXPECT_EQ(number("TELAPSE"), 100);
  EXPECT_EQ(number("ONTIME"), 90);
  EXPECT_EQ(number("LIVETIME"), 81);
  EXPECT_EQ(number("DEADC"), 0.9);
  EXPECT_NEAR(number("OBJ_OFF"), 0.4, 1e-9);
  EXPECT_EQ(number("EXTRA"), 1.5);
  const auto& start = std::get<std::vector<double>>(tables[1].columns[0].values);
  EXPECT_EQ(start, (std::vector<double>{1671148800.0 - 1538352000, 1671148850.0 - 1538352000}));
  for (const fits::Column& column : tables[0].columns)
    EXPECT_EQ(std::visit(
                  [](const auto& v) {
                    if constexpr (requires { v.size(); })
                      return v.size();
                    else
                      return v.values.size();
                  },
                  column.values),
              2U)
        << column.name;
}

TEST(Dl3File, WithoutTimeNothingIsDivided) {
  dl3::Observation o = example();
  o.good_times.clear();
  o.events = {};
  const auto tables = observation_tables(o, {});
  EXPECT_EQ(fits::number_of_card(tables[0], "DEADC", ""), 0);
  EXPECT_EQ(fits::text_of_card(tables[0], "OBS_MODE"), "POINTING");
  o.pointing.drifting = true;
  EXPECT_EQ(fits::text_of_card(observation_tables(o, {})[0], "OBS_MODE"), "DRIFT");
}

}  // namespace
}  // namespace alisio::pipeline
