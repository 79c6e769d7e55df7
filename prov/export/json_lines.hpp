#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document as JSON Lines, one self-contained object an activity: its facts,
/// parameters, agents, what it used and what it generated with all their facts. As a document store
/// takes them: `jsonb` of PostgreSQL, for example.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string to_json_lines(std::string_view prov_json);

}  // namespace alisio::prov
