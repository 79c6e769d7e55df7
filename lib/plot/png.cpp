#include <cmath>
#include <memory>
#include <numbers>

#include "lib/base/error.hpp"
#include "lib/plot/cairo.hpp"
#include "lib/plot/drawing.hpp"

namespace alisio::plot {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(Cairo::cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(Cairo::cairo_destroy)>;

struct Painter {
  const Cairo& api;
  cairo_t* c;

  void colour(const Colour& colour) const {
    api.cairo_set_source_rgb(c, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
  }

  void operator()(const Tiles& tiles) const {
    api.cairo_set_line_width(c, tiles.stroke_width);
    for (const Tiles::Tile& tile : tiles.tiles) {
      api.cairo_new_path(c);
      for (const Point& p : tiles.outline) api.cairo_line_to(c, tile.at.x + p.x, tile.at.y + p.y);
      api.cairo_close_path(c);
      if (tiles.filled) {
        colour(tile.fill);
        api.cairo_fill_preserve(c);
      }
      colour(tiles.stroke);
      api.cairo_stroke(c);
    }
  }

  void operator()(const Line& line) const {
    constexpr double dashes[] = {4, 3};
    api.cairo_set_dash(c, dashes, line.dashed ? 2 : 0, 0);
    api.cairo_set_line_width(c, line.width);
    colour(line.colour);
    api.cairo_new_path(c);
    bool begun = false;
    for (const Point& p : line.points) {
      const bool drawn = std::isfinite(p.x) && std::isfinite(p.y);
      if (drawn && begun)
        api.cairo_line_to(c, p.x, p.y);
      else if (drawn)
        api.cairo_move_to(c, p.x, p.y);
      begun = drawn;
    }
    api.cairo_stroke(c);
    api.cairo_set_dash(c, nullptr, 0, 0);
  }

  void operator()(const Rectangle& r) const {
    api.cairo_set_antialias(c, CAIRO_ANTIALIAS_NONE);
    colour(r.fill);
    api.cairo_rectangle(c, r.corner.x, r.corner.y, r.width, r.height);
    api.cairo_fill(c);
    api.cairo_set_antialias(c, CAIRO_ANTIALIAS_DEFAULT);
  }

  void operator()(const Text& text) const {
    api.cairo_set_font_size(c, text.size);
    cairo_text_extents_t extents;
    api.cairo_text_extents(c, text.text.c_str(), &extents);
    const double back = text.anchor == Text::Anchor::start    ? 0
                        : text.anchor == Text::Anchor::middle ? extents.x_advance / 2
                                                              : extents.x_advance;
    colour(text.colour);
    api.cairo_save(c);
    api.cairo_translate(c, text.at.x, text.at.y);
    if (text.upwards) api.cairo_rotate(c, -std::numbers::pi / 2);
    api.cairo_move_to(c, -back, 0);
    api.cairo_show_text(c, text.text.c_str());
    api.cairo_restore(c);
  }
};

}  // namespace

void write_png(const Drawing& drawing, const std::filesystem::path& path, double zoom) {
  const Cairo& api = cairo();
  const Surface surface(
      api.cairo_image_surface_create(CAIRO_FORMAT_RGB24, int(std::lround(drawing.width * zoom)),
                                     int(std::lround(drawing.height * zoom))),
      api.cairo_surface_destroy);
  const Context context(api.cairo_create(surface.get()), api.cairo_destroy);
  cairo_t* c = context.get();
  api.cairo_scale(c, zoom, zoom);
  api.cairo_set_source_rgb(c, 1, 1, 1);
  api.cairo_paint(c);
  api.cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  for (const Shape& shape : drawing.shapes) std::visit(Painter{api, c}, shape);
  cairo_status_t status = api.cairo_status(c);
  if (status == CAIRO_STATUS_SUCCESS)
    status = api.cairo_surface_write_to_png(surface.get(), path.c_str());
  if (status != CAIRO_STATUS_SUCCESS)
    throw Error(ErrorKind::resource,
                std::string("cannot be written: ") + api.cairo_status_to_string(status),
                path.string(), "is there room on the disk?");
}

}  // namespace alisio::plot
