#include "lib/plot/cairo.hpp"

#include <dlfcn.h>

#include "lib/base/error.hpp"

namespace alisio::plot {
namespace {

constexpr const char* library_name = "libcairo.so.2";

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw Error(ErrorKind::configuration, std::string("cairo has no function ") + name,
                library_name, "install cairo 1.12 or later, or draw to .svg");
}

Cairo load() {
  // Never closed: it keeps fonts for the life of the process.
  void* library = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::configuration, "the library that draws PNG cannot be loaded",
                library_name, "install it (package libcairo2), or draw to .svg");
  Cairo cairo;
  find(library, "cairo_close_path", cairo.cairo_close_path);
  find(library, "cairo_create", cairo.cairo_create);
  find(library, "cairo_destroy", cairo.cairo_destroy);
  find(library, "cairo_fill", cairo.cairo_fill);
  find(library, "cairo_fill_preserve", cairo.cairo_fill_preserve);
  find(library, "cairo_image_surface_create", cairo.cairo_image_surface_create);
  find(library, "cairo_line_to", cairo.cairo_line_to);
  find(library, "cairo_move_to", cairo.cairo_move_to);
  find(library, "cairo_new_path", cairo.cairo_new_path);
  find(library, "cairo_paint", cairo.cairo_paint);
  find(library, "cairo_rectangle", cairo.cairo_rectangle);
  find(library, "cairo_restore", cairo.cairo_restore);
  find(library, "cairo_rotate", cairo.cairo_rotate);
  find(library, "cairo_save", cairo.cairo_save);
  find(library, "cairo_scale", cairo.cairo_scale);
  find(library, "cairo_select_font_face", cairo.cairo_select_font_face);
  find(library, "cairo_set_antialias", cairo.cairo_set_antialias);
  find(library, "cairo_set_dash", cairo.cairo_set_dash);
  find(library, "cairo_set_font_size", cairo.cairo_set_font_size);
  find(library, "cairo_set_line_width", cairo.cairo_set_line_width);
  find(library, "cairo_set_source_rgb", cairo.cairo_set_source_rgb);
  find(library, "cairo_show_text", cairo.cairo_show_text);
  find(library, "cairo_status", cairo.cairo_status);
  find(library, "cairo_status_to_string", cairo.cairo_status_to_string);
  find(library, "cairo_stroke", cairo.cairo_stroke);
  find(library, "cairo_surface_destroy", cairo.cairo_surface_destroy);
  find(library, "cairo_surface_write_to_png", cairo.cairo_surface_write_to_png);
  find(library, "cairo_text_extents", cairo.cairo_text_extents);
  find(library, "cairo_translate", cairo.cairo_translate);
  return cairo;
}

}  // namespace

const Cairo& cairo() {
  static const Cairo functions = load();
  return functions;
}

}  // namespace alisio::plot
