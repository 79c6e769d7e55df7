#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"
#include "lib/instrument/camera.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/report/run_data.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::report {

/// What one long_term job is told.
struct LongTermRequest {
  std::vector<RunFiles> runs;        ///< with data checks; further muon files are not looked at
  NightDate first, last;             ///< runs of other nights are left out
  std::filesystem::path output_dir;  ///< gets longterm_dl1_check.{h5,csv,html}
  double deviations = 5;             ///< of a value that is an outlier
};

/// What came of it.
struct LongTermOutcome {
  std::size_t runs = 0, outliers = 0;
  std::vector<std::string> left_out;  ///< files that could not be read, and why
};

/// Return the nights from one to another, both included. @throws Error(usage) if there is none, or
/// more than ten years of them.
[[nodiscard]] std::vector<NightDate> nights_between(const NightDate& first, const NightDate& last);

/// Return nights as text, those that follow each other as one span: "2024-02-01, 2024-02-27 to
/// 2024-03-02".
[[nodiscard]] std::string spans_text(const std::vector<NightDate>& nights);

[[nodiscard]] ActivityNote long_term_activity(const LongTermRequest& request,
                                              const pipeline::JobContext& context,
                                              const config::Configuration& configuration);

/// Collect the quantities of runs over many nights: table, text and page of trends.
///
/// Data checks and muon files are ours or lstchain's, of runs or of subruns. A run whose files
/// cannot be read is left out, warned of and named in the page and in `outcome`; a run without
/// muon file has no muon quantities.
/// @return the number of runs
/// @throws Error(missing_input) if no run is left; Error(resource).
std::int64_t long_term(stage::StageRun& run, const LongTermRequest& request,
                       const instrument::CameraGeometry& geometry, LongTermOutcome& outcome);

}  // namespace alisio::report
