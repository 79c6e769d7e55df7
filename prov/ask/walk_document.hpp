#pragma once
#include <map>
#include <string>

#include "prov/ask/subject.hpp"
#include "prov/invalidation.hpp"

namespace alisio::prov {

/// What a document of a walk tells (the parameters of IVOA's ProvSAP).
struct WalkDocumentOptions {
  bool agents = true;         ///< who and what is responsible
  bool configuration = true;  ///< settings, parameters and environment
  bool attributes = true;     ///< more than names and times
  bool descriptions = false;  ///< what the definition says of each activity and file
  /// IVOA's way to tell parameters (wasConfiguredBy) in place of W3C's (a used entity).
  bool ivoa = false;
  /// By entity: what stands no more for what it was (find_invalidations()).
  std::map<std::string, Invalidation> invalidations = {};
  const Definition* definition = nullptr;  ///< for namespaces and descriptions; may be null
};

/// Return what a walk reached as PROV-JSON. Where the walk ended though there is more, the node has
/// an attribute `cut_here`. Activities must have been read in full for parameters and settings.
[[nodiscard]] std::string document_of(const Walk& walk, const WalkDocumentOptions& options = {});

/// Both directions from a start as one walk, each node and flow once.
[[nodiscard]] Walk joined(Walk back, const Walk& forth);

}  // namespace alisio::prov
