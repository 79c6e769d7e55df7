#include "prov/document_parts.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

void take_elements(const ordered_json& section, std::map<std::string, ordered_json>& elements) {
  for (const auto& [id, facts] : section.items()) {
    const ordered_json& first = facts.is_array() && !facts.empty() ? facts.front() : facts;
    elements.emplace(id, first.is_object() ? first : ordered_json::object());
  }
}

}  // namespace

DocumentParts document_parts(const std::string& text) {
  const ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object())
    throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", "",
                "give a *_prov.json that `alisio prov merge` wrote");
  DocumentParts parts;
  for (const auto& [name, section] : document.items()) {
    if (!section.is_object())
      throw Error(ErrorKind::bad_input, fmt::format("the section '{}' is no PROV-JSON", name));
    if (name == "prefix") {
      parts.prefix = section;
    } else if (name == "entity") {
      take_elements(section, parts.entities);
    } else if (name == "activity") {
      take_elements(section, parts.activities);
    } else if (name == "agent") {
      take_elements(section, parts.agents);
    } else if (name != "bundle") {
      std::vector<ordered_json>& list = parts.relations[name];
      for (const auto& [id, facts] : section.items()) {
        if (facts.is_object()) list.push_back(facts);
        if (!facts.is_array()) continue;
        for (const ordered_json& one : facts)
          if (one.is_object()) list.push_back(one);
      }
    }
  }
  return parts;
}

std::string document_text(const DocumentParts& parts) {
  const auto dump = [](const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  };
  std::string text = "{\n\"prefix\": " + dump(parts.prefix);
  for (const auto& [section, elements] :
       {std::pair{"entity", &parts.entities}, std::pair{"activity", &parts.activities},
        std::pair{"agent", &parts.agents}}) {
    text += fmt::format(",\n\"{}\": {{", section);
    const char* separator = "\n";
    for (const auto& [id, facts] : *elements) {
      text += separator + dump(id) + ": " + dump(facts);
      separator = ",\n";
    }
    text += "\n}";
  }
  std::size_t n = 0;
  for (const auto& [kind, list] : parts.relations) {
    if (list.empty()) continue;
    std::set<std::string> sorted;
    for (const ordered_json& arguments : list) sorted.insert(dump(arguments));
    text += fmt::format(",\n\"{}\": {{", kind);
    const char* separator = "\n";
    for (const std::string& arguments : sorted) {
      text += fmt::format("{}\"_:id{}\": {}", separator, ++n, arguments);
      separator = ",\n";
    }
    text += "\n}";
  }
  return text + "\n}\n";
}

std::string attribute(const ordered_json& facts, const char* key) {
  const auto at = facts.find(key);
  if (at == facts.end() || at->is_null()) return {};
  const ordered_json* value = &*at;
  if (value->is_array()) {
    if (value->empty()) return {};
    value = &value->front();
  }
  if (value->is_object() && value->contains("$")) value = &value->at("$");
  return value->is_string() ? value->get<std::string>() : value->dump();
}

}  // namespace alisio::prov
