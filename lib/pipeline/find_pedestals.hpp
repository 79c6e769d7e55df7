#pragma once
#include <cstdint>
#include <filesystem>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one find_pedestals job is told.
struct FindPedestalsRequest {
  std::filesystem::path input;       ///< a DL1 file
  std::filesystem::path output_dir;  ///< gets pedestal_ids_RunRRRRR.SSSS.h5
};

[[nodiscard]] ActivityNote find_pedestals_activity(const FindPedestalsRequest& request,
                                                   const JobContext& context,
                                                   const config::Configuration& configuration);

/// Find the interleaved pedestal events of a subrun by their regular times, for data whose trigger
/// tags are wrong, and write their ids: table `/interleaved_pedestal_ids` with obs_id and event_id,
/// as lstchain's. r0-to-dl1 --pedestal-ids then tags by it. A subrun without any gives an empty
/// table and a warning.
/// @return the number of pedestal events found.
/// @throws Error(missing_input, bad_input): no events, no times; Error(configuration) for a
/// frequency or number out of its range; Error(resource).
std::int64_t find_pedestals(stage::StageRun& run, const FindPedestalsRequest& request,
                            const config::Configuration& configuration);

}  // namespace alisio::pipeline
