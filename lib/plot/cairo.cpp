#include "lib/plot/cairo.hpp"

#include "lib/base/shared_library.hpp"

namespace alisio::plot {
namespace {

Cairo load() {
  const SharedLibrary library("libcairo.so.2", "the library that draws PNG",
                              "install cairo 1.12 or later (package libcairo2), or draw to .svg");
  Cairo cairo;
  library.find("cairo_close_path", cairo.cairo_close_path);
  library.find("cairo_create", cairo.cairo_create);
  library.find("cairo_destroy", cairo.cairo_destroy);
  library.find("cairo_fill", cairo.cairo_fill);
  library.find("cairo_fill_preserve", cairo.cairo_fill_preserve);
  library.find("cairo_image_surface_create", cairo.cairo_image_surface_create);
  library.find("cairo_line_to", cairo.cairo_line_to);
  library.find("cairo_move_to", cairo.cairo_move_to);
  library.find("cairo_new_path", cairo.cairo_new_path);
  library.find("cairo_paint", cairo.cairo_paint);
  library.find("cairo_rectangle", cairo.cairo_rectangle);
  library.find("cairo_restore", cairo.cairo_restore);
  library.find("cairo_rotate", cairo.cairo_rotate);
  library.find("cairo_save", cairo.cairo_save);
  library.find("cairo_scale", cairo.cairo_scale);
  library.find("cairo_select_font_face", cairo.cairo_select_font_face);
  library.find("cairo_set_antialias", cairo.cairo_set_antialias);
  library.find("cairo_set_dash", cairo.cairo_set_dash);
  library.find("cairo_set_font_size", cairo.cairo_set_font_size);
  library.find("cairo_set_line_width", cairo.cairo_set_line_width);
  library.find("cairo_set_source_rgb", cairo.cairo_set_source_rgb);
  library.find("cairo_show_text", cairo.cairo_show_text);
  library.find("cairo_status", cairo.cairo_status);
  library.find("cairo_status_to_string", cairo.cairo_status_to_string);
  library.find("cairo_stroke", cairo.cairo_stroke);
  library.find("cairo_surface_destroy", cairo.cairo_surface_destroy);
  library.find("cairo_surface_write_to_png", cairo.cairo_surface_write_to_png);
  library.find("cairo_text_extents", cairo.cairo_text_extents);
  library.find("cairo_translate", cairo.cairo_translate);
  return cairo;
}

}  // namespace

const Cairo& cairo() {
  static const Cairo functions = load();
  return functions;
}

}  // namespace alisio::plot
