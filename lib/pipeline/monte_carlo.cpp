#include "lib/pipeline/monte_carlo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl2_events.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr double deg = std::numbers::pi / 180;
constexpr const char* run_config_path = "/simulation/run_config";
constexpr const char* particle_column = "mc_type";
constexpr std::size_t piece_rows = 1 << 16;

/// What may differ between the runs of a simulation.
const std::set<std::string>& columns_of_a_run() {
  static const std::set<std::string> names{"obs_id", "run_number", "n_showers", "shower_prog_start",
                                           "detector_prog_start"};
  return names;
}

[[noreturn]] void refuse_difference(const std::string& column, double first, double other,
                                    const std::string& where) {
  throw Error(
      ErrorKind::bad_input,
      fmt::format("the runs are of different simulations: {} is {} and {}", column, first, other),
      where, "merge only runs of one production and one pointing");
}

/// A column of run_config in the unit that the program works in.
class RunConfig {
 public:
  explicit RunConfig(const hdf5::File& file)
      : table_(file, run_config_path), rows_(table_.read_all()), where_(file.path().string()) {
    if (rows_.size() == 0)
      throw Error(ErrorKind::bad_input, std::string("'") + run_config_path + "' is empty", where_,
                  "merge or simulate again");
    for (const hdf5::ColumnInfo& column : table_.columns()) check(column);
  }

  [[nodiscard]] double number(const std::string& name) const {
    return rows_.column<double>(name).front();
  }
  [[nodiscard]] double sum(const std::string& name) const {
    double total = 0;
    for (const double value : rows_.column<double>(name)) total += value;
    return total;
  }
  /// @param unit "rad" or "deg": that of the result, and of columns that tell none
  [[nodiscard]] double angle(const std::string& name, const std::string& unit) const {
    const std::string stored = hdf5::find_column(table_.columns(), name, where_).unit;
    const double value = number(name);
    if (stored.empty() || stored == unit) return value;
    return unit == "rad" ? value * deg : value / deg;
  }

 private:
  /// All rows must agree.
  void check(const hdf5::ColumnInfo& column) const {
    if (columns_of_a_run().contains(column.name) || column.type == hdf5::ScalarType::text) return;
    const std::vector<double> values = rows_.arrays<double>(column.name);
    for (std::size_t i = column.items; i < values.size(); ++i) {
      const double first = values[i % column.items], other = values[i];
      if (first == other || (std::isnan(first) && std::isnan(other))) continue;
      refuse_difference(column.name, first, other, where_ + ":" + run_config_path);
    }
  }

  hdf5::TableReader table_;
  hdf5::Rows rows_;
  std::string where_;
};

/// Give every row of a piece what it has in the table of the source position, too.
class SourceTable {
 public:
  explicit SourceTable(const hdf5::File& file) : table_(file, path) {}

  [[nodiscard]] bool has_column(const std::string& name) const {
    return table_.has_column(stored(name));
  }
  [[nodiscard]] std::uint64_t row_count() const { return table_.row_count(); }
  void read(std::uint64_t first, std::size_t n, const std::vector<std::string>& columns,
            dl3::Events& events) const {
    const hdf5::Rows rows = table_.read(first, n);
    for (const std::string& name : columns) rows.column_into(stored(name), events.columns[name]);
  }

  static constexpr const char* path = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam";

 private:
  static std::string stored(const std::string& name) { return "('on', '" + name + "')"; }
  hdf5::TableReader table_;
};

/// Where the columns of a file are.
struct Plan {
  std::vector<std::string> shared, of_source;
};

Plan plan_columns(const Dl2EventReader& reader, const std::optional<SourceTable>& source,
                  const MonteCarloSelection& selection, const std::string& where) {
  Plan plan;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name, bool required) {
    if (!seen.insert(name).second) return;
    if (source && source->has_column(name))
      plan.of_source.push_back(name);
    else if (reader.has_column(name))
      plan.shared.push_back(name);
    else if (required)
      throw Error(ErrorKind::bad_input, fmt::format("the DL2 table has no column '{}'", name),
                  where, "give DL2 of simulated events, of lstchain");
  };
  for (const std::string& name : selection.columns) add(name, true);
  for (const dl3::EventRange& range : selection.ranges.ranges) add(range.column, true);
  for (const std::string& name : selection.ranges.finite) add(name, false);
  for (const std::string& name : selection.optional) add(name, false);
  add(particle_column, false);
  return plan;
}

/// A response holds for one pointing.
void check_pointing(const dl3::Events& events, const IrfNode& node, const std::string& where) {
  constexpr double tolerance_deg = 0.05;
  const std::vector<double>& altitude = events.column("mc_alt_tel");
  const std::vector<double>& azimuth = events.column("mc_az_tel");
  const double sin_zenith = std::max(0.1, std::sin(node.zenith_deg * deg));
  for (std::size_t row = 0; row < events.n; ++row) {
    const double zenith = 90 - altitude[row] / deg;
    const double turn = std::remainder(azimuth[row] / deg - node.azimuth_deg, 360.0) * sin_zenith;
    if (std::isnan(zenith + turn)) continue;
    if (std::abs(zenith - node.zenith_deg) < tolerance_deg && std::abs(turn) < tolerance_deg)
      continue;
    throw Error(ErrorKind::bad_input,
                fmt::format("holds events of several pointings: zenith {:.3f}, azimuth {:.3f} deg "
                            "and zenith {:.3f}, azimuth {:.3f} deg",
                            node.zenith_deg, node.azimuth_deg, zenith, azimuth[row] / deg),
                where, "give one file a pointing: a response holds for one");
  }
}

std::string particle_name(double number) {
  if (number == double(Particle::gamma)) return "gammas";
  if (number == double(Particle::electron)) return "electrons";
  if (number == double(Particle::proton)) return "protons";
  return "other events";
}

/// Files without the column are taken at the word of the option.
void check_particle(const dl3::Events& events, Particle wanted, const std::string& where) {
  if (!events.has(particle_column)) return;
  const auto expected = double(wanted);
  for (const double number : events.column(particle_column)) {
    if (number == expected) continue;
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} ({} {}) where {} ({}) belong", particle_name(number),
                            particle_column, number, particle_name(expected), expected),
                where, "give each particle's files to its own option");
  }
}

bool is_allowed(double telescope, const std::vector<int>& allowed) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](int number) { return telescope == number; });
}

hdf5::File open_monte_carlo(const fs::path& path) {
  hdf5::File file = hdf5::File::open(path);
  if (!file.exists(run_config_path))
    throw Error(ErrorKind::bad_input,
                fmt::format("tells nothing of a simulation (no '{}')", run_config_path),
                path.string(), "give DL2 of simulated events, not of an observation");
  if (!file.exists(dl2_parameters_path))
    throw Error(ErrorKind::bad_input, fmt::format("is no DL2 file (no '{}')", dl2_parameters_path),
                path.string(), "give what lstchain_dl1_to_dl2 made of simulated events");
  return file;
}

/// Both rad.
struct Pointing {
  double altitude = 0, azimuth = 0;

  [[nodiscard]] bool is_finite() const { return std::isfinite(altitude + azimuth); }
};

/// Return the pointing of the first event that tells one, or none.
std::optional<Pointing> first_pointing(const Dl2EventReader& reader) {
  // The very first event nearly always does: the table is not read twice for it.
  for (std::uint64_t first = 0, wanted = 1; first < reader.row_count();
       first += wanted, wanted = piece_rows) {
    const auto n = std::size_t(std::min(wanted, reader.row_count() - first));
    const dl3::Events events = reader.read(first, n, {"mc_alt_tel", "mc_az_tel"});
    for (std::size_t row = 0; row < events.n; ++row) {
      const Pointing pointing{events.column("mc_alt_tel")[row], events.column("mc_az_tel")[row]};
      if (pointing.is_finite()) return pointing;
    }
  }
  return std::nullopt;
}

Pointing pointing_of_runs(const hdf5::File& file) {
  const RunConfig runs(file);
  const Pointing pointing{runs.angle("min_alt", "rad"), runs.angle("min_az", "rad")};
  if (!pointing.is_finite())
    throw Error(ErrorKind::bad_input,
                fmt::format("no event tells a pointing (mc_alt_tel, mc_az_tel), nor does '{}' "
                            "(min_alt, min_az)",
                            run_config_path),
                file.path().string(), "simulate or merge again");
  return pointing;
}

/// Round to a multiple of 1 / digits.
double rounded(double value, double digits) {
  return std::rint(value * digits) / digits;
}

/// Round likewise, to [0, 360).
double rounded_turn(double azimuth_deg, double digits) {
  const double turn = rounded(azimuth_deg - 360 * std::floor(azimuth_deg / 360), digits);
  return turn >= 360 ? 0 : turn;
}

}  // namespace

std::string node_name(const IrfNode& node) {
  return fmt::format("node_theta_{:.3f}_az_{:.3f}", node.zenith_deg,
                     rounded_turn(node.azimuth_deg, 1e3));
}

IrfNode node_of(const fs::path& dl2) {
  const hdf5::File file = open_monte_carlo(dl2);
  const std::optional<Pointing> of_event = first_pointing(Dl2EventReader(file));
  const Pointing pointing = of_event ? *of_event : pointing_of_runs(file);
  constexpr double digits = 1e5;
  return {.zenith_deg = rounded(90 - pointing.altitude / deg, digits),
          .azimuth_deg = rounded_turn(pointing.azimuth / deg, digits)};
}

dl3::Simulation read_simulation(const hdf5::File& file) {
  const RunConfig runs(file);
  dl3::Simulation simulation;
  simulation.n_showers = runs.sum("n_showers") * runs.number("shower_reuse");
  simulation.energy_min = runs.number("energy_range_min");
  simulation.energy_max = runs.number("energy_range_max");
  simulation.spectral_index = runs.number("spectral_index");
  simulation.max_impact = runs.number("max_scatter_range");
  simulation.viewcone_min = runs.angle("min_viewcone_radius", "deg");
  simulation.viewcone_max = runs.angle("max_viewcone_radius", "deg");
  simulation.altitude = runs.angle("min_alt", "rad");
  simulation.azimuth = runs.angle("min_az", "rad");
  simulation.field_total = runs.number("prod_site_B_total");
  simulation.field_declination = runs.angle("prod_site_B_declination", "rad");
  simulation.field_inclination = runs.angle("prod_site_B_inclination", "rad");
  if (!(simulation.n_showers > 0 && simulation.energy_min > 0 &&
        simulation.energy_max > simulation.energy_min && simulation.max_impact > 0))
    throw Error(ErrorKind::bad_input,
                fmt::format("tells of {} showers of {} to {} TeV within {} m", simulation.n_showers,
                            simulation.energy_min, simulation.energy_max, simulation.max_impact),
                file.path().string() + ":" + run_config_path, "simulate or merge again");
  return simulation;
}

dl3::Simulation read_simulation(const std::vector<fs::path>& files) {
  dl3::Simulation all = read_simulation(open_monte_carlo(files.front()));
  for (std::size_t i = 1; i < files.size(); ++i) {
    const dl3::Simulation more = read_simulation(open_monte_carlo(files[i]));
    const auto same = [&](const char* name, double dl3::Simulation::*member) {
      if (all.*member != more.*member)
        refuse_difference(name, all.*member, more.*member, files[i].string());
    };
    same("energy_range_min", &dl3::Simulation::energy_min);
    same("energy_range_max", &dl3::Simulation::energy_max);
    same("spectral_index", &dl3::Simulation::spectral_index);
    same("max_scatter_range", &dl3::Simulation::max_impact);
    same("min_viewcone_radius", &dl3::Simulation::viewcone_min);
    same("max_viewcone_radius", &dl3::Simulation::viewcone_max);
    all.n_showers += more.n_showers;
  }
  return all;
}

std::int64_t read_monte_carlo(
    const std::vector<fs::path>& files, const MonteCarloSelection& selection,
    const std::function<void(const dl3::Events&, const std::vector<std::size_t>&)>& take) {
  std::int64_t events_read = 0;
  for (const fs::path& path : files) {
    const hdf5::File file = open_monte_carlo(path);
    const Dl2EventReader reader(file);
    std::optional<SourceTable> source;
    if (selection.source_dependent) source.emplace(file);
    if (source && source->row_count() != reader.row_count())
      throw Error(ErrorKind::bad_input, "its two tables of events differ in length", path.string(),
                  "make the file again");
    const Plan plan = plan_columns(reader, source, selection, path.string());
    for (std::uint64_t first = 0; first < reader.row_count(); first += piece_rows) {
      throw_if_interrupted();
      const auto n = std::size_t(std::min<std::uint64_t>(piece_rows, reader.row_count() - first));
      dl3::Events events = reader.read(first, n, plan.shared);
      if (source) source->read(first, n, plan.of_source, events);
      check_particle(events, selection.particle, path.string());
      check_pointing(events, selection.node, path.string());
      std::vector<std::size_t> rows = rows_inside(events, selection.ranges);
      const std::vector<double>& telescope = events.column("tel_id");
      std::erase_if(
          rows, [&](std::size_t row) { return !is_allowed(telescope[row], selection.telescopes); });
      take(events, rows);
      events_read += std::int64_t(n);
    }
  }
  return events_read;
}

}  // namespace alisio::pipeline
