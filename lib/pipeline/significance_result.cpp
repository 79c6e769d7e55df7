#include "lib/pipeline/significance_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

constexpr const char* format_name = "alisio significance";
constexpr double seconds_per_minute = 60, seconds_per_hour = 3600;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double number_in(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_null() ? nan : value.get<double>();
}

Json to_json(const SignificanceRow& row) {
  return {{"run", row.run},
          {"pointing_ra_deg", number(row.pointing.ra_deg)},
          {"pointing_dec_deg", number(row.pointing.dec_deg)},
          {"separation_deg", number(row.separation_deg)},
          {"events", row.events},
          {"selected_events", row.selected},
          {"elapsed_time_s", number(row.time.elapsed_s)},
          {"effective_time_s", number(row.time.effective_s)},
          {"dead_time_s", number(row.time.dead_s)},
          {"trigger_rate_hz", number(row.time.rate_hz)},
          {"n_on", row.excess.n_on},
          {"n_off", row.excess.n_off},
          {"norm_on", row.norm_on},
          {"norm_off", row.norm_off},
          {"alpha", number(row.excess.alpha)},
          {"background", number(row.excess.background)},
          {"excess", number(row.excess.excess)},
          {"excess_error", number(row.excess.excess_error)},
          {"significance", number(row.excess.significance)},
          {"excess_per_minute", number(per_minute(row.excess.excess, row))},
          {"excess_per_minute_error", number(per_minute(row.excess.excess_error, row))},
          {"background_per_minute", number(per_minute(row.excess.background, row))},
          {"in_sum", row.in_sum},
          {"remark", row.remark}};
}

SignificanceRow row_of(const Json& json) {
  SignificanceRow row;
  json.at("run").get_to(row.run);
  row.pointing = {number_in(json, "pointing_ra_deg"), number_in(json, "pointing_dec_deg")};
  row.separation_deg = number_in(json, "separation_deg");
  json.at("events").get_to(row.events);
  json.at("selected_events").get_to(row.selected);
  row.time = {.elapsed_s = number_in(json, "elapsed_time_s"),
              .effective_s = number_in(json, "effective_time_s"),
              .dead_s = number_in(json, "dead_time_s"),
              .rate_hz = number_in(json, "trigger_rate_hz")};
  json.at("norm_on").get_to(row.norm_on);
  json.at("norm_off").get_to(row.norm_off);
  row.excess = {.n_on = json.at("n_on").get<std::int64_t>(),
                .n_off = json.at("n_off").get<std::int64_t>(),
                .alpha = number_in(json, "alpha"),
                .background = number_in(json, "background"),
                .excess = number_in(json, "excess"),
                .excess_error = number_in(json, "excess_error"),
                .significance = number_in(json, "significance")};
  json.at("in_sum").get_to(row.in_sum);
  json.at("remark").get_to(row.remark);
  return row;
}

Json to_json(const SignificanceOptions& options, const SignificanceResult& result) {
  const dl3::OnOffBinning& binning = binning_of(result);
  const bool by_counts = options.normalisation == dl3::Normalisation::counts;
  return {{"gammaness_above", options.gammaness_cut},
          {"interleaved", options.interleaved},
          {"below", binning.cut},
          {"histogram_end", binning.last},
          {"norm_low", binning.norm_low},
          {"norm_high", binning.norm_high},
          {"bin_width", binning.bin_width},
          {"normalisation", by_counts ? "counts" : "positions"},
          {"off_positions", options.n_off},
          {"focal_length_m", options.focal_length},
          {"degree_per_metre", options.degree_per_metre}};
}

void read_options(const Json& json, SignificanceResult& result) {
  SignificanceOptions& options = result.options;
  options.gammaness_cut = number_in(json, "gammaness_above");
  json.at("interleaved").get_to(options.interleaved);
  dl3::OnOffBinning& binning = result.quantity == "alpha" ? options.alpha : options.theta2;
  binning = {.cut = number_in(json, "below"),
             .last = number_in(json, "histogram_end"),
             .norm_low = number_in(json, "norm_low"),
             .norm_high = number_in(json, "norm_high"),
             .bin_width = number_in(json, "bin_width")};
  options.normalisation = json.at("normalisation") == "counts" ? dl3::Normalisation::counts
                                                               : dl3::Normalisation::positions;
  json.at("off_positions").get_to(options.n_off);
  options.focal_length = number_in(json, "focal_length_m");
  options.degree_per_metre = number_in(json, "degree_per_metre");
}

SourceSignificance source_of(const Json& json) {
  SourceSignificance source;
  json.at("name").get_to(source.name);
  source.position = {number_in(json, "ra_deg"), number_in(json, "dec_deg")};
  json.at("chosen").get_to(source.chosen);
  for (const Json& row : json.at("runs")) source.runs.push_back(row_of(row));
  source.sum = row_of(json.at("sum"));
  json.at("on").get_to(source.on);
  json.at("off").get_to(source.off);
  return source;
}

/// Return a number for a column of a table; nothing where there is none.
std::string cell(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string line_of(const SignificanceRow& row) {
  const dl3::Excess& excess = row.excess;
  return fmt::format(
      "  {:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8}{}\n", row.run,
      cell(row.separation_deg, 2), cell(row.time.effective_s / 60, 2), excess.n_on, excess.n_off,
      cell(excess.alpha, 4), cell(excess.excess, 1), cell(excess.excess_error, 1),
      cell(excess.significance, 2), cell(per_minute(excess.excess, row), 3),
      cell(per_minute(excess.background, row), 3), row.remark.empty() ? "" : "  " + row.remark);
}

}  // namespace

double per_minute(double events, const SignificanceRow& row) {
  return row.time.effective_s > 0 ? events / (row.time.effective_s / seconds_per_minute) : nan;
}

const dl3::OnOffBinning& binning_of(const SignificanceResult& result) {
  return result.quantity == "alpha" ? result.options.alpha : result.options.theta2;
}

std::string to_json(const SignificanceResult& result) {
  Json json{
      {"format", format_name},           {"format_version", 1},
      {"observation_date", result.date}, {"prod_id", result.prod_id},
      {"quantity", result.quantity},     {"unit", result.quantity == "alpha" ? "deg" : "deg2"},
      {"selection", result.selection},   {"cuts", to_json(result.options, result)},
      {"sources", Json::array()},        {"left_out", Json::array()}};
  for (const SourceSignificance& source : result.sources) {
    Json runs = Json::array();
    for (const SignificanceRow& row : source.runs) runs.push_back(to_json(row));
    json["sources"].push_back({{"name", source.name},
                               {"ra_deg", number(source.position.ra_deg)},
                               {"dec_deg", number(source.position.dec_deg)},
                               {"chosen", source.chosen},
                               {"sum", to_json(source.sum)},
                               {"runs", runs},
                               {"on", source.on},
                               {"off", source.off}});
  }
  for (const LeftOut& left : result.left_out)
    json["left_out"].push_back({{"what", left.what}, {"why", left.why}});
  return json.dump(2) + '\n';
}

SignificanceResult read_significance(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw Error(ErrorKind::missing_input, "cannot be read", file.string());
  try {
    const Json json = Json::parse(in);
    if (json.at("format") != format_name) throw std::invalid_argument("another format");
    SignificanceResult result;
    json.at("observation_date").get_to(result.date);
    json.at("prod_id").get_to(result.prod_id);
    json.at("quantity").get_to(result.quantity);
    json.at("selection").get_to(result.selection);
    read_options(json.at("cuts"), result);
    for (const Json& source : json.at("sources")) result.sources.push_back(source_of(source));
    for (const Json& left : json.at("left_out"))
      result.left_out.push_back({left.at("what"), left.at("why")});
    return result;
  } catch (const std::exception& problem) {
    throw Error(ErrorKind::bad_input,
                fmt::format("is no result of alisio significance: {}", problem.what()),
                file.string(), "make it again with alisio significance");
  }
}

std::string to_text(const SignificanceResult& result) {
  const dl3::OnOffBinning& binning = binning_of(result);
  const bool alpha = result.quantity == "alpha";
  const char* unit = alpha ? "deg" : "deg2";
  std::string text;
  for (const SourceSignificance& source : result.sources) {
    text += fmt::format("{} (RA {:.4f} deg, Dec {:.4f} deg; {})\n", source.name,
                        source.position.ra_deg, source.position.dec_deg, source.chosen);
    text += fmt::format("  {:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8}\n",
                        "run", "offset", "min", "on", "off", "alpha", "excess", "+-", "sigma",
                        "exc/min", "bkg/min");
    for (const SignificanceRow& row : source.runs) text += line_of(row);
    text += line_of(source.sum);
  }
  if (result.sources.empty()) text += "no source was observed\n";
  text +=
      fmt::format("gammaness > {:g}, {} < {:g} {}, {} off position{}; on and off compared {}\n",
                  result.options.gammaness_cut, alpha ? "alpha angle" : "theta2", binning.cut, unit,
                  result.options.n_off, result.options.n_off == 1 ? "" : "s",
                  result.options.normalisation == dl3::Normalisation::counts
                      ? fmt::format("in {:g} to {:g} {}", binning.norm_low, binning.norm_high, unit)
                      : "by the number of positions");
  for (const LeftOut& left : result.left_out)
    text += fmt::format("left out: {}: {}\n", left.what, left.why);
  return text;
}

plot::Drawing significance_plot(const SignificanceResult& result,
                                const SourceSignificance& source) {
  const dl3::OnOffBinning& binning = binning_of(result);
  const bool alpha = result.quantity == "alpha";
  const double ratio = source.sum.excess.alpha;
  plot::HistogramPlot plot;
  plot.title = fmt::format("{}{}{}", source.name, result.date.empty() ? "" : ", ", result.date);
  plot.x_label = alpha ? "alpha (deg)" : "theta² (deg²)";
  plot.y_label = "events";
  plot.mark = binning.cut;
  plot::HistogramSeries on{.name = "on", .values = {}, .errors = {}, .points = true};
  plot::HistogramSeries off{.name = "off, scaled", .values = {}, .errors = {}, .points = false};
  const std::size_t n = source.on.size();
  for (std::size_t bin = 0; bin < n; ++bin) {
    on.values.push_back(double(source.on[bin]));
    on.errors.push_back(std::sqrt(double(source.on[bin])));
    off.values.push_back(double(source.off[bin]) * ratio);
    off.errors.push_back(std::sqrt(double(source.off[bin])) * ratio);
  }
  for (std::size_t edge = 0; edge <= n; ++edge)
    plot.edges.push_back(binning.last * double(edge) / double(n));
  plot.series = {std::move(on), std::move(off)};
  const SignificanceRow& sum = source.sum;
  std::size_t in_sum = 0;
  for (const SignificanceRow& row : source.runs) in_sum += row.in_sum ? 1 : 0;
  plot.notes = {
      fmt::format("{} run{}, {} h effective", in_sum, in_sum == 1 ? "" : "s",
                  cell(sum.time.effective_s / seconds_per_hour, 2)),
      fmt::format("on {}, off {}, alpha {}", sum.excess.n_on, sum.excess.n_off, cell(ratio, 4)),
      fmt::format("excess {} ± {}", cell(sum.excess.excess, 1), cell(sum.excess.excess_error, 1)),
      fmt::format("significance {} σ", cell(sum.excess.significance, 2)),
      fmt::format("{} ± {} per minute", cell(per_minute(sum.excess.excess, sum), 3),
                  cell(per_minute(sum.excess.excess_error, sum), 3)),
      fmt::format("gammaness above {:g}", result.options.gammaness_cut)};
  plot::Drawing drawing{
      .title = plot.title, .width = plot.width, .height = plot.height, .shapes = {}};
  plot::draw_histograms(drawing, {0, 0}, plot);
  return drawing;
}

std::string file_word(const std::string& name) {
  std::string word;
  for (const char c : name) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '-';
    word += keep ? c : '_';
  }
  return word.empty() ? "source" : word;
}

}  // namespace alisio::pipeline
