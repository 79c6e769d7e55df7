#include "prov/graph.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <graphviz/gvc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("$")) return text_of(value["$"]);
  return value.dump();
}

std::string text_at(const ordered_json& facts, const char* key) {
  const auto at = facts.find(key);
  return at == facts.end() ? std::string() : text_of(*at);
}

/// Return a text as a quoted string of the DOT language.
std::string dot_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      result += c;
    }
  }
  return result + '"';
}

/// Return a long text shortened in the middle.
std::string shortened(const std::string& text, std::size_t length) {
  if (text.size() <= length) return text;
  const std::size_t half = (length - 3) / 2;
  return text.substr(0, half) + "..." + text.substr(text.size() - half);
}

/// Return the facts of an element, one a line.
std::string tooltip(const std::string& id, const ordered_json& facts) {
  constexpr std::size_t kLongestValue = 200;
  std::string text = id;
  for (const auto& [key, value] : facts.items())
    if (key != "prov:label")
      text += '\n' + (key.starts_with("prov:") ? key.substr(5) : key) + ": " +
              shortened(text_of(value), kLongestValue);
  return text;
}

struct Node {
  std::string label, tooltip, style;
};

bool hidden(const std::string& type) {
  static const std::set<std::string> kinds{"Parameters", "ExecutionSession", "Plan", "Environment",
                                           "Configuration"};
  return kinds.contains(type);
}

}  // namespace

std::string graph_description(std::string_view prov_json) {
  const ordered_json document = ordered_json::parse(prov_json, nullptr, false);
  if (!document.is_object() || !document.contains("activity"))
    throw Error(ErrorKind::bad_input, "this is no PROV-JSON document with activities");
  const auto section = [&](const char* name) -> const ordered_json& {
    static const ordered_json none = ordered_json::object();
    const auto at = document.find(name);
    return at == document.end() ? none : *at;
  };
  std::map<std::string, Node> nodes;
  std::map<std::string, std::string> drawn_as;  // id of the document to id of the node
  std::string title = "Provenance";

  // Failed attempts of a step are one node, however many there were.
  std::map<std::string, std::vector<std::string>> attempts;
  for (const auto& [id, facts] : section("activity").items()) {
    const std::string status = text_at(facts, "status"), label = text_at(facts, "prov:label");
    if (status == "failed" || status == "killed" || status == "superseded") {
      attempts[label + ' ' + status].push_back(id);
      continue;
    }
    std::string run;
    const auto parameters = section("entity").find(id + "_parameters");
    if (parameters != section("entity").end()) run = text_at(*parameters, "ObservationRun");
    if (run.empty()) run = text_at(facts, "observation_run");
    if (run == "00000") run.clear();  // concerns a whole night
    Node node{label, tooltip(id, facts), "shape=box, fillcolor=\"#9FB1FC\", color=\"#0000FF\""};
    if (!run.empty()) node.label += "\nrun " + run;
    if (const std::string n = text_at(facts, "n_subruns"); !n.empty() && n != "1")
      node.label += " \u00d7" + n;
    if (status == "planned") node.style += ", style=\"filled,dashed\"";
    if (const std::string failed = text_at(facts, "n_failed"); !failed.empty() && failed != "0") {
      node.label += "\n" + failed + " failed";
      node.style += ", color=red, penwidth=2";
    }
    drawn_as[id] = id;
    nodes[id] = std::move(node);
  }
  for (const auto& [name, ids] : attempts) {
    Node node{fmt::format("{} \u00d7{}", name, ids.size()), "",
              "shape=box, fillcolor=\"#9FB1FC\", color=red, penwidth=2"};
    if (name.ends_with("superseded")) node.style = "shape=box, fillcolor=\"#E0E4F8\", color=gray40";
    constexpr std::size_t kMostListed = 10;
    for (std::size_t i = 0; i < std::min(ids.size(), kMostListed); ++i) {
      const ordered_json& facts = section("activity")[ids[i]];
      node.tooltip += fmt::format("{} subrun {} {}\n", ids[i], text_at(facts, "observation_subrun"),
                                  text_at(facts, "message"));
    }
    for (const std::string& id : ids) drawn_as[id] = ids.front();
    nodes[ids.front()] = std::move(node);
  }

  std::map<std::string, std::string> collection_of;
  for (const auto& [id, facts] : section("hadMember").items())
    collection_of[text_at(facts, "prov:entity")] = text_at(facts, "prov:collection");
  for (const auto& [id, facts] : section("entity").items()) {
    const std::string type = text_at(facts, "prov:type");
    if (type == "ExecutionSession" && !text_at(facts, "stage").empty())
      title = fmt::format("Provenance of {}, run {}", text_at(facts, "stage"),
                          text_at(facts, "observation_run"));
    if (hidden(type)) continue;
    if (const auto at = collection_of.find(id); at != collection_of.end()) {
      drawn_as[id] = at->second;
      continue;
    }
    Node node{text_at(facts, "prov:label"), tooltip(id, facts),
              "shape=box, style=\"filled,rounded\", fillcolor=\"#FFFC87\", color=\"#808080\""};
    if (const std::string size = text_at(facts, "size"); type == "SetCollection" && !size.empty())
      node.label += " \u00d7" + size;
    else if (const std::string path = text_at(facts, "filepath"); !path.empty())
      node.label += '\n' + shortened(std::filesystem::path(path).filename().string(), 40);
    if (text_at(facts, "status") == "planned")
      node.style =
          "shape=box, style=\"filled,rounded,dashed\", fillcolor=\"#FFFEDD\", color=\"#808080\"";
    if (text_at(facts, "quality").starts_with("failed")) node.style += ", color=red, penwidth=2";
    if (type == "ReplacedFile" || type == "Lost")
      node.style += ", style=\"filled,rounded,diagonals\"";
    drawn_as[id] = id;
    nodes[id] = std::move(node);
  }
  for (const auto& [id, facts] : section("agent").items()) {
    nodes[id] = {text_at(facts, "prov:label"), tooltip(id, facts),
                 "shape=house, fillcolor=\"#FDB266\", color=\"#B06000\""};
    drawn_as[id] = id;
  }

  std::set<std::string> edges;
  const auto connect = [&](const char* relation, const char* from, const char* to,
                           const std::string& style) {
    for (const auto& [id, facts] : section(relation).items()) {
      // What was used through something else is joined to that.
      if (facts.contains("through")) continue;
      const auto a = drawn_as.find(text_at(facts, from)), b = drawn_as.find(text_at(facts, to));
      if (a == drawn_as.end() || b == drawn_as.end() || a->second == b->second) continue;
      std::string role = text_at(facts, "prov:role");
      if (const std::string choice = text_at(facts, "choice"); !choice.empty())
        role += " (" + choice + ')';
      edges.insert(fmt::format(
          "  {} -> {} [{}, edgetooltip={}];\n", dot_text(a->second), dot_text(b->second), style,
          dot_text(std::string(relation) + (role.empty() ? "" : ": " + role))));
    }
  };
  // Data flows from left to right.
  connect("used", "prov:entity", "prov:activity", "color=\"#008000\"");
  connect("wasGeneratedBy", "prov:activity", "prov:entity", "color=\"#B00000\"");
  connect("wasInfluencedBy", "prov:influencer", "prov:influencee",
          "color=\"#606060\", style=dotted");
  connect("wasDerivedFrom", "prov:usedEntity", "prov:generatedEntity", "color=\"#606060\"");
  connect("wasAssociatedWith", "prov:agent", "prov:activity",
          "color=\"#B06000\", style=dashed, arrowhead=none");

  std::string dot = fmt::format(
      "digraph {} {{\n  rankdir=LR; nodesep=0.15; ranksep=0.6; charset=\"UTF-8\";\n"
      "  node [style=filled, fontname=\"Helvetica\", fontsize=10, height=0.3];\n"
      "  edge [arrowsize=0.6];\n",
      dot_text(title));
  for (const auto& [id, node] : nodes)
    dot += fmt::format("  {} [label={}, tooltip={}, {}];\n", dot_text(id), dot_text(node.label),
                       dot_text(node.tooltip), node.style);
  for (const std::string& edge : edges) dot += edge;
  return dot + "}\n";
}

namespace {

/// Graphviz, loaded when first asked for, so that the program starts without it and runs where it
/// is not installed. It stays loaded: its plugins cannot be unloaded.
struct Graphviz {
  decltype(&gvContext) context = nullptr;
  decltype(&gvFreeContext) free_context = nullptr;
  decltype(&gvLayout) layout = nullptr;
  decltype(&gvFreeLayout) free_layout = nullptr;
  decltype(&gvRenderData) render = nullptr;
  decltype(&gvFreeRenderData) free_render = nullptr;
  decltype(&agmemread) read = nullptr;
  decltype(&agclose) close = nullptr;
  decltype(&agseterr) set_error_level = nullptr;
  bool loaded = false;

  Graphviz() {
    void* library = dlopen("libgvc.so.6", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) library = dlopen("libgvc.so", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const auto find = [&](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    loaded = find(context, "gvContext") && find(free_context, "gvFreeContext") &&
             find(layout, "gvLayout") && find(free_layout, "gvFreeLayout") &&
             find(render, "gvRenderData") && find(free_render, "gvFreeRenderData") &&
             find(read, "agmemread") && find(close, "agclose") && find(set_error_level, "agseterr");
  }
};

const Graphviz& graphviz() {
  static const Graphviz library;
  return library;
}

/// A PDF says when it was drawn; equal graphs shall be equal files.
void remove_time(std::string& pdf) {
  const std::size_t at = pdf.find("/CreationDate (");
  if (at == std::string::npos) return;
  const std::size_t begin = at + std::string_view("/CreationDate (").size();
  for (std::size_t i = begin; i < pdf.size() && pdf[i] != ')'; ++i)
    if (pdf[i] >= '0' && pdf[i] <= '9') pdf[i] = i >= begin + 6 && i < begin + 10 ? '1' : '0';
  // "D:0000" is year 0: some readers want a year of this era.
  if (pdf.compare(begin, 6, "D:0000") == 0) pdf.replace(begin, 10, "D:20000101");
}

/// Give the picture a name for those who cannot see it.
void add_alternative_text(std::string& svg, std::string_view name) {
  if (const std::size_t at = svg.find("<svg "); at != std::string::npos) {
    std::string text;
    for (const char c : name) {
      if (c == '&')
        text += "&amp;";
      else if (c == '"')
        text += "&quot;";
      else if (c == '<')
        text += "&lt;";
      else
        text += c;
    }
    svg.insert(at + 5, fmt::format("role=\"img\" aria-label=\"{}\" ", text));
  }
}

}  // namespace

bool graphviz_available() {
  return graphviz().loaded;
}

namespace {

Drawing draw_here(const std::string& dot, bool svg, bool pdf) {
  Drawing drawing;
  const Graphviz& g = graphviz();
  g.set_error_level(AGERR);
  const std::unique_ptr<GVC_t, decltype(g.free_context)> context(g.context(), g.free_context);
  const std::unique_ptr<Agraph_t, decltype(g.close)> graph(g.read(dot.c_str()), g.close);
  if (!graph) return drawing;
  if (g.layout(context.get(), graph.get(), "dot") != 0) return drawing;
  const auto render = [&](const char* format) {
    char* data = nullptr;
    unsigned size = 0;
    std::string result;
    if (g.render(context.get(), graph.get(), format, &data, &size) == 0 && data != nullptr)
      result.assign(data, size);
    if (data != nullptr) g.free_render(data);
    return result;
  };
  if (svg) drawing.svg = render("svg");
  if (pdf) drawing.pdf = render("pdf");
  g.free_layout(context.get(), graph.get());
  return drawing;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Draw in a child process: Graphviz 2.42 reads memory that it gave back when it draws a second
/// time, and a fault of it must not end a night.
Drawing draw_apart(const std::string& dot, bool svg, bool pdf) {
  Drawing drawing;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return drawing;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const Drawing made = draw_here(dot, svg, pdf);
    const std::string head = fmt::format("{} {}\n", made.svg.size(), made.pdf.size());
    for (const std::string* text : {&head, &made.svg, &made.pdf}) write_all(ends[1], *text);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string answer;
  std::array<char, 1 << 16> buffer{};
  while (child > 0) {
    const ssize_t size = ::read(ends[0], buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  if (child < 0) return drawing;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  std::size_t svg_size = 0, pdf_size = 0;
  const std::size_t head = answer.find('\n') + 1;
  if (status != 0 || std::sscanf(answer.c_str(), "%zu %zu", &svg_size, &pdf_size) != 2 ||
      answer.size() != head + svg_size + pdf_size)
    return drawing;
  drawing.svg = answer.substr(head, svg_size);
  drawing.pdf = answer.substr(head + svg_size);
  return drawing;
}

}  // namespace

Drawing draw(std::string_view prov_json, bool svg, bool pdf) {
  const std::string dot = graph_description(prov_json);
  if (!graphviz_available()) return {};
  Drawing drawing = draw_apart(dot, svg, pdf);
  remove_time(drawing.pdf);
  const std::size_t begin = dot.find('"') + 1;
  add_alternative_text(drawing.svg,
                       std::string_view(dot).substr(begin, dot.find('"', begin) - begin));
  return drawing;
}

}  // namespace alisio::prov
