#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/instrument/camera.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::report {

/// What one night_report job is told.
struct NightReportRequest {
  int telescope = 1;
  int run = -1;  ///< -1: the whole night
  /// Data checks and muon files; if both are empty they are looked for in `folders`.
  std::vector<std::filesystem::path> checks, muons;
  std::vector<std::filesystem::path> folders;
  std::filesystem::path run_summary;   ///< empty: there is none
  std::filesystem::path state;         ///< folder of the state database; may be absent
  std::filesystem::path dl2;           ///< folder of the night's DL2, for links; may be absent
  std::filesystem::path significance;  ///< what was counted on sources; empty: nothing
  /// What to compare with: data checks and muon files of other data, and long-term tables.
  std::vector<std::filesystem::path> reference_files;
  std::string reference_name;  ///< "night 20221214"
  std::filesystem::path output_dir;
  bool pdf = false;
};

/// Return the name of the report, "report_20221215.html" or "report_Run11220.html".
[[nodiscard]] std::string report_name(const NightReportRequest& request, const std::string& date);

[[nodiscard]] ActivityNote night_report_activity(const NightReportRequest& request,
                                                 const pipeline::JobContext& context,
                                                 const config::Configuration& configuration);

/// Write the report of a night or a run: one HTML file that needs nothing else, and, if asked for,
/// its PDF.
///
/// Data checks and muon files, ours and the peers', of runs or of subruns; a file that cannot be
/// read is named in the report and warned of, and the report goes on without it. Jobs that failed
/// come from the state database if there is one; links to products and provenance are relative to
/// the report.
/// @param unread  gets what is wrong with each file that could not be read
/// @return the number of events of the runs.
/// @throws Error(missing_input) if there is nothing to report on, or a file that was named does not
/// exist; Error(usage) if a file is of another run than the report, or of another night by the
/// times of its events or, without any, by its folder; Error(resource) if a PDF is asked for and
/// there is no Chromium.
std::int64_t night_report(stage::StageRun& run, const NightReportRequest& request,
                          const config::Configuration& configuration,
                          const instrument::CameraGeometry& geometry,
                          std::vector<std::string>& unread);

}  // namespace alisio::report
