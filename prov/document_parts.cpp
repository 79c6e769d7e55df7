#include "prov/document_parts.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "lib/base/error.hpp"
#include "prov/json_members.hpp"

namespace alisio::prov {
namespace {

using nlohmann::ordered_json;

ordered_json facts_of(std::string_view text) {
  ordered_json facts = element_of(text);
  if (facts.is_array() && !facts.empty()) facts = ordered_json(facts.front());
  return facts.is_object() ? facts : ordered_json::object();
}

}  // namespace

DocumentParts document_parts(const std::string& text) {
  DocumentParts parts;
  const auto take_section = [&](const std::string& name, std::string_view section) {
    bool is_object = true;
    if (name == "prefix") {
      parts.prefix = element_of(section);
      is_object = parts.prefix.is_object();
    } else if (name == "entity" || name == "activity" || name == "agent") {
      auto& elements = name == "entity"     ? parts.entities
                       : name == "activity" ? parts.activities
                                            : parts.agents;
      is_object = for_each_member(section, [&](const std::string& id, std::string_view facts) {
        elements.try_emplace(id, facts_of(facts));
      });
    } else if (name != "bundle") {
      std::vector<ordered_json>& list = parts.relations[name];
      is_object = for_each_member(section, [&](const std::string&, std::string_view value) {
        ordered_json facts = element_of(value);
        if (facts.is_array()) {
          for (ordered_json& one : facts)
            if (one.is_object()) list.push_back(std::move(one));
        } else if (facts.is_object()) {
          list.push_back(std::move(facts));
        }
      });
    }
    if (!is_object)
      throw Error(ErrorKind::bad_input, fmt::format("the section '{}' is no PROV-JSON", name));
  };
  if (nested_too_deep(text) || !ordered_json::accept(text) || !for_each_member(text, take_section))
    throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", "",
                "give a *_prov.json that `alisio prov merge` wrote");
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
