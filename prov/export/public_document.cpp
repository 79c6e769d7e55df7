#include "prov/export/public_document.hpp"

#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "prov/json_members.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;
using Texts = std::set<std::string, std::less<>>;

/// Facts of a machine or a person, by the names that records give them.
const Texts kPrivate{"host",       "hostname", "node",          "user",       "username",
                     "user_name",  "account",  "email",         "agent_name", "operator",
                     "home",       "site",     "operator_name", "in_session", "script",
                     "executable", "journal"};

bool of_path(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-' ||
         c == '/' || c == '+' || c == '@' || c == '~' || static_cast<unsigned char>(c) >= 0x80;
}

bool of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

/// Replace each absolute path in a text, and what begins with a home folder, by its last part.
/// Addresses on the network stay.
std::string without_paths(const std::string& text) {
  std::string result;
  std::size_t begin = 0;  // where a path may begin whatever stands before
  for (std::size_t i = 0; i < text.size();) {
    const bool inside = i != begin && of_path(text[i - 1]);
    if (text.compare(i, 3, "://") == 0) {
      if (result.ends_with("file")) {
        result.resize(result.size() - 4);
        begin = i += 3;
        continue;
      }
      while (i < text.size() && (of_path(text[i]) || text[i] == ':')) result += text[i++];
      continue;
    }
    if (inside || (text[i] != '/' && text[i] != '~')) {
      result += text[i++];
      continue;
    }
    std::size_t end = i, last = i + 1;
    while (end < text.size() && of_path(text[end])) {
      if (text[end] == '/' && end + 1 < text.size() && of_path(text[end + 1])) last = end + 1;
      ++end;
    }
    const bool bare_home = text[i] == '~' && text.find('/', i) >= end;
    result += bare_home || last >= end ? std::string(1, text[i]) : text.substr(last, end - last);
    i = end;
  }
  return result;
}

/// Replace whole words that name a person or a machine.
std::string without_names(std::string text, const Texts& names) {
  for (const std::string& name : names)
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      if ((at > 0 && of_word(text[at - 1])) || (end < text.size() && of_word(text[end]))) continue;
      text.replace(at, name.size(), "…");
    }
  return text;
}

json tree_of(const std::string& text) {
  if ((!text.starts_with('{') && !text.starts_with('[')) || nested_too_deep(text)) return nullptr;
  json tree = json::parse(text, nullptr, false);
  return tree.is_structured() ? tree : json(nullptr);
}

/// Collect the values that private facts have anywhere.
void collect_names(const json& value, Texts& names) {
  if (value.is_string()) {
    if (const json tree = tree_of(value.get<std::string>()); !tree.is_null())
      collect_names(tree, names);
  } else if (value.is_array()) {
    for (const json& one : value) collect_names(one, names);
  } else if (value.is_object()) {
    for (const auto& [key, one] : value.items()) {
      const bool names_one = key == "host" || key == "hostname" || key == "node" || key == "user" ||
                             key == "username" || key == "user_name" || key == "account" ||
                             key == "agent_name" || key == "operator_name";
      if (names_one && one.is_string() && one.get<std::string>().size() > 1)
        names.insert(one.get<std::string>());
      collect_names(one, names);
    }
  }
}

void clean(json& value, const Texts& names) {
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (json tree = tree_of(text); !tree.is_null()) {
      clean(tree, names);
      value = tree.dump();
    } else {
      value = without_names(without_paths(text), names);
    }
  } else if (value.is_array()) {
    for (json& one : value) clean(one, names);
  } else if (value.is_object()) {
    const std::string place = value.value("logical_path", json()).is_string()
                                  ? value["logical_path"].get<std::string>()
                                  : std::string();
    for (const char* name : {"filepath", "reference"})
      if (value.contains(name) && !place.empty()) value[name] = place;
    for (auto at = value.begin(); at != value.end();)
      at = kPrivate.contains(at.key()) ? value.erase(at) : std::next(at);
    for (auto& [key, one] : value.items())
      // Links within the document stay as they are, or they would lead nowhere.
      if (!key.starts_with("prov:") || key == "prov:value" || key == "prov:label" ||
          key == "prov:location")
        clean(one, names);
  }
}

void add_types(const json& type, Texts& types) {
  if (type.is_string()) types.insert(type.get<std::string>());
  if (type.is_array())
    for (const json& one : type) add_types(one, types);
  if (type.is_object() && type.contains("$")) add_types(type["$"], types);
}

/// The types of an element, which may be said several times.
Texts types_of(const json& facts) {
  Texts types;
  if (facts.is_array())
    for (const json& one : facts) types.merge(types_of(one));
  if (facts.is_object() && facts.contains("prov:type")) add_types(facts["prov:type"], types);
  return types;
}

bool has_one(const Texts& types, std::initializer_list<const char*> wanted) {
  for (const char* type : wanted)
    if (types.contains(type)) return true;
  return false;
}

bool names_one_of(const json& relation, const Texts& ids) {
  if (relation.is_array())
    for (const json& one : relation)
      if (names_one_of(one, ids)) return true;
  if (!relation.is_object()) return false;
  for (const auto& [name, value] : relation.items())
    if (name.starts_with("prov:") && value.is_string() && ids.contains(value.get<std::string>()))
      return true;
  return false;
}

void make_public(json& document, const Texts& names) {
  Texts left_out;
  for (const char* section : {"entity", "agent"}) {
    if (!document.contains(section) || !document[section].is_object()) continue;
    json& things = document[section];
    for (auto at = things.begin(); at != things.end();) {
      const Texts types = types_of(at.value());
      // An agent that is not said to be a program or an organisation may be a person.
      const bool leave_out =
          has_one(types, {"Environment", "ExecutionSession", "prov:Person", "Person"}) ||
          (std::string_view(section) == "agent" &&
           !has_one(types,
                    {"prov:SoftwareAgent", "SoftwareAgent", "prov:Organization", "Organization"}));
      if (leave_out) left_out.insert(at.key());
      at = leave_out ? things.erase(at) : std::next(at);
    }
  }
  for (auto section = document.begin(); section != document.end();) {
    json& things = section.value();
    if (section.key() == "prefix" || !things.is_object()) {
      ++section;
      continue;
    }
    if (section.key() == "bundle") {
      for (auto& [name, bundle] : things.items())
        if (bundle.is_object()) make_public(bundle, names);
      ++section;
      continue;
    }
    const bool relations =
        section.key() != "entity" && section.key() != "agent" && section.key() != "activity";
    for (auto at = things.begin(); at != things.end();) {
      clean(at.value(), names);
      at = relations && names_one_of(at.value(), left_out) ? things.erase(at) : std::next(at);
    }
    section = things.empty() ? document.erase(section) : std::next(section);
  }
}

}  // namespace

std::string public_document(std::string_view prov_json) {
  json document = nested_too_deep(prov_json) ? json() : json::parse(prov_json, nullptr, false);
  if (!document.is_object())
    throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", "",
                "give a *_prov.json that `alisio prov merge` wrote");
  Texts names;
  collect_names(document, names);
  if (document.contains("agent") && document["agent"].is_object())
    for (const auto& [id, facts] : document["agent"].items())
      if (has_one(types_of(facts), {"prov:Person", "Person"}) && facts.is_object() &&
          facts.value("prov:label", json()).is_string())
        names.insert(facts["prov:label"].get<std::string>());
  names.erase("");
  make_public(document, names);
  return document.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace alisio::prov
