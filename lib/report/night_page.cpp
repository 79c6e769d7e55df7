#include "lib/report/night_page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>

#include "lib/report/source_section.hpp"

namespace alisio::report {
namespace {
using check::EventClass;

constexpr double degrees = 180 / std::numbers::pi;

/// The gates that a night's table always shows, measured or not.
constexpr std::array<const char*, 9> usual_gates{
    "cosmics_rate",    "unusable_pixels", "pedestal_charge",  "pedestal_spread", "flatfield_charge",
    "muon_efficiency", "ucts_jumps",      "mistagged_events", "missing_subruns"};

std::string time_text(double unix_s) {
  if (!std::isfinite(unix_s)) return "–";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}",
                     fmt::gmtime(static_cast<std::time_t>(std::floor(unix_s))));
}

Cell time_cell(double unix_s) {
  return {.text = time_text(unix_s), .number = true};
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 10) return fmt::format("{:.2g} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string run_name(int run) {
  return fmt::format("{:05}", run);
}
std::string run_anchor(int run) {
  return fmt::format("run{:05}", run);
}

/// The digits that a gate's value needs, or why there is none.
std::string value_text(const Gate& gate) {
  if (!gate.measured) return gate.why.empty() ? "not measured" : gate.why;
  return fmt::format("{:.4g}{}{}", gate.value, gate.unit.empty() ? "" : " ", gate.unit);
}

Cell gate_cell(const Gate& gate) {
  Cell cell = light_cell(light_of(gate), value_text(gate));
  cell.hint = fmt::format("{}: {} ({})", gate_words(gate.name), to_string(light_of(gate)),
                          limits_text(gate));
  return cell;
}

/// The worst of some lights; grey instead of green if one of them is grey: what is not measured is
/// not good.
Light light_of_all(const std::vector<Light>& lights) {
  const Light found = worst(lights);
  const bool all = std::find(lights.begin(), lights.end(), Light::unknown) == lights.end();
  return found == Light::good && !all ? Light::unknown : found;
}

/// What the light of a run or a night says in a word or two.
/// @param judged whether there are gates at all
std::string light_words(Light light, bool judged) {
  return light == Light::unknown && judged ? "not all measured" : std::string(to_string(light));
}
std::string light_words(const Judgement& judgement) {
  return light_words(judgement.light, !judgement.gates.empty());
}

/// Name the gates of a run that are not measured, and why: "muon efficiency (too few rings)".
std::string unmeasured_words(const Judgement& judgement) {
  std::string words;
  for (const Gate& gate : judgement.gates)
    if (!gate.measured)
      words += fmt::format("{}{}{}", words.empty() ? "" : ", ", gate_words(gate.name),
                           gate.why.empty() ? "" : ": " + gate.why);
  return words;
}

struct Judged {
  const RunData* run;
  Judgement judgement;
  check::SubrunSummary total;
};

void add_overview(Page& page, const NightData& night, const std::vector<Judged>& judged) {
  std::int64_t events = 0, subruns = 0;
  double seconds = 0;
  for (const Judged& j : judged) {
    events += j.total.num_events;
    subruns += std::ssize(j.run->summaries);
    if (std::isfinite(j.total.elapsed_time)) seconds += j.total.elapsed_time;
  }
  page.paragraph(fmt::format("{} run{} with {} subrun{}, {} events in {} of observation.",
                             judged.size(), judged.size() == 1 ? "" : "s", subruns,
                             subruns == 1 ? "" : "s", events, duration_text(seconds)));
  for (const Judged& j : judged) {
    if (const std::string failed = failed_gates(j.judgement.gates); !failed.empty())
      page.notice(fmt::format("Run {} fails: {}.", run_name(j.run->run), failed));
    for (const std::string& problem : j.run->problems) page.notice("Not read: " + problem);
    if (const std::string words = unmeasured_words(j.judgement); !words.empty())
      page.paragraph(fmt::format("Not measured in run {}: {}.", run_name(j.run->run), words));
  }
  for (const ListedRun& listed : night.listed)
    if (listed.type == "DATA" && std::none_of(judged.begin(), judged.end(), [&](const Judged& j) {
          return j.run->run == listed.run;
        }))
      page.notice(fmt::format("Run {} has no data check: not judged.", run_name(listed.run)));
  if (night.jobs && !night.jobs->failed.empty())
    page.notice(fmt::format("{} job{} failed, see Jobs: {}.", night.jobs->failed.size(),
                            night.jobs->failed.size() == 1 ? "" : "s",
                            night.jobs->failed.front().reason));
  for (const std::string& note : night.notes) page.notice(note);
  if (judged.empty()) page.notice("There are no data checks and no muon files of this night.");
}

void add_run_table(Page& page, const NightData& night, const std::vector<Judged>& judged) {
  Table table{.title = "Runs",
              .columns = {"run", "verdict", "type", "start (UTC)", "duration", "subruns", "events",
                          "cosmics [Hz]", "pedestals", "flat-fields", "alt [deg]", "az [deg]",
                          "RA [deg]", "Dec [deg]", "muon rings"},
              .rows = {}};
  const auto add_listed = [&](const ListedRun& listed) {
    const bool data = listed.type == "DATA";
    std::vector<Cell> row{
        text_cell(run_name(listed.run)),
        light_cell(data ? Light::attention : Light::unknown, data ? "no data check" : "not judged"),
        text_cell(listed.type),
        time_cell(listed.start),
        text_cell("–"),
        text_cell(fmt::format("– / {}", listed.subruns))};
    row.resize(table.columns.size(), Cell{.text = "–", .number = true});
    table.rows.push_back(std::move(row));
  };
  auto listed = night.listed.begin();
  const auto of_judged = [&](int run) {
    return std::any_of(judged.begin(), judged.end(),
                       [run](const Judged& j) { return j.run->run == run; });
  };
  for (const Judged& j : judged) {
    for (; listed != night.listed.end() && listed->run <= j.run->run; ++listed)
      if (!of_judged(listed->run)) add_listed(*listed);
    const check::SubrunSummary& t = j.total;
    const std::string expected = fmt::format(
        " / {}", check::full_number_of_subruns(j.run->summaries, j.run->expected_subruns));
    table.rows.push_back(
        {text_cell(run_name(j.run->run), '#' + run_anchor(j.run->run)),
         light_cell(j.judgement.light, light_words(j.judgement)), text_cell(j.run->type),
         time_cell(j.run->start()), text_cell(duration_text(t.elapsed_time)),
         text_cell(fmt::format("{}{}", j.run->summaries.size(), expected)),
         number_cell(double(t.num_events)), number_cell(t.rate(EventClass::cosmics), 1),
         number_cell(double(t.num_class_events[std::size_t(EventClass::pedestals)])),
         number_cell(double(t.num_class_events[std::size_t(EventClass::flatfield)])),
         number_cell(t.alt_tel * degrees, 2), number_cell(t.az_tel * degrees, 2),
         number_cell(t.ra_tel, 3), number_cell(t.dec_tel, 3),
         j.run->has_muons ? number_cell(double(j.run->muons.rings.size()))
                          : number_cell(std::nan(""))});
  }
  for (; listed != night.listed.end(); ++listed)
    if (!of_judged(listed->run)) add_listed(*listed);
  page.add(table);
  if (!night.has_run_summary)
    page.paragraph(
        "There is no run summary: what the night should have is not known; gaps in the "
        "numbers of subruns count as missing.");
}

void add_gate_table(Page& page, const std::vector<Judged>& judged) {
  std::vector<std::string> names(usual_gates.begin(), usual_gates.end());
  std::map<std::string, Gate> sample;
  for (const Judged& j : judged)
    for (const Gate& gate : j.judgement.gates) {
      sample.try_emplace(gate.name, gate);
      if (std::find(names.begin(), names.end(), gate.name) == names.end())
        names.push_back(gate.name);
    }
  Table table{.title = "Quality gates", .columns = {"run"}, .rows = {}};
  table.below.emplace_back();
  for (const std::string& name : names) {
    table.columns.push_back(gate_words(name));
    const auto found = sample.find(name);
    table.below.push_back(found == sample.end() ? std::string() : limits_text(found->second));
  }
  for (const Judged& j : judged) {
    std::vector<Cell> row{text_cell(run_name(j.run->run), '#' + run_anchor(j.run->run))};
    for (const std::string& name : names) {
      const auto gate = std::find_if(j.judgement.gates.begin(), j.judgement.gates.end(),
                                     [&](const Gate& g) { return g.name == name; });
      row.push_back(gate == j.judgement.gates.end() ? light_cell(Light::unknown)
                                                    : gate_cell(*gate));
    }
    table.rows.push_back(std::move(row));
  }
  page.add(table);
  Table subruns{
      .title = "Subruns that fail a gate", .columns = {"run", "subrun", "failed"}, .rows = {}};
  for (const Judged& j : judged)
    for (const auto& [subrun, failed] : j.judgement.subruns)
      subruns.rows.push_back({text_cell(run_name(j.run->run), '#' + run_anchor(j.run->run)),
                              number_cell(double(subrun)), light_cell(Light::bad, failed)});
  if (!subruns.rows.empty()) page.add(subruns);
}

void add_comparison(Page& page, const NightData& night, const std::vector<Judged>& judged) {
  const bool has_reference = !night.reference.name.empty() && !night.reference.summaries.empty();
  if (!has_reference && night.bands.empty()) return;
  page.begin_section("Comparison", "comparison");
  const check::SubrunSummary other = check::total_of(night.reference.summaries);
  if (has_reference)
    page.paragraph(fmt::format("Reference: {}; shown dashed in the plots.", night.reference.name));
  if (!night.bands.empty())
    page.paragraph(
        fmt::format("Long-term band: where the runs in {} lie, median and range of five "
                    "robust standard deviations.",
                    night.bands_from));
  Table table{.title = "Compared quantities", .columns = {"quantity", "unit"}, .rows = {}};
  if (has_reference) table.columns.push_back("reference");
  if (!night.bands.empty()) table.columns.push_back("long-term band");
  for (const Judged& j : judged) table.columns.push_back(run_name(j.run->run));
  for (const Quantity& quantity : compared_quantities()) {
    std::vector<Cell> row{text_cell(quantity.name), text_cell(quantity.unit)};
    const double before = quantity.of(other);
    if (has_reference) row.push_back(number_cell(before, quantity.digits));
    const auto band =
        std::find_if(night.bands.begin(), night.bands.end(),
                     [&](const LongTermBand& b) { return b.quantity == quantity.name; });
    if (!night.bands.empty())
      row.push_back(
          band == night.bands.end()
              ? text_cell("–")
              : text_cell(fmt::format("{:.{}f} to {:.{}f} ({} runs)", band->low, quantity.digits,
                                      band->high, quantity.digits, band->runs)));
    for (const Judged& j : judged) {
      const double value = quantity.of(j.total);
      std::string text = number_cell(value, quantity.digits).text;
      if (has_reference && std::isfinite(value) && std::isfinite(before) && before != 0)
        text += fmt::format(" ({:+.1f} %)", 100 * (value / before - 1));
      if (band != night.bands.end() && std::isfinite(value))
        row.push_back(light_cell(
            value >= band->low && value <= band->high ? Light::good : Light::attention, text));
      else
        row.push_back({.text = text, .number = true});
    }
    table.rows.push_back(std::move(row));
  }
  page.add(table);
  page.end_section();
}

/// The night in time: one point a subrun, with the gates' limits as bands.
void add_trends(Page& page, const NightData& night, const std::vector<Judged>& judged,
                const check::DataLimits& limits) {
  struct Trend {
    std::string title;
    Axis y;
    std::vector<std::pair<const char*, double (*)(const check::SubrunSummary&)>> values;
    std::vector<Band> bands;
  };
  using S = check::SubrunSummary;
  const auto y = [](std::string label, std::string unit, Axis::Scale scale = Axis::Scale::linear) {
    Axis axis;
    axis.label = std::move(label);
    axis.unit = std::move(unit);
    axis.scale = scale;
    return axis;
  };
  const auto range = [](const GateRange& r) {
    return std::vector<Band>{{"limits of the gate", r.low, r.high}};
  };
  const std::vector<Trend> trends{
      {"Rates",
       y("rate", "Hz", Axis::Scale::log),
       {{"pedestals", [](const S& s) { return s.rate(EventClass::pedestals); }},
        {"flat-fields", [](const S& s) { return s.rate(EventClass::flatfield); }},
        {"cosmics", [](const S& s) { return s.rate(EventClass::cosmics); }}},
       {}},
      {"Rate of cosmics",
       y("rate", "Hz"),
       {{"cosmics", [](const S& s) { return s.rate(EventClass::cosmics); }}},
       range(limits.cosmics_rate)},
      {"Pedestal charge, camera mean",
       y("charge", "p.e."),
       {{"mean", [](const S& s) { return s.pedestal_charge; }}},
       range(limits.pedestal_charge)},
      {"Spread of the pedestal charge, camera mean",
       y("std. deviation", "p.e."),
       {{"spread", [](const S& s) { return s.pedestal_spread; }}},
       range(limits.pedestal_spread)},
      {"Flat-field charge, camera mean",
       y("charge", "p.e."),
       {{"mean", [](const S& s) { return s.flatfield_charge; }}},
       range(limits.flatfield_charge)},
      {"Spread of the flat-field time, camera mean",
       y("std. deviation", "ns"),
       {{"spread", [](const S& s) { return s.flatfield_time_spread; }}},
       {}},
      {"Pulses in cosmics",
       y("fraction of pulses", "", Axis::Scale::log),
       {{"above 10 p.e.", [](const S& s) { return s.cosmics_pulses_above_10; }},
        {"above 30 p.e.", [](const S& s) { return s.cosmics_pulses_above_30; }}},
       {}},
      {"Altitude",
       y("altitude", "deg"),
       {{"altitude", [](const S& s) { return s.alt_tel * degrees; }}},
       {}},
  };
  const auto middle = [](const S& s) { return (s.time_start + s.time_end) / 2; };
  page.begin_plots();
  for (const Trend& trend : trends) {
    LinePlot plot{.title = trend.title,
                  .x = y("time", "", Axis::Scale::time),
                  .y = trend.y,
                  .curves = {},
                  .bands = trend.bands};
    for (const auto& [name, value] : trend.values) {
      Curve curve{.name = name, .x = {}, .y = {}};
      for (const Judged& j : judged)
        for (const S& s : j.run->summaries) {
          if (!std::isfinite(middle(s))) continue;
          curve.x.push_back(middle(s));
          curve.y.push_back(value(s));
          curve.labels.push_back(fmt::format("run {}, subrun {}", run_name(j.run->run), s.subrun));
        }
      plot.curves.push_back(std::move(curve));
    }
    page.add(plot);
  }
  LinePlot muons{.title = "Muon efficiency by run",
                 .note = "Contained rings; error bars: standard error of the mean.",
                 .x = y("time", "", Axis::Scale::time),
                 .y = y("efficiency", ""),
                 .curves = {{.name = "efficiency", .x = {}, .y = {}}},
                 .bands = range(limits.muon_efficiency)};
  for (const Judged& j : judged) {
    std::vector<double> values;
    for (const pipeline::MuonRing& ring : j.run->muons.rings)
      if (contained(ring)) values.push_back(ring.muon_efficiency);
    const MeanOf mean = mean_of(values);
    if (mean.count == 0 || !std::isfinite(j.run->start())) continue;
    muons.curves[0].x.push_back(j.run->start());
    muons.curves[0].y.push_back(mean.mean);
    muons.curves[0].error.push_back(mean.error);
    muons.curves[0].labels.push_back(
        fmt::format("run {}, {} rings", run_name(j.run->run), mean.count));
  }
  if (!muons.curves[0].x.empty()) page.add(muons);
  page.end_plots();
  static_cast<void>(night);
}

void add_jobs(Page& page, const NightData& night) {
  page.begin_section("Jobs", "jobs");
  if (!night.jobs) {
    page.paragraph(
        "No state of this night is recorded: it was not processed by alisio night, or paths.state "
        "names another folder.");
    return page.end_section();
  }
  Table stages{
      .title = "Jobs by stage", .columns = {"stage", "done", "failed", "interrupted"}, .rows = {}};
  for (const auto& [stage, counts] : night.jobs->stages)
    stages.rows.push_back({text_cell(stage), number_cell(double(counts[0])),
                           number_cell(double(counts[1])), number_cell(double(counts[2]))});
  page.add(stages);
  if (night.jobs->failed.empty()) {
    page.paragraph("No job failed.");
  } else {
    Table failed{.title = "Jobs that did not end well",
                 .columns = {"stage", "job", "status", "reason", "log"},
                 .rows = {}};
    for (const FailedJob& job : night.jobs->failed)
      failed.rows.push_back({text_cell(job.stage), text_cell(job.name),
                             light_cell(Light::bad, job.status), text_cell(job.reason),
                             text_cell(job.log_file.empty() ? "–" : "log", job.log_file)});
    page.add(failed);
  }
  page.end_section();
}

}  // namespace

std::string gate_words(const std::string& name) {
  std::string words = name == "ucts_jumps" ? "UCTS jumps" : name;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string limits_text(const Gate& gate) {
  return range_text(gate) + (gate.unit.empty() ? "" : ' ' + gate.unit);
}

Judgement judge(const RunData& run, const check::DataLimits& limits) {
  Judgement judgement;
  if (run.has_check) {
    std::vector<double> efficiencies;
    for (const pipeline::MuonRing& ring : run.muons.rings)
      if (contained(ring)) efficiencies.push_back(ring.muon_efficiency);
    judgement.gates =
        run_gates(run.summaries, limits, run.expected_subruns,
                  run.has_muons ? std::ssize(efficiencies) : -1, mean_of(efficiencies).mean);
  }
  std::vector<Light> lights;
  for (const Gate& gate : judgement.gates) lights.push_back(light_of(gate));
  for (const check::SubrunSummary& subrun : run.summaries)
    if (std::string failed = failed_gates(subrun_gates(subrun, limits)); !failed.empty())
      judgement.subruns.emplace_back(subrun.subrun, std::move(failed));
  if (!run.has_check || !run.problems.empty() || !judgement.subruns.empty())
    lights.push_back(Light::attention);
  judgement.light = light_of_all(lights);
  return judgement;
}

std::string night_page(const NightData& night, const check::DataLimits& limits,
                       const instrument::CameraGeometry& geometry, const std::string& footer) {
  std::vector<Judged> judged;
  std::vector<Light> lights;
  for (const RunData& run : night.runs) {
    judged.push_back({&run, judge(run, limits), check::total_of(run.summaries)});
    lights.push_back(judged.back().judgement.light);
  }
  for (const ListedRun& listed : night.listed)
    if (listed.type == "DATA" && std::none_of(judged.begin(), judged.end(), [&](const Judged& j) {
          return j.run->run == listed.run;
        }))
      lights.push_back(Light::attention);
  if (night.jobs && !night.jobs->failed.empty()) lights.push_back(Light::attention);
  if (!night.notes.empty()) lights.push_back(Light::attention);
  const Light light = light_of_all(lights);
  Page page(night.title, fmt::format("LST-{}, production {}", night.telescope, night.prod_id));
  const std::size_t camera = page.add_camera(geometry);
  page.begin_section("Summary", "summary", false, light, true, light_words(light, !judged.empty()));
  add_overview(page, night, judged);
  add_run_table(page, night, judged);
  add_gate_table(page, judged);
  page.end_section();
  add_comparison(page, night, judged);
  if (!judged.empty()) {
    page.begin_section("In time", "trends");
    add_trends(page, night, judged, limits);
    page.end_section();
  }
  if (night.significance) add_source_sections(page, *night.significance, night.significance_of);
  add_jobs(page, night);
  if (!night.links.empty()) {
    page.begin_section("Files", "files");
    for (const auto& [heading, links] : night.links) {
      page.heading(heading);
      page.links(links);
    }
    page.end_section();
  }
  for (const Judged& j : judged) {
    page.begin_section("Run " + run_name(j.run->run), run_anchor(j.run->run), judged.size() > 1,
                       j.judgement.light, true, light_words(j.judgement));
    Table gates{
        .title = "Quality gates", .columns = {"gate", "verdict", "value", "limits"}, .rows = {}};
    for (const Gate& gate : j.judgement.gates)
      gates.rows.push_back({text_cell(gate_words(gate.name)), light_cell(light_of(gate)),
                            text_cell(value_text(gate)), text_cell(limits_text(gate))});
    for (const char* name : usual_gates)
      if (std::none_of(j.judgement.gates.begin(), j.judgement.gates.end(),
                       [&](const Gate& g) { return g.name == name; }))
        gates.rows.push_back({text_cell(gate_words(name)), light_cell(Light::unknown),
                              text_cell("–"), text_cell("–")});
    page.add(gates);
    for (const std::string& problem : j.run->problems) page.notice("Not read: " + problem);
    if (const auto links = night.run_links.find(j.run->run); links != night.run_links.end())
      page.links(links->second);
    add_run_plots(page, *j.run, night.reference, geometry, camera);
    page.end_section();
  }
  return page.html(footer);
}

}  // namespace alisio::report
