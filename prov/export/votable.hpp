#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document as VOTable 1.4: one table a class of IVOA's Provenance data model
/// 1.0 (Activity, Entity, Agent, Used, WasGeneratedBy …), references by id. Settings become
/// Parameter and WasConfiguredBy; what the model has no column for stands as JSON in `comment`.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string to_votable(std::string_view prov_json);

}  // namespace alisio::prov
