#pragma once
#include <functional>

#include "lib/web/http.hpp"
#include "prov/store/store.hpp"

namespace alisio::web {

/// What the pages of provenance are made from. Everything is read-only.
struct ProvenanceSource {
  /// Opens the index; each request opens it anew and so sees what was indexed meanwhile.
  std::function<prov::Store()> open;
  const prov::Definition* definition = nullptr;  ///< for descriptions; may be null
  bool give_files = true;                        ///< `/data/ID` sends recorded files
  std::size_t most_nodes = 2000;                 ///< of a walk; what is cut says so
};

/// Return the pages `/provenance`, `/find`, `/night/DATE`, `/run/N`, `/file/ID` (also
/// `/entity/ID`),
/// `/activity/ID`, `/data/ID`, and `/provsap`. They refer to the source.
[[nodiscard]] Router provenance_pages(const ProvenanceSource& source);

/// Answer IVOA's ProvSAP: ID (may be given again), DEPTH (a number or ALL), DIRECTION (BACK,
/// FORTH), MODEL (IVOA, W3C), AGENTS, CONFIGURATION, ATTRIBUTES, DESCRIPTIONS, MEMBERS (0 or 1; the
/// index tells files one by one, so that MEMBERS changes nothing), RESPONSEFORMAT (PROV-SVG,
/// PROV-JSON, PROV-N, PROV-XML, PROV-VOTABLE). @throws Error(usage) for a value that cannot be
/// meant, Error(incomplete) for an ID that is not on record.
[[nodiscard]] Response provsap(const ProvenanceSource& source, const Request& request);

}  // namespace alisio::web
