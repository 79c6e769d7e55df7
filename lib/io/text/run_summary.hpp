#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
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
/// Return the text of a run summary that lstchain reads. Its metadata name the version of Alisio
/// and hold a hash of the rows, by which origin_of tells whether it was edited later.
[[nodiscard]] std::string run_summary_text(const std::vector<RunSummaryRow>& rows,
                                           const std::string& iso_date);

/// Who wrote a run summary.
enum class SummaryOrigin {
  ours,     ///< Alisio, and nobody changed its rows since
  edited,   ///< Alisio, but the rows were changed
  foreign,  ///< another program, or a file that is no run summary
};
[[nodiscard]] SummaryOrigin origin_of(const std::filesystem::path& run_summary);

/// What an operator knows better than the guesses, run by run: values by name of the column.
using RunSummaryOverride = std::map<std::int64_t, std::map<std::string, std::string>>;

/// Read an override file:
///
///     runs:
///       11219: {run_type: PEDCALIB}
///
/// Any column of the summary but run_id and n_subruns may be given.
/// @throws Error(missing_input); Error(configuration) naming the file and the key: no such column,
/// a value of another type, an unknown run type, a run twice.
[[nodiscard]] RunSummaryOverride read_run_summary_override(const std::filesystem::path& file);

/// Put the values of an override into the rows.
/// @param where  the override file, for messages
/// @throws Error(configuration) if it names a run that the night does not have.
void apply_override(const RunSummaryOverride& override, const std::filesystem::path& where,
                    std::vector<RunSummaryRow>& rows);

}  // namespace alisio::text
