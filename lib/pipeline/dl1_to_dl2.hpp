#pragma once
#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one dl1_to_dl2 job is told.
struct Dl1ToDl2Request {
  std::filesystem::path input;       ///< a DL1 file, ours or lstchain's
  std::filesystem::path models;      ///< forest file
  std::filesystem::path catalogue;   ///< of sources, for a source-dependent analysis; or empty
  std::filesystem::path output_dir;  ///< gets the file, with dl1 in its name replaced by dl2
  std::filesystem::path run_catalogue = {};  ///< by which the models were chosen: recorded
};

[[nodiscard]] ActivityNote dl1_to_dl2_activity(const Dl1ToDl2Request& request,
                                               const JobContext& context,
                                               const config::Configuration& configuration);

/// Reconstruct energy, direction and particle type: DL1 parameters to DL2.
/// @param rows the DL1 table if it is in memory, else null and it is read from the file.
/// @return the number of events written. @throws Error(missing_input, bad_input, resource);
/// bad_input also for simulated events, whose simulation DL2 would not keep.
std::int64_t dl1_to_dl2(stage::StageRun& run, const Dl1ToDl2Request& request,
                        const config::Configuration& configuration,
                        const instrument::Telescope& telescope, const dl2::Dl1Columns* rows);

}  // namespace alisio::pipeline
