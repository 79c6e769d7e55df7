// Writes what the cases of DL3 read: small DL2 tables and instrument responses.
// Usage: dl3_inputs dl2 FILE [KEY=VALUE...]   or   dl3_inputs irf FILE [KEY=VALUE...]
// dl2: events (1000), rate (8000 Hz), gammaness (0.9), altitude (60 deg), nan (0: every so many
// rows
//      without values), gap (0 s, in the middle), first_id (1), order (sorted, reversed), kind
//      (data, monte-carlo, timeless, pedestals, source-dependent)
// irf: zenith (30), azimuth (110), field_angle (46), area (1e5 m2), cut (0.7), alpha (none)
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/io/fits/table_writer.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "test/cases/column_table.hpp"

namespace alisio {
namespace {

constexpr double degree = 3.14159265358979323846 / 180;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Settings {
  std::map<std::string, std::string> values;

  [[nodiscard]] double number(const std::string& key, double otherwise) const {
    return values.contains(key) ? std::stod(values.at(key)) : otherwise;
  }
  [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const {
    return values.contains(key) ? values.at(key) : otherwise;
  }
};

Columns events_of(const Settings& settings) {
  const auto n = std::size_t(settings.number("events", 1000));
  const double step = 1 / settings.number("rate", 8000), gap = settings.number("gap", 0);
  const double altitude = settings.number("altitude", 60) * degree;
  const auto nan_every = std::size_t(settings.number("nan", 0));
  Columns columns;
  double time = 1671148800;  // 2022-12-16 UTC
  for (std::size_t i = 0; i < std::max<std::size_t>(n, 1); ++i) {
    const double delta = i == 0 ? 0 : step * (0.5 + double(i * 7 % 11) / 10);
    time += delta + (i == n / 2 ? gap : 0);
    const bool lost = nan_every > 0 && i % nan_every == nan_every - 1;
    const std::map<std::string, double> row{
        {"event_id", settings.number("first_id", 1) + double(i)},
        {"event_type", settings.text("kind", "data") == "pedestals" ? 2 : 32},
        {"dragon_time", lost && i % 2 == 0 ? nan : time},
        {"delta_t", delta},
        {"alt_tel", altitude},
        {"az_tel", 110 * degree},
        {"reco_alt", lost ? nan : altitude + 0.01},
        {"reco_az", 110 * degree},
        {"reco_energy", 0.1 + double(i % 50) / 10},
        {"gammaness", settings.number("gammaness", 0.9)},
        {"intensity", 500},
        {"length", 0.3},
        {"width", 0.1},
        {"r", 0.5},
        {"wl", 0.3},
        {"leakage_intensity_width_2", 0}};
    for (const auto& [name, value] : row) columns[name].push_back(value);
  }
  if (n == 0)
    for (auto& [name, values] : columns) values.clear();
  const std::string kind = settings.text("kind", "data");
  if (kind == "monte-carlo") columns["mc_energy"] = std::vector<double>(n, 1);
  if (kind == "timeless") columns.erase("dragon_time");
  if (settings.text("order", "sorted") == "reversed")
    for (auto& [name, values] : columns) std::ranges::reverse(values);
  return columns;
}

/// The same events as seen from the source, at `source_x` (0.2 m) in the camera, and from the place
/// opposite to it: of ten, six have a small alpha on, three off, one both.
Columns seen_from_positions(const Columns& events, const Settings& settings) {
  constexpr double near_deg = 3, far_deg = 60;
  const double x = settings.number("source_x", 0.2);
  Columns columns;
  const std::size_t n = events.at("event_id").size();
  for (const bool on : {true, false})
    for (const char* name : {"alpha", "expected_src_x", "expected_src_y", "gammaness",
                             "reco_energy", "reco_alt", "reco_az"}) {
      std::vector<double>& values =
          columns[fmt::format("('{}', '{}')", on ? "on" : "off_180", name)];
      const std::string quantity = name;
      for (std::size_t i = 0; i < n; ++i) {
        const bool is_near = i % 10 == 9 || (i % 10 < 6) == on;
        double value = 0;
        if (quantity == "alpha") value = is_near ? near_deg : far_deg;
        if (quantity == "expected_src_x") value = on ? x : -x;
        if (events.contains(quantity)) value = events.at(quantity)[i];
        values.push_back(value);
      }
    }
  return columns;
}

void write_dl2(const std::string& path, const Settings& settings) {
  Columns columns = events_of(settings);
  hdf5::File file = hdf5::File::create(path);
  if (settings.text("kind", "data") == "source-dependent") {
    write_table(file, pipeline::dl2_source_dependent_path, seen_from_positions(columns, settings));
    for (const char* name : {"gammaness", "reco_energy", "reco_alt", "reco_az"})
      columns.erase(name);
  }
  write_table(file, pipeline::dl2_parameters_path, columns);
  file.close();
}

void write_irf(const std::string& path, const Settings& settings) {
  std::vector<fits::Card> cards{{"HDUCLAS3", std::string("POINT-LIKE"), ""},
                                {"HDUCLAS4", std::string("AEFF_2D"), ""},
                                {"INSTRUME", std::string("LST-1"), ""},
                                {"ZEN_PNT", settings.number("zenith", 30), "deg"},
                                {"AZ_PNT", settings.number("azimuth", 110), "deg"},
                                {"B_DELTA", settings.number("field_angle", 46), "deg"},
                                {"GH_CUT", settings.number("cut", 0.7), ""},
                                {"RAD_MAX", 0.2, "deg"}};
  if (settings.values.contains("alpha"))
    cards.push_back({"AL_CUT", settings.number("alpha", 0), "deg"});
  using Numbers = std::vector<double>;
  const double area = settings.number("area", 1e5);
  const fits::BinaryTable table{"EFFECTIVE AREA",
                                cards,
                                {{"ENERG_LO", "TeV", "", Numbers{0.01, 1}, {2}},
                                 {"ENERG_HI", "TeV", "", Numbers{1, 100}, {2}},
                                 {"THETA_LO", "deg", "", Numbers{0.3}, {1}},
                                 {"THETA_HI", "deg", "", Numbers{0.5}, {1}},
                                 {"EFFAREA", "m2", "", Numbers{area, 2 * area}, {1, 2}}}};
  fits::write_tables(path, {}, {table});
}

int run(const std::vector<std::string>& words) {
  Settings settings;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    settings.values[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  if (words.size() >= 2 && words[0] == "dl2")
    write_dl2(words[1], settings);
  else if (words.size() >= 2 && words[0] == "irf")
    write_irf(words[1], settings);
  else
    return 2;
  return 0;
}

}  // namespace
}  // namespace alisio

int main(int argc, char** argv) {
  try {
    return alisio::run({argv + 1, argv + argc});
  } catch (const alisio::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
