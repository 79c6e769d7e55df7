#include "prov/export/prov_xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "prov/export/statements.hpp"

namespace alisio::prov {
namespace {

/// Attributes that the schema puts in a fixed order before all others.
constexpr const char* kFirst[] = {"prov:label", "prov:location", "prov:role", "prov:type",
                                  "prov:value"};

/// Return a qualified name that may name an element: the local part of an attribute may hold
/// anything, an element's may not.
std::string element_name(const std::string& name) {
  const std::size_t colon = name.find(':');
  std::string result = colon == std::string::npos ? std::string() : name.substr(0, colon + 1);
  const std::size_t local = result.size();
  for (std::size_t i = local; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool fits = std::isalpha(c) != 0 || c == '_' || c >= 0x80 ||
                      (i > local && (std::isdigit(c) != 0 || c == '-' || c == '.'));
    if (fits)
      result += name[i];
    else
      result += fmt::format("_x{:02X}_", c);
  }
  return result;
}

void write_value(const std::string& name, const Value& value, const std::string& indent,
                 std::string& text) {
  std::string marks;
  if (!value.type.empty()) marks += fmt::format(" xsi:type=\"{}\"", xml_escaped(value.type));
  if (!value.language.empty())
    marks += fmt::format(" xml:lang=\"{}\"", xml_escaped(value.language));
  text += fmt::format("{0}<{1}{2}>{3}</{1}>\n", indent, element_name(name), marks,
                      xml_escaped(value.text));
}

void write(const Statement& statement, const std::string& indent, std::string& text) {
  text += fmt::format("{}<prov:{}", indent, statement.kind);
  if (!statement.id.empty()) text += fmt::format(" prov:id=\"{}\"", xml_escaped(statement.id));
  text += ">\n";
  const std::string inner = indent + "  ";
  for (const auto& [name, value] : statement.arguments) {
    if (value.empty()) continue;
    if (name.ends_with("ime"))
      text += fmt::format("{0}<{1}>{2}</{1}>\n", inner, name, xml_escaped(value));
    else
      text += fmt::format("{}<{} prov:ref=\"{}\"/>\n", inner, name, xml_escaped(value));
  }
  for (const char* first : kFirst)
    for (const auto& [name, value] : statement.attributes)
      if (name == first) write_value(name, value, inner, text);
  for (const auto& [name, value] : statement.attributes)
    if (std::find(std::begin(kFirst), std::end(kFirst), name) == std::end(kFirst))
      write_value(name, value, inner, text);
  text += fmt::format("{}</prov:{}>\n", indent, statement.kind);
}

std::string declarations(const Statements& statements) {
  std::string text;
  for (const auto& [prefix, iri] : statements.namespaces)
    if (prefix != "prov" && prefix != "xsd" && prefix != "xsi")
      text += fmt::format("\n    {}=\"{}\"", prefix == "default" ? "xmlns" : "xmlns:" + prefix,
                          xml_escaped(iri));
  return text;
}

}  // namespace

std::string xml_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&apos;";
        break;
      case '\n':
        result += "&#10;";
        break;
      case '\r':
        result += "&#13;";
        break;
      case '\t':
        result += "&#9;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) result += c;
    }
  return result;
}

std::string to_prov_xml(std::string_view prov_json) {
  const Statements statements = statements_of(prov_json);
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<prov:document xmlns:prov=\"http://www.w3.org/ns/prov#\"\n"
      "    xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"\n"
      "    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"" +
      declarations(statements) + ">\n";
  for (const Statement& statement : statements.all) write(statement, "  ", text);
  for (const auto& [name, bundle] : statements.bundles) {
    text += fmt::format("  <prov:bundleContent prov:id=\"{}\"{}>\n", xml_escaped(name),
                        declarations(bundle));
    for (const Statement& statement : bundle.all) write(statement, "    ", text);
    text += "  </prov:bundleContent>\n";
  }
  return text + "</prov:document>\n";
}

}  // namespace alisio::prov
