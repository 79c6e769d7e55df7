#pragma once
#include <cairo.h>

namespace alisio::plot {

/// The functions of cairo that drawing uses, under their own names.
struct Cairo {
  decltype(&::cairo_close_path) cairo_close_path = nullptr;
  decltype(&::cairo_create) cairo_create = nullptr;
  decltype(&::cairo_destroy) cairo_destroy = nullptr;
  decltype(&::cairo_fill) cairo_fill = nullptr;
  decltype(&::cairo_fill_preserve) cairo_fill_preserve = nullptr;
  decltype(&::cairo_image_surface_create) cairo_image_surface_create = nullptr;
  decltype(&::cairo_line_to) cairo_line_to = nullptr;
  decltype(&::cairo_move_to) cairo_move_to = nullptr;
  decltype(&::cairo_new_path) cairo_new_path = nullptr;
  decltype(&::cairo_paint) cairo_paint = nullptr;
  decltype(&::cairo_rectangle) cairo_rectangle = nullptr;
  decltype(&::cairo_restore) cairo_restore = nullptr;
  decltype(&::cairo_rotate) cairo_rotate = nullptr;
  decltype(&::cairo_save) cairo_save = nullptr;
  decltype(&::cairo_scale) cairo_scale = nullptr;
  decltype(&::cairo_select_font_face) cairo_select_font_face = nullptr;
  decltype(&::cairo_set_antialias) cairo_set_antialias = nullptr;
  decltype(&::cairo_set_dash) cairo_set_dash = nullptr;
  decltype(&::cairo_set_font_size) cairo_set_font_size = nullptr;
  decltype(&::cairo_set_line_width) cairo_set_line_width = nullptr;
  decltype(&::cairo_set_source_rgb) cairo_set_source_rgb = nullptr;
  decltype(&::cairo_show_text) cairo_show_text = nullptr;
  decltype(&::cairo_status) cairo_status = nullptr;
  decltype(&::cairo_status_to_string) cairo_status_to_string = nullptr;
  decltype(&::cairo_stroke) cairo_stroke = nullptr;
  decltype(&::cairo_surface_destroy) cairo_surface_destroy = nullptr;
  decltype(&::cairo_surface_write_to_png) cairo_surface_write_to_png = nullptr;
  decltype(&::cairo_text_extents) cairo_text_extents = nullptr;
  decltype(&::cairo_translate) cairo_translate = nullptr;
};

/// Load cairo when a bitmap is first drawn: it brings sixteen libraries with it, which every start
/// of the program would load for nothing. @throws Error(configuration) if it is not installed.
[[nodiscard]] const Cairo& cairo();

}  // namespace alisio::plot
