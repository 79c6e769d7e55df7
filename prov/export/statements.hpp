#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alisio::prov {

/// A value of an attribute.
struct Value {
  std::string text;
  std::string type;      ///< "xsd:int", "xsd:QName" …; empty: a plain string
  std::string language;  ///< of a string, such as "en"; mostly empty
};

/// An element or a relation of a document, whichever form it is written in.
struct Statement {
  std::string kind;  ///< as PROV-N names it: "entity", "used" …
  std::string id;    ///< empty for a relation without a name
  /// Arguments in the order of PROV-N, each with its name ("prov:activity"); empty text: not given.
  std::vector<std::pair<std::string, std::string>> arguments;
  std::vector<std::pair<std::string, Value>> attributes;
};

/// A document in the order in which it is written.
struct Statements {
  std::vector<std::pair<std::string, std::string>> namespaces;  ///< prefix ("default") and IRI
  std::vector<Statement> all;
  std::vector<std::pair<std::string, Statements>> bundles;  ///< named documents within this one
};

/// Return the statements of a PROV-JSON document. @throws Error(bad_input) if it is none, naming
/// the section that is wrong.
[[nodiscard]] Statements statements_of(std::string_view prov_json);

/// Return all statements, those within bundles after the others: for forms that know no bundles.
[[nodiscard]] std::vector<Statement> with_bundles(const Statements& statements);

}  // namespace alisio::prov
