#include "prov/filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/suggest.hpp"
#include "prov/document_parts.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;
using Words = std::vector<std::string>;

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string without_prefix(const std::string& id) {
  const std::size_t colon = id.find(':');
  return colon == std::string::npos ? id : id.substr(colon + 1);
}

/// Names of the activities of each part of the pipeline, those of other programs included.
const std::map<std::string, Words>& groups() {
  static const std::map<std::string, Words> all{
      {"calibration",
       {"drs4_pedestal", "time_calibration", "camera_calibration", "calibrate_charge", "cat_b",
        "catB_calibration"}},
      {"dl1",
       {"gain_select", "find_pedestals", "r0_to_dl1", "find_tailcuts", "dl1ab", "merge_dl1"}},
      {"dl2", {"dl1_to_dl2", "merge_dl2"}},
      {"dl3", {"irf", "dl3", "dl3_index", "significance"}},
      {"check", {"check_dl1", "dl1_datacheck", "merge_datacheck", "merge_muons", "long_term"}},
      {"report", {"run_summary", "night_report"}}};
  return all;
}

/// Return the subrun that a file name tells ("….Run01807.0003.h5"), or -1.
int subrun_of_file(const ordered_json& facts) {
  for (const char* key : {"filepath", "reference", "logical_path"}) {
    const std::string name = std::filesystem::path(attribute(facts, key)).filename().string();
    std::size_t at = name.find(".Run");
    if (at == std::string::npos) continue;
    at = name.find('.', at + 1);
    int subrun = -1;
    if (at != std::string::npos &&
        std::from_chars(name.data() + at + 1, name.data() + name.size(), subrun).ec == std::errc())
      return subrun;
  }
  return -1;
}

/// Return an instant that may be a date alone as a text that sorts among full ones.
std::string instant(const std::string& text, bool end_of_day) {
  const auto digit_at = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  std::string date = text.substr(0, 10);
  std::string rest = text.size() > 10 ? text.substr(10) : "";
  if (text.size() == 8 && text.find('-') == std::string::npos)
    date = text.substr(0, 4) + '-' + text.substr(4, 2) + '-' + text.substr(6, 2), rest = "";
  bool good = date.size() == 10 && date[4] == '-' && date[7] == '-' && digit_at(0);
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
    good = good && date[i] >= '0' && date[i] <= '9';
  if (rest.ends_with('Z')) rest.pop_back();
  if (!rest.empty() && rest[0] == ' ') rest[0] = 'T';
  good = good && (rest.empty() || (rest[0] == 'T' && rest.size() >= 3 &&
                                   rest.find_first_not_of("0123456789:.", 1) == std::string::npos));
  if (!good)
    throw Error(ErrorKind::usage, fmt::format("'{}' is no time", text), "filter",
                "write 2024-01-15 or 2024-01-15T23:10:00Z (UTC)");
  if (rest.empty()) return end_of_day ? date + "T99" : date;
  return date + rest;
}

/// Leaves of a document what a filter lets pass.
class Sieve {
 public:
  Sieve(DocumentParts parts, const Filter& filter) : parts_(std::move(parts)), filter_(filter) {}

  std::string run() {
    choose_subruns();
    choose_activities();
    choose_entities();
    choose_flows();
    limit_depth();
    DocumentParts whole = parts_;
    if (!filter_.with_descriptions)
      drop_entities([&](const std::string& id) { return is_of(id, {"Plan", "ExecutionSession"}); });
    prune();
    if (!filter_.with_descriptions && !is_connected()) {
      // The definition that all activities follow is what then holds the record together.
      parts_ = std::move(whole);
      drop_entities([&](const std::string& id) { return is_of(id, {"ExecutionSession"}); });
      prune();
    }
    strip_attributes();
    rename_collections();
    return document_text(parts_);
  }

 private:
  [[nodiscard]] const ordered_json& entity(const std::string& id) const {
    static const ordered_json nothing = ordered_json::object();
    const auto at = parts_.entities.find(id);
    return at == parts_.entities.end() ? nothing : at->second;
  }

  [[nodiscard]] bool is_of(const std::string& id, const Words& types) const {
    return contains(types, attribute(entity(id), "prov:type"));
  }

  /// Return whether an entity says how something was done: not data that flows.
  [[nodiscard]] bool is_setting(const std::string& id) const {
    return is_of(id, {"Plan", "ExecutionSession", "Environment", "Parameters", "Configuration",
                      "prov:Bundle"});
  }

  std::vector<ordered_json>& relations(const char* kind) { return parts_.relations[kind]; }

  template <class Predicate>
  void drop_entities(Predicate drop) {
    std::set<std::string> gone;
    for (const auto& [id, facts] : parts_.entities)
      if (drop(id)) gone.insert(id);
    for (const std::string& id : gone) parts_.entities.erase(id);
    for (ordered_json& arguments : relations("wasAssociatedWith"))
      if (gone.contains(attribute(arguments, "prov:plan"))) arguments.erase("prov:plan");
  }

  void choose_subruns() {
    if (!filter_.first_subrun && !filter_.last_subrun) return;
    const auto inside = [&](int subrun) {
      return subrun < 0 || ((!filter_.first_subrun || subrun >= *filter_.first_subrun) &&
                            (!filter_.last_subrun || subrun <= *filter_.last_subrun));
    };
    std::erase_if(parts_.activities, [&](const auto& item) {
      const std::string text = attribute(item.second, "observation_subrun");
      int subrun = -1;
      std::from_chars(text.data(), text.data() + text.size(), subrun);
      return !inside(subrun);
    });
    // A calibration run of one subrun is not a part of the run that is looked at.
    std::map<std::string, std::set<int>> subruns;
    for (const ordered_json& arguments : relations("hadMember"))
      subruns[attribute(arguments, "prov:collection")].insert(
          subrun_of_file(entity(attribute(arguments, "prov:entity"))));
    std::set<std::string> outside;
    for (const ordered_json& arguments : relations("hadMember")) {
      const std::string member = attribute(arguments, "prov:entity");
      if (subruns[attribute(arguments, "prov:collection")].size() > 1 &&
          !inside(subrun_of_file(entity(member))))
        outside.insert(member);
    }
    drop_entities([&](const std::string& id) { return outside.contains(id); });
  }

  void choose_activities() {
    Words of_stages;
    for (const std::string& stage : filter_.stages) {
      const auto group = groups().find(stage);
      if (group == groups().end())
        throw Error(ErrorKind::usage, fmt::format("unknown part of the pipeline '{}'", stage),
                    "filter", suggestion(stage, stage_groups()));
      of_stages.insert(of_stages.end(), group->second.begin(), group->second.end());
    }
    static const Words known{"completed", "planned", "failed", "killed", "superseded"};
    for (const std::string& status : filter_.status)
      if (!contains(known, status))
        throw Error(ErrorKind::usage, fmt::format("unknown status '{}'", status), "filter",
                    suggestion(status, known));
    const std::string after = filter_.after.empty() ? "" : instant(filter_.after, false);
    const std::string before = filter_.before.empty() ? "" : instant(filter_.before, true);
    std::erase_if(parts_.activities, [&](const auto& item) {
      const auto& [id, facts] = item;
      const std::string name = attribute(facts, "prov:label");
      const Words& wanted = filter_.activities;
      if (!wanted.empty() && !contains(wanted, name) && !contains(wanted, id) &&
          !contains(wanted, without_prefix(id)))
        return true;
      if (!filter_.stages.empty() && !contains(of_stages, name)) return true;
      if (!filter_.status.empty() && !contains(filter_.status, attribute(facts, "status")))
        return true;
      if (!after.empty() && attribute(facts, "prov:endTime") < after) return true;
      return !before.empty() && attribute(facts, "prov:startTime") > before;
    });
  }

  void choose_entities() {
    std::set<std::string> gone;
    if (!filter_.entities.empty()) {
      std::set<std::string> wanted;
      for (const auto& [id, facts] : parts_.entities)
        if (contains(filter_.entities, attribute(facts, "prov:label")) ||
            contains(filter_.entities, attribute(facts, "prov:type")) || is_setting(id))
          wanted.insert(id);
      // A collection is told with its members; of members, the collections that hold them.
      std::set<std::string> more;
      for (const ordered_json& arguments : relations("hadMember")) {
        const std::string collection = attribute(arguments, "prov:collection");
        const std::string member = attribute(arguments, "prov:entity");
        if (wanted.contains(collection)) more.insert(member);
        if (wanted.contains(member)) more.insert(collection);
      }
      wanted.insert(more.begin(), more.end());
      for (const auto& [id, facts] : parts_.entities)
        if (!wanted.contains(id)) gone.insert(id);
    }
    drop_entities([&](const std::string& id) {
      return gone.contains(id) || (!filter_.with_environment && is_of(id, {"Environment"})) ||
             (!filter_.with_parameters && is_of(id, {"Parameters", "Configuration"}));
    });
  }

  void choose_flows() {
    if (filter_.roles.empty()) return;
    for (const char* kind : {"used", "wasGeneratedBy"}) {
      std::vector<ordered_json>& list = relations(kind);
      const auto named = [&](const ordered_json& arguments) {
        return contains(filter_.roles, attribute(arguments, "prov:role"));
      };
      // Roles of uses say nothing of products, and the other way about.
      if (std::none_of(list.begin(), list.end(), named)) continue;
      std::erase_if(list, [&](const ordered_json& arguments) {
        return !named(arguments) && !is_setting(attribute(arguments, "prov:entity"));
      });
    }
  }

  void limit_depth() {
    if (filter_.depth < 0) return;
    std::map<std::string, Words> back;
    std::set<std::string> passed_on;
    for (const ordered_json& arguments : relations("used")) {
      const std::string used = attribute(arguments, "prov:entity");
      back[attribute(arguments, "prov:activity")].push_back(used);
      passed_on.insert(used);
    }
    for (const ordered_json& arguments : relations("hadMember"))
      if (passed_on.contains(attribute(arguments, "prov:collection")))
        passed_on.insert(attribute(arguments, "prov:entity"));
    for (const ordered_json& arguments : relations("wasInformedBy"))
      back[attribute(arguments, "prov:informed")].push_back(attribute(arguments, "prov:informant"));
    std::map<std::string, int> steps;
    Words open;
    for (const ordered_json& arguments : relations("wasGeneratedBy")) {
      const std::string made = attribute(arguments, "prov:entity");
      if (is_setting(made)) continue;  // a finer record of the same
      back[made].push_back(attribute(arguments, "prov:activity"));
      if (!passed_on.contains(made) && steps.emplace(made, 0).second) open.push_back(made);
    }
    for (std::size_t i = 0; i < open.size(); ++i) {
      const std::string at = open[i];
      const int step = steps[at] + 1;
      if (step > filter_.depth) continue;
      for (const std::string& next : back[at])
        if (steps.emplace(next, step).second) open.push_back(next);
    }
    std::erase_if(parts_.activities, [&](const auto& item) { return !steps.contains(item.first); });
    std::set<std::string> members;
    for (const ordered_json& arguments : relations("hadMember"))
      if (steps.contains(attribute(arguments, "prov:collection")))
        members.insert(attribute(arguments, "prov:entity"));
    drop_entities([&](const std::string& id) {
      return !steps.contains(id) && !members.contains(id) && !is_setting(id);
    });
  }

  [[nodiscard]] bool is_there(const std::string& id) const {
    return parts_.entities.contains(id) || parts_.activities.contains(id) ||
           parts_.agents.contains(id);
  }

  /// Drop what leads to nothing and what nothing leads to, until nothing more is to be dropped.
  void prune() {
    for (std::size_t before = 0; before != parts_.entities.size() + parts_.activities.size();) {
      before = parts_.entities.size() + parts_.activities.size();
      std::set<std::string> user, maker, told;
      for (auto& [kind, list] : parts_.relations)
        std::erase_if(list, [&](const ordered_json& arguments) {
          for (const auto& [name, value] : arguments.items()) {
            static const Words ends{
                "prov:entity",     "prov:activity",       "prov:agent",
                "prov:plan",       "prov:usedEntity",     "prov:generatedEntity",
                "prov:informed",   "prov:informant",      "prov:trigger",
                "prov:starter",    "prov:ender",          "prov:collection",
                "prov:delegate",   "prov:responsible",    "prov:influencee",
                "prov:influencer", "prov:specificEntity", "prov:generalEntity",
                "prov:alternate1", "prov:alternate2"};
            if (contains(ends, name) && value.is_string() && !is_there(value.get<std::string>()))
              return true;
          }
          return false;
        });
      for (const ordered_json& arguments : relations("used")) {
        user.insert(attribute(arguments, "prov:activity"));
        told.insert(attribute(arguments, "prov:entity"));
      }
      for (const ordered_json& arguments : relations("wasGeneratedBy")) {
        if (!is_setting(attribute(arguments, "prov:entity")))
          maker.insert(attribute(arguments, "prov:activity"));
        told.insert(attribute(arguments, "prov:entity"));
      }
      std::set<std::string> with_members;
      for (const ordered_json& arguments : relations("hadMember"))
        with_members.insert(attribute(arguments, "prov:collection"));
      std::erase_if(parts_.activities, [&](const auto& item) {
        const std::string status = attribute(item.second, "status");
        const bool made_none = status == "failed" || status == "killed" || status == "superseded";
        return !user.contains(item.first) || (!made_none && !maker.contains(item.first));
      });
      for (const ordered_json& arguments : relations("hadMember"))
        if (told.contains(attribute(arguments, "prov:collection")))
          told.insert(attribute(arguments, "prov:entity"));
      for (const char* kind : {"wasStartedBy", "wasAssociatedWith", "wasInfluencedBy",
                               "wasAttributedTo", "wasDerivedFrom"})
        for (const ordered_json& arguments : relations(kind))
          for (const char* end : {"prov:trigger", "prov:plan", "prov:influencer", "prov:entity"})
            if (const std::string id = attribute(arguments, end); !id.empty()) told.insert(id);
      std::erase_if(parts_.entities, [&](const auto& item) {
        const bool is_empty = attribute(item.second, "prov:type") == "SetCollection" &&
                              !with_members.contains(item.first);
        return is_empty || !told.contains(item.first);
      });
    }
    std::set<std::string> acting;
    for (const ordered_json& arguments : relations("wasAssociatedWith"))
      acting.insert(attribute(arguments, "prov:agent"));
    for (const ordered_json& arguments : relations("wasAttributedTo"))
      acting.insert(attribute(arguments, "prov:agent"));
    std::erase_if(parts_.agents, [&](const auto& item) { return !acting.contains(item.first); });
    std::erase_if(relations("actedOnBehalfOf"), [&](const ordered_json& arguments) {
      return !is_there(attribute(arguments, "prov:delegate")) ||
             !is_there(attribute(arguments, "prov:responsible"));
    });
  }

  /// Return whether uses, generations and memberships join all activities.
  [[nodiscard]] bool is_connected() {
    std::map<std::string, std::string> parent;
    const auto root = [&](std::string id) {
      for (auto at = parent.find(id); at != parent.end() && at->second != id; at = parent.find(id))
        id = at->second;
      parent[id] = id;
      return id;
    };
    for (const auto& [kind, from, to] : {std::tuple{"used", "prov:activity", "prov:entity"},
                                         {"wasGeneratedBy", "prov:entity", "prov:activity"},
                                         {"hadMember", "prov:collection", "prov:entity"}})
      for (const ordered_json& arguments : relations(kind)) {
        const std::string end = attribute(arguments, to);
        if (is_of(end, {"Parameters"})) continue;
        parent[root(attribute(arguments, from))] = root(end);
      }
    std::set<std::string> roots;
    for (const auto& [id, facts] : parts_.activities) roots.insert(root(id));
    return roots.size() <= 1;
  }

  void strip_attributes() {
    for (auto& [id, facts] : parts_.activities) {
      if (const std::string session = attribute(facts, "in_session");
          !session.empty() && !is_there(session) && !is_there("id:" + session))
        facts.erase("in_session");
      if (!filter_.with_descriptions)
        for (const char* key : {"script", "signature", "duration_s", "cpu_s", "memory_max_bytes",
                                "events", "stage_version", "n_failed_attempts"})
          facts.erase(key);
    }
    if (filter_.with_copies) return;
    for (auto& [id, facts] : parts_.entities)
      if (facts.contains("replaced_by") && facts.contains("filepath") &&
          facts.contains("reference")) {
        facts.erase("filepath");
        facts["prov:type"] = "ReplacedFile";
      }
  }

  /// A collection is known by its members: one that lost some is another.
  void rename_collections() {
    std::map<std::string, std::set<std::string>> members;
    for (const ordered_json& arguments : relations("hadMember"))
      members[attribute(arguments, "prov:collection")].insert(attribute(arguments, "prov:entity"));
    std::map<std::string, std::string> renamed;
    for (auto& [id, list] : members) {
      const auto at = parts_.entities.find(id);
      const std::string size = at == parts_.entities.end() ? "" : attribute(at->second, "size");
      if (size.empty() || size == std::to_string(list.size())) continue;
      std::string text = "collection\n" + attribute(at->second, "prov:label") + '\n';
      for (const std::string& member : list) text += without_prefix(member) + '\n';
      std::string name = id.substr(0, id.size() - without_prefix(id).size());
      name += hash_text(text).substr(0, 32);
      ordered_json facts = std::move(at->second);
      facts["size"] = list.size();
      parts_.entities.erase(at);
      parts_.entities.emplace(name, std::move(facts));
      renamed.emplace(id, name);
    }
    if (renamed.empty()) return;
    for (auto& [kind, list] : parts_.relations)
      for (ordered_json& arguments : list)
        for (const auto& [key, value] : arguments.items())
          if (value.is_string())
            if (const auto at = renamed.find(value.get_ref<const std::string&>());
                at != renamed.end())
              value = at->second;
  }

  DocumentParts parts_;
  const Filter& filter_;
};

}  // namespace

bool Filter::passes_all() const {
  return activities.empty() && entities.empty() && roles.empty() && stages.empty() &&
         status.empty() && after.empty() && before.empty() && !first_subrun && !last_subrun &&
         depth < 0 && with_environment && with_parameters && with_descriptions && with_copies;
}

Filter short_record() {
  Filter filter;
  filter.with_environment = filter.with_parameters = filter.with_descriptions = filter.with_copies =
      false;
  return filter;
}

const std::vector<std::string>& stage_groups() {
  static const Words names = [] {
    Words list;
    for (const auto& [name, activities] : groups()) list.push_back(name);
    return list;
  }();
  return names;
}

std::string filtered(const std::string& document, const Filter& filter) {
  if (filter.passes_all()) return document;
  return Sieve(document_parts(document), filter).run();
}

}  // namespace alisio::prov
