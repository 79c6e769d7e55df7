#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace alisio::prov {

struct DrawOptions {
  /// Return where a node leads to: its kind ("entity", "activity" or "agent") and its identifier in
  /// the document ("id:…"). Empty: nowhere. Without a function, nodes lead nowhere.
  std::function<std::string(const std::string& kind, const std::string& id)> link;
  /// Above this, nodes of the same kind are drawn as one ("×150"), first those of one run, then
  /// all; what is still too much is left out, and the drawing says so.
  int most_nodes = 200;
  /// Width in pixels; a wider drawing is made smaller.
  int most_width = 2000;
};

/// What draw() returns.
struct Drawing {
  std::string svg, pdf;  ///< empty if not asked for
};

/// Draw a PROV-JSON document: columns from left to right by data level, activities as boxes, files
/// as rounded boxes, agents and what every step used in a row above; one short line each, the facts
/// in tooltips. Failed: red outline; planned: dashed; missing or not as recorded (the attribute
/// `status` is "missing", "lost", "altered" or "mismatch"): hatched; an attribute `cut_here` marks
/// a node behind which a walk ended. Circles and enormous documents are drawn as far as they can
/// be, in bounded time. Equal documents are drawn equally.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] Drawing draw(std::string_view prov_json, bool svg, bool pdf,
                           const DrawOptions& options = {});

}  // namespace alisio::prov
