#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "prov/definition.hpp"
#include "prov/selection.hpp"

namespace alisio::prov {

/// Copies that stand beside a document: the SHA-256 of a content to its file.
using Copies = std::map<std::string, std::filesystem::path>;

/// A document that tells a part of another one more finely.
struct FinerDocument {
  std::filesystem::path path;
  std::string sha256;
  std::string stage;  ///< activity that it tells of; empty: all
  std::uint64_t size_bytes = 0;
};

/// Return the PROV-JSON document of a selection: the same text for the same records, copies and
/// finer documents. Of a path that held several contents, the last keeps the path; the others are
/// told by their copies, or as replaced if there is none.
[[nodiscard]] std::string document_of(const Records& records, const Selection& selection,
                                      const Definition& definition, const Copies& copies = {},
                                      const std::vector<FinerDocument>& finer = {},
                                      const std::string& source = {});

}  // namespace alisio::prov
