#include "lib/report/page.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/markup.hpp"
#include "lib/report/assets.hpp"
#include "lib/report/packing.hpp"

namespace alisio::report {
namespace {
using Json = nlohmann::ordered_json;

const char* class_of(Light light) {
  switch (light) {
    case Light::good:
      return "good";
    case Light::attention:
      return "attention";
    case Light::bad:
      return "bad";
    case Light::unknown:
      break;
  }
  return "unknown";
}

// The sign differs in shape, not in colour alone.
const char* sign_of(Light light) {
  switch (light) {
    case Light::good:
      return "\u2714";
    case Light::attention:
      return "\u25b2";
    case Light::bad:
      return "\u2716";
    case Light::unknown:
      break;
  }
  return "\u25cb";
}

std::string light_html(Light light, std::string_view text) {
  return fmt::format(
      "<span class=\"light {}\"><span class=\"sign\" aria-hidden=\"true\">{}</span> {}</span>",
      class_of(light), sign_of(light), markup_escaped(text));
}

void check_size(std::size_t size, std::size_t expected, const std::string& plot) {
  if (size != expected)
    throw Error(ErrorKind::bug, fmt::format("{} values where {} belong", size, expected), plot);
}

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json axis_json(const Axis& axis) {
  Json json = {{"label", axis.label}, {"unit", axis.unit}};
  if (axis.scale != Axis::Scale::linear)
    json["scale"] = axis.scale == Axis::Scale::log ? "log" : "time";
  if (axis.whole) json["whole"] = true;
  if (std::isfinite(axis.low)) json["low"] = axis.low;
  if (std::isfinite(axis.high)) json["high"] = axis.high;
  return json;
}

// JSON inside a script element: a "<" could end the element.
std::string script_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

}  // namespace

std::string_view to_string(Light light) {
  switch (light) {
    case Light::good:
      return "good";
    case Light::attention:
      return "attention";
    case Light::bad:
      return "bad";
    case Light::unknown:
      break;
  }
  return "not measured";
}

Light light_of(const Gate& gate) {
  if (std::isnan(gate.value)) return Light::unknown;
  return gate.passed ? Light::good : Light::bad;
}

Light worst(std::span<const Light> lights) {
  Light found = Light::unknown;
  const auto rank = [](Light light) {
    return light == Light::unknown ? -1 : static_cast<int>(light);
  };
  for (const Light light : lights)
    if (rank(light) > rank(found)) found = light;
  return found;
}

Cell text_cell(std::string text, std::string link) {
  return {.text = std::move(text), .link = std::move(link)};
}

Cell number_cell(double value, int digits) {
  return {.text = std::isnan(value) ? std::string("\u2013") : fmt::format("{:.{}f}", value, digits),
          .number = true};
}

Cell light_cell(Light light, std::string text) {
  return {.text = text.empty() ? std::string(to_string(light)) : std::move(text),
          .has_light = true,
          .light = light};
}

Page::Page(std::string title, std::string subtitle)
    : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

std::size_t Page::array(std::string packed) {
  const auto [known, added] = known_arrays_.try_emplace(packed, arrays_.size());
  if (added) arrays_.push_back(std::move(packed));
  return known->second;
}

std::size_t Page::add_camera(const instrument::CameraGeometry& geometry) {
  std::vector<double> ids(geometry.pix_id.begin(), geometry.pix_id.end());
  const Json camera = {{"name", geometry.name},         {"x", array(pack(geometry.x))},
                       {"y", array(pack(geometry.y))},  {"id", array(pack(ids))},
                       {"width", geometry.pixel_width}, {"rotation", geometry.pixel_rotation_deg}};
  cameras_.push_back(script_json(camera));
  return cameras_.size() - 1;
}

void Page::begin_section(const std::string& title, const std::string& anchor, bool folding,
                         Light light, bool show_light, std::string_view words) {
  const std::string sign = show_light
                               ? ' ' + light_html(light, words.empty() ? to_string(light) : words)
                               : std::string();
  const std::string id = markup_escaped(anchor);
  if (open_.empty()) menu_.emplace_back(anchor, title);
  const int level = open_.empty() ? 2 : 3;
  const std::string head = fmt::format("id=\"{}\" data-name=\"{}\"", id, markup_escaped(title));
  if (folding)
    body_ += fmt::format(
        "<details class=\"section\" {}><summary><h{} class=\"inline\">{}</h{}>{}</summary>\n", head,
        level, markup_escaped(title), level, sign);
  else
    body_ += fmt::format("<section {}><h{}>{}{}</h{}>\n", head, level, markup_escaped(title), sign,
                         level);
  open_.push_back({folding});
}

void Page::end_section() {
  if (open_.empty()) throw Error(ErrorKind::bug, "a section ends that did not begin", title_);
  body_ += open_.back().folding ? "</details>\n" : "</section>\n";
  open_.pop_back();
}

void Page::heading(const std::string& text, const std::string& anchor) {
  const std::string id =
      anchor.empty() ? std::string() : fmt::format(" id=\"{}\"", markup_escaped(anchor));
  body_ += fmt::format("<h{}{}>{}</h{}>\n", open_.size() + 2, id, markup_escaped(text),
                       open_.size() + 2);
}

void Page::paragraph(const std::string& text) {
  body_ += "<p>" + markup_escaped(text) + "</p>\n";
}

void Page::notice(const std::string& text) {
  body_ += "<p class=\"notice\">" + markup_escaped(text) + "</p>\n";
}

void Page::list(const std::vector<std::string>& items) {
  body_ += "<ul>";
  for (const std::string& item : items) body_ += "<li>" + markup_escaped(item) + "</li>";
  body_ += "</ul>\n";
}

void Page::links(const std::vector<std::pair<std::string, std::string>>& links) {
  body_ += "<p class=\"links\">";
  for (const auto& [text, address] : links)
    body_ += fmt::format("<a href=\"{}\">{}</a> ", markup_escaped(address), markup_escaped(text));
  body_ += "</p>\n";
}

void Page::add(const Table& table) {
  body_ +=
      fmt::format("<div class=\"table\" data-title=\"{}\"><table>", markup_escaped(table.title));
  if (!table.title.empty()) body_ += "<caption>" + markup_escaped(table.title) + "</caption>";
  body_ += "<thead><tr>";
  if (!table.below.empty()) check_size(table.below.size(), table.columns.size(), table.title);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    body_ += "<th scope=\"col\">" + markup_escaped(table.columns[i]);
    if (!table.below.empty() && !table.below[i].empty())
      body_ += "<small>" + markup_escaped(table.below[i]) + "</small>";
    body_ += "</th>";
  }
  body_ += "</tr></thead><tbody>";
  for (const std::vector<Cell>& row : table.rows) {
    check_size(row.size(), table.columns.size(), table.title);
    body_ += "<tr>";
    for (const Cell& cell : row) {
      body_ += cell.number ? "<td class=\"number\"" : "<td";
      if (!cell.hint.empty()) body_ += " title=\"" + markup_escaped(cell.hint) + '"';
      body_ += '>';
      std::string text =
          cell.has_light ? light_html(cell.light, cell.text) : markup_escaped(cell.text);
      if (!cell.link.empty())
        text = fmt::format("<a href=\"{}\">{}</a>", markup_escaped(cell.link), text);
      body_ += text + "</td>";
    }
    body_ += "</tr>";
  }
  body_ += "</tbody></table></div>\n";
}

void Page::begin_plots() {
  body_ += "<div class=\"plots\">\n";
}
void Page::end_plots() {
  body_ += "</div>\n";
}

void Page::figure(const std::string& title, const std::string& note, std::string description) {
  body_ += fmt::format("<figure class=\"plot\" data-plot=\"{}\"><figcaption>{}</figcaption>",
                       plots_.size(), markup_escaped(title));
  body_ += "<div class=\"canvas\"></div>";
  if (!note.empty()) body_ += "<p class=\"note\">" + markup_escaped(note) + "</p>";
  body_ += "</figure>\n";
  plots_.push_back(std::move(description));
}

void Page::add(const LinePlot& plot) {
  Json json = {
      {"kind", "lines"}, {"title", plot.title}, {"x", axis_json(plot.x)}, {"y", axis_json(plot.y)}};
  json["curves"] = Json::array();
  for (const Curve& curve : plot.curves) {
    check_size(curve.y.size(), curve.x.size(), plot.title);
    Json one = {{"name", curve.name},
                {"x", array(pack(curve.x, plot.x.scale == Axis::Scale::time))},
                {"y", array(pack(curve.y, plot.y.scale == Axis::Scale::time))}};
    if (!curve.error.empty()) {
      check_size(curve.error.size(), curve.x.size(), plot.title);
      one["error"] = array(pack(curve.error));
    }
    if (!curve.labels.empty()) {
      check_size(curve.labels.size(), curve.x.size(), plot.title);
      one["labels"] = curve.labels;
    }
    if (!curve.marked.empty()) {
      check_size(curve.marked.size(), curve.x.size(), plot.title);
      one["marked"] = array(pack(std::vector<double>(curve.marked.begin(), curve.marked.end())));
    }
    if (curve.style != Curve::Style::points)
      one["style"] = curve.style == Curve::Style::line ? "line" : "both";
    if (curve.reference) one["reference"] = true;
    if (curve.colour >= 0) one["colour"] = curve.colour;
    json["curves"].push_back(std::move(one));
  }
  for (const Band& band : plot.bands)
    json["bands"].push_back({{"name", band.name},
                             {"low", number_or_null(band.low)},
                             {"high", number_or_null(band.high)}});
  figure(plot.title, plot.note, script_json(json));
}

void Page::add(const Histogram& plot) {
  Json json = {{"kind", "histogram"},
               {"title", plot.title},
               {"x", axis_json(plot.x)},
               {"y", axis_json(plot.y)},
               {"edges", array(pack(plot.edges))}};
  json["contents"] = Json::array();
  for (const Content& content : plot.contents) {
    check_size(content.values.size() + 1, plot.edges.size(), plot.title);
    Json one = {{"name", content.name}, {"values", array(pack(content.values))}};
    if (content.reference) one["reference"] = true;
    if (content.colour >= 0) one["colour"] = content.colour;
    json["contents"].push_back(std::move(one));
  }
  figure(plot.title, plot.note, script_json(json));
}

void Page::add(const Histogram2d& plot) {
  check_size(plot.counts.size(), (plot.x_edges.size() - 1) * (plot.y_edges.size() - 1), plot.title);
  figure(plot.title, plot.note,
         script_json({{"kind", "cells"},
                      {"title", plot.title},
                      {"x", axis_json(plot.x)},
                      {"y", axis_json(plot.y)},
                      {"xedges", array(pack(plot.x_edges))},
                      {"yedges", array(pack(plot.y_edges))},
                      {"counts", array(pack(plot.counts))}}));
}

void Page::add(const CameraMap& plot) {
  if (plot.camera >= cameras_.size())
    throw Error(ErrorKind::bug, "a map of an unknown camera", plot.title);
  Json json = {{"kind", "camera"},
               {"title", plot.title},
               {"value", axis_json(plot.value)},
               {"camera", plot.camera},
               {"values", array(pack(plot.values))}};
  if (!plot.reference.empty()) {
    check_size(plot.reference.size(), plot.values.size(), plot.title);
    json["reference"] = array(pack(plot.reference));
  }
  figure(plot.title, plot.note, script_json(json));
}

std::string Page::html(const std::string& footer) const {
  if (!open_.empty()) throw Error(ErrorKind::bug, "a section has no end", title_);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<link rel=\"icon\" "
      "href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n"
      "<header><h1>{}</h1>",
      markup_escaped(title_), page_style(), markup_escaped(title_));
  if (!subtitle_.empty()) html += "<p>" + markup_escaped(subtitle_) + "</p>";
  html += "</header>\n";
  if (menu_.size() > 1) {
    html += "<nav aria-label=\"Sections\">";
    for (const auto& [anchor, title] : menu_)
      html += fmt::format("<a href=\"#{}\">{}</a> ", markup_escaped(anchor), markup_escaped(title));
    html += "</nav>\n";
  }
  html +=
      "<noscript><p class=\"notice\">The plots are drawn by a script inside this file; the "
      "tables can be read without it.</p></noscript>\n<main>\n";
  html += body_;
  html += "</main>\n<footer>" + markup_escaped(footer) + "</footer>\n";
  const auto join = [&](const std::vector<std::string>& items, bool quoted) {
    html += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) html += ",\n";
      html += quoted ? '"' + items[i] + '"' : items[i];
    }
    html += ']';
  };
  html += "<script type=\"application/json\" id=\"numbers\">{\"arrays\":";
  join(arrays_, true);
  html += ",\n\"cameras\":";
  join(cameras_, false);
  html += ",\n\"plots\":";
  join(plots_, false);
  html += fmt::format("}}</script>\n<script>\n{}</script>\n</body>\n</html>\n", page_script());
  return html;
}

}  // namespace alisio::report
