#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one dl3_index job is told.
struct Dl3IndexRequest {
  std::vector<std::filesystem::path> inputs;  ///< DL3 files; see find_dl3_files()
  std::filesystem::path output_dir;           ///< gets hdu-index.fits.gz and obs-index.fits.gz
};

inline constexpr const char* hdu_index_name = "hdu-index.fits.gz";
inline constexpr const char* obs_index_name = "obs-index.fits.gz";

/// Return the DL3 files of a folder, dl3*.fits and dl3*.fits.gz, sorted.
/// @throws Error(missing_input) if the folder is absent or holds none.
[[nodiscard]] std::vector<std::filesystem::path> find_dl3_files(
    const std::filesystem::path& folder);

[[nodiscard]] ActivityNote dl3_index_activity(const Dl3IndexRequest& request,
                                              const JobContext& context,
                                              const config::Configuration& configuration);

/// Write the two index tables of GADF 0.3 over DL3 files, ours or lstchain's, sorted by OBS_ID. The
/// observation index has lstchain's columns and those that tell how an observation was made:
/// SOFTWARE, PROD_ID, CAL_ID and GATES, empty where a file does not say. Files that are no whole
/// DL3, damaged ones and links that lead nowhere, are left out with a warning that names them.
/// @param left_out  gets what was left out
/// @return the number of observations. @throws Error(missing_input) for a file that is not there;
/// Error(bad_input) if none is left, or two are of one run; Error(resource).
std::int64_t dl3_index(stage::StageRun& run, const Dl3IndexRequest& request,
                       std::vector<std::filesystem::path>& left_out);

}  // namespace alisio::pipeline
