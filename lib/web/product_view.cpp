#include "lib/web/product_view.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/base/markup.hpp"
#include "lib/night/products.hpp"
#include "lib/web/html.hpp"
#include "lib/web/night_view.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* shown_stages[] = {"night_report", "significance"};
constexpr double seconds_per_minute = 60;

std::string number(const json& row, const char* key, int digits, double factor = 1) {
  const auto value = row.find(key);
  if (value == row.end() || !value->is_number()) return "<td class=\"n\">–</td>";
  return fmt::format("<td class=\"n\">{:.{}f}</td>", value->get<double>() * factor, digits);
}

std::string counts_row(const std::string& head, const json& row) {
  return "<tr><td>" + markup_escaped(head) + "</td>" +
         number(row, "effective_time_s", 1, 1 / seconds_per_minute) + number(row, "n_on", 0) +
         number(row, "n_off", 0) + number(row, "alpha", 4) + number(row, "excess", 1) +
         number(row, "excess_error", 1) + number(row, "significance", 2) +
         number(row, "excess_per_minute", 3) + "<td>" + markup_escaped(row.value("remark", "")) +
         "</td></tr>\n";
}

std::string source_part(const json& source) {
  const json& sum = source.at("sum");
  std::string rows;
  for (const json& row : source.at("runs")) rows += counts_row(row.value("run", ""), row);
  rows += counts_row("all", sum);
  const bool measured = sum.contains("significance") && sum["significance"].is_number();
  return fmt::format("<h3>{}: {}</h3>", markup_escaped(source.value("name", "")),
                     measured
                         ? fmt::format("{:.2f} σ (Li &amp; Ma)", sum["significance"].get<double>())
                         : "not measurable") +
         table({"run", "effective time [min]", "on", "off", "alpha", "excess", "its error",
                "significance [σ]", "excess per minute", "remark"},
               rows);
}

std::string significance_part(const fs::path& file) {
  try {
    std::ifstream in(file);
    const json result = json::parse(in);
    if (result.at("format") != "alisio significance") return {};
    std::string text;
    for (const json& source : result.at("sources")) text += source_part(source);
    for (const json& left : result.value("left_out", json::array()))
      text += fmt::format("<p class=\"quiet\">left out: {}: {}</p>",
                          markup_escaped(left.value("what", "")),
                          markup_escaped(left.value("why", "")));
    return text;
  } catch (const json::exception&) {
    return "<p class=\"bad\">the result of the significance cannot be read</p>";
  }
}

}  // namespace

std::string products_part(night::State& state, const night::NightKey& night) {
  const std::string files = night_path(night) + "/file/";
  std::string report, significance, plots;
  for (const char* stage : shown_stages)
    for (const night::RecordedProduct& product : night::recorded_products(state, night, stage)) {
      const std::string name = product.path.filename().string(), path = files + url_escaped(name);
      std::error_code problem;
      if (!fs::is_regular_file(product.path, problem)) continue;
      if (name.ends_with(".html"))
        report +=
            "<p>" + link(path, "Report of the night, with the plots of the data check") + "</p>\n";
      else if (name.ends_with(".json"))
        significance += significance_part(product.path) + "<p>" + link(path, name) + "</p>\n";
      else if (name.ends_with(".svg"))
        plots += fmt::format(
            "<figure><a href=\"{0}\"><img src=\"{0}\" alt=\"{1}\" loading=\"lazy\"></a></figure>\n",
            markup_escaped(path), markup_escaped("distribution of " + name));
    }
  std::string html =
      "<h2>Data check and sources</h2>" +
      (report.empty() ? "<p class=\"quiet\">the report is not made yet</p>" : report);
  if (!significance.empty()) html += significance + plots;
  html += "<p>" + link("/night/" + night.date.compact(), "Provenance of the night") + "</p>";
  return "<section id=\"products\">" + html + "</section>";
}

std::optional<fs::path> shown_product(night::State& state, const night::NightKey& night,
                                      const std::string& name) {
  for (const char* stage : shown_stages)
    for (const night::RecordedProduct& product : night::recorded_products(state, night, stage)) {
      std::error_code problem;
      if (product.path.filename() == name && fs::is_regular_file(product.path, problem))
        return product.path;
    }
  return std::nullopt;
}

}  // namespace alisio::web
