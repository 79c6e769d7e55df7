#include "lib/report/long_term_page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <numbers>
#include <set>

#include "lib/base/version.hpp"
#include "lib/report/long_term_stage.hpp"
#include "lib/report/page.hpp"

namespace alisio::report {
namespace {

std::string minute_text(double unix_s) {
  if (!std::isfinite(unix_s)) return "unknown time";
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(std::time_t(unix_s)));
}

std::string value_text(double value) {
  return fmt::format("{:.4g}", value);
}

const LongTermColumn& column_of(const LongTermTable& table, std::string_view name) {
  return *std::ranges::find(table.columns, name, &LongTermColumn::name);
}

/// Return the statistical error of a quantity in each run; empty if it is not known.
std::vector<double> errors_of(const LongTermTable& runs, const std::string& name) {
  const auto scaled = [&](std::string_view spread, std::string_view count) {
    const auto s = runs.column(spread), n = runs.column(count);
    std::vector<double> errors(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) errors[i] = s[i] / std::sqrt(n[i]);
    return errors;
  };
  const auto of_rate = [&](std::string_view count) {
    const auto n = runs.column(count), t = runs.column("elapsed_time");
    std::vector<double> errors(n.size());
    for (std::size_t i = 0; i < n.size(); ++i) errors[i] = std::sqrt(n[i]) / t[i];
    return errors;
  };
  if (name == "rate_cosmics") return of_rate("num_cosmics");
  if (name == "rate_pedestals") return of_rate("num_pedestals");
  if (name == "rate_flatfield") return of_rate("num_flatfield");
  if (name == "rate_contained_mu_rings") return of_rate("num_contained_mu_rings");
  if (name == "mu_effi_mean") return scaled("mu_effi_stddev", "num_contained_mu_rings");
  if (name == "mu_width_mean") return scaled("mu_width_stddev", "num_contained_mu_rings");
  const auto given = runs.column(name + "_err");
  return {given.begin(), given.end()};
}

LinePlot trend_plot(const LongTermTable& runs, const std::string& name, double deviations) {
  const LongTermColumn& column = column_of(runs, name);
  const auto numbers = runs.column("runnumber"), times = runs.column("time"),
             altitudes = runs.column("mean_altitude"), values = runs.column(name);
  const TrendBand band = trend_band(values, deviations);
  LinePlot plot;
  plot.title = column.text;
  plot.title.front() = char(std::toupper(static_cast<unsigned char>(plot.title.front())));
  plot.note = std::isnan(band.median)
                  ? std::string("Not measured in this period.")
                  : fmt::format("{}: median {}, robust spread {}{}", name, value_text(band.median),
                                value_text(band.spread),
                                column.unit.empty() ? std::string() : " " + column.unit);
  plot.x.label = "time";
  plot.x.scale = Axis::Scale::time;
  plot.y.label = name;
  plot.y.unit = column.unit;
  Curve curve;
  curve.name = name;
  curve.error = errors_of(runs, name);
  for (double& error : curve.error)
    if (!std::isfinite(error)) error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    curve.x.push_back(times[i]);
    curve.y.push_back(values[i]);
    curve.labels.push_back(fmt::format("Run {:.0f}, {} UTC, altitude {:.1f} deg", numbers[i],
                                       minute_text(times[i]),
                                       altitudes[i] * 180 / std::numbers::pi));
    curve.marked.push_back(band.n >= 5 && (values[i] < band.low || values[i] > band.high));
  }
  plot.curves.push_back(std::move(curve));
  if (band.n >= 5) plot.bands.push_back({"band of the period", band.low, band.high});
  return plot;
}

Table outlier_table(const std::vector<Outlier>& outliers, const LongTermTable& runs) {
  const auto numbers = runs.column("runnumber"), times = runs.column("time");
  Table table;
  table.title = "Outliers";
  table.columns = {"Run", "Time (UTC)", "Quantity", "Value", "Band", "Unit", "Deviations"};
  for (const Outlier& outlier : outliers) {
    const auto at = std::ranges::find(numbers, double(outlier.run));
    const std::size_t row = std::size_t(at - numbers.begin());
    const double deviations = (outlier.value - outlier.band.median) / outlier.band.spread;
    table.rows.push_back(
        {text_cell(std::to_string(outlier.run)), text_cell(minute_text(times[row])),
         text_cell(outlier.quantity, "#trends"), text_cell(value_text(outlier.value)),
         text_cell(value_text(outlier.band.low) + " to " + value_text(outlier.band.high)),
         text_cell(outlier.unit),
         text_cell(std::abs(deviations) < 1000 ? fmt::format("{:+.1f}", deviations)
                                               : std::string("many"))});
  }
  return table;
}

Table run_table(const LongTermTable& runs) {
  Table table;
  table.title = "Runs";
  for (const LongTermColumn& column : runs.columns)
    table.columns.push_back(column.unit.empty() ? column.name
                                                : fmt::format("{} [{}]", column.name, column.unit));
  for (std::size_t row = 0; row < runs.rows(); ++row) {
    std::vector<Cell> cells;
    for (std::size_t c = 0; c < runs.columns.size(); ++c) {
      const double value = runs.values[c][row];
      Cell cell = text_cell(!std::isfinite(value)            ? "–"
                            : runs.columns[c].whole          ? fmt::format("{:.0f}", value)
                            : runs.columns[c].name == "time" ? fmt::format("{:.3f}", value)
                                                             : fmt::format("{:.6g}", value));
      cell.number = true;
      cells.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

/// Median over the runs, pixel by pixel.
std::vector<double> median_map(const LongTermPixels& pixels) {
  if (pixels.values.empty()) return {};
  std::vector<double> map(pixels.values.front().size());
  for (std::size_t i = 0; i < map.size(); ++i) {
    std::vector<double> values;
    for (const auto& run : pixels.values) values.push_back(double(run[i]));
    map[i] = trend_band(values).median;
  }
  return map;
}

void add_maps(Page& page, const LongTerm& table, const instrument::CameraGeometry& geometry) {
  struct Shown {
    const char* name;
    const char* title;
    const char* quantity;
    const char* unit;
  };
  const Shown shown[] = {
      {"ped_pix_charge_mean", "Pedestal charge", "charge", "p.e."},
      {"ped_pix_charge_stddev", "Spread of the pedestal charge", "spread", "p.e."},
      {"ff_pix_charge_mean", "Flat-field charge", "charge", "p.e."},
      {"ff_pix_rel_time_mean", "Flat-field time within the camera", "time", "ns"},
      {"cosmics_pix_fraction_pulses_above10", "Pulses of cosmics above 10 p.e.", "fraction", ""},
      {"cosmics_pix_fraction_pulses_above30", "Pulses of cosmics above 30 p.e.", "fraction", ""}};
  const std::size_t camera = page.add_camera(geometry);
  page.begin_plots();
  for (const Shown& one : shown) {
    const auto pixels = std::ranges::find(table.pixels, one.name, &LongTermPixels::name);
    CameraMap map;
    map.title = one.title;
    map.value.label = one.quantity;
    map.value.unit = one.unit;
    map.camera = camera;
    map.values = median_map(*pixels);
    if (map.values.size() == geometry.n_pixels) page.add(map);
  }
  page.end_plots();
}

}  // namespace

std::string long_term_page(const LongTerm& table, const LongTermPageFacts& facts,
                           const instrument::CameraGeometry& geometry) {
  const std::vector<Outlier> outliers = outliers_of(table.runs, facts.deviations);
  std::set<std::int64_t> odd_runs;
  for (const Outlier& outlier : outliers) odd_runs.insert(outlier.run);
  Page page("Long-term check of DL1", fmt::format("Nights {} to {}, {} runs", facts.first_night,
                                                  facts.last_night, table.runs.rows()));

  page.begin_section("Outliers", "outliers", false,
                     !facts.left_out.empty() || !outliers.empty() ? Light::attention
                     : table.runs.rows() < 5                      ? Light::unknown
                                                                  : Light::good,
                     true);
  page.paragraph(fmt::format(
      "A value is an outlier if it lies more than {:g} robust standard deviations (1.4826 times "
      "the "
      "median absolute deviation) from the median of the period. Rates are not corrected for the "
      "altitude of the telescope. With fewer than five runs nothing is judged.",
      facts.deviations));
  for (const std::string& one : facts.left_out) page.notice("Left out: " + one);
  if (!facts.empty_nights.empty())
    page.paragraph("Nights without data: " + spans_text(facts.empty_nights) + ".");
  if (table.runs.rows() < 5)
    page.notice("There are too few runs to tell what is usual.");
  else if (outliers.empty())
    page.paragraph("All values lie within their bands.");
  else {
    page.paragraph(fmt::format("{} values of {} runs lie outside their bands.", outliers.size(),
                               odd_runs.size()));
    page.add(outlier_table(outliers, table.runs));
  }
  page.end_section();

  page.begin_section("Trends", "trends");
  page.begin_plots();
  for (const char* name : followed_quantities())
    page.add(trend_plot(table.runs, name, facts.deviations));
  page.end_plots();
  page.end_section();

  page.begin_section("Pixels, median over the runs", "pixels");
  add_maps(page, table, geometry);
  page.end_section();

  page.begin_section("All quantities of all runs", "runs", true);
  page.add(run_table(table.runs));
  page.end_section();
  return page.html("Written by alisio " + build_info().version +
                   ". The numbers are in longterm_dl1_check.h5 and longterm_dl1_check.csv.");
}

}  // namespace alisio::report
