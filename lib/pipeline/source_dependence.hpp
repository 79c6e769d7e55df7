#pragma once
#include <optional>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/text/source_catalogue.hpp"
#include "reco/dl2/source_dependent.hpp"

namespace alisio::pipeline {

/// How DL2 depends on an assumed source: the keys dl2.source_dependent to dl2.source_dec.
struct SourceDependence {
  bool wobble = true;  ///< false: the source is in the camera centre
  int n_off = 1;       ///< positions off the source, of a wobble observation
  text::Source source;
};

/// Return what the configuration asks for; nothing for the usual analysis.
/// @param catalogue  of sources, looked at if only a name is configured; may be empty
/// @throws Error(configuration) if a wobble observation has no source; Error(usage) if the
/// catalogue does not know it.
[[nodiscard]] std::optional<SourceDependence> source_dependence(
    const config::Configuration& configuration, const std::filesystem::path& catalogue);

/// Reconstruct a table for each assumed position: all with the same rows.
/// @param models  made for a source-dependent analysis
/// @throws Error(bad_input) for simulations and, of a wobble observation, rows without times.
[[nodiscard]] std::vector<dl2::Dl2Columns> reconstruct_for(
    const std::vector<dl2::AssumedPosition>& positions, const SourceDependence& dependence,
    const dl2::Dl1Columns& dl1, const dl2::ModelSet& models, const dl2::Options& options,
    const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
