#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document as PROV-XML (W3C note "PROV-XML: The PROV XML Schema").
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string to_prov_xml(std::string_view prov_json);

/// Return a text as it may stand in XML, in an attribute too: characters that XML 1.0 does not know
/// are left out.
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace alisio::prov
