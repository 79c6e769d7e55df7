#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

#include "lib/base/error.hpp"
#include "lib/web/html.hpp"
#include "lib/web/provenance_pages.hpp"
#include "prov/ask/invalidated.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/walk_document.hpp"
#include "prov/export/prov_n.hpp"
#include "prov/export/prov_xml.hpp"
#include "prov/export/votable.hpp"
#include "prov/graph.hpp"

namespace alisio::web {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& choices) {
  throw Error(ErrorKind::usage, fmt::format("{} cannot be '{}'", name, prov::shortened(value)),
              "/provsap", "choose " + choices);
}

/// The one of several words that a parameter is; the first if it is not given.
std::string choice(const Request& request, const char* name,
                   const std::vector<std::string>& words) {
  const std::string given = request.parameter(name).value_or(words.front());
  for (const std::string& word : words)
    if (strcasecmp(word.c_str(), given.c_str()) == 0) return word;
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  refuse(name, given, all);
}

int depth_of(const Request& request) {
  const std::string given = request.parameter("DEPTH").value_or("1");
  if (strcasecmp(given.c_str(), "ALL") == 0) return -1;
  int depth = 0;
  const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), depth);
  if (problem != std::errc() || end != given.data() + given.size() || depth < 0)
    refuse("DEPTH", given, "a whole number or ALL");
  return depth;
}

}  // namespace

Response provsap(const ProvenanceSource& source, const Request& request) {
  std::vector<std::string> ids;
  for (const auto& [name, value] : request.query)
    if (strcasecmp(name.c_str(), "ID") == 0) ids.push_back(value);
  if (ids.empty())
    throw Error(ErrorKind::usage, "an ID is needed", "/provsap", "/provsap?ID=…&DEPTH=ALL");
  constexpr std::size_t most_ids = 100;
  if (ids.size() > most_ids) refuse("ID", fmt::format("{} ids", ids.size()), "at most 100 of them");
  const int depth = depth_of(request);
  const bool back = choice(request, "DIRECTION", {"BACK", "FORTH"}) == "BACK";
  const std::string form = choice(request, "RESPONSEFORMAT",
                                  {"PROV-SVG", "PROV-JSON", "PROV-N", "PROV-XML", "PROV-VOTABLE"});
  const auto on = [&](const char* name, const char* usual) {
    const std::string other = *usual == '1' ? "0" : "1";
    return choice(request, name, {usual, other}) == "1";
  };
  prov::WalkDocumentOptions options;
  options.ivoa = choice(request, "MODEL", {"IVOA", "W3C"}) == "IVOA";
  options.agents = on("AGENTS", "1");
  options.configuration = on("CONFIGURATION", "1");
  options.attributes = on("ATTRIBUTES", "1");
  options.descriptions = on("DESCRIPTIONS", "0");
  static_cast<void>(on("MEMBERS", "0"));
  options.definition = source.definition;

  prov::Store store = source.open();
  std::vector<prov::Row> entities, activities;
  for (const std::string& id : ids) {
    prov::check_name(id, "/provsap");
    const std::string bare = id.starts_with("id:") ? id.substr(3) : id;
    if (const auto files = store.find_entities(bare); !files.empty())
      entities.push_back(files.front());
    else if (const auto steps = store.find_activities(bare); !steps.empty())
      activities.push_back(steps.front());
    else
      throw Error(ErrorKind::incomplete, fmt::format("'{}' is not on record", prov::shortened(id)),
                  "/provsap", "give the id, hash or path of a file, or the id of an activity");
  }
  const prov::Walk walk =
      store.walk(entities, activities, back ? prov::Direction::back : prov::Direction::forth,
                 {depth, source.most_nodes}, prov::Detail::full);
  options.invalidations = prov::find_invalidations(store, walk.entities);
  const std::string document = prov::document_of(walk, options);
  Response response;
  if (form == "PROV-SVG") {
    prov::DrawOptions drawing;
    drawing.link = [](const std::string& kind, const std::string& id) {
      if (kind == "agent" || !id.starts_with("id:")) return std::string();
      return (kind == "entity" ? "/file/" : "/activity/") + url_escaped(id.substr(3));
    };
    response.content_type = "image/svg+xml";
    response.body = prov::draw(document, true, false, drawing).svg;
  } else if (form == "PROV-JSON") {
    response.content_type = "application/json";
    response.body = document;
  } else if (form == "PROV-N") {
    response.content_type = "text/provenance-notation; charset=utf-8";
    response.body = prov::to_prov_n(document);
  } else if (form == "PROV-XML") {
    response.content_type = "application/provenance+xml";
    response.body = prov::to_prov_xml(document);
  } else {
    response.content_type = "application/x-votable+xml";
    response.body = prov::to_votable(document);
  }
  return response;
}

}  // namespace alisio::web
