#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace alisio::text {

/// One run of a night, as the run summary has it. A value of -1 says "none".
struct RunSummaryRow {
  std::int64_t run_id = 0;
  std::int64_t n_subruns = 0;
  std::string run_type;                     ///< "DRS4", "PEDCALIB", "DATA", "ERROR" …
  std::string data_format;                  ///< "ProtoR1.CameraEvent", "R1v1.Event"
  std::int64_t evb_preprocessing = 0;       ///< bits of what the event builder did already
  std::int64_t ucts_timestamp = -1;         ///< TAI unix, ns
  std::int64_t run_start = -1;              ///< TAI unix, ns
  std::int64_t dragon_reference_time = -1;  ///< TAI unix, ns
  std::int64_t dragon_reference_module_id = -1;
  std::int64_t dragon_reference_module_index = -1;
  std::uint64_t dragon_reference_counter = 0;  ///< ns
  std::string dragon_reference_source;         ///< "ucts", "run_start", "None"
};

/// Read RunSummary_YYYYMMDD.ecsv, ours or lstchain's. @throws Error(missing_input, bad_input).
[[nodiscard]] std::vector<RunSummaryRow> read_run_summary(const std::filesystem::path& file);
/// Return the row of a run, if the summary has it.
[[nodiscard]] std::optional<RunSummaryRow> find_run(const std::vector<RunSummaryRow>& rows,
                                                    std::int64_t run);
/// Return the text of a run summary that lstchain reads.
[[nodiscard]] std::string run_summary_text(const std::vector<RunSummaryRow>& rows,
                                           const std::string& iso_date);

}  // namespace alisio::text
