#include <cairo.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "lib/base/error.hpp"
#include "lib/plot/drawing.hpp"

namespace alisio::plot {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(&cairo_destroy)>;

struct Painter {
  cairo_t* c;

  void colour(const Colour& colour) const {
    cairo_set_source_rgb(c, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
  }

  void operator()(const Tiles& tiles) const {
    cairo_set_line_width(c, tiles.stroke_width);
    for (const Tiles::Tile& tile : tiles.tiles) {
      cairo_new_path(c);
      for (const Point& p : tiles.outline) cairo_line_to(c, tile.at.x + p.x, tile.at.y + p.y);
      cairo_close_path(c);
      if (tiles.filled) {
        colour(tile.fill);
        cairo_fill_preserve(c);
      }
      colour(tiles.stroke);
      cairo_stroke(c);
    }
  }

  void operator()(const Line& line) const {
    constexpr double dashes[] = {4, 3};
    cairo_set_dash(c, dashes, line.dashed ? 2 : 0, 0);
    cairo_set_line_width(c, line.width);
    colour(line.colour);
    cairo_new_path(c);
    bool begun = false;
    for (const Point& p : line.points) {
      const bool drawn = std::isfinite(p.x) && std::isfinite(p.y);
      if (drawn && begun)
        cairo_line_to(c, p.x, p.y);
      else if (drawn)
        cairo_move_to(c, p.x, p.y);
      begun = drawn;
    }
    cairo_stroke(c);
    cairo_set_dash(c, nullptr, 0, 0);
  }

  void operator()(const Rectangle& r) const {
    cairo_set_antialias(c, CAIRO_ANTIALIAS_NONE);
    colour(r.fill);
    cairo_rectangle(c, r.corner.x, r.corner.y, r.width, r.height);
    cairo_fill(c);
    cairo_set_antialias(c, CAIRO_ANTIALIAS_DEFAULT);
  }

  void operator()(const Text& text) const {
    cairo_set_font_size(c, text.size);
    cairo_text_extents_t extents;
    cairo_text_extents(c, text.text.c_str(), &extents);
    const double back = text.anchor == Text::Anchor::start    ? 0
                        : text.anchor == Text::Anchor::middle ? extents.x_advance / 2
                                                              : extents.x_advance;
    colour(text.colour);
    cairo_save(c);
    cairo_translate(c, text.at.x, text.at.y);
    if (text.upwards) cairo_rotate(c, -std::numbers::pi / 2);
    cairo_move_to(c, -back, 0);
    cairo_show_text(c, text.text.c_str());
    cairo_restore(c);
  }
};

}  // namespace

void write_png(const Drawing& drawing, const std::filesystem::path& path, double zoom) {
  const Surface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, int(std::lround(drawing.width * zoom)),
                                 int(std::lround(drawing.height * zoom))),
      cairo_surface_destroy);
  const Context context(cairo_create(surface.get()), cairo_destroy);
  cairo_t* c = context.get();
  cairo_scale(c, zoom, zoom);
  cairo_set_source_rgb(c, 1, 1, 1);
  cairo_paint(c);
  cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  for (const Shape& shape : drawing.shapes) std::visit(Painter{c}, shape);
  cairo_status_t status = cairo_status(c);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_write_to_png(surface.get(), path.c_str());
  if (status != CAIRO_STATUS_SUCCESS)
    throw Error(ErrorKind::resource,
                std::string("cannot be written: ") + cairo_status_to_string(status), path.string(),
                "is there room on the disk?");
}

}  // namespace alisio::plot
