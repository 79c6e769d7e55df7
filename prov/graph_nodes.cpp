#include "prov/graph_nodes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <tuple>

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;
using Kind = GraphNode::Kind;

constexpr std::size_t kMostFacts = 24, kLongestFact = 160;

/// Settings are told by the activity that used them, the definition and sessions by no one.
bool is_setting(const std::string& type) {
  static const std::set<std::string> types{"Parameters",  "ExecutionSession", "Plan",
                                           "Environment", "Configuration",    "prov:Plan",
                                           "prov:Bundle"};
  return types.contains(type);
}

std::string shortened(const std::string& text) {
  if (text.size() <= kLongestFact) return text;
  // Not within a character of several bytes.
  std::size_t left = kLongestFact / 2, right = text.size() - kLongestFact / 2;
  const auto inside = [&](std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
  };
  while (left > 0 && inside(left)) --left;
  while (right < text.size() && inside(right)) ++right;
  return text.substr(0, left) + "…" + text.substr(right);
}

std::string all_values(const ordered_json& value) {
  if (value.is_array()) {
    std::string text;
    for (const ordered_json& one : value) {
      if (text.size() > kLongestFact) return text + ", …";
      text += (text.empty() ? "" : ", ") + all_values(one);
    }
    return text;
  }
  if (value.is_object() && value.contains("$")) return all_values(value["$"]);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void add_facts(const ordered_json& facts, std::string& text) {
  std::size_t n = 0;
  for (const auto& [key, value] : facts.items()) {
    if (key == "prov:label" || key == "prov:type" || key == "hash" || key == "hash_type" ||
        key == "in_session" || key == "cut_here")
      continue;
    if (++n > kMostFacts) {
      text += "\n…";
      return;
    }
    text += '\n' + (key.starts_with("prov:") ? key.substr(5) : key) + ": " +
            shortened(all_values(value));
  }
}

bool is_camel(std::string_view text) {
  return !text.empty() && std::isupper(static_cast<unsigned char>(text[0])) != 0 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0; });
}

/// Return what people call a kind of file: "charge calibration" for CoefficientsCalibrationFile.
std::string short_name(std::string name) {
  static const std::map<std::string, std::string> known{
      {"CoefficientsCalibration", "charge calibration"}, {"AnalysisConfig", "configuration"}};
  if (!is_camel(name)) return name;
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view end : {"File", "Dataset", "Collection", "Subrun"})
      if (name.size() > end.size() && name.ends_with(end)) {
        name.resize(name.size() - end.size());
        again = true;
      }
  }
  if (const auto at = known.find(name); at != known.end()) return at->second;
  std::string result, word;
  const auto upper = [&](std::size_t i) {
    return i < name.size() && std::isupper(static_cast<unsigned char>(name[i])) != 0;
  };
  const auto lower = [&](std::size_t i) {
    return i < name.size() && std::islower(static_cast<unsigned char>(name[i])) != 0;
  };
  const auto finish = [&] {
    // "DL1" stays as it is.
    if (word.size() > 1 && std::islower(static_cast<unsigned char>(word[1])) != 0)
      word[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(word[0])));
    result += (result.empty() ? "" : " ") + word;
    word.clear();
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!word.empty() && upper(i) && (lower(i + 1) || lower(i - 1))) finish();
    word += name[i];
  }
  finish();
  return result;
}

int level_of(std::string_view label) {
  if (label.starts_with("R0") || label.starts_with("RawObservation")) return 0;
  if (label.starts_with("DL1") || label.starts_with("Muons") || label.starts_with("Interleaved"))
    return 2;
  if (label.starts_with("DL2")) return 3;
  if (label.starts_with("DL3")) return 4;
  if (label.find("Calibration") != std::string_view::npos || label.starts_with("Pedestal"))
    return 1;
  return -1;
}

/// Return the run in a file name, with the subrun if it is not the only one of a constant:
/// "11220.0001" for dl1_LST-1.Run11220.0001.h5.
std::string run_of_path(const std::string& path, bool with_subrun) {
  const auto digits = [&](std::size_t from) {
    std::size_t n = 0;
    while (from + n < path.size() && path[from + n] >= '0' && path[from + n] <= '9') ++n;
    return n;
  };
  for (std::size_t at = path.rfind("Run"); at != std::string::npos;
       at = at == 0 ? std::string::npos : path.rfind("Run", at - 1)) {
    const std::size_t n = digits(at + 3);
    if (n < 4 || n > 6) continue;
    std::string run = path.substr(at + 3, n);
    const std::size_t dot = at + 3 + n;
    if (with_subrun && dot < path.size() && path[dot] == '.' && digits(dot + 1) == 4)
      run += path.substr(dot, 5);
    return run;
  }
  return {};
}

std::string path_of(const ordered_json& facts) {
  std::string path = attribute(facts, "logical_path");
  return path.empty() ? attribute(facts, "filepath") : path;
}

void set_label(GraphNode& node) {
  node.label = node.name;
  if (!node.run.empty()) node.label += ' ' + node.run;
  if (node.count > 1) node.label += fmt::format(" ×{}", node.count);
}

/// Makes the graph of one document.
class Maker {
 public:
  Maker(const DocumentParts& parts, int most_nodes) : parts_(parts), most_(most_nodes) {}

  Graph graph() {
    find_touched();
    add_activities();
    add_entities();
    connect_all();
    set_levels();
    join_equal_files();
    take_out_common();
    fold();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      GraphNode& node = graph_.nodes[i];
      set_label(node);
      if (const auto failed = failures_.find(static_cast<int>(i)); failed != failures_.end())
        node.label += fmt::format(", {} failed", failed->second);
      if (node.cut) node.label += " …";
    }
    graph_.title = title();
    return std::move(graph_);
  }

 private:
  static const ordered_json& none() {
    static const ordered_json empty = ordered_json::object();
    return empty;
  }
  [[nodiscard]] const ordered_json& entity(const std::string& id) const {
    const auto at = parts_.entities.find(id);
    return at == parts_.entities.end() ? none() : at->second;
  }
  [[nodiscard]] const std::vector<ordered_json>& relations(const char* kind) const {
    static const std::vector<ordered_json> nothing;
    const auto at = parts_.relations.find(kind);
    return at == parts_.relations.end() ? nothing : at->second;
  }

  /// Failed, killed and superseded activities.
  [[nodiscard]] bool is_attempt(const std::string& activity) const {
    const auto at = parts_.activities.find(activity);
    if (at == parts_.activities.end()) return false;
    const std::string status = attribute(at->second, "status");
    return status == "failed" || status == "killed" || status == "superseded";
  }

  void find_touched() {
    for (const ordered_json& use : relations("used"))
      if (!use.contains("through") && !is_attempt(attribute(use, "prov:activity")))
        touched_.insert(attribute(use, "prov:entity"));
    for (const ordered_json& made : relations("wasGeneratedBy")) {
      touched_.insert(attribute(made, "prov:entity"));
      maker_[attribute(made, "prov:entity")] = attribute(made, "prov:activity");
    }
    for (const ordered_json& derived : relations("wasDerivedFrom")) {
      touched_.insert(attribute(derived, "prov:generatedEntity"));
      touched_.insert(attribute(derived, "prov:usedEntity"));
    }
    for (const ordered_json& member : relations("hadMember")) {
      members_[attribute(member, "prov:collection")].push_back(attribute(member, "prov:entity"));
      collections_[attribute(member, "prov:entity")].push_back(
          attribute(member, "prov:collection"));
    }
  }

  int add(GraphNode node) {
    graph_.nodes.push_back(std::move(node));
    return static_cast<int>(graph_.nodes.size()) - 1;
  }

  [[nodiscard]] static std::string run_of(const ordered_json& activity) {
    const auto at = activity.find("observation_run");
    if (at == activity.end() || (at->is_array() && at->size() != 1)) return {};
    std::string run = attribute(activity, "observation_run");
    if (run.find_first_not_of('0') == std::string::npos) return {};  // of a whole night
    const std::string subrun = attribute(activity, "observation_subrun");
    return subrun.empty() ? run : run + '.' + subrun;
  }

  void add_activities() {
    std::map<std::string, int> attempts;  // that ended alike
    for (const auto& [id, facts] : parts_.activities) {
      const std::string status = attribute(facts, "status");
      GraphNode node;
      node.kind = Kind::activity;
      node.id = id;
      node.name = attribute(facts, "prov:label");
      if (node.name.empty()) node.name = id;
      node.run = run_of(facts);
      node.cut = facts.contains("cut_here");
      node.planned = status == "planned";
      node.tooltip = node.name + '\n' + id;
      add_facts(facts, node.tooltip);
      if (const ordered_json& settings = entity(id + "_parameters"); !settings.empty()) {
        node.tooltip += "\nParameters";
        add_facts(settings, node.tooltip);
      }
      if (is_attempt(id)) {
        node.failed = status != "superseded", node.replaced = !node.failed;
        node.name += ' ' + status;
        node.run = node.run.substr(0, node.run.find('.'));
        const auto [at, is_new] = attempts.emplace(node.name + ' ' + node.run, 0);
        if (is_new)
          at->second = add(node);
        else
          ++graph_.nodes[static_cast<std::size_t>(at->second)].count;
        drawn_[id] = at->second;
        continue;
      }
      ++graph_.steps;
      const int n_subruns = std::atoi(attribute(facts, "n_subruns").c_str());
      node.count = std::max(1, n_subruns);
      const int n_failed = std::atoi(attribute(facts, "n_failed").c_str());
      node.failed = n_failed > 0;
      drawn_[id] = add(node);
      if (n_failed > 0) failures_[drawn_[id]] = n_failed;
    }
  }

  void add_entities() {
    for (const auto& [id, facts] : parts_.entities) {
      const std::string type = attribute(facts, "prov:type");
      if (is_setting(type)) continue;
      if (collections_.contains(id) && !touched_.contains(id)) continue;
      GraphNode node;
      node.id = id;
      const std::string label = attribute(facts, "prov:label"), path = path_of(facts);
      node.name = short_name(label);
      if (node.name.empty()) node.name = std::filesystem::path(path).filename().string();
      if (node.name.empty()) node.name = id;
      node.level = level_of(label);
      const bool of_subruns = label.find("Subrun") != std::string::npos;
      node.run = run_of_path(path, of_subruns);
      if (const auto of = members_.find(id); of != members_.end()) {
        node.count = std::max(1, std::atoi(attribute(facts, "size").c_str()));
        std::set<std::string> runs;
        for (const std::string& member : of->second) {
          runs.insert(run_of_path(path_of(entity(member)), false));
          if (runs.size() > 1) break;
        }
        node.run = runs.size() == 1 ? *runs.begin() : std::string();
      } else if (type == "SetCollection") {
        node.count = std::max(1, std::atoi(attribute(facts, "size").c_str()));
      }
      const std::string status = attribute(facts, "status");
      node.planned = status == "planned";
      node.hatched = type == "ReplacedFile" || type == "Lost" || status == "missing" ||
                     status == "lost" || status == "altered" || status == "mismatch";
      node.failed = attribute(facts, "quality").starts_with("failed");
      node.cut = facts.contains("cut_here");
      node.tooltip = (label.empty() ? node.name : label) + '\n' + id;
      if (!type.empty() && type != "File") node.tooltip += " (" + type + ')';
      add_facts(facts, node.tooltip);
      drawn_[id] = add(std::move(node));
    }
    // What is used as one of many only is drawn as them.
    for (const auto& [member, collections] : collections_)
      if (const auto at = drawn_.find(collections.front());
          at != drawn_.end() && !drawn_.contains(member))
        drawn_[member] = at->second;
  }

  void connect(const std::string& from, const std::string& to, GraphEdge::Kind kind,
               const std::string& tooltip) {
    const auto a = drawn_.find(from), b = drawn_.find(to);
    if (a == drawn_.end() || b == drawn_.end() || a->second == b->second) return;
    graph_.edges.push_back({a->second, b->second, kind, tooltip});
  }

  void connect_all() {
    using Edge = GraphEdge::Kind;
    for (const ordered_json& use : relations("used")) {
      // What was used through something else is joined to that.
      if (use.contains("through")) continue;
      std::string what = "used as " + attribute(use, "prov:role");
      if (const std::string choice = attribute(use, "choice"); !choice.empty())
        what += " (" + choice + ')';
      connect(attribute(use, "prov:entity"), attribute(use, "prov:activity"), Edge::used, what);
    }
    for (const ordered_json& made : relations("wasGeneratedBy"))
      connect(attribute(made, "prov:activity"), attribute(made, "prov:entity"), Edge::made,
              "made as " + attribute(made, "prov:role"));
    for (const ordered_json& derived : relations("wasDerivedFrom")) {
      // A line past the activity that tells the same would say nothing.
      if (!maker_.contains(attribute(derived, "prov:generatedEntity")))
        connect(attribute(derived, "prov:usedEntity"), attribute(derived, "prov:generatedEntity"),
                Edge::related, "derived");
    }
    for (const ordered_json& influence : relations("wasInfluencedBy"))
      connect(attribute(influence, "prov:influencer"), attribute(influence, "prov:influencee"),
              Edge::related, attribute(influence, "prov:label"));
    for (const auto& [collection, members] : members_) {
      for (const std::string& member : members) {
        if (!touched_.contains(member)) continue;
        if (maker_.contains(collection) && !maker_.contains(member))
          connect(collection, member, Edge::related, "one of them");
        else
          connect(member, collection, Edge::related, "one of them");
      }
      if (!maker_.contains(collection)) join_to_whole(collection, members);
    }
  }

  /// A collection that nothing made may be part of one that was made.
  void join_to_whole(const std::string& part, const std::vector<std::string>& members) {
    if (members.empty()) return;
    constexpr std::size_t kMostTried = 8;
    std::size_t tried = 0;
    for (const std::string& whole : collections_[members.front()]) {
      if (whole == part || !maker_.contains(whole) || ++tried > kMostTried) continue;
      const std::set<std::string> all(members_[whole].begin(), members_[whole].end());
      if (std::all_of(members.begin(), members.end(),
                      [&](const std::string& member) { return all.contains(member); })) {
        connect(whole, part, GraphEdge::Kind::related, "some of them");
        return;
      }
    }
  }

  /// A step belongs to the highest level of what it made; attempts to that of their step.
  void set_levels() {
    std::map<std::string, int> levels;
    for (const GraphEdge& edge : graph_.edges) {
      GraphNode& maker = graph_.nodes[static_cast<std::size_t>(edge.from)];
      if (edge.kind != GraphEdge::Kind::made) continue;
      maker.level = std::max(maker.level, graph_.nodes[static_cast<std::size_t>(edge.to)].level);
      int& known = levels.try_emplace(maker.name, -1).first->second;
      known = std::max(known, maker.level);
    }
    for (GraphNode& node : graph_.nodes)
      if (node.kind == Kind::activity && node.level < 0) {
        const auto at = levels.find(node.name.substr(0, node.name.find(' ')));
        if (at != levels.end()) node.level = at->second;
      }
  }

  /// Put nodes together: `group` gives the same number to those that become one.
  void merge_groups(const std::vector<int>& group, int n_groups) {
    std::vector<int> first(static_cast<std::size_t>(n_groups), -1);
    std::vector<GraphNode> merged;
    std::vector<int> moved(graph_.nodes.size());
    std::map<int, int> failures;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      int& at = first[static_cast<std::size_t>(group[i])];
      GraphNode& node = graph_.nodes[i];
      const auto failed = failures_.find(static_cast<int>(i));
      if (at < 0) {
        at = static_cast<int>(merged.size());
        merged.push_back(std::move(node));
      } else {
        GraphNode& one = merged[static_cast<std::size_t>(at)];
        one.count += node.count;
        one.failed = one.failed || node.failed;
        one.cut = one.cut || node.cut;
        one.level = std::max(one.level, node.level);
        if (one.run != node.run) {
          const auto run = [](const std::string& text) { return text.substr(0, text.find('.')); };
          one.run = run(one.run) == run(node.run) ? run(one.run) : std::string();
        }
      }
      if (failed != failures_.end()) failures[at] += failed->second;
      moved[i] = at;
    }
    failures_ = std::move(failures);
    graph_.nodes = std::move(merged);
    std::set<std::tuple<int, int, GraphEdge::Kind>> seen;
    std::vector<GraphEdge> edges;
    for (GraphEdge& edge : graph_.edges) {
      edge.from = moved[static_cast<std::size_t>(edge.from)];
      edge.to = moved[static_cast<std::size_t>(edge.to)];
      if (edge.from != edge.to && seen.emplace(edge.from, edge.to, edge.kind).second)
        edges.push_back(std::move(edge));
    }
    graph_.edges = std::move(edges);
  }

  template <typename Key>
  void merge_by(const std::vector<Key>& keys, std::size_t least) {
    std::map<Key, std::vector<std::size_t>> by_key;
    for (std::size_t i = 0; i < keys.size(); ++i) by_key[keys[i]].push_back(i);
    std::vector<int> group(keys.size(), -1);
    int n = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (group[i] >= 0) continue;
      const auto& alike = by_key[keys[i]];
      if (alike.size() < least) {
        group[i] = n++;
        continue;
      }
      for (const std::size_t other : alike) group[other] = n;
      ++n;
    }
    merge_groups(group, n);
  }

  /// The four streams of a subrun, for example, are one node.
  void join_equal_files() {
    using Signature = std::vector<std::array<int, 3>>;
    std::vector<Signature> signatures(graph_.nodes.size());
    for (const GraphEdge& edge : graph_.edges) {
      const int kind = static_cast<int>(edge.kind);
      signatures[static_cast<std::size_t>(edge.from)].push_back({kind, edge.to, 0});
      signatures[static_cast<std::size_t>(edge.to)].push_back({kind, edge.from, 1});
    }
    std::vector<std::tuple<int, std::string, int, Signature>> keys;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const GraphNode& node = graph_.nodes[i];
      Signature& signature = signatures[i];
      std::sort(signature.begin(), signature.end());
      const int own = node.kind != Kind::entity || signature.empty() || members_.contains(node.id)
                          ? static_cast<int>(i)
                          : -1;
      keys.emplace_back(own, node.name, flags(node), std::move(signature));
    }
    constexpr std::size_t kLeastJoined = 3;
    merge_by(keys, kLeastJoined);
  }

  [[nodiscard]] static int flags(const GraphNode& node) {
    return static_cast<int>(node.kind) * 16 + (node.planned ? 1 : 0) + (node.hatched ? 2 : 0) +
           (node.replaced ? 4 : 0) + (node.failed && node.kind == Kind::entity ? 8 : 0);
  }

  void take_out_common() {
    // The responsible ones stand above, with what they did in words.
    std::map<std::string, std::set<std::string>> associated;
    for (const ordered_json& relation : relations("wasAssociatedWith"))
      associated[attribute(relation, "prov:agent")].insert(attribute(relation, "prov:activity"));
    std::vector<std::size_t> steps(graph_.nodes.size(), 0);
    std::vector<bool> made(graph_.nodes.size(), false);
    for (const GraphEdge& edge : graph_.edges) {
      made[static_cast<std::size_t>(edge.to)] = true;
      const GraphNode& to = graph_.nodes[static_cast<std::size_t>(edge.to)];
      if (edge.kind == GraphEdge::Kind::used && !to.replaced && !to.name.ends_with(" failed") &&
          !to.name.ends_with(" killed"))
        ++steps[static_cast<std::size_t>(edge.from)];
    }
    constexpr std::size_t kLeastSteps = 3;
    std::vector<bool> taken(graph_.nodes.size(), false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].kind != Kind::entity || made[i] || steps[i] < kLeastSteps ||
          2 * steps[i] <= static_cast<std::size_t>(graph_.steps) || graph_.nodes[i].level >= 0)
        continue;
      taken[i] = true;
      graph_.common.emplace_back(graph_.nodes[i], static_cast<int>(steps[i]));
    }
    for (const auto& [id, facts] : parts_.agents) {
      GraphNode node;
      node.kind = Kind::agent;
      node.id = id;
      node.name = attribute(facts, "prov:label");
      if (node.name.empty()) node.name = id;
      node.tooltip = node.name + '\n' + id;
      add_facts(facts, node.tooltip);
      graph_.common.emplace_back(std::move(node), static_cast<int>(associated[id].size()));
    }
    for (auto& [node, n] : graph_.common) set_label(node);
    keep([&](std::size_t i) { return !taken[i]; });
  }

  template <typename Predicate>
  void keep(const Predicate& wanted) {
    std::vector<int> moved(graph_.nodes.size(), -1);
    std::vector<GraphNode> nodes;
    std::map<int, int> failures;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!wanted(i)) continue;
      moved[i] = static_cast<int>(nodes.size());
      if (const auto at = failures_.find(static_cast<int>(i)); at != failures_.end())
        failures[moved[i]] = at->second;
      nodes.push_back(std::move(graph_.nodes[i]));
    }
    failures_ = std::move(failures);
    graph_.nodes = std::move(nodes);
    std::vector<GraphEdge> edges;
    for (GraphEdge& edge : graph_.edges) {
      edge.from = moved[static_cast<std::size_t>(edge.from)];
      edge.to = moved[static_cast<std::size_t>(edge.to)];
      if (edge.from >= 0 && edge.to >= 0) edges.push_back(std::move(edge));
    }
    graph_.edges = std::move(edges);
  }

  void fold() {
    const auto most = static_cast<std::size_t>(std::max(most_, 1));
    const std::size_t before = graph_.nodes.size();
    for (const bool by_run : {true, false}) {
      if (graph_.nodes.size() <= most) break;
      std::vector<std::tuple<std::string, std::string, int>> keys;
      for (const GraphNode& node : graph_.nodes)
        keys.emplace_back(node.name, by_run ? node.run.substr(0, node.run.find('.')) : "",
                          flags(node));
      merge_by(keys, 2);
    }
    if (graph_.nodes.size() < before)
      graph_.notes.push_back(fmt::format("{} things are drawn as {}: those of one kind are one",
                                         before, std::min(most, graph_.nodes.size())));
    if (graph_.nodes.size() > most) {
      graph_.notes.push_back(
          fmt::format("cut here: {} more are not drawn", graph_.nodes.size() - most));
      keep([&](std::size_t i) { return i < most; });
    }
  }

  [[nodiscard]] std::string title() const {
    for (const auto& [id, facts] : parts_.entities) {
      if (attribute(facts, "prov:type") != "ExecutionSession") continue;
      const std::string stage = attribute(facts, "stage"), scope = attribute(facts, "scope"),
                        run = attribute(facts, "observation_run"),
                        source = attribute(facts, "source"),
                        date = attribute(facts, "observation_date");
      if (!stage.empty() && !run.empty())
        return fmt::format("Provenance of {}, run {}", stage, run);
      if (scope == "night" && !date.empty()) return "Provenance of the night " + date;
      if (!source.empty()) return fmt::format("Provenance of {}, {}", source, date);
    }
    return "Provenance";
  }

  const DocumentParts& parts_;
  int most_;
  Graph graph_;
  std::set<std::string> touched_;  ///< entities that relations of steps name themselves
  std::map<std::string, std::string> maker_;
  std::map<std::string, std::vector<std::string>> members_, collections_;
  std::map<std::string, int> drawn_;  ///< id of the document to the node
  std::map<int, int> failures_;       ///< node to how many of it failed
};

}  // namespace

const std::vector<std::string>& level_names() {
  static const std::vector<std::string> names{"R0", "Calibration", "DL1", "DL2", "DL3"};
  return names;
}

Graph graph_of(const DocumentParts& parts, int most_nodes) {
  return Maker(parts, most_nodes).graph();
}

}  // namespace alisio::prov
