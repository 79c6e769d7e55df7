#include "lib/report/run_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>

namespace alisio::report {
namespace {
using check::ClassCheck;
using check::EventClass;
using Hist = check::Histogram;
using Scale = Axis::Scale;

constexpr double degrees = 180 / std::numbers::pi;
// Centroids are compared with chance where the camera accepts showers evenly.
constexpr double inner_radius_m = 0.5;

const char* words_of(EventClass c) {
  switch (c) {
    case EventClass::pedestals:
      return "pedestals";
    case EventClass::flatfield:
      return "flat-fields";
    case EventClass::cosmics:
      break;
  }
  return "cosmics";
}

Axis axis(std::string label, std::string unit = {}, Scale scale = Scale::linear) {
  Axis made;
  made.label = std::move(label);
  made.unit = std::move(unit);
  made.scale = scale;
  return made;
}

Axis whole_axis(std::string label) {
  Axis made = axis(std::move(label));
  made.whole = true;
  return made;
}

std::vector<double> as_numbers(const std::vector<std::int64_t>& counts, double factor = 1) {
  std::vector<double> numbers(counts.size());
  std::transform(counts.begin(), counts.end(), numbers.begin(),
                 [factor](std::int64_t n) { return double(n) * factor; });
  return numbers;
}

/// What the plots of one run share.
struct Drawing {
  Page& page;
  const RunData& run;
  const Reference& reference;
  const instrument::CameraGeometry& geometry;
  std::size_t camera;

  [[nodiscard]] bool fits(const std::vector<double>& values) const {
    return values.size() == geometry.n_pixels;
  }

  /// A camera map; if the values belong to another camera, a sentence.
  void map(const std::string& title, const Axis& value, const std::vector<double>& values,
           std::vector<double> other = {}, const std::string& remark = {}) const {
    if (!fits(values)) {
      page.notice(fmt::format("{}: {} pixels in the file, {} in the camera {}.", title,
                              values.size(), geometry.n_pixels, geometry.name));
      return;
    }
    if (!fits(other)) other.clear();
    CameraMap drawn{
        .title = title, .note = remark, .value = value, .camera = camera, .values = values};
    drawn.reference = std::move(other);
    page.add(drawn);
  }

  /// How a quantity of the pixels is distributed.
  void pixel_histogram(const std::string& title, const Axis& value,
                       const std::vector<double>& values, const std::vector<double>& other) const {
    Binned bins = binned(values, 200);
    Histogram plot{
        .title = title, .x = value, .y = axis("pixels"), .edges = bins.edges, .contents = {}};
    plot.contents.push_back({.name = "this run", .values = std::move(bins.counts)});
    if (!other.empty())
      plot.contents.push_back(
          {.name = reference.name, .values = counts_in(bins.edges, other), .reference = true});
    page.add(plot);
  }

  /// A quantity against the pixel's number.
  void against_pixel(const std::string& title, const Axis& value,
                     const std::vector<double>& values) const {
    if (!fits(values)) return;
    Curve curve{.name = "pixels",
                .x = std::vector<double>(geometry.pix_id.begin(), geometry.pix_id.end()),
                .y = values};
    page.add(LinePlot{
        .title = title, .x = whole_axis("pixel"), .y = value, .curves = {std::move(curve)}});
  }

  [[nodiscard]] std::string missing(EventClass c) const {
    return fmt::format("There are no {} in the data check of this run.", words_of(c));
  }
};

void add_triggers(const Drawing& d) {
  std::set<int> types;
  for (const ClassCheck& total : d.run.totals) {
    for (const auto& [type, count] : total.trigger_types) types.insert(type);
    for (const auto& [type, count] : total.ucts_trigger_types) types.insert(type);
  }
  Table table{.title = "Events by trigger type", .columns = {"type", "meaning"}, .rows = {}};
  for (const char* source : {"UCTS", "TIB"})
    for (const EventClass c : check::event_classes)
      table.columns.push_back(fmt::format("{}, {}", source, words_of(c)));
  const auto count_of = [](const std::map<int, std::int64_t>& counts, int type) {
    const auto found = counts.find(type);
    return number_cell(found == counts.end() ? 0 : double(found->second));
  };
  for (const int type : types) {
    std::vector<Cell> row{number_cell(type), text_cell(trigger_text(type))};
    for (const ClassCheck& total : d.run.totals)
      row.push_back(count_of(total.ucts_trigger_types, type));
    for (const ClassCheck& total : d.run.totals) row.push_back(count_of(total.trigger_types, type));
    table.rows.push_back(std::move(row));
  }
  if (!types.empty()) d.page.add(table);
  d.page.begin_plots();
  LinePlot rate{.title = "Rate per subrun",
                .x = whole_axis("subrun"),
                .y = axis("rate", "Hz", Scale::log),
                .curves = {}};
  LinePlot survivors{.title = "Fraction of events with an image after cleaning",
                     .x = whole_axis("subrun"),
                     .y = axis("fraction"),
                     .curves = {}};
  for (const EventClass c : check::event_classes) {
    Curve rates{.name = words_of(c), .x = {}, .y = {}}, fractions = rates;
    rates.style = fractions.style = Curve::Style::both;
    rates.colour = fractions.colour = int(c);
    for (const SubrunPoint& p : d.run.points[std::size_t(c)]) {
      const double n = double(p.events), surviving = double(p.cleaned_events) / n;
      rates.x.push_back(double(p.subrun));
      rates.y.push_back(p.elapsed > 0 ? n / p.elapsed : std::nan(""));
      rates.error.push_back(p.elapsed > 0 ? std::sqrt(n) / p.elapsed : std::nan(""));
      fractions.x.push_back(double(p.subrun));
      fractions.y.push_back(surviving);
      fractions.error.push_back(std::sqrt(std::max(0.0, surviving * (1 - surviving) / n)));
    }
    rate.curves.push_back(std::move(rates));
    survivors.curves.push_back(std::move(fractions));
  }
  d.page.add(rate);
  d.page.add(survivors);
  d.page.end_plots();
}

void add_times(const Drawing& d) {
  double start = d.run.start();
  if (!std::isfinite(start))
    for (const auto& points : d.run.points)
      if (!points.empty() && !(points.front().time >= start)) start = points.front().time;
  d.page.begin_plots();
  LinePlot times{.title = "Time of sampled events",
                 .note = "A clock that jumps shows as a step.",
                 .x = whole_axis("event id"),
                 .y = axis("Dragon time since the run's start", "s"),
                 .curves = {}};
  LinePlot altitudes{.title = "Altitude against time",
                     .x = axis("time", "", Scale::time),
                     .y = axis("altitude", "deg"),
                     .curves = {}};
  LinePlot track{
      .title = "Pointing", .x = axis("azimuth", "deg"), .y = axis("altitude", "deg"), .curves = {}};
  for (const EventClass c : check::event_classes) {
    Curve samples{.name = words_of(c), .x = {}, .y = {}};
    samples.colour = int(c);
    for (const SubrunPoint& p : d.run.points[std::size_t(c)]) {
      samples.x.insert(samples.x.end(), p.sampled_ids.begin(), p.sampled_ids.end());
      for (const double time : p.sampled_times) samples.y.push_back(time - start);
      samples.labels.resize(samples.x.size(), fmt::format("subrun {}", p.subrun));
    }
    times.curves.push_back(std::move(samples));
  }
  // Pointing is one for all classes: of the class that most subruns have.
  const auto most = std::max_element(
      d.run.points.begin(), d.run.points.end(),
      [](const auto& left, const auto& right) { return left.size() < right.size(); });
  Curve altitude{.name = "altitude", .x = {}, .y = {}}, place{.name = "pointing", .x = {}, .y = {}};
  altitude.style = place.style = Curve::Style::both;
  for (const SubrunPoint& p : *most) {
    altitude.x.push_back(p.time);
    altitude.y.push_back(p.altitude * degrees);
    place.x.push_back(p.azimuth * degrees);
    place.y.push_back(p.altitude * degrees);
    altitude.labels.push_back(fmt::format("subrun {}", p.subrun));
  }
  place.labels = altitude.labels;
  altitudes.curves.push_back(std::move(altitude));
  track.curves.push_back(std::move(place));
  d.page.add(times);
  const check::Binning& bins = check::binning(Hist::delta_t);
  Histogram delta{.title = "Time between events",
                  .x = axis("time since the previous event", "ms"),
                  .y = axis("events", "", Scale::log),
                  .edges = bins.x,
                  .contents = {}};
  // Each class's table holds the same histogram of all events.
  for (const EventClass c : {EventClass::cosmics, EventClass::pedestals, EventClass::flatfield}) {
    if (!d.run.has(c)) continue;
    delta.contents.push_back(
        {.name = "all events", .values = as_numbers(d.run[c].histograms[Hist::delta_t])});
    break;
  }
  if (!delta.contents.empty()) d.page.add(delta);
  d.page.add(altitudes);
  d.page.add(track);
  d.page.end_plots();
}

void add_charge(const Drawing& d, EventClass c) {
  if (!d.run.has(c)) return d.page.notice(d.missing(c));
  const ClassCheck& total = d.run[c];
  const ClassCheck* other = d.reference.find(c);
  const std::vector<double> means = total.charge.means(), spreads = total.charge.stddevs();
  const std::vector<double> other_means = other ? other->charge.means() : std::vector<double>();
  const std::vector<double> other_spreads = other ? other->charge.stddevs() : std::vector<double>();
  const Axis mean = axis("mean charge", "p.e."), spread = axis("std. deviation", "p.e.");
  if (!total.exact)
    d.page.paragraph(
        "Made from the means of subruns, weighted with their events; the file holds no sums.");
  d.page.begin_plots();
  const std::string name = words_of(c);
  d.map("Mean charge of " + name, mean, means, other_means);
  d.pixel_histogram("Mean charge of " + name + ", pixels", mean, means, other_means);
  d.against_pixel("Mean charge of " + name + " by pixel", mean, means);
  d.map("Standard deviation of the charge of " + name, spread, spreads, other_spreads);
  d.pixel_histogram("Standard deviation of the charge of " + name + ", pixels", spread, spreads,
                    other_spreads);
  d.against_pixel("Standard deviation of the charge of " + name + " by pixel", spread, spreads);
  d.page.end_plots();
}

void add_spectra(const Drawing& d) {
  struct Spectrum {
    Hist histogram;
    const char* title;
    Axis x;
    const char* y;
    bool per_pixel;
  };
  const std::array<Spectrum, 4> spectra{
      {{Hist::pixelchargespectrum, "Pixel charge", axis("charge", "p.e.", Scale::log),
        "pixels per pixel and event", true},
       {Hist::intensity, "Image intensity", axis("intensity", "p.e.", Scale::log),
        "fraction of events", false},
       {Hist::npixels, "Pixels after cleaning", axis("pixels", "", Scale::log),
        "fraction of events", false},
       {Hist::nislands, "Islands after cleaning", whole_axis("islands"), "fraction of events",
        false}}};
  d.page.begin_plots();
  for (const Spectrum& s : spectra) {
    Histogram plot{.title = s.title,
                   .x = s.x,
                   .y = axis(s.y, "", Scale::log),
                   .edges = check::binning(s.histogram).x,
                   .contents = {}};
    const auto add = [&](const ClassCheck& total, EventClass c, bool is_reference) {
      const double scale =
          1 / (double(total.num_events) *
               (s.per_pixel ? double(std::max<std::size_t>(1, total.n_pixels())) : 1));
      plot.contents.push_back({.name = is_reference
                                           ? fmt::format("{}, {}", words_of(c), d.reference.name)
                                           : words_of(c),
                               .values = as_numbers(total.histograms[s.histogram], scale),
                               .reference = is_reference,
                               .colour = int(c)});
    };
    for (const EventClass c : check::event_classes) {
      if (!d.run.has(c)) continue;
      add(d.run[c], c, false);
      if (const ClassCheck* other = d.reference.find(c)) add(*other, c, true);
    }
    if (!plot.contents.empty()) d.page.add(plot);
  }
  d.page.end_plots();
}

void add_pulses(const Drawing& d, EventClass c) {
  if (!d.run.has(c)) return d.page.notice(d.missing(c));
  const ClassCheck& total = d.run[c];
  const ClassCheck* other = d.reference.find(c);
  d.page.begin_plots();
  std::array<std::vector<double>, 3> levels;  // least, mean, most of the pixels
  const std::vector<double> thresholds(check::pulse_thresholds.begin(),
                                       check::pulse_thresholds.end());
  for (std::size_t k = 0; k < check::pulse_thresholds.size(); ++k) {
    const std::vector<double> fractions =
        as_numbers(total.pulses_above[k], 1 / double(total.num_events));
    if (fractions.empty()) continue;
    const auto [least, most] = std::minmax_element(fractions.begin(), fractions.end());
    levels[0].push_back(*least);
    levels[1].push_back(std::accumulate(fractions.begin(), fractions.end(), 0.0) /
                        double(fractions.size()));
    levels[2].push_back(*most);
    if (*most == 0) continue;
    d.map(fmt::format("Pulses above {} p.e. in {}", check::pulse_thresholds[k], words_of(c)),
          axis("fraction of events"), fractions,
          other ? as_numbers(other->pulses_above[k], 1 / double(other->num_events))
                : std::vector<double>());
  }
  LinePlot integral{.title = fmt::format("Pulses above a charge in {}", words_of(c)),
                    .note = "No pixel has pulses above a charge that has no map.",
                    .x = axis("charge", "p.e.", Scale::log),
                    .y = axis("fraction of events", "", Scale::log),
                    .curves = {}};
  for (std::size_t k = 0; k < levels.size(); ++k) {
    if (levels[k].size() != thresholds.size()) continue;
    Curve curve{.name = std::array{"quietest pixel", "mean of the pixels", "busiest pixel"}[k],
                .x = thresholds,
                .y = levels[k]};
    curve.style = Curve::Style::both;
    integral.curves.push_back(std::move(curve));
  }
  d.page.add(integral);
  LinePlot trend{.title = fmt::format("Pulses above 10 and 30 p.e. in {} by subrun", words_of(c)),
                 .x = whole_axis("subrun"),
                 .y = axis("fraction, mean of the pixels", "", Scale::log),
                 .curves = {}};
  Curve above_10{.name = "above 10 p.e.", .x = {}, .y = {}},
      above_30{.name = "above 30 p.e.", .x = {}, .y = {}};
  for (const SubrunPoint& p : d.run.points[std::size_t(c)]) {
    above_10.x.push_back(double(p.subrun));
    above_10.y.push_back(p.pulses_above_10);
    above_30.y.push_back(p.pulses_above_30);
  }
  above_30.x = above_10.x;
  above_10.style = above_30.style = Curve::Style::both;
  trend.curves = {std::move(above_10), std::move(above_30)};
  d.page.add(trend);
  d.page.end_plots();
}

void add_arrival_times(const Drawing& d, EventClass c) {
  if (!d.run.has(c)) return d.page.notice(d.missing(c));
  const ClassCheck& total = d.run[c];
  const ClassCheck* other = d.reference.find(c);
  struct Kind {
    const char* title;
    const check::Moments& moments;
    const check::Moments* other;
  };
  std::vector<Kind> kinds{{"Time", total.time, other ? &other->time : nullptr},
                          {"Time relative to the event's median", total.relative_time,
                           other ? &other->relative_time : nullptr}};
  if (c == EventClass::cosmics)
    kinds.push_back({"Relative time of pulses above 30 p.e.", total.time_above_030_pe,
                     other ? &other->time_above_030_pe : nullptr});
  d.page.begin_plots();
  const std::vector<double> none;
  for (const Kind& kind : kinds) {
    const std::vector<double> means = kind.moments.means(), spreads = kind.moments.stddevs();
    if (!d.fits(means)) continue;
    const std::vector<double> other_means = kind.other ? kind.other->means() : none;
    const std::vector<double> other_spreads = kind.other ? kind.other->stddevs() : none;
    const Axis mean = axis("mean time", "ns"), spread = axis("std. deviation", "ns");
    d.map(fmt::format("{} of {}", kind.title, words_of(c)), mean, means, other_means);
    d.pixel_histogram(fmt::format("{} of {}, pixels", kind.title, words_of(c)), mean, means,
                      other_means);
    d.map(fmt::format("{} of {}: standard deviation", kind.title, words_of(c)), spread, spreads,
          other_spreads);
    d.pixel_histogram(fmt::format("{} of {}: standard deviation, pixels", kind.title, words_of(c)),
                      spread, spreads, other_spreads);
  }
  d.page.end_plots();
}

void add_centroids(const Drawing& d) {
  if (!d.run.has(EventClass::cosmics)) return d.page.notice(d.missing(EventClass::cosmics));
  const ClassCheck& total = d.run[EventClass::cosmics];
  const ClassCheck* other = d.reference.find(EventClass::cosmics);
  d.page.begin_plots();
  struct Kind {
    const char* title;
    const std::vector<std::int64_t>& counts;
    const std::vector<std::int64_t>* other;
  };
  for (const Kind& kind :
       {Kind{"Image centroids, all", total.cog_within_pixel,
             other ? &other->cog_within_pixel : nullptr},
        Kind{"Image centroids, above 200 p.e.", total.cog_within_pixel_intensity_gt_200,
             other ? &other->cog_within_pixel_intensity_gt_200 : nullptr}}) {
    const std::vector<double> counts = as_numbers(kind.counts);
    // Of other data, so many as this run would have with as many events.
    const std::vector<double> others =
        kind.other ? as_numbers(*kind.other, double(total.num_events) / double(other->num_events))
                   : std::vector<double>();
    d.map(kind.title, axis("images"), counts, others);
    d.map(fmt::format("{}, logarithmic", kind.title), axis("images", "", Scale::log), counts);
    if (!d.fits(counts)) continue;
    std::vector<double> inner;
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (std::hypot(d.geometry.x[i], d.geometry.y[i]) < inner_radius_m) inner.push_back(counts[i]);
    if (inner.empty()) continue;
    const double most = *std::max_element(inner.begin(), inner.end());
    const double mean = std::accumulate(inner.begin(), inner.end(), 0.0) / double(inner.size());
    // At most about 100 bins, of whole numbers.
    const double step = std::max(1.0, std::ceil(most / 100));
    Histogram spread{.title = fmt::format("{}: pixels within {} m", kind.title, inner_radius_m),
                     .note = "Wider than chance: stars, missing pixels or bad cleaning.",
                     .x = whole_axis("images in the pixel"),
                     .y = axis("pixels"),
                     .edges = {},
                     .contents = {}};
    for (double edge = -0.5; edge <= most + step; edge += step) spread.edges.push_back(edge);
    Content chance{.name = "by chance (Poisson)", .values = {}, .reference = true};
    for (std::size_t i = 0; i + 1 < spread.edges.size(); ++i) {
      double expected = 0;
      for (double n = spread.edges[i] + 0.5; n < spread.edges[i + 1]; ++n)
        expected += mean > 0 ? std::exp(n * std::log(mean) - mean - std::lgamma(n + 1)) : n == 0;
      chance.values.push_back(expected * double(inner.size()));
    }
    spread.contents.push_back({.name = "pixels", .values = counts_in(spread.edges, inner)});
    spread.contents.push_back(std::move(chance));
    d.page.add(spread);
  }
  d.page.end_plots();
}

void add_shapes(const Drawing& d) {
  if (!d.run.has(EventClass::cosmics)) return d.page.notice(d.missing(EventClass::cosmics));
  const ClassCheck& total = d.run[EventClass::cosmics];
  const ClassCheck* other = d.reference.find(EventClass::cosmics);
  d.page.begin_plots();
  // Images per area against the distance from the centre, so that an even camera is flat.
  const check::Binning& radii = check::binning(Hist::dist0);
  Histogram radial{.title = "Distance of images from the camera centre",
                   .x = axis("distance", "deg"),
                   .y = axis("fraction of images per area", "1/deg²"),
                   .edges = radii.x,
                   .contents = {}};
  const auto densities = [&](const ClassCheck& from, Hist h) {
    std::vector<double> values = as_numbers(from.histograms[h]);
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] /= std::max(1.0, sum) * std::numbers::pi *
                   (radii.x[i + 1] * radii.x[i + 1] - radii.x[i] * radii.x[i]);
    return values;
  };
  radial.contents.push_back({.name = "all", .values = densities(total, Hist::dist0)});
  radial.contents.push_back(
      {.name = "above 200 p.e.", .values = densities(total, Hist::dist0_intensity_gt_200)});
  if (other)
    radial.contents.push_back({.name = "all, " + d.reference.name,
                               .values = densities(*other, Hist::dist0),
                               .reference = true});
  d.page.add(radial);
  const check::Binning& angles = check::binning(Hist::psi);
  Histogram psi{
      .title = "Orientation of images",
      .x = axis("psi", "deg"),
      .y = axis("images"),
      .edges = angles.x,
      .contents = {{.name = "images", .values = as_numbers(total.histograms[Hist::psi])}}};
  if (!total.exact)
    psi.note =
        "lstchain fills this histogram in radians, so that only the two central bins are hit.";
  d.page.add(psi);
  struct Shape {
    Hist histogram;
    const char* title;
    Axis x, y;
  };
  const Axis intensity = axis("intensity", "p.e.", Scale::log);
  const Axis length = axis("length", "deg"), gradient = axis("|time gradient|", "ns/deg");
  const std::array<Shape, 6> shapes{
      {{Hist::width, "Width", intensity, axis("width", "deg")},
       {Hist::length, "Length", intensity, length},
       {Hist::skewness, "Skewness", intensity, axis("skewness")},
       {Hist::intercept, "Time at the centroid", intensity, axis("intercept", "ns")},
       {Hist::tgrad_vs_length, "Time gradient", length, gradient},
       {Hist::tgrad_vs_length_intensity_gt_200, "Time gradient above 200 p.e.", length, gradient}}};
  for (const Shape& shape : shapes) {
    const check::Binning& bins = check::binning(shape.histogram);
    d.page.add(Histogram2d{.title = shape.title,
                           .x = shape.x,
                           .y = shape.y,
                           .x_edges = bins.x,
                           .y_edges = bins.y,
                           .counts = as_numbers(total.histograms[shape.histogram])});
  }
  d.page.end_plots();
}

}  // namespace

std::string trigger_text(int bits) {
  static constexpr std::array<const char*, 8> names{"mono",         "stereo",   "calibration",
                                                    "single p.e.",  "software", "pedestal",
                                                    "slow control", "busy"};
  if (bits < 0) return "not known";
  std::string text;
  for (std::size_t k = 0; k < names.size(); ++k)
    if ((bits >> k & 1) != 0) text += (text.empty() ? "" : " + ") + std::string(names[k]);
  return text.empty() ? "none" : text;
}

std::vector<double> counts_in(const std::vector<double>& edges, const std::vector<double>& values) {
  std::vector<double> counts(edges.size() - 1, 0);
  for (const double v : values) {
    if (!(v >= edges.front() && v <= edges.back())) continue;
    const auto above = std::upper_bound(edges.begin(), edges.end(), v);
    const auto bin = std::min<std::ptrdiff_t>(above - edges.begin() - 1, std::ssize(counts) - 1);
    ++counts[std::size_t(bin)];
  }
  return counts;
}

Binned binned(const std::vector<double>& values, std::size_t bins) {
  std::vector<double> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted),
               [](double v) { return std::isfinite(v); });
  std::sort(sorted.begin(), sorted.end());
  double low = 0, high = 1;
  if (!sorted.empty()) {
    const double last = double(sorted.size() - 1);
    low = sorted[std::size_t(0.001 * last)];
    high = sorted[std::size_t(std::ceil(0.999 * last))];
  }
  // Equal values would leave a bin no width.
  const double least = 1e-6 * std::max({std::abs(low), std::abs(high), 1e-30});
  if (high - low < least) low -= least, high += least;
  Binned result;
  for (std::size_t i = 0; i <= bins; ++i)
    result.edges.push_back(low + (high - low) * double(i) / double(bins));
  for (double& v : sorted) v = std::clamp(v, result.edges.front(), result.edges.back());
  result.counts = counts_in(result.edges, sorted);
  return result;
}

void add_run_plots(Page& page, const RunData& run, const Reference& reference,
                   const instrument::CameraGeometry& geometry, std::size_t camera) {
  const Drawing d{page, run, reference, geometry, camera};
  if (run.has_check) {
    page.heading("Triggers and rates");
    add_triggers(d);
    page.heading("Times and pointing");
    add_times(d);
    page.heading("Pedestal charge");
    add_charge(d, EventClass::pedestals);
    page.heading("Flat-field charge");
    add_charge(d, EventClass::flatfield);
    page.heading("Spectra");
    add_spectra(d);
    page.heading("Pulses in pedestals");
    add_pulses(d, EventClass::pedestals);
    page.heading("Pulses in cosmics");
    add_pulses(d, EventClass::cosmics);
    page.heading("Flat-field times");
    add_arrival_times(d, EventClass::flatfield);
    page.heading("Cosmics times");
    add_arrival_times(d, EventClass::cosmics);
    page.heading("Image centroids");
    add_centroids(d);
    page.heading("Image shapes");
    add_shapes(d);
  } else {
    page.notice("There is no data check of this run that could be read.");
  }
  page.heading("Muon rings");
  add_muon_plots(page, run, reference);
}

}  // namespace alisio::report
