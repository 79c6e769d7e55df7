#include "lib/pipeline/run_counts.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/median.hpp"
#include "lib/event/event_type.hpp"
#include "lib/pipeline/assumed_position_table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl2_events.hpp"
#include "lib/pipeline/dl2_file.hpp"
#include "lib/sky/source_track.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t piece_rows = 1 << 17;
constexpr std::size_t pointings = 200;  ///< of which the mean is taken

/// Return the columns that counting reads. A source-dependent analysis has its results in a table
/// of their own, and counts them there.
std::vector<std::string> needed_columns(bool source_dependent) {
  std::vector<std::string> columns{"event_type", "dragon_time", "delta_t", "alt_tel", "az_tel"};
  if (!source_dependent) columns.insert(columns.end(), {"gammaness", "reco_src_x", "reco_src_y"});
  return columns;
}

void check_columns(const Dl2EventReader& reader, const std::vector<std::string>& columns,
                   const fs::path& file) {
  if (!reader.has_column("dragon_time"))
    throw Error(ErrorKind::bad_input, "holds simulated events: they have no times, so no source",
                file.string(), "give DL2 of the telescope's own data");
  for (const std::string& column : columns)
    if (!reader.has_column(column))
      throw Error(ErrorKind::bad_input, "its DL2 table has no column " + column, file.string(),
                  "give a DL2 file of dl1-to-dl2 or lstchain");
}

/// Whether rows count at all, whatever their gammaness.
class TypeFilter {
 public:
  explicit TypeFilter(bool interleaved) : interleaved_(interleaved) {}
  [[nodiscard]] bool operator()(double type) const {
    return interleaved_ ||
           (type != double(EventType::flatfield) && type != double(EventType::sky_pedestal));
  }

 private:
  bool interleaved_;
};

/// What is collected over the pieces of the files of a run.
struct Collected {
  RunEvents run;
  std::vector<double> shower_time, shower_delta;  ///< of triggers of showers, s
  std::vector<double> time;                       ///< of all events, s, as below
  std::vector<sky::AltAz> pointing;
};

void collect(const dl3::Events& piece, const SignificanceOptions& options, Collected& all) {
  const auto &type = piece.column("event_type"), &time = piece.column("dragon_time"),
             &delta = piece.column("delta_t");
  for (std::size_t i = 0; i < piece.n; ++i)
    if (!std::isfinite(time[i])) {
      ++all.run.timeless;
    } else if (type[i] == double(EventType::subarray)) {
      all.shower_time.push_back(time[i]);
      all.shower_delta.push_back(delta[i]);
    }
  if (piece.has("gammaness")) {
    const auto& gammaness = piece.column("gammaness");
    const TypeFilter is_taken(options.interleaved);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < piece.n; ++i)
      if (gammaness[i] > options.gammaness_cut && is_taken(type[i]) && std::isfinite(time[i]))
        rows.push_back(i);
    all.run.selected.append(piece.select(rows));
  }
  all.run.events += std::int64_t(piece.n);
  const std::size_t step = std::max<std::size_t>(1, piece.n / pointings);
  for (std::size_t i = 0; i < piece.n; i += step) {
    const sky::AltAz at{piece.column("alt_tel")[i], piece.column("az_tel")[i]};
    if (!std::isfinite(at.altitude) || !std::isfinite(at.azimuth) || !std::isfinite(time[i]))
      continue;
    all.time.push_back(time[i]);
    all.pointing.push_back(at);
  }
}

/// Put showers in the order of their times, which files of other makers need not have.
void sort_by_time(Collected& all) {
  if (std::ranges::is_sorted(all.shower_time)) return;
  std::vector<std::pair<double, double>> showers;
  for (std::size_t i = 0; i < all.shower_time.size(); ++i)
    showers.emplace_back(all.shower_time[i], all.shower_delta[i]);
  std::ranges::stable_sort(showers, {}, &std::pair<double, double>::first);
  for (std::size_t i = 0; i < showers.size(); ++i)
    std::tie(all.shower_time[i], all.shower_delta[i]) = showers[i];
}

}  // namespace

bool is_source_dependent(const fs::path& dl2) {
  return hdf5::File::open(dl2).exists(dl2_source_dependent_path);
}

RunEvents read_run(const std::vector<fs::path>& files, const SignificanceOptions& options,
                   const sky::Site& site) {
  Collected all;
  for (const fs::path& path : files) {
    const hdf5::File file = hdf5::File::open(path);
    if (!file.exists(dl2_parameters_path)) {
      // lstchain writes a DL2 file without its table if no event is left for it.
      if (path.filename().string().starts_with("dl2")) continue;
      throw Error(ErrorKind::bad_input, "holds no DL2 table", path.string(),
                  "give a DL2 file of dl1-to-dl2 or lstchain");
    }
    const Dl2EventReader reader(file);
    const std::vector<std::string> columns = needed_columns(file.exists(dl2_source_dependent_path));
    check_columns(reader, columns, path);
    for (std::uint64_t first = 0; first < reader.row_count(); first += piece_rows) {
      const auto n = std::size_t(std::min<std::uint64_t>(piece_rows, reader.row_count() - first));
      collect(reader.read(first, n, columns), options, all);
    }
  }
  if (all.run.timeless > 0)
    spdlog::warn("{}: {} of {} events have no time, they do not count", files.front().string(),
                 all.run.timeless, all.run.events);
  sort_by_time(all);
  all.run.time = dl3::effective_time(all.shower_time, all.shower_delta);
  if (!all.shower_time.empty()) all.run.span_s = all.shower_time.back() - all.shower_time.front();
  all.run.pointing = sky::mean_direction(
      sky::altaz_to_icrs(all.pointing, all.time, site, sky::built_in_earth_orientation()));
  return std::move(all.run);
}

dl3::OnOffCounts count_theta2(const dl3::Events& selected, sky::Equatorial source,
                              const SignificanceOptions& options, const sky::Site& site) {
  dl3::OnOffCounts counts(options.theta2);
  if (selected.n == 0) return counts;
  const auto &x = selected.column("reco_src_x"), &y = selected.column("reco_src_y"),
             &altitude = selected.column("alt_tel"), &azimuth = selected.column("az_tel");
  const std::vector<sky::AltAz> places =
      sky::icrs_to_altaz(source, selected.column("dragon_time"), site);
  const double scale = options.degree_per_metre * options.degree_per_metre;
  for (std::size_t i = 0; i < selected.n; ++i) {
    const auto theta2 = [&](sky::CameraPoint at) {
      const double dx = at.x - x[i], dy = at.y - y[i];
      return scale * (dx * dx + dy * dy);
    };
    const sky::CameraPoint on =
        sky::altaz_to_camera(places[i], options.focal_length, {altitude[i], azimuth[i]});
    counts.add_on(theta2(on));
    for (const sky::CameraPoint off : dl3::reflected_positions(on, options.n_off))
      counts.add_off(theta2(off));
  }
  return counts;
}

AlphaCounts count_alpha(const std::vector<fs::path>& files, const SignificanceOptions& options) {
  AlphaCounts out{.counts = dl3::OnOffCounts(options.alpha), .selected = 0, .off_positions = {}};
  std::vector<std::string> positions;
  const TypeFilter is_taken(options.interleaved);
  for (const fs::path& path : files) {
    const hdf5::File file = hdf5::File::open(path);
    if (!file.exists(dl2_parameters_path)) continue;
    const hdf5::TableReader shared(file, dl2_parameters_path);
    const hdf5::TableReader table(file, dl2_source_dependent_path);
    std::vector<std::string> here = assumed_positions_of(table);
    if (!here.empty()) here.erase(here.begin());  // on
    if (positions.empty()) positions = here;
    if (here.empty() || here != positions || table.row_count() != shared.row_count())
      throw Error(ErrorKind::bad_input,
                  here.empty() ? "its source-dependent table has no position off the source"
                               : "its source-dependent table does not fit the others",
                  path.string(), "make the DL2 of the runs again, with one configuration");
    const dl3::Events events = Dl2EventReader(file).read_all({"event_type", "dragon_time"});
    const auto &type = events.column("event_type"), &time = events.column("dragon_time");
    const hdf5::Rows rows = table.read_all();
    const auto count = [&](const std::string& position, auto add) {
      const auto alpha = rows.column<double>(column_of_position(position, "alpha"));
      const auto gammaness = rows.column<double>(column_of_position(position, "gammaness"));
      for (std::size_t i = 0; i < alpha.size(); ++i)
        if (gammaness[i] > options.gammaness_cut && is_taken(type[i]) && std::isfinite(time[i]))
          add(alpha[i]);
    };
    count("on", [&](double alpha) { out.counts.add_on(alpha), ++out.selected; });
    for (const std::string& position : positions)
      count(position, [&](double alpha) { out.counts.add_off(alpha); });
  }
  out.off_positions = std::move(positions);
  return out;
}

double distance_from_assumed_deg(const std::vector<fs::path>& files, sky::Equatorial source,
                                 double focal_length, const sky::Site& site) {
  std::vector<double> distances;
  for (const fs::path& path : files) {
    const hdf5::File file = hdf5::File::open(path);
    if (!file.exists(dl2_parameters_path) || !file.exists(dl2_source_dependent_path)) continue;
    const dl3::Events events = Dl2EventReader(file).read_all({"dragon_time", "alt_tel", "az_tel"});
    const hdf5::Rows rows = hdf5::TableReader(file, dl2_source_dependent_path).read_all();
    const auto x = rows.column<double>(column_of_position("on", "expected_src_x")),
               y = rows.column<double>(column_of_position("on", "expected_src_y"));
    const auto &altitude = events.column("alt_tel"), &azimuth = events.column("az_tel");
    const std::vector<sky::AltAz> places =
        sky::icrs_to_altaz(source, events.column("dragon_time"), site);
    const double focal = effective_focal_length(file, focal_length);
    for (std::size_t i = 0; i < std::min(events.n, x.size()); ++i) {
      const sky::CameraPoint at = sky::altaz_to_camera(places[i], focal, {altitude[i], azimuth[i]});
      const double distance = std::hypot(at.x - x[i], at.y - y[i]) / focal;
      if (std::isfinite(distance)) distances.push_back(distance * 180 / std::numbers::pi);
    }
  }
  return upper_median(std::move(distances));
}

}  // namespace alisio::pipeline
