#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/report/run_section.hpp"

namespace alisio::report {
namespace {
using pipeline::MuonRing;

Axis axis(std::string label, std::string unit = {}) {
  Axis made;
  made.label = std::move(label);
  made.unit = std::move(unit);
  return made;
}

Axis whole_axis(std::string label) {
  Axis made = axis(std::move(label));
  made.whole = true;
  return made;
}

template <typename Value>
std::vector<double> column(const std::vector<MuonRing>& rings, Value MuonRing::*member) {
  std::vector<double> values;
  for (const MuonRing& ring : rings) values.push_back(double(ring.*member));
  return values;
}

void add_scatter(Page& page, const std::string& title, const Axis& x, const Axis& y,
                 std::vector<double> xs, std::vector<double> ys) {
  page.add(LinePlot{.title = title,
                    .x = x,
                    .y = y,
                    .curves = {{.name = "rings", .x = std::move(xs), .y = std::move(ys)}}});
}

void add_distribution(Page& page, const std::string& title, const Axis& x,
                      const std::vector<double>& values, std::size_t bins) {
  Binned made = binned(values, bins);
  page.add(Histogram{.title = title,
                     .x = x,
                     .y = axis("rings"),
                     .edges = std::move(made.edges),
                     .contents = {{.name = "rings", .values = std::move(made.counts)}}});
}

/// The subrun during which something happened, by the times of the run's summaries; -1: none.
std::int64_t subrun_at(const std::vector<check::SubrunSummary>& summaries, double time) {
  for (const check::SubrunSummary& s : summaries)
    if (time >= s.time_start - 1e-3 && time <= s.time_end + 1e-3) return s.subrun;
  return -1;
}

/// Rings by subrun: how many, their rate, mean efficiency and width.
void add_by_subrun(Page& page, const RunData& run, const std::vector<MuonRing>& good) {
  std::map<std::int64_t, std::vector<const MuonRing*>> by_subrun;
  std::map<std::int64_t, double> elapsed;
  for (const check::SubrunSummary& s : run.summaries)
    if (std::isfinite(s.time_start)) by_subrun[s.subrun], elapsed[s.subrun] = s.elapsed_time;
  if (by_subrun.empty()) return;
  for (const MuonRing& ring : good)
    if (const auto found = by_subrun.find(subrun_at(run.summaries, ring.event_time));
        found != by_subrun.end())
      found->second.push_back(&ring);
  Curve count{.name = "rings", .x = {}, .y = {}}, rate = count, efficiency = count, width = count;
  for (const auto& [subrun, rings] : by_subrun) {
    const double n = double(rings.size()), seconds = elapsed[subrun];
    std::vector<double> efficiencies, widths;
    for (const MuonRing* ring : rings)
      if (contained(*ring)) {
        efficiencies.push_back(ring->muon_efficiency);
        widths.push_back(ring->ring_width);
      }
    const MeanOf e = mean_of(efficiencies), w = mean_of(widths);
    const auto put = [&, at = double(subrun)](Curve& curve, double y, double error) {
      curve.x.push_back(at);
      curve.y.push_back(y);
      curve.error.push_back(error);
    };
    put(count, n, std::sqrt(n));
    put(rate, seconds > 0 ? n / seconds : std::nan(""),
        seconds > 0 ? std::sqrt(n) / seconds : std::nan(""));
    put(efficiency, e.mean, e.error);
    put(width, w.mean, w.error);
  }
  const char* error_note = "Error bars: standard error of the mean.";
  page.add(LinePlot{.title = "Rings by subrun",
                    .x = whole_axis("subrun"),
                    .y = axis("rings"),
                    .curves = {count}});
  page.add(LinePlot{.title = "Rate of rings",
                    .x = whole_axis("subrun"),
                    .y = axis("rate", "Hz"),
                    .curves = {rate}});
  page.add(LinePlot{.title = "Muon efficiency by subrun",
                    .note = error_note,
                    .x = whole_axis("subrun"),
                    .y = axis("efficiency"),
                    .curves = {efficiency}});
  page.add(LinePlot{.title = "Ring width by subrun",
                    .note = error_note,
                    .x = whole_axis("subrun"),
                    .y = axis("width", "deg"),
                    .curves = {width}});
}

}  // namespace

void add_muon_plots(Page& page, const RunData& run, const Reference& reference) {
  if (!run.has_muons) return page.notice("There is no muon file of this run that could be read.");
  const std::vector<MuonRing>& rings = run.muons.rings;
  std::vector<MuonRing> whole;
  std::copy_if(rings.begin(), rings.end(), std::back_inserter(whole), pipeline::contained);
  const MeanOf efficiency = mean_of(column(whole, &MuonRing::muon_efficiency));
  const MeanOf width = mean_of(column(whole, &MuonRing::ring_width));
  page.paragraph(
      fmt::format("{} ring{}, {} of them contained (containment above 0.999, efficiency "
                  "below 1).",
                  rings.size(), rings.size() == 1 ? "" : "s", whole.size()));
  if (efficiency.count > 0)
    page.paragraph(
        fmt::format("Contained rings: efficiency {:.4f} ± {:.4f}, width {:.4f} ± {:.4f} deg.",
                    efficiency.mean, efficiency.error, width.mean, width.error));
  if (run.muons.has_candidates) {
    std::map<std::string, std::int64_t> cuts;
    for (const MuonRing& ring : run.muons.candidates) ++cuts[ring.cut];
    Table table{.title = "Candidates by the cut that rejected them",
                .columns = {"cut", "candidates"},
                .rows = {}};
    for (const auto& [cut, count] : cuts)
      table.rows.push_back(
          {text_cell(cut == "none" ? "none: good ring" : cut), number_cell(double(count))});
    if (table.rows.empty())
      page.paragraph("No image had enough bright pixels to be a candidate.");
    else
      page.add(table);
  } else {
    page.notice(
        "The muon file holds no rejected candidates, so selection efficiencies are not known.");
  }
  if (rings.empty()) return;
  const Axis efficiency_axis = axis("efficiency"), width_axis = axis("ring width", "deg"),
             light_axis = axis("light in the ring", "p.e."),
             radius_axis = axis("ring radius", "deg"), completeness_axis = axis("completeness");
  page.begin_plots();
  add_by_subrun(page, run, rings);
  add_distribution(page, "Containment", axis("containment"),
                   column(rings, &MuonRing::ring_containment), 50);
  add_distribution(page, "Completeness", completeness_axis,
                   column(rings, &MuonRing::ring_completeness), 50);
  if (whole.empty()) {
    page.end_plots();
    return page.notice("No ring is contained: there are no plots of contained rings.");
  }
  std::vector<double> distance, light, light_per_radius;
  for (const MuonRing& ring : whole) {
    distance.push_back(std::hypot(ring.ring_center_x, ring.ring_center_y));
    light.push_back(ring.ring_size);
    light_per_radius.push_back(double(ring.ring_size) / ring.ring_radius);
  }
  const std::vector<double> radius = column(whole, &MuonRing::ring_radius);
  const std::vector<double> widths = column(whole, &MuonRing::ring_width);
  const std::vector<double> efficiencies = column(whole, &MuonRing::muon_efficiency);
  const std::vector<double> completeness = column(whole, &MuonRing::ring_completeness);
  {
    Binned made = binned(efficiencies, 40);
    Histogram plot{.title = "Muon efficiency, contained rings",
                   .x = efficiency_axis,
                   .y = axis("fraction of rings"),
                   .edges = std::move(made.edges),
                   .contents = {}};
    const auto share = [](std::vector<double> counts, std::size_t of) {
      for (double& n : counts) n /= double(of);
      return counts;
    };
    plot.contents.push_back(
        {.name = "this run", .values = share(std::move(made.counts), efficiencies.size())});
    if (!reference.muon_efficiencies.empty())
      plot.contents.push_back({.name = reference.name,
                               .values = share(counts_in(plot.edges, reference.muon_efficiencies),
                                               reference.muon_efficiencies.size()),
                               .reference = true});
    page.add(plot);
  }
  add_distribution(page, "Ring width, contained rings", width_axis, widths, 40);
  add_distribution(page, "Light in the ring, contained rings", light_axis, light, 40);
  add_distribution(page, "Peak sample of the high gain", whole_axis("sample"),
                   column(whole, &MuonRing::hg_peak_sample), 40);
  add_distribution(page, "Distance of ring centres from the camera centre", axis("distance", "deg"),
                   distance, 40);
  add_scatter(page, "Radius and light", radius_axis, light_axis, radius, light);
  add_scatter(page, "Radius and width", radius_axis, width_axis, radius, widths);
  add_scatter(page, "Width and efficiency", width_axis, efficiency_axis, widths, efficiencies);
  add_scatter(page, "Impact and completeness", axis("impact parameter", "m"), completeness_axis,
              column(whole, &MuonRing::impact_parameter), completeness);
  add_scatter(page, "Completeness and light per radius", completeness_axis,
              axis("light / radius", "p.e./deg"), completeness, light_per_radius);
  page.end_plots();
}

}  // namespace alisio::report
