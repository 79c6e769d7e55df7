#include "lib/report/source_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace alisio::report {
namespace {

using pipeline::SignificanceResult;
using pipeline::SignificanceRow;
using pipeline::SourceSignificance;

constexpr double seconds_per_minute = 60;

bool is_of(const SourceSignificance& source, const std::string& run) {
  return run.empty() || std::ranges::any_of(source.runs, [&](const SignificanceRow& row) {
           return row.run == run;
         });
}

std::vector<Cell> cells_of(const SignificanceRow& row) {
  return {text_cell(row.run),
          number_cell(row.separation_deg, 2),
          number_cell(row.time.effective_s / seconds_per_minute, 2),
          number_cell(double(row.excess.n_on)),
          number_cell(double(row.excess.n_off)),
          number_cell(row.excess.alpha, 4),
          number_cell(row.excess.excess, 1),
          number_cell(row.excess.excess_error, 1),
          number_cell(row.excess.significance, 2),
          number_cell(per_minute(row.excess.excess, row), 3),
          number_cell(per_minute(row.excess.excess_error, row), 3),
          number_cell(per_minute(row.excess.background, row), 3),
          text_cell(row.remark)};
}

Table table_of(const SourceSignificance& source, const std::string& run) {
  Table table{.title = "Counts on and off " + source.name,
              .columns = {"run", "offset [deg]", "effective time [min]", "on", "off", "alpha",
                          "excess", "error of excess", "significance [σ]", "excess per minute",
                          "its error", "background per minute", "remark"},
              .rows = {}};
  for (const SignificanceRow& row : source.runs)
    if (run.empty() || row.run == run) table.rows.push_back(cells_of(row));
  if (run.empty()) table.rows.push_back(cells_of(source.sum));
  return table;
}

/// The distributions of all runs of the source: on as counted, off scaled to the exposure on.
LinePlot plot_of(const SignificanceResult& result, const SourceSignificance& source) {
  const dl3::OnOffBinning& binning = binning_of(result);
  const bool alpha = result.quantity == "alpha";
  LinePlot plot{
      .title = alpha ? "Alpha" : "Squared angle to the source",
      .note = fmt::format("gammaness above {:g}; events below {:g} {} are counted; off is "
                          "scaled by alpha.",
                          result.options.gammaness_cut, binning.cut, alpha ? "deg" : "deg²"),
      .x = {.label = alpha ? "alpha" : "theta²", .unit = alpha ? "deg" : "deg²"},
      .y = {.label = "events"},
      .curves = {}};
  plot.x.low = plot.y.low = 0;
  plot.x.high = binning.last;
  const auto add = [&](const char* name, const std::vector<std::int64_t>& counts, double scale) {
    Curve curve{.name = name, .x = {}, .y = {}};
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
      curve.x.push_back(binning.last * (double(bin) + 0.5) / double(counts.size()));
      curve.y.push_back(double(counts[bin]) * scale);
      curve.error.push_back(std::sqrt(double(counts[bin])) * scale);
    }
    plot.curves.push_back(std::move(curve));
  };
  add("on", source.on, 1);
  add("off, scaled", source.off, source.sum.excess.alpha);
  return plot;
}

}  // namespace

void add_source_sections(Page& page, const SignificanceResult& result, const std::string& run) {
  std::size_t number = 0;
  for (const SourceSignificance& source : result.sources) {
    ++number;
    if (!is_of(source, run)) continue;
    page.begin_section(source.name, fmt::format("source{}", number));
    const SignificanceRow& sum = source.sum;
    page.paragraph(fmt::format(
        "{}RA {:.4f}°, Dec {:.4f}° ({}).",
        std::isfinite(sum.excess.significance)
            ? fmt::format("{:.1f} σ (Li & Ma) in {:.1f} min of effective time: {:.1f} ± {:.1f} "
                          "events above a background of {:.1f}. ",
                          sum.excess.significance, sum.time.effective_s / seconds_per_minute,
                          sum.excess.excess, sum.excess.excess_error, sum.excess.background)
            : "The significance is not measurable. ",
        source.position.ra_deg, source.position.dec_deg, source.chosen));
    if (!result.selection.empty())
      page.paragraph("Only files for which holds: " + result.selection + ".");
    page.begin_plots();
    page.add(plot_of(result, source));
    page.end_plots();
    page.add(table_of(source, run));
    page.end_section();
  }
  if (result.left_out.empty() || !run.empty()) return;
  page.begin_section("Left out of the sources", "left-out");
  std::vector<std::string> items;
  for (const pipeline::LeftOut& left : result.left_out)
    items.push_back(fmt::format("{}: {}", left.what, left.why));
  page.list(items);
  page.end_section();
}

}  // namespace alisio::report
