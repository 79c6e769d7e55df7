#include "prov/export/public_document.hpp"

#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

/// Facts of a machine or a person.
const std::set<std::string, std::less<>> kPrivate{"host", "node",       "user",  "agent_name",
                                                  "site", "in_session", "script"};

bool of_path(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-' ||
         c == '/' || c == '+' || c == '@' || static_cast<unsigned char>(c) >= 0x80;
}

/// Replace each absolute path in a text by its last part.
std::string without_paths(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const bool begins = text[i] == '/' && (i == 0 || (!of_path(text[i - 1]) && text[i - 1] != ':'));
    if (!begins) {
      result += text[i++];
      continue;
    }
    std::size_t end = i, last = i + 1;
    while (end < text.size() && of_path(text[end])) {
      if (text[end] == '/' && end + 1 < text.size() && of_path(text[end + 1])) last = end + 1;
      ++end;
    }
    result += last < end ? text.substr(last, end - last) : std::string("/");
    i = end;
  }
  return result;
}

void clean(json& value) {
  if (value.is_string())
    value = without_paths(value.get<std::string>());
  else if (value.is_structured())
    for (json& one : value) clean(one);
}

void clean_facts(json& facts) {
  if (facts.is_array()) {
    for (json& one : facts) clean_facts(one);
    return;
  }
  if (!facts.is_object()) return;
  for (auto at = facts.begin(); at != facts.end();)
    at = kPrivate.contains(at.key()) ? facts.erase(at) : std::next(at);
  const std::string place = facts.value("logical_path", "");
  for (const char* name : {"filepath", "reference"})
    if (facts.contains(name) && !place.empty()) facts[name] = place;
  clean(facts);
}

std::string type_of(const json& facts) {
  const auto at = facts.is_object() ? facts.find("prov:type") : facts.end();
  if (!facts.is_object() || at == facts.end()) return {};
  if (at->is_string()) return at->get<std::string>();
  return at->is_object() ? at->value("$", "") : std::string();
}

bool names_one_of(const json& relation, const std::set<std::string>& ids) {
  if (!relation.is_object()) return false;
  for (const auto& [name, value] : relation.items())
    if (name.starts_with("prov:") && value.is_string() && ids.contains(value.get<std::string>()))
      return true;
  return false;
}

}  // namespace

std::string public_document(std::string_view prov_json) {
  json document = json::parse(prov_json, nullptr, false);
  if (!document.is_object())
    throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", "",
                "give a *_prov.json that `alisio prov merge` wrote");
  std::set<std::string> left_out;
  for (const char* section : {"entity", "agent"}) {
    if (!document.contains(section) || !document[section].is_object()) continue;
    json& things = document[section];
    for (auto at = things.begin(); at != things.end();) {
      const std::string type = type_of(at.value());
      const bool leave_out = type == "Environment" || type == "ExecutionSession" ||
                             type == "prov:Person" || type == "Person";
      if (leave_out) left_out.insert(at.key());
      at = leave_out ? things.erase(at) : std::next(at);
    }
  }
  for (auto section = document.begin(); section != document.end();) {
    if (section.key() == "prefix" || !section.value().is_object()) {
      ++section;
      continue;
    }
    json& things = section.value();
    const bool relations =
        section.key() != "entity" && section.key() != "agent" && section.key() != "activity";
    for (auto at = things.begin(); at != things.end();) {
      clean_facts(at.value());
      at = relations && names_one_of(at.value(), left_out) ? things.erase(at) : std::next(at);
    }
    section = things.empty() ? document.erase(section) : std::next(section);
  }
  return document.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace alisio::prov
