#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/sky/icrs.hpp"
#include "reco/dl3/effective_time.hpp"
#include "reco/dl3/events.hpp"
#include "reco/dl3/response_grid.hpp"

namespace alisio::dl3 {

/// The events of an observation that passed all cuts, in order of time.
struct EventList {
  std::vector<std::int64_t> event_id;
  std::vector<double> time_unix_s;                ///< UTC
  std::vector<sky::Equatorial> direction;         ///< ICRS
  std::vector<sky::Galactic> galactic;            ///< the same
  std::vector<double> altitude_deg, azimuth_deg;  ///< the same as seen from the telescope
  std::vector<double> energy_tev, gammaness;

  [[nodiscard]] std::size_t size() const { return event_id.size(); }
};

/// Columns of a DL2 table that event_list() and mean_pointing() need.
[[nodiscard]] const std::vector<std::string>& event_list_columns();

/// Return the event list of selected DL2 rows. Rows whose direction, energy or gammaness is not
/// finite are left out; their number is what is missing.
[[nodiscard]] EventList event_list(const Events& selected, const sky::Site& site,
                                   const sky::EarthOrientationTable& table);

/// Where the telescope pointed, as the headers have it.
struct MeanPointing {
  sky::Equatorial icrs;                      ///< mean of all but the first fifth of the events
  double altitude_deg = 0, azimuth_deg = 0;  ///< mean of all; azimuth within [0, 360)
  bool drifting = false;  ///< it stood still on the ground, not in the sky, to 0.1 deg
};

/// Return the mean pointing at DL2 rows in order of time, as get_pointing_params of lstchain 0.12;
/// azimuths and right ascensions are averaged across north and 0 h. @throws Error(bug) for no rows.
[[nodiscard]] MeanPointing mean_pointing(const Events& events, const sky::Site& site,
                                         const sky::EarthOrientationTable& table);

/// Mean of angles, none of which is farther than half a turn from the first.
class AngleMean {
 public:
  /// @param turn  of the unit used: 360 for deg
  explicit AngleMean(double turn) : turn_(turn) {}
  void add(double angle);
  /// Return the mean within [0, turn). @throws Error(bug) if there is none.
  [[nodiscard]] double mean() const;

 private:
  double turn_, first_ = 0, sum_ = 0;
  std::size_t count_ = 0;
};

/// What was observed.
struct Target {
  std::string name;
  sky::Equatorial position;  ///< ICRS
};

/// One observation, ready to be written.
struct Observation {
  std::int64_t obs_id = 0;
  int telescope = 1;
  Target target;
  EventList events;
  double start_unix_s = 0, stop_unix_s = 0;  ///< UTC: the first and last shower, before cuts
  std::vector<TimeInterval> good_times;      ///< UTC unix
  EffectiveTime time;
  MeanPointing pointing;
  sky::AltAz pointing_at_start;  ///< rad
  Pointing response_pointing;    ///< what the response is for: means of all events of the run
  sky::Site site;
};

}  // namespace alisio::dl3
