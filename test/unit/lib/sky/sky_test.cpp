#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>

#include "lib/io/hdf5/table.hpp"
#include "lib/sky/frames.hpp"
#include "lib/sky/time.hpp"

namespace alisio::sky {
namespace {
namespace fs = std::filesystem;
constexpr double pi = std::numbers::pi;

fs::path shared_data() {
  const char* shared = std::getenv("ALISIO_SHARED");
  return fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") / "data";
}

TEST(Time, leap_seconds_are_known) {
  EXPECT_EQ(leap_seconds(2016, 12, 31), 36);
  EXPECT_EQ(leap_seconds(2017, 1, 1), 37);
  EXPECT_EQ(leap_seconds(2022, 12, 15), 37);
}

TEST(Time, tai_and_utc_convert_both_ways_around_a_leap) {
  constexpr std::int64_t s = 1'000'000'000, new_year_2017 = 1483228800;
  EXPECT_EQ(utc_to_tai_ns(new_year_2017 * s), (new_year_2017 + 37) * s);
  EXPECT_EQ(utc_to_tai_ns(new_year_2017 * s - 1), (new_year_2017 + 36) * s - 1);
  for (const std::int64_t utc : {new_year_2017 * s - 1, new_year_2017 * s, 1671141603'000049936})
    EXPECT_EQ(tai_to_utc_ns(utc_to_tai_ns(utc)), utc);
}

TEST(Frames, the_centre_is_the_pointing_and_x_is_up) {
  const AltAz pointing{1.2, 2.0};
  const double f = 28;
  const AltAz centre = camera_to_altaz({0, 0}, f, pointing);
  EXPECT_NEAR(centre.altitude, 1.2, 1e-15);
  EXPECT_NEAR(centre.azimuth, 2.0, 1e-15);
  EXPECT_NEAR(camera_to_altaz({0.5, 0}, f, pointing).altitude, 1.2 + 0.5 / f, 1e-15);
  EXPECT_GT(camera_to_altaz({0, 0.5}, f, pointing).azimuth, 2.0);
}

TEST(Frames, azimuth_wraps_and_the_inverse_returns) {
  for (const double alt : {0.1, 0.9, 1.5})
    for (const double az : {0.0, 0.001, 3.0, 2 * pi - 0.001})
      for (const double x : {-1.1, 0.0, 0.7})
        for (const double y : {-0.9, 0.0, 1.1}) {
          const AltAz sky = camera_to_altaz({x, y}, 29.30565, {alt, az});
          EXPECT_GE(sky.azimuth, 0);
          EXPECT_LT(sky.azimuth, 2 * pi);
          const CameraPoint back = altaz_to_camera(sky, 29.30565, {alt, az});
          EXPECT_NEAR(back.x, x, 1e-12);
          EXPECT_NEAR(back.y, y, 1e-12);
        }
}

TEST(Reference, event_times_are_lstchains_to_the_last_bit) {
  const auto path = shared_data() / "reference/dl1/dl1_LST-1.Run11220.0000.h5";
  if (!fs::exists(path)) GTEST_SKIP() << "no sample data";
  const auto file = hdf5::File::open(path);
  const auto rows =
      hdf5::TableReader(file, "/dl1/event/telescope/parameters/LST_LSTCam").read_all();
  const auto times = rows.column<double>("dragon_time");
  const auto ids = rows.column<std::int64_t>("event_id");
  // What was simulated: event, subrun, trigger, ns since the start of the run …
  std::map<std::int64_t, std::int64_t> truth_ns;
  std::ifstream truth(shared_data() / "night/truth/truth_Run11220.csv");
  std::string line;
  std::getline(truth, line);
  for (long id = 0, subrun = 0, trigger = 0, ns = 0; std::getline(truth, line);)
    if (std::sscanf(line.c_str(), "%ld,%ld,%ld,%ld", &id, &subrun, &trigger, &ns) == 4)
      truth_ns[id] = ns;
  // The run's reference from the run summary; the modules' counter ticks every 100 ns.
  constexpr std::int64_t reference_time = 1671141640000049936, reference_counter = 3000049900;
  ASSERT_EQ(times.size(), 200u);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::int64_t counter = truth_ns.at(ids[i]) / 100 * 100;
    EXPECT_EQ(tai_ns_to_unix_s(reference_time + counter - reference_counter), times[i]) << ids[i];
  }
}

TEST(Reference, sky_positions_are_lstchains) {
  const fs::path folder = shared_data() / "reference";
  if (!fs::exists(folder)) GTEST_SKIP() << "no sample data";
  for (const char* name : {"dl2_standard/dl2_LST-1.Run11220.0000.h5",
                           "dl2_10k/standard_interp/dl2_LST-1.Run02009.0000.h5"}) {
    const auto file = hdf5::File::open(folder / name);
    const auto rows =
        hdf5::TableReader(file, "/dl2/event/telescope/parameters/LST_LSTCam").read_all();
    const double f = hdf5::TableReader(file, "/configuration/instrument/telescope/optics")
                         .read_all()
                         .column<double>("effective_focal_length")[0];
    const auto x = rows.column<double>("reco_src_x"), y = rows.column<double>("reco_src_y");
    const auto alt0 = rows.column<double>("alt_tel"), az0 = rows.column<double>("az_tel");
    const auto alt = rows.column<double>("reco_alt"), az = rows.column<double>("reco_az");
    ASSERT_GT(rows.size(), 100u);
    double worst = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const AltAz sky = camera_to_altaz({x[i], y[i]}, f, {alt0[i], az0[i]});
      const double turn = std::remainder(sky.azimuth - az[i], 2 * pi) * std::cos(alt[i]);
      worst = std::max({worst, std::abs(sky.altitude - alt[i]), std::abs(turn)});
    }
    EXPECT_LT(worst, 1e-9) << name;
    RecordProperty("worst_rad", std::to_string(worst * 1e15) + "e-15");
  }
}

}  // namespace
}  // namespace alisio::sky
