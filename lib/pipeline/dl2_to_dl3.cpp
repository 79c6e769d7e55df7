#include "lib/pipeline/dl2_to_dl3.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/base/now.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/base/version.hpp"
#include "lib/io/text/earth_orientation.hpp"
#include "lib/io/text/source_catalogue.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/dl2_origin.hpp"
#include "lib/pipeline/dl2_run.hpp"
#include "lib/pipeline/dl3_file.hpp"
#include "lib/pipeline/dl3_options.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/parts.hpp"
#include "lib/pipeline/response_file.hpp"
#include "lib/sky/separation.hpp"
#include "reco/dl3/assumed_positions.hpp"
#include "reco/dl3/geomagnetic.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// Telescope, run and subrun of a DL2 file; the subrun is all_subruns for one of a whole run.
SubrunId id_of(const fs::path& dl2) {
  const std::optional<RunFileName> name = parse_run_file_name(dl2);
  if (!name || !name->is_product() || !name->has_usual_digits || name->ending != ".h5")
    throw Error(ErrorKind::bad_input, "the name tells no run", dl2.string(),
                "expected dl2_LST-1.RunRRRRR[.SSSS].h5");
  return {*name->telescope, name->run, name->subrun.value_or(all_subruns)};
}

double rounded(double degrees) {
  constexpr double places = 1e5;  // as lstchain, whose interpolation starts from rounded angles
  return std::nearbyint(degrees * places) / places;
}

/// What the response is to be for.
dl3::Pointing response_pointing(const Dl2Run& data) {
  const dl3::MagneticField field = dl3::la_palma_field(data.time_unix_s.front());
  const double angle = dl3::angle_to_field(field, data.zenith_deg, data.azimuth_deg);
  return {rounded(data.zenith_deg), rounded(data.azimuth_deg), rounded(angle)};
}

struct ChosenResponse {
  std::vector<fits::BinaryTable> tables;
  std::vector<fs::path> files;
  std::string how;
};

constexpr const char* unknown_source = "unknown";

ChosenResponse choose_response(stage::StageRun& run, const Dl2ToDl3Request& request,
                               const dl3::Pointing& target, bool source_dependent) {
  const std::vector<ResponseNode> nodes =
      read_response_nodes(response_files(request.responses), source_dependent);
  std::vector<dl3::Pointing> pointings;
  Hasher grid;
  for (const ResponseNode& node : nodes) {
    const dl3::Pointing& p = node.pointing;
    pointings.push_back(p);
    grid.update(fmt::format("{} {} {}\n", p.zenith_deg, p.azimuth_deg, p.field_angle_deg));
  }
  // Which nodes are taken depends on all that are there.
  run.depend_on("irf_grid", grid.finish());
  const dl3::NodeChoice choice = dl3::choose_nodes(pointings, target, request.grid_use);
  ChosenResponse chosen;
  chosen.how = fmt::format("nearest of {}", nodes.size());
  if (nodes.size() == 1) chosen.how = "the only one";
  if (choice.nodes.size() == 3)
    chosen.how = fmt::format("interpolated between 3 of {}", nodes.size());
  if (choice.outside && nodes.size() > 1)
    spdlog::warn(
        "the pointing, {:.2f} deg from the zenith and {:.2f} deg from the magnetic field, lies "
        "outside the {} instrument responses: the nearest is taken, {}",
        target.zenith_deg, target.field_angle_deg, nodes.size(),
        nodes[choice.nodes.front()].file.string());
  for (std::size_t i = 0; i < choice.nodes.size(); ++i) {
    chosen.files.push_back(nodes[choice.nodes[i]].file);
    run.use("irf", chosen.files.back(), {{"weight", fmt::format("{:.6f}", choice.weights[i])}});
  }
  chosen.tables = read_response(nodes, choice, target);
  return chosen;
}

/// The source of the catalogue nearest to the pointing; none within `within_deg`: the pointing.
dl3::Target nearest_target(const fs::path& file, const sky::Equatorial& pointing,
                           double within_deg) {
  const auto nearest = text::nearest_source(text::read_source_catalogue(file), pointing);
  if (nearest && nearest->distance_deg <= within_deg) {
    const text::Source& source = nearest->source;
    spdlog::info("no source was named: {}, {:.2f} deg from the pointing, is taken", source.name,
                 nearest->distance_deg);
    return {source.name, {source.ra_deg, source.dec_deg}};
  }
  const std::string other = nearest ? fmt::format("the nearest, {}, is {:.2f} deg away",
                                                  nearest->source.name, nearest->distance_deg)
                                    : "it is empty";
  spdlog::warn(
      "{} has no source within {:g} deg of the pointing, ra {:.3f}, dec {:.3f} ({}): the DL3 says "
      "OBJECT '{}', at the pointing; add the source to the table, or name it",
      file.string(), within_deg, pointing.ra_deg, pointing.dec_deg, other, unknown_source);
  return {unknown_source, pointing};
}

dl3::Target target_of(const Dl2ToDl3Request& request, const sky::Equatorial& pointing,
                      double within_deg) {
  if (request.source_position) return {request.source_name, *request.source_position};
  if (request.source_catalogue.empty())
    throw Error(ErrorKind::usage, "the source is not known", "alisio dl2-to-dl3",
                "give --source-ra and --source-dec, or a --source-catalogue");
  if (request.source_name.empty())
    return nearest_target(request.source_catalogue, pointing, within_deg);
  const text::Source source =
      text::source_of_name(text::read_source_catalogue(request.source_catalogue),
                           request.source_name, request.source_catalogue);
  return {source.name, {source.ra_deg, source.dec_deg}};
}

struct Orientation {
  sky::EarthOrientationTable table;
  std::string origin;
};

Orientation orientation_for(const fs::path& file, double time_unix_s) {
  constexpr double unix_epoch_mjd = 40587, day = 86400;
  Orientation out;
  if (file.empty()) {
    out = {sky::built_in_earth_orientation(), "built in, IERS finals2000A every 30 days"};
    spdlog::info(
        "no IERS table was given (--iers): the program's own is used, right to 0.15 arcsec until "
        "September 2026, to 1 arcsec until the end of 2026");
  } else {
    out = {text::read_earth_orientation(file), file.filename().string()};
  }
  const double mjd = unix_epoch_mjd + time_unix_s / day;
  if (mjd < out.table.mjd.front() || mjd > out.table.mjd.back()) {
    spdlog::warn(
        "the table of the Earth's orientation ({}) does not hold MJD {:.0f}: its nearest "
        "values are used, and coordinates may be wrong by arcseconds",
        out.origin, mjd);
    out.origin += ", beyond its days";
  }
  return out;
}

/// Apply the cuts of the response.
dl3::Events cut(const Dl2Run& data, const ChosenResponse& response) {
  const fs::path& where = response.files.front();
  dl3::Events events = data.selected.select(rows_above(gammaness_cut_of(response.tables, where),
                                                       data.selected.column("gammaness"),
                                                       data.selected.column("reco_energy")));
  if (data.positions.empty()) return events;
  return events.select(rows_below(alpha_cut_of(response.tables, where), events.column("alpha"),
                                  events.column("reco_energy")));
}

/// Return the rows of source-dependent events that are to be written.
std::vector<std::size_t> rows_to_write(const dl3::Events& passed, std::size_t positions,
                                       bool keep_copies) {
  if (keep_copies) {
    std::vector<std::size_t> all(passed.n);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  if (positions > 2)
    spdlog::warn(
        "an event that passes for several of the {} assumed positions counts for one of them only: "
        "the counts off depend on their number (--keep-duplicated-events keeps them all)",
        positions);
  std::vector<std::size_t> rows = rows_without_copies(passed);
  spdlog::info("{} of {} events pass for more than one assumed position", passed.n - rows.size(),
               rows.size());
  return rows;
}

/// Return the first row of source-dependent DL2 as seen from the source; nothing for other DL2.
std::optional<std::size_t> first_row_on(const Dl2Run& data) {
  const auto on = std::ranges::find(data.positions, "on");
  if (on == data.positions.end()) return std::nullopt;
  const auto& position = data.selected.column("position");
  const auto row = std::ranges::find(position, double(on - data.positions.begin()));
  if (row == position.end()) return std::nullopt;
  return std::size_t(row - position.begin());
}

/// Make sure that source-dependent DL2 was made for the target. What is unknown is at the place
/// that was assumed. @throws Error(bad_input) if it was made for another place.
dl3::Target at_assumed_place(dl3::Target target, sky::Equatorial assumed, const fs::path& dl2) {
  constexpr double tolerance_deg = 0.05;
  if (target.name == unknown_source) return {target.name, assumed};
  const double distance = sky::separation_deg(assumed, target.position);
  if (distance > tolerance_deg)
    throw Error(ErrorKind::bad_input,
                fmt::format("assumes a source {:.2f} deg away from {}, at ra {:.4f}, dec {:.4f}",
                            distance, target.name, assumed.ra_deg, assumed.dec_deg),
                dl2.string(),
                "name the source that the DL2 was made for, or make the DL2 again for this one");
  return target;
}

/// Tell what DL3 is made from; of responses only if nothing is computed, else those that are taken.
void announce_inputs(stage::StageRun& run, const Dl2ToDl3Request& request, const SubrunId& id) {
  for (const fs::path& input : request.inputs)
    run.use(id.subrun == all_subruns ? "dl2_run" : "dl2_subrun", input);
  if (!request.earth_orientation.empty()) run.use("earth_orientation", request.earth_orientation);
  const bool asks_catalogue = !request.source_position && !request.source_catalogue.empty();
  if (asks_catalogue) run.use("source_catalogue", request.source_catalogue);
  if (!run.activity().dry_run) return;
  // A dry run may come before the responses: what is absent is named as it was given.
  for (const fs::path& path : request.responses)
    for (const fs::path& file :
         fs::is_directory(path) ? response_files({path}) : std::vector<fs::path>{path})
      run.use("irf", file);
}

dl3::Observation observation_without_events(const Dl2Run& data, const SubrunId& id,
                                            const instrument::Telescope& telescope) {
  dl3::Observation o;
  o.obs_id = id.run;
  o.telescope = id.telescope;
  o.site = {telescope.longitude_deg, telescope.latitude_deg, telescope.height};
  o.start_unix_s = data.time_unix_s.front();
  o.stop_unix_s = data.time_unix_s.back();
  o.good_times = dl3::good_time_intervals(data.time_unix_s);
  o.time = dl3::effective_time(data.time_unix_s, data.delta_s);
  o.pointing_at_start = data.pointing_at_start;
  o.response_pointing = response_pointing(data);
  return o;
}

void warn_of_gaps(const Dl2Run& data, const dl3::Observation& o, std::size_t passed) {
  const std::string run = fmt::format("run {}", run_text(int(o.obs_id)));
  if (data.without_time > 0)
    spdlog::warn("{}: {} events have no time and are left out", run, data.without_time);
  if (data.without_pointing > 0)
    spdlog::warn("{}: {} events have no pointing and are left out", run, data.without_pointing);
  if (o.events.size() < passed)
    spdlog::warn("{}: {} selected events without direction or energy are left out", run,
                 passed - o.events.size());
  if (o.events.size() == 0)
    spdlog::warn("{}: no event passes the selection; its time is written without events", run);
  if (o.time.dead_s == 0)
    spdlog::warn("{}: too few events to measure the dead time; none is taken off", run);
}

std::string now_text() {
  const DateAndTime parts = date_and_time(now_unix_utc_s());
  return parts.date + ' ' + parts.time;
}

/// @throws Error(usage) if the run's DL3 is in the folder packed the other way: an index takes one
/// file of a run.
void refuse_packed_twin(const fs::path& target, const Dl2ToDl3Request& request,
                        const SubrunId& id) {
  const fits::Packing other =
      request.packing == fits::Packing::none ? fits::Packing::gzip : fits::Packing::none;
  const fs::path twin = request.output_dir / dl3_name(id.telescope, id.run, other);
  if (is_there(twin))
    throw Error(ErrorKind::usage, "is the DL3 of the same run, which would be there twice",
                twin.string(),
                fmt::format("move it away, or choose another --output-dir for {}",
                            target.filename().string()));
}

std::vector<fits::Card> facts_of(const stage::StageRun& run, const ChosenResponse& response,
                                 const Orientation& orientation, const dl3::Observation& o,
                                 const Dl2Origin& origin, const std::vector<std::string>& assumed) {
  std::vector<fits::Card> facts{
      {"DEADTIME", o.time.dead_s, "after each event (s); 0: not measured"},
      {"IERS", orientation.origin, "Earth's orientation"},
      {"IRFUSE", response.how, "instrument response"}};
  if (!assumed.empty())
    facts.push_back({"SRCPOS", fmt::format("{}", fmt::join(assumed, ",")), "assumed for events"});
  for (std::size_t i = 0; i < response.files.size(); ++i)
    facts.push_back({fmt::format("IRFFILE{}", i + 1), response.files[i].filename().string(), ""});
  facts.push_back({"ANA_VER", build_info().version, "version of alisio"});
  facts.push_back({"DST_VER", run.activity().prod_id, "production"});
  const std::pair<const char*, std::string> told[] = {{"CAL_VER", origin.software},
                                                      {"CALFILE", origin.calibration_file},
                                                      {"CALHASH", origin.calibration_sha256},
                                                      {"PEDFILE", origin.pedestal_file},
                                                      {"GATES", origin.gates}};
  for (const auto& [key, value] : told)
    if (!value.empty()) facts.push_back({key, value, ""});
  return facts;
}

std::vector<fits::Card> primary_cards(const ProductMetadata& metadata) {
  std::vector<fits::Card> cards;
  for (const auto& [key, value] : metadata.attributes) cards.push_back({key, value, ""});
  return cards;
}

}  // namespace

SubrunId run_of(const Dl2ToDl3Request& request) {
  const SubrunId first = id_of(request.inputs.front());
  std::set<int> subruns;
  for (const fs::path& input : request.inputs) {
    const SubrunId id = id_of(input);
    if (id.telescope != first.telescope || id.run != first.run)
      throw Error(ErrorKind::usage,
                  fmt::format("is of run {}, {} is of run {}", run_text(id.run),
                              request.inputs.front().string(), run_text(first.run)),
                  input.string(), "one call makes the DL3 of one run");
    if (!subruns.insert(id.subrun).second ||
        (id.subrun == all_subruns) != (first.subrun == all_subruns))
      throw Error(ErrorKind::usage, "holds events of another input", input.string(),
                  "give the file of the run or those of its subruns, each once");
  }
  return {first.telescope, first.run, first.subrun};
}

ActivityNote dl2_to_dl3_activity(const Dl2ToDl3Request& request, const JobContext& context,
                                 const config::Configuration& configuration) {
  SubrunId id = run_of(request);
  id.subrun = -1;
  ActivityNote note = activity_note("dl3", id, context, configuration);
  note.parameters.erase("ObservationSubRun");
  note.parameters["Source"] = request.source_name;
  nlohmann::json effective = nlohmann::json::parse(note.configuration_json);
  nlohmann::json& told = effective["dl3"];
  told["source_name"] = request.source_name;
  if (request.source_position)
    told["source_position"] = {request.source_position->ra_deg, request.source_position->dec_deg};
  told["nearest_irf"] = request.grid_use == dl3::GridUse::nearest;
  if (request.keep_duplicated_events) told["keep_duplicated_events"] = true;
  note.configuration_json = effective.dump();
  return note;
}

std::int64_t dl2_to_dl3(stage::StageRun& run, const Dl2ToDl3Request& request,
                        const config::Configuration& configuration,
                        const instrument::Telescope& telescope) {
  const SubrunId id = run_of(request);
  const fs::path target = request.output_dir / dl3_name(id.telescope, id.run, request.packing);
  refuse_packed_twin(target, request, id);
  announce_inputs(run, request, id);
  if (run.activity().dry_run) {
    run.plan_product("dl3_run", target);
    return 0;
  }
  const Dl2Run data = read_dl2_run(request.inputs, event_ranges(configuration));
  dl3::Observation o = observation_without_events(data, id, telescope);
  const ChosenResponse response =
      choose_response(run, request, o.response_pointing, !data.positions.empty());
  const Orientation orientation = orientation_for(request.earth_orientation, o.start_unix_s);
  const double focal_length =
      data.focal_length > 0 ? data.focal_length : telescope.optics.effective_focal_length;
  dl3::Events passed = cut(data, response);
  if (data.positions.empty()) {
    o.events = dl3::event_list(passed, o.site, orientation.table);
  } else {
    const std::vector<std::size_t> rows =
        rows_to_write(passed, data.positions.size(), request.keep_duplicated_events);
    o.events =
        dl3::event_list_at_assumed_positions(passed, rows, focal_length, o.site, orientation.table);
    passed = passed.select(rows);
  }
  o.pointing =
      dl3::mean_pointing(passed.n > 0 ? passed : data.pointings, o.site, orientation.table);
  o.target =
      target_of(request, o.pointing.icrs, configuration.number("significance.max_separation"));
  if (const auto row = first_row_on(data))
    o.target = at_assumed_place(
        o.target, dl3::assumed_place(data.selected, *row, focal_length, o.site, orientation.table),
        request.inputs.front());
  warn_of_gaps(data, o, passed.n);
  if (!run.activity().overwrite)
    refuse_loss(target, recorded_parts(target), parts_in_names(request.inputs));

  inherit_cut(run, request.inputs);
  const fs::path part = run.create("dl3_run", target).path();
  const Dl3Header header{"alisio " + build_info().version, now_text(),
                         facts_of(run, response, orientation, o,
                                  origin_of_dl2(request.inputs.front(), id), data.positions)};
  std::vector<fits::BinaryTable> tables = observation_tables(o, header);
  tables.insert(tables.end(), response.tables.begin(), response.tables.end());
  fits::write_tables(part, primary_cards(run.metadata("dl3_run")), tables, request.packing);
  run.publish("dl3_run");
  return std::int64_t(o.events.size());
}

}  // namespace alisio::pipeline
