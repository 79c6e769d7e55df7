#include "reco/dl3/assumed_positions.hpp"

#include <cmath>
#include <map>
#include <numbers>

namespace alisio::dl3 {
namespace {

constexpr double degree = std::numbers::pi / 180;

/// A place on the ground and in the sky.
struct Place {
  sky::AltAz on_ground;
  sky::Equatorial in_sky;
};

Place place_of_row(const Events& events, std::size_t row, double focal_length,
                   const sky::Site& site, const sky::EarthOrientationTable& table) {
  const auto at = [&](const char* name) { return events.column(name)[row]; };
  const sky::AltAz direction = sky::camera_to_altaz({at("expected_src_x"), at("expected_src_y")},
                                                    focal_length, {at("alt_tel"), at("az_tel")});
  const sky::AltAz directions[] = {direction};
  const double times[] = {at("dragon_time")};
  return {direction, sky::altaz_to_icrs(directions, times, site, table).front()};
}

}  // namespace

const std::vector<std::string>& assumed_position_columns() {
  static const std::vector<std::string> names{"position", "expected_src_x", "expected_src_y",
                                              "alpha"};
  return names;
}

std::vector<std::size_t> rows_without_copies(const Events& events) {
  const auto &id = events.column("event_id"), &time = events.column("dragon_time"),
             &gammaness = events.column("gammaness");
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < events.n; ++row) {
    const bool copy = !kept.empty() && id[kept.back()] == id[row] && time[kept.back()] == time[row];
    if (!copy)
      kept.push_back(row);
    else if (gammaness[row] > gammaness[kept.back()])
      kept.back() = row;
  }
  return kept;
}

sky::Equatorial assumed_place(const Events& events, std::size_t row, double focal_length,
                              const sky::Site& site, const sky::EarthOrientationTable& table) {
  return place_of_row(events, row, focal_length, site, table).in_sky;
}

EventList event_list_at_assumed_positions(const Events& selected,
                                          const std::vector<std::size_t>& rows, double focal_length,
                                          const sky::Site& site,
                                          const sky::EarthOrientationTable& table) {
  EventList out;
  const auto &position = selected.column("position"), &id = selected.column("event_id"),
             &time = selected.column("dragon_time"), &energy = selected.column("reco_energy"),
             &gammaness = selected.column("gammaness");
  std::map<double, Place> places;
  for (std::size_t row = 0; row < selected.n; ++row)
    if (!places.contains(position[row]))
      places[position[row]] = place_of_row(selected, row, focal_length, site, table);
  for (const std::size_t row : rows) {
    if (!std::isfinite(energy[row])) continue;
    const Place& place = places.at(position[row]);
    out.event_id.push_back(static_cast<std::int64_t>(id[row]));
    out.time_unix_s.push_back(time[row]);
    out.direction.push_back(place.in_sky);
    out.galactic.push_back(sky::icrs_to_galactic(place.in_sky));
    out.altitude_deg.push_back(place.on_ground.altitude / degree);
    out.azimuth_deg.push_back(place.on_ground.azimuth / degree);
    out.energy_tev.push_back(energy[row]);
    out.gammaness.push_back(gammaness[row]);
  }
  return out;
}

}  // namespace alisio::dl3
