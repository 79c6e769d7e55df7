#pragma once
#include <cstdint>
#include <filesystem>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What a run_summary job is told.
struct RunSummaryRequest {
  std::filesystem::path r0;             ///< holds the raw files of the night in <YYYYMMDD>/
  std::filesystem::path output_dir;     ///< gets RunSummary_<YYYYMMDD>.ecsv
  std::filesystem::path override_file;  ///< empty: RunSummary_<YYYYMMDD>.override.yaml beside the
                                        ///< summary, if it exists
  int telescope = 1;
  bool overwrite = false;  ///< replace a summary that another program or a person wrote; it is kept
                           ///< beside the new one as <name>.1, .2 …
};

/// Return the note that announces the job; the night is the context's date.
[[nodiscard]] ActivityNote run_summary_activity(const RunSummaryRequest& request,
                                                const JobContext& context,
                                                const config::Configuration& configuration);

/// List the runs of a night with their types, formats and reference times, as the peers' run
/// summary has them, from the first events of each run. A run that cannot be read is listed with
/// the type ERROR and warned of.
///
/// Raw files are not hashed for it, which would take minutes for a result of a second: each file
/// that was opened enters the job's identity with its head_hash, and so does the list of all raw
/// files, so that a further subrun makes another job.
/// @return the number of runs.
/// @throws Error(missing_input) if the night has no raw files; Error(configuration) for an override
/// that cannot be applied; Error(usage) if a summary is there that Alisio did not write as it is.
std::int64_t run_summary(stage::StageRun& run, const RunSummaryRequest& request);

}  // namespace alisio::pipeline
