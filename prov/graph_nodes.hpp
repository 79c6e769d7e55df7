#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "prov/document_parts.hpp"

namespace alisio::prov {

/// A thing to draw: an element of a document, or several of one kind.
struct GraphNode {
  enum class Kind { entity, activity, agent };
  Kind kind = Kind::entity;
  std::string id;     ///< of the document; of several, of the first
  std::string label;  ///< one short line
  std::string name;   ///< what kind of thing it is, "DL1" or "r0_to_dl1"
  std::string run;    ///< that it belongs to, maybe with the subrun; may be empty
  std::string tooltip;
  int level = -1;  ///< data level from left to right, see level_names(); -1: none of its own
  int count = 1;   ///< how many things it stands for
  bool failed = false, planned = false, hatched = false, replaced = false, cut = false;
};

struct GraphEdge {
  enum class Kind { used, made, related };
  int from = 0, to = 0;  ///< in the direction in which data flow
  Kind kind = Kind::used;
  std::string tooltip;
};

/// What a drawing shows.
struct Graph {
  std::string title;
  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
  /// Agents, and what most steps used without anything of the document having made it: the node,
  /// and how many of the steps.
  std::vector<std::pair<GraphNode, int>> common;
  int steps = 0;                   ///< activities
  std::vector<std::string> notes;  ///< what the drawing leaves out or folds
};

/// Return the names of the data levels: "R0", "Calibration", "DL1", "DL2", "DL3".
[[nodiscard]] const std::vector<std::string>& level_names();

/// Return what is to be drawn of a document: settings left out, members in their collection, files
/// of one kind made and used alike as one, attempts that failed alike as one, and so folded that
/// there are at most so many nodes.
[[nodiscard]] Graph graph_of(const DocumentParts& parts, int most_nodes);

}  // namespace alisio::prov
