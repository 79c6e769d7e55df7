#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "lib/base/markup.hpp"
#include "prov/graph_picture.hpp"
#include "prov/text_width.hpp"

namespace alisio::prov {
namespace {

std::string number(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

void write_outline(const Picture::Shape& shape, const std::string& fill, const std::string& style,
                   std::string& svg) {
  if (shape.form == Picture::Shape::Form::house) {
    const double roof = shape.height * 0.25;
    svg += fmt::format(R"(<path d="M{} {}v{}h{}v{}l{} {}z" fill="{}"{}/>)", number(shape.left),
                       number(shape.top + roof), number(shape.height - roof), number(shape.width),
                       number(roof - shape.height), number(-shape.width / 2), number(-roof), fill,
                       style);
    return;
  }
  svg +=
      fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}"{} fill="{}"{}/>)",
                  number(shape.left), number(shape.top), number(shape.width), number(shape.height),
                  shape.form == Picture::Shape::Form::rounded ? R"( rx="9")" : "", fill, style);
}

void write(const Picture::Shape& shape, std::string& svg) {
  if (!shape.link.empty())
    svg += fmt::format("<a href=\"{}\" target=\"_top\">", markup_escaped(shape.link));
  svg += "<g";
  if (!shape.id.empty())
    svg += fmt::format(" class=\"node\" data-id=\"{}\"", markup_escaped(shape.id));
  svg += '>';
  if (!shape.tooltip.empty()) svg += "<title>" + markup_escaped(shape.tooltip) + "</title>";
  std::string style;
  if (!shape.outline.empty())
    style +=
        fmt::format(R"( stroke="{}" stroke-width="{}")", shape.outline, number(shape.thickness));
  if (shape.dashed) style += " stroke-dasharray=\"5 3\"";
  write_outline(shape, shape.fill, style, svg);
  if (shape.hatched) write_outline(shape, "url(#hatch)", "", svg);
  if (!shape.label.empty()) {
    // The length is told, so that the text fits its box in any font.
    const double down = shape.form == Picture::Shape::Form::house ? 3 : 0;
    svg += fmt::format(R"(<text x="{}" y="{}" text-anchor="middle" textLength="{}" )"
                       "lengthAdjust=\"spacingAndGlyphs\">{}</text>",
                       number(shape.left + shape.width / 2),
                       number(shape.top + shape.height / 2 + 0.36 * kLabelSize + down),
                       number(text_width(shape.label, kLabelSize)), markup_escaped(shape.label));
  }
  svg += "</g>";
  if (!shape.link.empty()) svg += "</a>";
  svg += '\n';
}

void write(const Picture::Line& line, std::string& svg) {
  if (line.points.empty()) return;
  std::string path = fmt::format("M{} {}", number(line.points[0].x), number(line.points[0].y));
  for (std::size_t i = 1; i + 2 < line.points.size(); i += 3) {
    const Point &a = line.points[i], &b = line.points[i + 1], &c = line.points[i + 2];
    if (a.y == b.y && b.y == c.y && line.points[i - 1].y == a.y)
      path += fmt::format("H{}", number(c.x));
    else
      path += fmt::format("C{} {} {} {} {} {}", number(a.x), number(a.y), number(b.x), number(b.y),
                          number(c.x), number(c.y));
  }
  svg += fmt::format(R"(<path d="{}" fill="none" stroke="{}"{}{}>)", path, line.colour,
                     line.dotted ? R"( stroke-dasharray="2 3")" : "",
                     line.arrow ? fmt::format(" marker-end=\"url(#arrow-{})\"",
                                              std::string_view(line.colour).substr(1))
                                : "");
  if (!line.tooltip.empty()) svg += "<title>" + markup_escaped(line.tooltip) + "</title>";
  svg += "</path>\n";
}

}  // namespace

std::string svg_of(const Picture& picture) {
  const double scale =
      picture.width > picture.most_width ? picture.most_width / picture.width : 1.0;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" width=\"{}\" "
      "height=\"{}\" viewBox=\"0 0 {} {}\" font-family=\"Helvetica, Arial, 'Liberation Sans', "
      "sans-serif\" font-size=\"{}\" fill=\"#222222\">\n<title>{}</title>\n<desc>{}</desc>\n",
      markup_escaped(picture.title), number(std::max(1.0, picture.width * scale - 0.05)),
      number(std::max(1.0, picture.height * scale)), number(picture.width), number(picture.height),
      number(kLabelSize), markup_escaped(picture.title), markup_escaped(picture.summary));
  std::vector<std::string> colours;
  for (const Picture::Line& line : picture.lines)
    if (line.arrow && std::find(colours.begin(), colours.end(), line.colour) == colours.end())
      colours.push_back(line.colour);
  svg +=
      "<defs>\n<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
      "patternTransform=\"rotate(45)\"><path d=\"M0 0V6\" stroke=\"#b00020\" "
      "stroke-width=\"1.4\" stroke-opacity=\"0.45\"/></pattern>\n";
  for (const std::string& colour : colours)
    svg += fmt::format(
        "<marker id=\"arrow-{}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" "
        "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0.8L8 4L0 7.2z\" fill=\"{}\" "
        "stroke=\"none\"/></marker>\n",
        std::string_view(colour).substr(1), colour);
  svg += "<style>a:hover rect,a:hover path{stroke-width:2.5}</style>\n</defs>\n";
  svg += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  for (const Picture::Shape& shape : picture.backgrounds) write(shape, svg);
  svg += "<g stroke-width=\"1.2\">\n";
  for (const Picture::Line& line : picture.lines) write(line, svg);
  svg += "</g>\n";
  for (const Picture::Shape& shape : picture.shapes) write(shape, svg);
  for (const Picture::Text& text : picture.texts)
    svg += fmt::format(R"(<text x="{}" y="{}" font-size="{}" fill="{}"{}>{}</text>)"
                       "\n",
                       number(text.x), number(text.y), number(text.size), text.colour,
                       text.bold ? R"( font-weight="bold")" : "", markup_escaped(text.text));
  return svg + "</svg>\n";
}

}  // namespace alisio::prov
