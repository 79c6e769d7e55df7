#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document in PROV-N, the notation for people (W3C Recommendation PROV-N).
/// Nothing is lost: reading it back gives the same statements. Characters of names that the
/// notation does not know are percent-encoded.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string to_prov_n(std::string_view prov_json);

}  // namespace alisio::prov
