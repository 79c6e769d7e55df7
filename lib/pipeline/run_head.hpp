#pragma once
#include <cstddef>
#include <filesystem>
#include <vector>

#include "lib/io/text/run_summary.hpp"

namespace alisio::pipeline {

/// What the first events of a run tell about it.
struct RunHead {
  /// Format, preprocessing and reference time and counter; run number, subruns and type are not
  /// filled.
  text::RunSummaryRow row;
  std::size_t events = 0;  ///< that were looked at
  std::size_t physics = 0, pedestals = 0, flatfields = 0;
};

/// Read what a run summary says of a run from the first events of its first subrun: headers,
/// identifiers, triggers and counters of the first tiles, no waveforms. Reference times are
/// lstchain's: of the first event's UCTS, or the start of the run, with the counter of the first
/// module that has data; the R1v1 format has none.
/// @param streams      files of the subrun, by stream; the first has the camera configuration
/// @param most_events  to look at, in the order of their ids
/// @throws Error(missing_input, bad_input) naming the file: not readable, not raw data of LST, no
/// events, or the first one is not number 1.
[[nodiscard]] RunHead read_run_head(const std::vector<std::filesystem::path>& streams,
                                    std::size_t most_events = 500);

/// Guess DRS4, PEDCALIB or DATA by lstchain's limits on the fractions of physics and pedestal
/// triggers, taken of the events that were looked at: short runs have types, too.
[[nodiscard]] const char* guess_run_type(const RunHead& head);

/// Return a hash that tells whether a raw file is still the one that was looked at: over its size
/// and headers (with the DATASUM of its tables) and, of tables without DATASUM, the first megabyte.
/// @throws Error(missing_input, bad_input).
[[nodiscard]] std::string head_hash(const std::filesystem::path& raw_file);

}  // namespace alisio::pipeline
