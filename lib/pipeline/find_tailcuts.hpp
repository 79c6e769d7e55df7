#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one find_tailcuts job is told.
struct FindTailcutsRequest {
  std::vector<std::filesystem::path> inputs;  ///< DL1 files of one run, with images
  std::filesystem::path output_dir;           ///< gets dl1ab_RunRRRRR.json
};

/// Return the DL1 files of a run in a folder, in the order of subruns.
/// @throws Error(missing_input) if there are none.
[[nodiscard]] std::vector<std::filesystem::path> dl1_files_of_run(
    const std::filesystem::path& folder, int run);

[[nodiscard]] ActivityNote find_tailcuts_activity(const FindTailcutsRequest& request,
                                                  const JobContext& context,
                                                  const config::Configuration& configuration);

/// Find the cleaning levels that suit the night-sky background of a run, from the charges of its
/// interleaved pedestal events, and write them as a configuration for dl1ab, ours or lstchain's.
///
/// About `find_tailcuts.max_subruns` of the files are looked at, evenly spaced. The product holds
/// the blocks tailcuts_clean_with_pedestal_threshold and dynamic_cleaning, an empty tailcut, and in
/// find_tailcuts_result, which the peer ignores, how the level came about: the quantile of the
/// pedestal charge (p.e.), the night-sky background to be added to dark simulations (p.e./ns), the
/// number of subruns. Attributes of the recorded product repeat the verdict and these values.
///
/// A run that gives no level (too few pedestals, too few pixels, subruns that disagree) gets the
/// configured thresholds and a warning, so that a short or odd run is still analysed; its product
/// says `measured: false` and has no background. With `find_tailcuts.standard_if_not_measurable`
/// false it fails. Unlike the peer, one subrun alone gives a level.
/// @return the number of pedestal events looked at.
/// @throws Error(usage) for files of several runs or twice the same subrun; Error(missing_input,
/// bad_input, resource).
std::int64_t find_tailcuts(stage::StageRun& run, const FindTailcutsRequest& request,
                           const config::Configuration& configuration,
                           const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
