#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "prov/graph_picture.hpp"
#include "prov/text_width.hpp"

namespace alisio::prov {
namespace {

/// Return a text as a PDF string in WinAnsi encoding.
std::string pdf_text(std::string_view text) {
  std::string result = "(";
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (length == 1) {
      if (byte == '(' || byte == ')' || byte == '\\') result += '\\';
      result += byte < 0x20 ? ' ' : static_cast<char>(byte);
    } else if (length == 2 && i + 1 < text.size()) {
      const unsigned code =
          (byte & 0x1FU) << 6U | (static_cast<unsigned char>(text[i + 1]) & 0x3FU);
      result += code >= 0xA0 && code < 0x100 ? fmt::format("\\{:03o}", code) : "?";
    } else {
      result += text.substr(i, length) == "…" ? "\\205" : "?";
    }
    i += length;
  }
  return result + ")";
}

/// A page description: PDF's y grows upwards, the picture's downwards.
class Page {
 public:
  explicit Page(double height) : height_(height) {}

  void colour(std::string_view hex, const char* operation) {
    const auto part = [&](std::size_t at) {
      const std::string digits(hex.substr(at, 2));
      return static_cast<double>(std::strtol(digits.c_str(), nullptr, 16)) / 255.0;
    };
    content_ += fmt::format("{:.3f} {:.3f} {:.3f} {}\n", part(1), part(3), part(5), operation);
  }
  void move(double x, double y) { point(x, y, "m"); }
  void line_to(double x, double y) { point(x, y, "l"); }
  void curve(Point a, Point b, Point c) {
    content_ += fmt::format("{:.2f} {:.2f} {:.2f} {:.2f} {:.2f} {:.2f} c\n", a.x, height_ - a.y,
                            b.x, height_ - b.y, c.x, height_ - c.y);
  }
  void write(std::string_view operations) { content_ += operations; }
  void text(double x, double y, double size, const char* font, std::string_view what) {
    content_ += fmt::format("BT /{} {:.2f} Tf {:.2f} {:.2f} Td {} Tj ET\n", font, size, x,
                            height_ - y, pdf_text(what));
  }
  [[nodiscard]] const std::string& content() const { return content_; }

 private:
  void point(double x, double y, const char* operation) {
    content_ += fmt::format("{:.2f} {:.2f} {}\n", x, height_ - y, operation);
  }
  double height_;
  std::string content_;
};

void outline(const Picture::Shape& shape, Page& page) {
  const double l = shape.left, t = shape.top, r = l + shape.width, b = t + shape.height;
  if (shape.form == Picture::Shape::Form::house) {
    const double roof = t + shape.height * 0.25;
    page.move(l, b), page.line_to(r, b), page.line_to(r, roof), page.line_to((l + r) / 2, t);
    page.line_to(l, roof), page.write("h\n");
    return;
  }
  if (shape.form == Picture::Shape::Form::box) {
    page.move(l, t), page.line_to(r, t), page.line_to(r, b), page.line_to(l, b), page.write("h\n");
    return;
  }
  constexpr double kRound = 9, kHandle = kRound * 0.4477;  // Bezier curves close to quarter circles
  page.move(l + kRound, t), page.line_to(r - kRound, t);
  page.curve({r - kHandle, t}, {r, t + kHandle}, {r, t + kRound});
  page.line_to(r, b - kRound);
  page.curve({r, b - kHandle}, {r - kHandle, b}, {r - kRound, b});
  page.line_to(l + kRound, b);
  page.curve({l + kHandle, b}, {l, b - kHandle}, {l, b - kRound});
  page.line_to(l, t + kRound);
  page.curve({l, t + kHandle}, {l + kHandle, t}, {l + kRound, t});
  page.write("h\n");
}

void draw_shape(const Picture::Shape& shape, Page& page) {
  page.write("q\n");
  page.colour(shape.fill, "rg");
  if (!shape.outline.empty()) {
    page.colour(shape.outline, "RG");
    page.write(fmt::format("{:.2f} w {}\n", shape.thickness, shape.dashed ? "[5 3] 0 d" : ""));
  }
  outline(shape, page);
  page.write(shape.outline.empty() ? "f\n" : "B\n");
  page.write("Q\n");
  if (shape.hatched) {
    page.write("q\n");
    outline(shape, page);
    page.write("W n 0.9 0.55 0.6 RG 1.4 w\n");
    for (double x = shape.left - shape.height; x < shape.left + shape.width; x += 8) {
      page.move(x, shape.top + shape.height);
      page.line_to(x + shape.height, shape.top);
    }
    page.write("S Q\n");
  }
  if (!shape.label.empty()) {
    page.colour("#222222", "rg");
    const double down = shape.form == Picture::Shape::Form::house ? 3 : 0;
    page.text(shape.left + (shape.width - text_width(shape.label, kLabelSize)) / 2,
              shape.top + shape.height / 2 + 0.36 * kLabelSize + down, kLabelSize, "F1",
              shape.label);
  }
}

void draw_line(const Picture::Line& line, Page& page) {
  if (line.points.empty()) return;
  page.colour(line.colour, "RG");
  page.colour(line.colour, "rg");
  page.write(line.dotted ? "1.2 w [2 3] 0 d\n" : "1.2 w [] 0 d\n");
  page.move(line.points[0].x, line.points[0].y);
  for (std::size_t i = 1; i + 2 < line.points.size(); i += 3)
    page.curve(line.points[i], line.points[i + 1], line.points[i + 2]);
  page.write("S\n");
  if (!line.arrow || line.points.size() < 2) return;
  const Point& tip = line.points.back();
  const double back = line.points[line.points.size() - 2].x > tip.x ? 7 : -7;
  page.move(tip.x, tip.y);
  page.line_to(tip.x + back, tip.y - 2.8), page.line_to(tip.x + back, tip.y + 2.8);
  page.write("f\n");
}

}  // namespace

std::string pdf_of(const Picture& picture) {
  // A pixel of the screen is three quarters of a point; readers refuse pages beyond 200 inches.
  const double scale = 0.75 * std::min({1.0, picture.most_width / std::max(1.0, picture.width),
                                        19000 / std::max(1.0, picture.height)});
  Page page(picture.height);
  page.write(fmt::format("{:.4f} 0 0 {:.4f} 0 0 cm\n", scale, scale));
  for (const auto& shape : picture.backgrounds) draw_shape(shape, page);
  for (const auto& line : picture.lines) draw_line(line, page);
  page.write("[] 0 d\n");
  for (const auto& shape : picture.shapes) draw_shape(shape, page);
  for (const auto& text : picture.texts) {
    page.colour(text.colour, "rg");
    page.text(text.x, text.y, text.size, text.bold ? "F2" : "F1", text.text);
  }

  std::string annotations;
  for (const auto& shape : picture.shapes)
    if (!shape.link.empty())
      annotations += fmt::format(
          "<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect [{:.2f} {:.2f} {:.2f} {:.2f}] "
          "/A << /S /URI /URI {} >> >>\n",
          shape.left * scale, (picture.height - shape.top - shape.height) * scale,
          (shape.left + shape.width) * scale, (picture.height - shape.top) * scale,
          pdf_text(shape.link));
  std::vector<std::string> objects{
      "<< /Type /Catalog /Pages 2 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      fmt::format("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {:.2f} {:.2f}] /Contents 4 0 R "
                  "/Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> /Annots [{}] >>",
                  picture.width * scale, picture.height * scale, annotations),
      fmt::format("<< /Length {} >>\nstream\n{}endstream", page.content().size(), page.content()),
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
      fmt::format("<< /Title {} >>", pdf_text(picture.title))};
  std::string pdf = "%PDF-1.4\n%\xE2\xE3\xCF\xD3\n";
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(pdf.size());
    pdf += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  const std::size_t table = pdf.size();
  pdf += fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
  for (const std::size_t offset : offsets) pdf += fmt::format("{:010} 00000 n \n", offset);
  return pdf +
         fmt::format("trailer\n<< /Size {} /Root 1 0 R /Info {} 0 R >>\nstartxref\n{}\n%%EOF\n",
                     objects.size() + 1, objects.size(), table);
}

}  // namespace alisio::prov
