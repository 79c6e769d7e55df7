#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one cat_b job is told.
struct CatBRequest {
  std::vector<std::filesystem::path> inputs;  ///< interleaved events of all subruns of a run
  std::filesystem::path output_dir;           ///< gets cat_B_calibration_filters_52.RunRRRRR.h5
  std::filesystem::path charge_calibration;   ///< Cat-A, that the waveforms were calibrated with
  std::filesystem::path ffactor_systematics;  ///< empty: no quadratic term
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

/// Return the note that announces the job.
[[nodiscard]] ActivityNote cat_b_activity(const CatBRequest& request, const JobContext& context,
                                          const config::Configuration& configuration);

/// Make time-dependent constants of a run from its interleaved events: a row for each pair of full
/// samples. If the run fills none, what there is gives one row, with a warning. Files are read one
/// after the other; memory holds one sample of each kind.
/// @return the number of events read.
/// @throws Error(missing_input, bad_input, resource); bad_input if files are of several runs, or a
/// kind of events is missing.
std::int64_t cat_b(stage::StageRun& run, const CatBRequest& request,
                   const config::Configuration& configuration,
                   const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
