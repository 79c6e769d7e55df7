#include "lib/report/check_plots.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lib/base/error.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/plot/camera_svg.hpp"
#include "lib/plot/curves.hpp"

namespace alisio::report {
namespace {

namespace fs = std::filesystem;
using check::ClassCheck;
using check::EventClass;
using check::SubrunSummary;
using Summaries = std::vector<SubrunSummary>;

/// One line of a trend.
struct Trend {
  const char* name;
  double (*of)(const SubrunSummary&);
};

/// A quantity over subruns, or over runs.
struct TrendPlot {
  const char* name;
  const char* title;
  const char* label;  ///< of the axis, with its unit
  std::vector<Trend> lines;
};

/// A quantity of each pixel.
struct CameraPlot {
  const char* name;
  const char* title;
  EventClass of;
  const char* quantity;
  const char* unit;
  std::vector<double> (*values)(const ClassCheck&);
};

const std::vector<TrendPlot>& trend_plots() {
  using S = SubrunSummary;
  static const std::vector<TrendPlot> plots{
      {"rates",
       "Rates of events",
       "rate (Hz)",
       {{"cosmics", [](const S& s) { return s.rate(EventClass::cosmics); }},
        {"pedestals", [](const S& s) { return s.rate(EventClass::pedestals); }},
        {"flat-fields", [](const S& s) { return s.rate(EventClass::flatfield); }}}},
      {"pedestals",
       "Pedestal charge, camera mean",
       "charge (p.e.)",
       {{"mean", [](const S& s) { return s.pedestal_charge; }},
        {"spread", [](const S& s) { return s.pedestal_spread; }}}},
      {"flatfields",
       "Flat-field charge, camera mean",
       "charge (p.e.)",
       {{"mean", [](const S& s) { return s.flatfield_charge; }},
        {"spread", [](const S& s) { return s.flatfield_spread; }}}},
      {"flatfield-times",
       "Flat-field pulse time, camera mean",
       "time (ns)",
       {{"mean", [](const S& s) { return s.flatfield_time; }},
        {"spread", [](const S& s) { return s.flatfield_time_spread; }}}},
      {"unusable",
       "Unusable pixels",
       "fraction",
       {{"unusable", [](const S& s) { return s.unusable_pixels; }}}},
      {"muons", "Muon efficiency", "efficiency", {{"efficiency", [](const S& s) {
                                                     return s.muon_efficiency;
                                                   }}}}};
  return plots;
}

/// Return the part of the events in which a pixel had a pulse above 10 p.e.
std::vector<double> pulse_fractions(const ClassCheck& check) {
  std::vector<double> fractions;
  for (const std::int64_t pulses : check.pulses_above[0])
    fractions.push_back(check.num_events > 0 ? double(pulses) / double(check.num_events)
                                             : std::nan(""));
  return fractions;
}

const std::vector<CameraPlot>& camera_plots() {
  using C = ClassCheck;
  static const std::vector<CameraPlot> plots{
      {"pedestal-charge", "Pedestal charge of each pixel", EventClass::pedestals, "charge", "p.e.",
       [](const C& c) { return c.charge.means(); }},
      {"pedestal-spread", "Spread of the pedestal charge of each pixel", EventClass::pedestals,
       "standard deviation", "p.e.", [](const C& c) { return c.charge.stddevs(); }},
      {"flatfield-charge", "Flat-field charge of each pixel", EventClass::flatfield, "charge",
       "p.e.", [](const C& c) { return c.charge.means(); }},
      {"flatfield-time", "Flat-field pulse time of each pixel, less that of the event",
       EventClass::flatfield, "time", "ns", [](const C& c) { return c.relative_time.means(); }},
      {"cosmics-pulses", "Cosmics with a pulse above 10 p.e. in each pixel", EventClass::cosmics,
       "fraction of the events", "", pulse_fractions}};
  return plots;
}

std::string trend_svg(const TrendPlot& trend, const std::string& title, const std::string& axis,
                      const Summaries& places) {
  plot::CurvePlot curves{.title = title, .x_label = axis, .y_label = trend.label, .curves = {}};
  for (const Trend& line : trend.lines) {
    plot::SampledCurve curve{line.name, {}};
    for (const SubrunSummary& place : places) curve.values.push_back(line.of(place));
    curves.curves.push_back(std::move(curve));
  }
  plot::Drawing drawing{
      .title = title, .width = curves.width, .height = curves.height, .shapes = {}};
  plot::draw_curves(drawing, {}, curves);
  return plot::to_svg(drawing);
}

/// Return the summaries of subruns with their numbers as places; those that lack are NaN.
Summaries by_subrun(const std::vector<fs::path>& files) {
  constexpr std::int64_t most_subruns = 10'000;
  Summaries places;
  for (const fs::path& file : files)
    for (const SubrunSummary& summary : pipeline::read_summaries(file)) {
      if (summary.subrun < 0 || summary.subrun >= most_subruns) continue;
      const auto place = static_cast<std::size_t>(summary.subrun);
      if (places.size() <= place) places.resize(place + 1);
      places[place] = summary;
    }
  return places;
}

/// Return the summary of each run.
Summaries by_run(const std::vector<fs::path>& files) {
  Summaries places;
  for (const fs::path& file : files) {
    const Summaries subruns = pipeline::read_summaries(file);
    if (!subruns.empty()) places.push_back(check::total_of(subruns));
  }
  return places;
}

std::string camera_svg_of(const CameraPlot& wanted, const fs::path& file, const std::string& title,
                          const instrument::CameraGeometry& camera) {
  const pipeline::RunCheck check = pipeline::read_run_check(file);
  const ClassCheck& of_class = check[wanted.of];
  if (of_class.num_events == 0)
    throw Error(ErrorKind::incomplete, "the data check has no such events", "",
                "they are drawn once there are some");
  const std::vector<double> values = wanted.values(of_class);
  if (values.size() != camera.x.size())
    throw Error(ErrorKind::incomplete, "the data check is of another camera", "",
                "make it again with alisio check-dl1");
  return plot::camera_svg(camera, values,
                          {.title = title, .quantity = wanted.quantity, .unit = wanted.unit});
}

}  // namespace

const std::vector<CheckPlot>& check_plots() {
  static const std::vector<CheckPlot> plots = [] {
    std::vector<CheckPlot> all;
    for (const TrendPlot& trend : trend_plots()) all.push_back({trend.name, trend.title, false});
    for (const CameraPlot& camera : camera_plots())
      all.push_back({camera.name, camera.title, true});
    return all;
  }();
  return plots;
}

std::string draw_check_plot(const CheckPlotRequest& request,
                            const instrument::CameraGeometry& camera) {
  for (const TrendPlot& trend : trend_plots())
    if (request.name == trend.name)
      return trend_svg(trend, fmt::format("{}, {}", trend.title, request.place),
                       request.over_runs ? "data run, in order" : "subrun",
                       request.over_runs ? by_run(request.files) : by_subrun(request.files));
  for (const CameraPlot& wanted : camera_plots())
    if (request.name == wanted.name && !request.files.empty())
      return camera_svg_of(wanted, request.files.front(),
                           fmt::format("{}, {}", wanted.title, request.place), camera);
  throw Error(ErrorKind::bug, "there is no drawing '" + request.name + "'");
}

}  // namespace alisio::report
