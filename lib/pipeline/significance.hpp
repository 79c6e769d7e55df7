#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/text/source_catalogue.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/pipeline/significance_result.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// What one significance job is told.
struct SignificanceRequest {
  std::vector<std::filesystem::path> inputs;  ///< DL2 files of runs or subruns, in any order
  std::filesystem::path output_dir;           ///< gets significance_<date>.json and plots
  std::filesystem::path catalogue;            ///< of sources; empty: `told` is the only one
  std::optional<text::Source> told;           ///< what all runs observed; none: looked for
  std::string selection;                      ///< terms that the files met, for the record
  std::vector<LeftOut> left_out;              ///< by the selection
};

[[nodiscard]] ActivityNote significance_activity(const SignificanceRequest& request,
                                                 const JobContext& context,
                                                 const config::Configuration& configuration);

/// Count events on and off the sources of some runs, and say how significant the excess is: by
/// theta^2 around the source and around as many off positions as configured, as
/// theta2_significance of lstosa 0.11, or by alpha for source-dependent DL2.
///
/// The source of a run is the one told, or the nearest of the catalogue to the mean pointing. Runs
/// without a source, with a source outside the camera, and files without events are left out and
/// named; so are runs whose source-dependent DL2 assumes another place than that of the source. A
/// run whose off regions overlap the region on has counts, and no part in the sum.
///
/// Unlike lstosa, the ratio of the exposures is that of on over off, not its inverse; the effective
/// time of several runs is the sum of theirs.
/// @param result  what was found, for the caller to print
/// @return the number of events in the files that count.
/// @throws Error(usage) for a run given twice (in two files that tell the same
/// telescope, run and subrun, or as a whole and in subruns) or a file of another telescope;
/// Error(bad_input) for files that are no DL2 of the telescope's own data (simulations have no
/// times), for source-dependent runs of different off positions, or if the source told is in no
/// run's view.
std::int64_t significance(stage::StageRun& run, const SignificanceRequest& request,
                          const config::Configuration& configuration,
                          const instrument::Telescope& telescope, SignificanceResult& result);

}  // namespace alisio::pipeline
