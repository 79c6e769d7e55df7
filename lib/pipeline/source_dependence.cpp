#include "lib/pipeline/source_dependence.hpp"

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/sky/source_track.hpp"

namespace alisio::pipeline {
namespace {

/// Return the source's place in the camera at each event, m.
std::vector<sky::CameraPoint> places_of(const SourceDependence& dependence,
                                        const dl2::Dl1Columns& dl1, double focal_length,
                                        const instrument::Telescope& telescope) {
  std::vector<sky::CameraPoint> places(dl1.size());
  if (!dependence.wobble) return places;
  if (dl1.dragon_time.empty())
    throw Error(ErrorKind::bad_input, "its events have no times: the source cannot be placed", "",
                "say dl2.source_dependent=false");
  const std::vector<sky::AltAz> track =
      sky::icrs_to_altaz({dependence.source.ra_deg, dependence.source.dec_deg}, dl1.dragon_time,
                         {telescope.longitude_deg, telescope.latitude_deg, telescope.height});
  for (std::size_t i = 0; i < places.size(); ++i)
    places[i] = sky::altaz_to_camera(track[i], focal_length, {dl1.alt_tel[i], dl1.az_tel[i]});
  return places;
}

}  // namespace

std::optional<SourceDependence> source_dependence(const config::Configuration& c,
                                                  const std::filesystem::path& catalogue) {
  if (!c.boolean("dl2.source_dependent")) return std::nullopt;
  SourceDependence dependence;
  if (c.text("disp_method") != "disp_norm_sign")
    throw Error(ErrorKind::configuration, "a source-dependent analysis needs the sign of disp",
                "disp_method", "say disp_norm_sign");
  dependence.wobble = c.text("dl2.observation_mode") == "wobble";
  dependence.n_off = dependence.wobble ? int(c.integer("dl2.n_off_wobble")) : 0;
  if (!dependence.wobble) return dependence;
  const std::string name = c.text("dl2.source_name");
  const double ra = c.number("dl2.source_ra"), dec = c.number("dl2.source_dec");
  if (std::isfinite(ra) && std::isfinite(dec)) {
    dependence.source = {name, ra, dec, {}};
  } else if (!name.empty() && !catalogue.empty()) {
    dependence.source =
        text::source_of_name(text::read_source_catalogue(catalogue), name, catalogue);
  } else {
    throw Error(ErrorKind::configuration, "the source of a source-dependent analysis is not named",
                "dl2.source_name", "give its name, or dl2.source_ra and dl2.source_dec");
  }
  return dependence;
}

std::vector<dl2::Dl2Columns> reconstruct_for(const std::vector<dl2::AssumedPosition>& positions,
                                             const SourceDependence& dependence,
                                             const dl2::Dl1Columns& dl1,
                                             const dl2::ModelSet& models,
                                             const dl2::Options& options,
                                             const instrument::Telescope& telescope) {
  if (std::ranges::any_of(dl1.mc_type, [](std::int64_t type) { return type >= 0; }))
    throw Error(ErrorKind::bad_input, "source-dependent DL2 is made of the telescope's data alone",
                "", "make that of simulations with lstchain_dl1_to_dl2");
  dl2::Prepared prepared = dl2::prepare(dl1);
  const std::vector<sky::CameraPoint> places =
      places_of(dependence, prepared.dl1, options.effective_focal_length, telescope);
  std::vector<dl2::Dl2Columns> results;
  for (const dl2::AssumedPosition& position : positions) {
    prepared.dl1.source = dl2::source_columns(
        prepared.dl1, position.turn_deg == 0 ? places : dl2::turned(places, position.turn_deg));
    results.push_back(dl2::reconstruct(prepared, models, options));
    if (results.back().dl1.event_id != results.front().dl1.event_id)
      throw Error(ErrorKind::bug, "the assumed positions keep different events");
  }
  dl2::warn(results.front().counts, models, options);
  return results;
}

}  // namespace alisio::pipeline
