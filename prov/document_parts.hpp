#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace alisio::prov {

/// A PROV-JSON document by its parts: elements by qualified id, relations by kind.
struct DocumentParts {
  nlohmann::ordered_json prefix;
  std::map<std::string, nlohmann::ordered_json> entities, activities, agents;
  std::map<std::string, std::vector<nlohmann::ordered_json>> relations;
};

/// Read a document. Elements that are told several times keep the first telling; bundles within it
/// are passed over. @throws Error(bad_input) if it is no PROV-JSON.
[[nodiscard]] DocumentParts document_parts(const std::string& text);

/// Return the text of a document: everything sorted, one element a line, each relation once; equal
/// parts in any order of relations give equal text.
[[nodiscard]] std::string document_text(const DocumentParts& parts);

/// Return an attribute as text, of a typed value ({"$": …}) the value, of several the first; empty
/// if it is absent.
[[nodiscard]] std::string attribute(const nlohmann::ordered_json& facts, const char* key);

}  // namespace alisio::prov
