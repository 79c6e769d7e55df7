#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return the Graphviz description of a PROV-JSON document: layers from left to right by data
/// level, activities as boxes, entities as rounded boxes, agents as houses, details in tooltips.
[[nodiscard]] std::string graph_description(std::string_view prov_json);

/// Return whether Graphviz can be used on this machine.
[[nodiscard]] bool graphviz_available();

/// What draw() returns.
struct Drawing {
  std::string svg, pdf;  ///< empty if not asked for or not possible
};

/// Lay a graph out once and render it. Empty texts if Graphviz is not there.
/// @throws Error(bad_input) if the document is no PROV-JSON.
[[nodiscard]] Drawing draw(std::string_view prov_json, bool svg, bool pdf);

}  // namespace alisio::prov
