#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/instrument/camera.hpp"
#include "lib/pipeline/significance_result.hpp"
#include "lib/report/page.hpp"
#include "lib/report/run_data.hpp"
#include "lib/report/run_section.hpp"
#include "reco/check/gates.hpp"

namespace alisio::report {

/// A job of the night that did not end well.
struct FailedJob {
  std::string stage, name, status, reason, log_file;
};

/// What the state database says of a night.
struct JobSummary {
  /// By stage: jobs done, failed, interrupted.
  std::map<std::string, std::array<std::int64_t, 3>> stages;
  std::vector<FailedJob> failed;
};

/// Where the runs of other nights lie in one quantity.
struct LongTermBand {
  std::string quantity;  ///< name of the compared quantity
  double median = 0, low = 0, high = 0;
  std::size_t runs = 0;
};

/// A run that the run summary lists.
struct ListedRun {
  int run = 0;
  std::string type;
  std::int64_t subruns = 0;
  double start = 0;  ///< UTC, unix s; NaN if not known
};

/// All that a report shows.
struct NightData {
  std::string title;  ///< "Night 20221215" or "Run 11220"
  int telescope = 1;
  std::string prod_id;
  std::vector<RunData> runs;  ///< ascending
  std::vector<ListedRun> listed;
  bool has_run_summary = false;
  std::optional<JobSummary> jobs;  ///< nothing: there is no state of this night
  std::optional<pipeline::SignificanceResult> significance;  ///< of its sources, if measured
  std::string significance_of;  ///< "11220": of this run; empty: of the night
  Reference reference;
  std::vector<LongTermBand> bands;  ///< empty: none was given
  std::string bands_from;           ///< the file they are of
  std::vector<std::string> notes;   ///< what could not be read or is odd
  /// Links by heading: (text, address relative to the report).
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> links;
  std::map<int, std::vector<std::pair<std::string, std::string>>> run_links;
};

/// How a run, or a night, stands.
struct Judgement {
  std::vector<Gate> gates;
  Light light = Light::unknown;
  /// Subruns that fail a gate: (subrun, the failed gates as text).
  std::vector<std::pair<std::int64_t, std::string>> subruns;
};

/// Judge a run by the gates: bad if the run fails one; attention if a subrun does, a file could not
/// be read, or there is no data check; else not measured if a gate is not.
[[nodiscard]] Judgement judge(const RunData& run, const check::DataLimits& limits);

/// Return the gate's limits in words: "100 to 20000 Hz", "at most 0.1".
[[nodiscard]] std::string limits_text(const Gate& gate);
/// Return a gate's name as people read it: "cosmics rate".
[[nodiscard]] std::string gate_words(const std::string& name);

/// Lay out the report.
/// @param footer who made it, and when
[[nodiscard]] std::string night_page(const NightData& night, const check::DataLimits& limits,
                                     const instrument::CameraGeometry& geometry,
                                     const std::string& footer);

}  // namespace alisio::report
