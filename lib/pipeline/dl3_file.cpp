#include "lib/pipeline/dl3_file.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numbers>

#include "lib/base/ids.hpp"
#include "lib/sky/time.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::pipeline {
namespace {

constexpr std::int64_t epoch_mjd = 58392;    // 2018-10-01
constexpr double epoch_unix_s = 1538352000;  // the same
constexpr double degree = std::numbers::pi / 180;

using Cards = std::vector<fits::Card>;
using Numbers = std::vector<double>;

std::string text(const char* value) {
  return value;
}

int leap_seconds_at(double time_unix_s) {
  using namespace std::chrono;
  const year_month_day date{
      floor<days>(sys_seconds{seconds{static_cast<std::int64_t>(time_unix_s)}})};
  return sky::leap_seconds(int(date.year()), int(unsigned(date.month())),
                           int(unsigned(date.day())));
}

/// What all three tables say first.
Cards common_cards(const dl3::Observation& observation, const Dl3Header& header, const char* kind) {
  return {{"CREATOR", header.creator, ""},
          {"HDUDOC", text("https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"), ""},
          {"HDUVERS", text("0.3"), ""},
          {"HDUCLASS", text("GADF"), ""},
          {"ORIGIN", text("CTA"), ""},
          {"TELESCOP", text("CTA-N"), ""},
          {"CREATED", header.created, ""},
          {"HDUCLAS1", text(kind), ""},
          {"OBS_ID", observation.obs_id, ""}};
}

void add_time_reference(Cards& cards) {
  cards.push_back({"MJDREFI", epoch_mjd, ""});
  cards.push_back({"MJDREFF", 0.0, ""});
  cards.push_back({"TIMEUNIT", text("s"), ""});
  cards.push_back({"TIMESYS", text("UTC"), ""});
  cards.push_back({"TIMEREF", text("TOPOCENTER"), ""});
}

void add_place(Cards& cards, const sky::Site& site) {
  cards.push_back({"GEOLON", site.longitude_deg, "longitude of the telescope (deg)"});
  cards.push_back({"GEOLAT", site.latitude_deg, "latitude of the telescope (deg)"});
  cards.push_back({"ALTITUDE", std::round(site.height * 100) / 100, "of the telescope (m)"});
}

void add_times(Cards& cards, const dl3::Observation& o) {
  const DateAndTime start = date_and_time(o.start_unix_s), stop = date_and_time(o.stop_unix_s);
  const double t_start = seconds_since_epoch(o.start_unix_s),
               t_stop = seconds_since_epoch(o.stop_unix_s);
  const double on_time = dl3::total_length(o.good_times);
  cards.push_back({"DATE-OBS", start.date, ""});
  cards.push_back({"TIME-OBS", start.time, ""});
  cards.push_back({"DATE-END", stop.date, ""});
  cards.push_back({"TIME-END", stop.time, ""});
  cards.push_back({"TSTART", t_start, "s"});
  cards.push_back({"TSTOP", t_stop, "s"});
  add_time_reference(cards);
  cards.push_back({"ONTIME", on_time, "sum of the good time intervals (s)"});
  cards.push_back({"TELAPSE", t_stop - t_start, "s"});
  cards.push_back({"DEADC", on_time > 0 ? o.time.effective_s / on_time : 0, "LIVETIME / ONTIME"});
  cards.push_back({"LIVETIME", o.time.effective_s, "without dead time (s)"});
}

fits::BinaryTable events_table(const dl3::Observation& o, const Dl3Header& header) {
  const std::string telescope = telescope_text(o.telescope);
  fits::BinaryTable table{"EVENTS", common_cards(o, header, "EVENTS"), {}};
  Cards& cards = table.cards;
  add_times(cards, o);
  const sky::Equatorial &pointing = o.pointing.icrs, &object = o.target.position;
  const Cards where{
      {"OBJECT", o.target.name, ""},
      // A wobble is a pointing beside the object (OBJ_OFF), not a mode of GADF.
      {"OBS_MODE", text(o.pointing.drifting ? "DRIFT" : "POINTING"), ""},
      {"N_TELS", std::int64_t{1}, ""},
      {"TELLIST", telescope, ""},
      {"INSTRUME", telescope, ""},
      {"RA_PNT", pointing.ra_deg, "deg"},
      {"DEC_PNT", pointing.dec_deg, "deg"},
      {"ALT_PNT", o.pointing.altitude_deg, "deg"},
      {"AZ_PNT", o.pointing.azimuth_deg, "deg"},
      {"RA_OBJ", object.ra_deg, "deg"},
      {"DEC_OBJ", object.dec_deg, "deg"},
      {"OBJ_OFF", sky::separation_deg(pointing, object), "from pointing to object (deg)"},
      {"RADECSYS", text("ICRS"), ""},
      {"EQUINOX", 2000.0, ""},
      {"FOVALIGN", text("RADEC"), ""}};
  cards.insert(cards.end(), where.begin(), where.end());
  add_place(cards, o.site);
  cards.insert(cards.end(), header.facts.begin(), header.facts.end());

  const dl3::EventList& e = o.events;
  Numbers time, ra, dec, longitude, latitude;
  for (std::size_t i = 0; i < e.size(); ++i) {
    time.push_back(seconds_since_epoch(e.time_unix_s[i]));
    ra.push_back(e.direction[i].ra_deg);
    dec.push_back(e.direction[i].dec_deg);
    longitude.push_back(e.galactic[i].longitude_deg);
    latitude.push_back(e.galactic[i].latitude_deg);
  }
  table.columns = {{"EVENT_ID", "", "", e.event_id},
                   {"TIME", "s", "", time},
                   {"RA", "deg", "", ra},
                   {"DEC", "deg", "", dec},
                   {"ENERGY", "TeV", "", e.energy_tev},
                   {"GAMMANESS", "", "", e.gammaness},
                   {"MULTIP", "", "", std::vector<std::int64_t>(e.size(), 1)},
                   {"GLON", "deg", "", longitude},
                   {"GLAT", "deg", "", latitude},
                   {"ALT", "deg", "", e.altitude_deg},
                   {"AZ", "deg", "", e.azimuth_deg}};
  return table;
}

fits::BinaryTable good_times_table(const dl3::Observation& o, const Dl3Header& header) {
  fits::BinaryTable table{"GTI", common_cards(o, header, "GTI"), {}};
  add_time_reference(table.cards);
  Numbers start, stop;
  for (const dl3::TimeInterval& interval : o.good_times) {
    start.push_back(seconds_since_epoch(interval.start));
    stop.push_back(seconds_since_epoch(interval.stop));
  }
  table.columns = {{"START", "s", "", start}, {"STOP", "s", "", stop}};
  return table;
}

/// A number of degrees as Python prints an angle of astropy.
std::string angle_text(double degrees) {
  const std::string digits = fmt::format("{}", degrees);
  return digits + (digits.find('.') == std::string::npos ? ".0 deg" : " deg");
}

fits::BinaryTable pointing_table(const dl3::Observation& o, const Dl3Header& header) {
  fits::BinaryTable table{"POINTING", common_cards(o, header, "POINTING"), {}};
  add_time_reference(table.cards);
  add_place(table.cards, o.site);
  const dl3::Pointing& mean = o.response_pointing;
  table.cards.push_back({"MEAN_ZEN", angle_text(mean.zenith_deg), ""});
  table.cards.push_back({"MEAN_AZ", angle_text(mean.azimuth_deg), ""});
  table.cards.push_back({"B_DELTA", angle_text(mean.field_angle_deg), ""});
  table.columns = {{"TIME", "s", "", Numbers{seconds_since_epoch(o.start_unix_s)}},
                   {"RA_PNT", "deg", "", Numbers{o.pointing.icrs.ra_deg}},
                   {"DEC_PNT", "deg", "", Numbers{o.pointing.icrs.dec_deg}},
                   {"ALT_PNT", "deg", "", Numbers{o.pointing_at_start.altitude / degree}},
                   {"AZ_PNT", "deg", "", Numbers{o.pointing_at_start.azimuth / degree}}};
  return table;
}

}  // namespace

std::vector<fits::BinaryTable> observation_tables(const dl3::Observation& observation,
                                                  const Dl3Header& header) {
  return {events_table(observation, header), good_times_table(observation, header),
          pointing_table(observation, header)};
}

double seconds_since_epoch(double time_unix_s) {
  static const int at_epoch = leap_seconds_at(epoch_unix_s);
  return time_unix_s - epoch_unix_s + (leap_seconds_at(time_unix_s) - at_epoch);
}

DateAndTime date_and_time(double time_unix_s) {
  using namespace std::chrono;
  const sys_time<milliseconds> moment{milliseconds{std::llround(time_unix_s * 1000)}};
  const auto midnight = floor<days>(moment);
  const year_month_day date{midnight};
  const hh_mm_ss clock{moment - midnight};
  return {fmt::format("{:04}-{:02}-{:02}", int(date.year()), unsigned(date.month()),
                      unsigned(date.day())),
          fmt::format("{:02}:{:02}:{:02}.{:03}", clock.hours().count(), clock.minutes().count(),
                      clock.seconds().count(), clock.subseconds().count())};
}

std::string dl3_name(int telescope, int run, fits::Packing packing) {
  return stage::product_name("dl3_run", {.telescope = telescope, .run = run}) +
         (packing == fits::Packing::gzip ? ".gz" : "");
}

}  // namespace alisio::pipeline
