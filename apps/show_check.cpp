#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <set>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/report/long_term.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json();
}
ordered_json count(std::int64_t value) {
  return value < 0 ? ordered_json() : ordered_json(value);
}

std::string number_text(const ordered_json& value) {
  return value.is_null() ? "" : cell_text(value);
}

/// What one row of the printed table shows of a subrun, by heading.
struct Shown {
  const char* key;
  const char* heading;
  ordered_json (*of)(const check::SubrunSummary&);
};
using Summary = check::SubrunSummary;
using enum check::EventClass;
constexpr Shown shown[] = {
    {"run", "run", [](const Summary& s) { return count(s.run); }},
    {"subrun", "subrun", [](const Summary& s) { return count(s.subrun); }},
    {"events", "events", [](const Summary& s) { return count(s.num_events); }},
    {"cosmics_rate", "cosmics [Hz]", [](const Summary& s) { return number(s.rate(cosmics)); }},
    {"pedestals_rate", "pedestals [Hz]",
     [](const Summary& s) { return number(s.rate(pedestals)); }},
    {"flatfield_rate", "flat-fields [Hz]",
     [](const Summary& s) { return number(s.rate(flatfield)); }},
    {"pedestal_charge", "pedestal [p.e.]",
     [](const Summary& s) { return number(s.pedestal_charge); }},
    {"pedestal_spread", "spread [p.e.]",
     [](const Summary& s) { return number(s.pedestal_spread); }},
    {"flatfield_charge", "flat-field [p.e.]",
     [](const Summary& s) { return number(s.flatfield_charge); }},
    {"unusable_pixels", "unusable pixels",
     [](const Summary& s) { return number(s.unusable_pixels); }},
    {"ucts_jumps", "jumps", [](const Summary& s) { return count(s.num_ucts_jumps); }},
    {"muon_rings", "muon rings", [](const Summary& s) { return count(s.num_muon_rings); }},
};

}  // namespace

int show_check(const Request& request, const hdf5::File& file) {
  refuse_images(request, "holds no camera images", "give the DL1 file of the same subrun");
  const std::vector<Summary> summaries = pipeline::read_summaries(request.file);
  if (summaries.empty())
    throw Error(ErrorKind::bad_input, "holds no row of a data check", request.file.string(),
                "make the file again with alisio check-dl1");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "DL1 data check";
  add_name_facts(facts, request.file);
  std::set<std::int64_t> runs, subruns;
  std::array<std::int64_t, check::n_classes> events{};
  std::int64_t all = 0;
  double first = std::numeric_limits<double>::infinity(), last = -first;
  for (const Summary& s : summaries) {
    if (s.run >= 0) runs.insert(s.run);
    subruns.insert(s.subrun);
    all += s.num_events;
    for (std::size_t c = 0; c < events.size(); ++c) events[c] += s.num_class_events[c];
    if (std::isfinite(s.time_start)) first = std::min(first, s.time_start);
    if (std::isfinite(s.time_end)) last = std::max(last, s.time_end);
  }
  if (!runs.empty()) facts["runs"] = runs;
  facts["subruns"] = summaries.size();
  facts["events"] = all;
  std::string types;
  for (const check::EventClass c : check::event_classes) {
    facts["event_types"][std::string(check::class_name(c))] = events[std::size_t(c)];
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", events[std::size_t(c)],
                         check::class_name(c));
  }
  std::string span;
  if (first <= last) {
    facts["first_time_utc"] = utc_text(first);
    facts["last_time_utc"] = utc_text(last);
    span = fmt::format("{} to {} UTC", utc_text(first), utc_text(last));
  }
  std::string pointing = pointing_text(summaries.front().alt_tel, summaries.front().az_tel);
  if (const std::string end = pointing_text(summaries.back().alt_tel, summaries.back().az_tel);
      end != pointing)
    pointing += " to " + end;
  if (!pointing.empty())
    facts["pointing_rad"] = {
        {"first", {number(summaries.front().alt_tel), number(summaries.front().az_tel)}},
        {"last", {number(summaries.back().alt_tel), number(summaries.back().az_tel)}}};
  const ordered_json configuration =
      configuration_of(file, {"/dl1datacheck/cosmics", "/dl1datacheck/pedestals", "/"});
  if (!configuration.is_null()) facts["configuration"] = configuration;
  facts["made_by"] = made_by(file);
  facts["rows"] = ordered_json::array();
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> cells;
  for (const Shown& column : shown) headings.emplace_back(column.heading);
  for (const Summary& s : summaries) {
    ordered_json row;
    std::vector<std::string> line;
    for (const Shown& column : shown) {
      row[column.key] = column.of(s);
      line.push_back(number_text(row[column.key]));
    }
    facts["rows"].push_back(std::move(row));
    if (cells.size() < request.rows) cells.push_back(std::move(line));
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()},
               {"level", "DL1 data check"},
               {"run", name_line(request.file)},
               {"subruns", std::to_string(summaries.size())},
               {"events", fmt::format("{} ({})", all, types)},
               {"time", span},
               {"pointing", pointing},
               {"configured", configuration_line(configuration)}});
  print_maker(facts["made_by"]);
  if (!cells.empty()) {
    std::cout << '\n';
    print_table(headings, cells);
    if (summaries.size() > cells.size())
      std::cout << fmt::format("  … {} more\n", summaries.size() - cells.size());
  }
  return 0;
}

int show_long_term(const Request& request, const hdf5::File& file) {
  refuse_images(request, "holds no camera images", "give a DL1 file");
  const report::LongTerm table = report::read_long_term(request.file);
  const auto runs = table.runs.column("runnumber"), times = table.runs.column("time");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "long-term check";
  facts["runs"] = ordered_json::array();
  for (const double run : runs) facts["runs"].push_back(std::int64_t(run));
  std::string span;
  double first = std::numeric_limits<double>::infinity(), last = -first;
  for (const double time : times)
    if (std::isfinite(time)) first = std::min(first, time), last = std::max(last, time);
  if (first <= last) {
    facts["first_time_utc"] = utc_text(first);
    facts["last_time_utc"] = utc_text(last);
    span = fmt::format("{} to {} UTC", utc_text(first), utc_text(last));
  }
  facts["made_by"] = made_by(file);
  facts["quantities"] = ordered_json::array();
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < table.runs.columns.size(); ++i) {
    const report::LongTermColumn& column = table.runs.columns[i];
    const report::TrendBand band = report::trend_band(table.runs.values[i]);
    facts["quantities"].push_back({{"name", column.name},
                                   {"unit", column.unit},
                                   {"measured", band.n},
                                   {"median", number(band.median)},
                                   {"spread", number(band.spread)}});
    cells.push_back({column.name, std::to_string(band.n), cell_text(number(band.median)),
                     cell_text(number(band.spread)), column.unit});
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()},
               {"level", "long-term check, quantities of runs"},
               {"runs", runs.empty() ? "none"
                                     : fmt::format("{}, {:.0f} to {:.0f}", runs.size(),
                                                   runs.front(), runs.back())},
               {"time", span}});
  print_maker(facts["made_by"]);
  std::cout << '\n';
  print_table({"quantity", "runs", "median", "spread", "unit"}, cells, true);
  return 0;
}

}  // namespace alisio::apps::show
