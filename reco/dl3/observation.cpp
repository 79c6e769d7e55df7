#include "reco/dl3/observation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

constexpr double degree = std::numbers::pi / 180;

std::vector<sky::AltAz> directions_of(const Events& events, const char* altitude,
                                      const char* azimuth) {
  const auto &up = events.column(altitude), &around = events.column(azimuth);
  std::vector<sky::AltAz> directions(events.n);
  for (std::size_t i = 0; i < events.n; ++i) directions[i] = {up[i], around[i]};
  return directions;
}

/// Angle between two directions on the ground, deg.
double apart_deg(sky::AltAz a, sky::AltAz b) {
  return sky::separation_deg({a.azimuth / degree, a.altitude / degree},
                             {b.azimuth / degree, b.altitude / degree});
}

}  // namespace

const std::vector<std::string>& event_list_columns() {
  static const std::vector<std::string> names{"event_id",    "dragon_time", "alt_tel",
                                              "az_tel",      "reco_alt",    "reco_az",
                                              "reco_energy", "gammaness"};
  return names;
}

EventList event_list(const Events& selected, const sky::Site& site,
                     const sky::EarthOrientationTable& table) {
  const auto directions = directions_of(selected, "reco_alt", "reco_az");
  const auto &time = selected.column("dragon_time"), &id = selected.column("event_id"),
             &energy = selected.column("reco_energy"), &gammaness = selected.column("gammaness");
  const std::vector<sky::Equatorial> icrs = sky::altaz_to_icrs(directions, time, site, table);
  EventList out;
  for (std::size_t i = 0; i < selected.n; ++i) {
    if (!std::isfinite(icrs[i].ra_deg) || !std::isfinite(energy[i]) || !std::isfinite(gammaness[i]))
      continue;
    out.event_id.push_back(static_cast<std::int64_t>(id[i]));
    out.time_unix_s.push_back(time[i]);
    out.direction.push_back(icrs[i]);
    out.galactic.push_back(sky::icrs_to_galactic(icrs[i]));
    out.altitude_deg.push_back(directions[i].altitude / degree);
    out.azimuth_deg.push_back(directions[i].azimuth / degree);
    out.energy_tev.push_back(energy[i]);
    out.gammaness.push_back(gammaness[i]);
  }
  return out;
}

MeanPointing mean_pointing(const Events& events, const sky::Site& site,
                           const sky::EarthOrientationTable& table) {
  constexpr double steady_deg = 0.1;
  const auto directions = directions_of(events, "alt_tel", "az_tel");
  const auto icrs = sky::altaz_to_icrs(directions, events.column("dragon_time"), site, table);
  AngleMean azimuth(360), ra(360);
  double altitude = 0, dec = 0;
  // The telescope may still be moving when a run begins.
  const std::size_t settled = events.n / 5;
  for (std::size_t i = 0; i < events.n; ++i) {
    altitude += directions[i].altitude / degree;
    azimuth.add(directions[i].azimuth / degree);
    if (i < settled) continue;
    ra.add(icrs[i].ra_deg);
    dec += icrs[i].dec_deg;
  }
  MeanPointing out;
  out.icrs = {ra.mean(), dec / double(events.n - settled)};
  out.altitude_deg = altitude / double(events.n);
  out.azimuth_deg = azimuth.mean();
  const double in_sky = sky::separation_deg(icrs[settled], icrs.back());
  const double on_ground = apart_deg(directions[settled], directions.back());
  out.drifting = in_sky > steady_deg && on_ground < steady_deg;
  return out;
}

void AngleMean::add(double angle) {
  if (count_ == 0) first_ = angle;
  sum_ += std::remainder(angle - first_, turn_);
  ++count_;
}

double AngleMean::mean() const {
  if (count_ == 0) throw Error(ErrorKind::bug, "no angle to average");
  const double mean = std::fmod(first_ + sum_ / double(count_), turn_);
  return mean < 0 ? mean + turn_ : mean;
}

}  // namespace alisio::dl3
