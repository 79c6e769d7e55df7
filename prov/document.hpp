#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "prov/definition.hpp"
#include "prov/selection.hpp"

namespace alisio::prov {

/// Copies that stand beside a document: the SHA-256 of a content to its file.
using Copies = std::map<std::string, std::filesystem::path>;

/// Return the PROV-JSON document of a selection at run grain: the same text for the same records
/// and copies. Of a path that held several contents, the last keeps the path; the others are told
/// by their copies, or as replaced if there is none.
[[nodiscard]] std::string run_document(const Records& records, const Selection& selection,
                                       const Definition& definition, const Copies& copies = {});

}  // namespace alisio::prov
