#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document as the metadata of an RO-Crate 1.1 (the content of
/// `ro-crate-metadata.json`), profile Process Run Crate 0.5: a CreateAction an activity, with its
/// software as instrument, what it used as object and what it made as result.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string to_ro_crate(std::string_view prov_json);

}  // namespace alisio::prov
