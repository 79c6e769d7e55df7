#include "prov/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "prov/graph_nodes.hpp"
#include "prov/graph_picture.hpp"
#include "prov/text_width.hpp"

namespace alisio::prov {
namespace {

using Shape = Picture::Shape;

constexpr double kMargin = 16, kNodeHeight = 24, kPadding = 10, kRow = 34;
constexpr const char* kUsed = "#2e7d32";
constexpr const char* kMade = "#b0392b";
constexpr const char* kRelated = "#777777";

double width_of(const std::string& label) {
  return std::max(30.0, text_width(label, kLabelSize) + 2 * kPadding);
}

/// Colours are those of the W3C's PROV diagrams.
Shape shape_of(const GraphNode& node, const DrawOptions& options) {
  Shape shape;
  shape.height = kNodeHeight;
  shape.label = node.label;
  shape.width = width_of(node.label);
  shape.tooltip = node.count > 1 ? fmt::format("{}\n{}", node.label, node.tooltip) : node.tooltip;
  shape.id = node.id;
  const char* kind = "entity";
  if (node.kind == GraphNode::Kind::activity) {
    kind = "activity";
    shape.fill = node.planned ? "#e8ecff" : node.replaced ? "#eceef4" : "#c5d0ff";
    shape.outline = node.replaced ? "#888888" : "#3949ab";
  } else if (node.kind == GraphNode::Kind::agent) {
    kind = "agent";
    shape.form = Shape::Form::house;
    shape.height = kNodeHeight + 4;
    shape.fill = "#fed9a8", shape.outline = "#b06000";
  } else {
    shape.form = Shape::Form::rounded;
    shape.fill = node.planned ? "#fffef0" : "#fff9c4";
    shape.outline = "#8a7d3a";
  }
  if (node.failed) shape.outline = "#d50000", shape.thickness = 2.4;
  shape.dashed = node.planned;
  shape.hatched = node.hatched;
  if (options.link) shape.link = options.link(kind, node.id);
  return shape;
}

/// Puts shapes beside each other, in rows as wide as the picture.
struct Row {
  double x = kMargin, y = 0, right = 0, widest = 0;

  /// Make room for something so wide; begin another row if there is none.
  double place(double width) {
    if (x > kMargin && x + width > right) x = kMargin, y += kRow;
    const double at = x;
    x += width + 8;
    widest = std::max(widest, at + width);
    return at;
  }
};

/// What every step used and who did it, above the graph.
void add_common(const Graph& graph, const DrawOptions& options, Row& row, Picture& picture) {
  if (graph.common.empty()) return;
  const std::string heading = "Steps used, and were done by:";
  // A fallback font may be wider than the one that widths are taken from.
  picture.texts.push_back({row.place(1.2 * text_width(heading, kLabelSize)),
                           row.y + kNodeHeight / 2 + 0.36 * kLabelSize, kLabelSize, heading,
                           "#555555"});
  constexpr std::size_t kMost = 12;
  for (std::size_t i = 0; i < std::min(kMost, graph.common.size()); ++i) {
    const auto& [node, steps] = graph.common[i];
    Shape shape = shape_of(node, options);
    if (steps > 0 && steps != graph.steps && graph.steps > 1)
      shape.label += fmt::format(" ({} of {})", steps, graph.steps);
    shape.width = width_of(shape.label);
    shape.left = row.place(shape.width);
    shape.top = row.y + (kNodeHeight - shape.height) / 2;
    picture.shapes.push_back(std::move(shape));
  }
  if (graph.common.size() > kMost) {
    const std::string more = fmt::format("and {} more", graph.common.size() - kMost);
    picture.texts.push_back({row.place(text_width(more, kLabelSize)),
                             row.y + kNodeHeight / 2 + 0.36 * kLabelSize, kLabelSize, more,
                             "#555555"});
  }
  row.y += kRow + 6;
}

/// What the signs mean that occur.
void add_legend(const Graph& graph, Row& row, Picture& picture) {
  constexpr double kSize = 10.5;
  const auto say = [&](const std::string& text) {
    picture.texts.push_back({row.place(text_width(text, kSize) + 10),
                             row.y + kNodeHeight / 2 + 0.36 * kSize, kSize, text, "#555555"});
  };
  const auto sign = [&](Shape shape, const std::string& text) {
    shape.width = 26, shape.height = 15;
    // The sign and its meaning stay in one row.
    const double left = row.place(26 + 8 + text_width(text, kSize) + 10);
    row.x = left + 26 + 8;
    shape.left = left, shape.top = row.y + (kNodeHeight - shape.height) / 2;
    picture.shapes.push_back(std::move(shape));
    say(text);
  };
  const auto any = [&](const auto& predicate) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), predicate);
  };
  const auto base = [](GraphNode::Kind kind) {
    GraphNode node;
    node.kind = kind;
    return node;
  };
  const auto plain = [&](const GraphNode& node) {
    Shape shape = shape_of(node, {});
    shape.tooltip.clear();
    return shape;
  };
  GraphNode node = base(GraphNode::Kind::activity);
  sign(plain(node), "step");
  node = base(GraphNode::Kind::entity);
  sign(plain(node), "file or files");
  if (std::any_of(graph.common.begin(), graph.common.end(),
                  [](const auto& one) { return one.first.kind == GraphNode::Kind::agent; }))
    sign(plain(base(GraphNode::Kind::agent)), "responsible");
  if (any([](const GraphNode& one) { return one.failed; })) {
    node = base(GraphNode::Kind::activity);
    node.failed = true;
    sign(plain(node), "failed, or of bad quality");
  }
  if (any([](const GraphNode& one) { return one.replaced; })) {
    node = base(GraphNode::Kind::activity);
    node.replaced = true;
    sign(plain(node), "superseded");
  }
  if (any([](const GraphNode& one) { return one.planned; })) {
    node = base(GraphNode::Kind::entity);
    node.planned = true;
    sign(plain(node), "planned");
  }
  if (any([](const GraphNode& one) { return one.hatched; })) {
    node = base(GraphNode::Kind::entity);
    node.hatched = true;
    sign(plain(node), "missing, replaced or not as recorded");
  }
  if (any([](const GraphNode& one) { return one.cut; })) say("… : more behind this");
  for (const auto& [kind, colour, text] :
       {std::tuple{GraphEdge::Kind::used, kUsed, "used by"},
        {GraphEdge::Kind::made, kMade, "made"},
        {GraphEdge::Kind::related, kRelated, "part of, or came from"}}) {
    if (std::none_of(graph.edges.begin(), graph.edges.end(),
                     [k = kind](const GraphEdge& edge) { return edge.kind == k; }))
      continue;
    const double left = row.place(30 + 8 + text_width(text, kSize) + 10);
    const double y = row.y + kNodeHeight / 2;
    row.x = left + 30 + 8;
    picture.lines.push_back({{{left, y}, {left + 10, y}, {left + 20, y}, {left + 30, y}},
                             colour,
                             kind == GraphEdge::Kind::related,
                             true,
                             ""});
    say(text);
  }
  row.y += kRow;
}

std::string summary_of(const Graph& graph) {
  std::string text = fmt::format(
      "{} steps and {} files or groups of files; data flow from left to right.",
      std::count_if(graph.nodes.begin(), graph.nodes.end(),
                    [](const GraphNode& node) { return node.kind == GraphNode::Kind::activity; }),
      std::count_if(graph.nodes.begin(), graph.nodes.end(),
                    [](const GraphNode& node) { return node.kind == GraphNode::Kind::entity; }));
  constexpr std::size_t kMostTold = 12;
  std::size_t told = 0;
  for (const GraphNode& node : graph.nodes) {
    if (node.kind != GraphNode::Kind::activity || ++told > kMostTold) continue;
    text += (told == 1 ? " Steps: " : ", ") + node.label;
  }
  return text + (told > kMostTold ? ", …" : "");
}

Layout lay_out_graph(Graph& graph, const DrawOptions& options) {
  std::vector<LayoutEdge> edges;
  for (const GraphEdge& edge : graph.edges) edges.push_back({edge.from, edge.to});
  const double room = options.most_width - 2 * kMargin;
  Layout layout;
  // Wide drawings get narrower gaps first, then shorter labels; at last all is made smaller.
  for (const auto& [label, gap] :
       {std::pair{190.0, 46.0}, {190.0, 34.0}, {150.0, 28.0}, {120.0, 24.0}}) {
    std::vector<LayoutNode> nodes;
    for (GraphNode& node : graph.nodes) {
      node.label = text_within(node.label, kLabelSize, label);
      nodes.push_back({width_of(node.label), kNodeHeight, node.level});
    }
    layout = lay_out(nodes, edges, {gap, 10});
    if (layout.width <= room) break;
  }
  return layout;
}

void add_bands(const Layout& layout, double left, double top, double bottom, Picture& picture) {
  const std::size_t n = layout.column_band.size();
  for (std::size_t first = 0; first < n;) {
    std::size_t last = first;
    while (last + 1 < n && layout.column_band[last + 1] == layout.column_band[first]) ++last;
    const auto edge = [&](std::size_t c) {  // between column c-1 and c
      if (c == 0) return left + layout.column_left[0] - 8;
      if (c == n) return left + layout.column_right[n - 1] + 8;
      return left + (layout.column_right[c - 1] + layout.column_left[c]) / 2;
    };
    if (layout.column_band[first] >= 0) {
      const std::string& name = level_names()[static_cast<std::size_t>(layout.column_band[first])];
      Shape band;
      band.left = edge(first) + 2, band.width = edge(last + 1) - edge(first) - 4;
      band.top = top, band.height = bottom - top;
      band.fill = "#f4f5f7";
      picture.backgrounds.push_back(std::move(band));
      picture.texts.push_back({edge(first) + 10, top + 16, 12, name, "#666666", true});
    }
    first = last + 1;
  }
}

Picture picture_of(Graph graph, const DrawOptions& options) {
  Picture picture;
  picture.most_width = options.most_width;
  picture.title = graph.title;
  picture.summary = summary_of(graph);
  const Layout layout = lay_out_graph(graph, options);
  if (layout.cyclic) graph.notes.emplace_back("the record runs in a circle");
  constexpr double kTitle = 16, kNarrowest = 720;
  picture.texts.push_back({kMargin, kMargin + kTitle, kTitle, graph.title, "#222222", true});
  Row row;
  row.y = kMargin + kTitle + 14;
  row.right = std::max(layout.width + kMargin, kNarrowest);
  add_common(graph, options, row, picture);
  row.x = kMargin;
  const double top = row.y + 28;
  add_bands(layout, kMargin, row.y, top + layout.height + 12, picture);
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    const GraphEdge& edge = graph.edges[i];
    Picture::Line line;
    line.points = layout.lines[i];
    for (Point& point : line.points) point.x += kMargin, point.y += top;
    line.colour = edge.kind == GraphEdge::Kind::used   ? kUsed
                  : edge.kind == GraphEdge::Kind::made ? kMade
                                                       : kRelated;
    line.dotted = edge.kind == GraphEdge::Kind::related;
    line.tooltip = edge.tooltip;
    picture.lines.push_back(std::move(line));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Shape shape = shape_of(graph.nodes[i], options);
    shape.left = kMargin + layout.centres[i].x - shape.width / 2;
    shape.top = top + layout.centres[i].y - shape.height / 2;
    picture.shapes.push_back(std::move(shape));
  }
  row.y = top + layout.height + 20;
  for (const std::string& note : graph.notes) {
    picture.texts.push_back(
        {row.place(text_width(note, kLabelSize)), row.y + 14, kLabelSize, note, "#b00020"});
    row.x = kMargin, row.y += 20;
  }
  add_legend(graph, row, picture);
  picture.width = std::max({layout.width + kMargin, row.widest,
                            kMargin + text_width(graph.title, kTitle) * 1.1}) +
                  kMargin;
  picture.height = row.y + kMargin / 2;
  return picture;
}

}  // namespace

Drawing draw(std::string_view prov_json, bool svg, bool pdf, const DrawOptions& options) {
  const Picture picture =
      picture_of(graph_of(document_parts(std::string(prov_json)), options.most_nodes), options);
  Drawing drawing;
  if (svg) drawing.svg = svg_of(picture);
  if (pdf) drawing.pdf = pdf_of(picture);
  return drawing;
}

}  // namespace alisio::prov
