#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one gain_select job is told.
struct GainSelectRequest {
  std::filesystem::path input;       ///< stream 1 of the subrun; the other streams lie beside it
  std::filesystem::path output_dir;  ///< gets files of the same names
  int threads = 1;                   ///< streams that are worked on at a time
};

[[nodiscard]] ActivityNote gain_select_activity(const GainSelectRequest& request,
                                                const JobContext& context,
                                                const config::Configuration& configuration);

/// Keep one gain of each pixel of the physics events of a subrun: R0 to R0G, half the size. The low
/// gain is kept where a raw high-gain sample is above the threshold (samples 3 to 38), as
/// lstchain_r0_to_r0g does. Events that the trigger calls flat-field or pedestal keep both gains,
/// and so do those that look like flat-fields (source_config.LSTEventSource.*_flatfield_adc):
/// calibration needs both, and unlike the peer's a wrong guess then loses nothing. Empty events
/// (id 0) are left out; all other columns and tables are carried over.
/// @return the number of events written.
/// @throws Error(missing_input); Error(bad_input) for the old format, which has no number of gains,
/// and for data that are gain-selected or volume-reduced already; Error(usage) if the output folder
/// is that of the input; Error(resource).
std::int64_t gain_select(stage::StageRun& run, const GainSelectRequest& request,
                         const config::Configuration& configuration);

}  // namespace alisio::pipeline
