#include "prov/export/ro_crate.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "prov/export/statements.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

std::string attribute(const Statement& statement, const std::string& name) {
  for (const auto& [key, value] : statement.attributes)
    if (key == name) return value.text;
  return {};
}

std::string argument(const Statement& statement, const std::string& name) {
  for (const auto& [key, value] : statement.arguments)
    if (key == name) return value;
  return {};
}

/// A path as a URI reference: relative ones stay so, others are files of a machine.
std::string uri_of(const std::string& path) {
  static const std::string kept = "-._~/";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || kept.find(c) != std::string::npos) {
      uri += c;
    } else {
      static const char* digits = "0123456789ABCDEF";
      uri += '%';
      uri += digits[byte >> 4];
      uri += digits[byte & 15];
    }
  }
  return uri;
}

std::string anchor(const std::string& id) {
  return '#' + uri_of(id);
}

ordered_json reference(const std::string& id) {
  return {{"@id", id}};
}

}  // namespace

std::string to_ro_crate(std::string_view prov_json) {
  const std::vector<Statement> all = with_bundles(statements_of(prov_json));
  ordered_json parts = ordered_json::array(), actions = ordered_json::array();
  ordered_json graph = ordered_json::array();
  std::map<std::string, std::string> crate_ids;  // by id in the document
  std::set<std::string> told;
  std::map<std::string, bool> software;
  std::string last_time;

  for (const Statement& one : all) {
    if (one.kind == "entity") {
      std::string path = attribute(one, "filepath");
      if (path.empty()) path = attribute(one, "reference");
      ordered_json thing;
      if (path.empty()) {
        // Settings: values that have no file.
        thing = {{"@id", anchor(one.id)},
                 {"@type", "PropertyValue"},
                 {"name", attribute(one, "prov:label")}};
        ordered_json value = ordered_json::object();
        for (const auto& [key, fact] : one.attributes)
          if (!key.starts_with("prov:") || key == "prov:value") value[key] = fact.text;
        thing["value"] = value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
      } else {
        const std::size_t slash = path.find_last_of('/');
        const bool folder = path.ends_with('/');
        thing = {{"@id", uri_of(path)},
                 {"@type", folder ? "Dataset" : "File"},
                 {"name", folder ? path : path.substr(slash == std::string::npos ? 0 : slash + 1)},
                 {"description", attribute(one, "prov:label")},
                 {"identifier", one.id}};
        if (const std::string size = attribute(one, "size_bytes"); !size.empty())
          thing["contentSize"] = size;
        if (const std::string hash = attribute(one, "sha256"); !hash.empty())
          thing["sha256"] = hash;
        if (const std::string type = attribute(one, "contentType"); !type.empty())
          thing["encodingFormat"] = type;
      }
      const std::string crate_id = thing["@id"];
      crate_ids[one.id] = crate_id;
      // Of a file that stands in the document twice, read in part and whole, the crate tells once.
      if (told.insert(crate_id).second) {
        if (!path.empty()) parts.push_back(reference(crate_id));
        graph.push_back(std::move(thing));
      }
    } else if (one.kind == "agent") {
      const bool program = attribute(one, "prov:type").find("Software") != std::string::npos;
      software[one.id] = program;
      ordered_json agent{
          {"@id", anchor(one.id)},
          {"@type", program ? "SoftwareApplication"
                    : attribute(one, "prov:type").find("Organization") != std::string::npos
                        ? "Organization"
                        : "Person"},
          {"name", attribute(one, "prov:label")}};
      if (program) {
        const std::string version = attribute(one, "software_version");
        agent["softwareVersion"] = version.empty() ? attribute(one, "prov:label") : version;
      }
      crate_ids[one.id] = agent["@id"];
      graph.push_back(std::move(agent));
    }
  }
  std::map<std::string, ordered_json> of_activity;
  for (const Statement& one : all) {
    if (one.kind != "activity") continue;
    ordered_json action{
        {"@id", anchor(one.id)}, {"@type", "CreateAction"}, {"name", attribute(one, "prov:label")}};
    if (const std::string start = argument(one, "prov:startTime"); !start.empty())
      action["startTime"] = start;
    if (const std::string end = argument(one, "prov:endTime"); !end.empty()) {
      action["endTime"] = end;
      last_time = std::max(last_time, end);
    }
    const std::string status = attribute(one, "status");
    action["actionStatus"] = status == "failed" || status == "killed"
                                 ? "http://schema.org/FailedActionStatus"
                             : status == "planned" ? "http://schema.org/PotentialActionStatus"
                                                   : "http://schema.org/CompletedActionStatus";
    if (const std::string message = attribute(one, "message"); !message.empty())
      action["error"] = message;
    of_activity[one.id] = std::move(action);
  }
  const auto add = [&](const std::string& activity, const char* what, const std::string& id) {
    const auto at = of_activity.find(activity);
    const auto known = crate_ids.find(id);
    if (at == of_activity.end() || known == crate_ids.end()) return;
    at->second[what].push_back(reference(known->second));
  };
  for (const Statement& one : all) {
    if (one.kind == "used")
      add(argument(one, "prov:activity"), "object", argument(one, "prov:entity"));
    else if (one.kind == "wasGeneratedBy")
      add(argument(one, "prov:activity"), "result", argument(one, "prov:entity"));
    else if (one.kind == "wasInfluencedBy")
      add(argument(one, "prov:influencee"), "object", argument(one, "prov:influencer"));
    else if (one.kind == "wasAssociatedWith")
      add(argument(one, "prov:activity"),
          software[argument(one, "prov:agent")] ? "instrument" : "agent",
          argument(one, "prov:agent"));
  }
  for (auto& [id, action] : of_activity) {
    actions.push_back(reference(action["@id"]));
    graph.push_back(std::move(action));
  }
  const char* process = "https://w3id.org/ro/wfrun/process/0.5";
  ordered_json head = ordered_json::array();
  head.push_back({{"@id", "ro-crate-metadata.json"},
                  {"@type", "CreativeWork"},
                  {"about", reference("./")},
                  {"conformsTo", reference("https://w3id.org/ro/crate/1.1")}});
  head.push_back({{"@id", "./"},
                  {"@type", "Dataset"},
                  {"name", "Provenance of data of the Large-Sized Telescope"},
                  {"description", "What was processed, with what, by which steps"},
                  {"datePublished", last_time.substr(0, 10)},
                  {"conformsTo", reference(process)},
                  {"hasPart", parts},
                  {"mentions", actions}});
  head.push_back({{"@id", process},
                  {"@type", "CreativeWork"},
                  {"name", "Process Run Crate"},
                  {"version", "0.5"}});
  for (ordered_json& thing : graph) head.push_back(std::move(thing));
  return ordered_json{{"@context", "https://w3id.org/ro/crate/1.1/context"}, {"@graph", head}}.dump(
             1, ' ', false, ordered_json::error_handler_t::replace) +
         '\n';
}

}  // namespace alisio::prov
