#include "prov/export/prov_n.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "prov/export/statements.hpp"

namespace alisio::prov {
namespace {

/// Return a name as PROV-N spells it (production 51): what has a meaning there is escaped, what no
/// name may hold is percent-encoded.
std::string name_text(std::string_view name) {
  std::string result;
  const auto percent = [&](char c) {
    result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  };
  const std::size_t colon = name.find(':');
  const std::size_t local = colon == std::string_view::npos ? 0 : colon + 1;
  result = name.substr(0, local);
  for (std::size_t i = local; i < name.size(); ++i) {
    const char c = name[i];
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80 || c == '_') {
      result += c;
    } else if (c == '-' || c == '.') {
      // Neither may begin a name, nor a full stop end it.
      if (i == local || (c == '.' && i + 1 == name.size())) result += '\\';
      result += c;
    } else if (std::string_view("='(),:;[]").find(c) != std::string_view::npos) {
      result += '\\';
      result += c;
    } else if (c == '/' && (i + 1 == name.size() || (name[i + 1] != '/' && name[i + 1] != '*'))) {
      result += c;
    } else if (std::string_view("@~&+#$!?").find(c) != std::string_view::npos) {
      result += c;
    } else {
      percent(c);
    }
  }
  return result;
}

std::string string_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04X}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string value_text(const Value& value) {
  if (value.type == "xsd:QName" || value.type == "prov:QUALIFIED_NAME")
    return '\'' + name_text(value.text) + '\'';
  if (value.type == "xsd:int" && !value.text.empty() &&
      std::all_of(value.text.begin() + (value.text[0] == '-' && value.text.size() > 1 ? 1 : 0),
                  value.text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return value.text;
  std::string text = string_text(value.text);
  if (!value.language.empty()) return text + '@' + value.language;
  if (!value.type.empty()) text += " %% " + name_text(value.type);
  return text;
}

void write(const Statement& statement, std::string& text) {
  const bool element =
      statement.kind == "entity" || statement.kind == "activity" || statement.kind == "agent";
  text += "  " + statement.kind + '(';
  if (!statement.id.empty()) text += name_text(statement.id) + (element ? "" : "; ");
  // An activity without times is written without them.
  const bool bare = element && std::all_of(statement.arguments.begin(), statement.arguments.end(),
                                           [](const auto& one) { return one.second.empty(); });
  bool first = !element;
  for (const auto& [name, value] : statement.arguments) {
    if (bare) break;
    if (!first) text += ", ";
    first = false;
    if (value.empty())
      text += '-';
    else
      text += name.ends_with("ime") ? value : name_text(value);
  }
  if (!statement.attributes.empty()) {
    text += ", [";
    const char* separator = "";
    for (const auto& [name, value] : statement.attributes) {
      text += separator + name_text(name) + '=' + value_text(value);
      separator = ", ";
    }
    text += ']';
  }
  text += ")\n";
}

void write(const Statements& statements, std::string& text) {
  const auto iri_text = [](std::string_view iri) {
    std::string result;
    for (const char c : iri)
      if (static_cast<unsigned char>(c) <= 0x20 ||
          std::string_view("<>\"{}|^`\\").find(c) != std::string_view::npos)
        result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
      else
        result += c;
    return result;
  };
  for (const auto& [prefix, iri] : statements.namespaces)
    if (prefix == "default") text += fmt::format("  default <{}>\n", iri_text(iri));
  for (const auto& [prefix, iri] : statements.namespaces)
    if (prefix != "default" && prefix != "prov" && prefix != "xsd")
      text += fmt::format("  prefix {} <{}>\n", prefix, iri_text(iri));
  for (const Statement& statement : statements.all) write(statement, text);
  for (const auto& [id, bundle] : statements.bundles) {
    text += "bundle " + name_text(id) + '\n';
    write(bundle, text);
    text += "endBundle\n";
  }
}

}  // namespace

std::string to_prov_n(std::string_view prov_json) {
  std::string text = "document\n";
  write(statements_of(prov_json), text);
  return text + "endDocument\n";
}

}  // namespace alisio::prov
