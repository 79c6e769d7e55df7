#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/sky/frames.hpp"
#include "reco/dl3/event_selector.hpp"
#include "reco/dl3/events.hpp"

namespace alisio::pipeline {

/// What DL2 files of a run hold for DL3: little of every shower, more of those that are selected.
struct Dl2Run {
  std::vector<double> time_unix_s;  ///< UTC, of all events tagged as showers; ascending
  std::vector<double> delta_s;      ///< of the same, since the preceding trigger
  /// event_list_columns() of the events inside the ranges, by time. Of source-dependent DL2 also
  /// assumed_position_columns(), and a row for each assumed position, those of an event together.
  dl3::Events selected;
  std::vector<std::string> positions;      ///< that were assumed: "on", "off_180"; empty: none
  double focal_length = 0;                 ///< effective, that the files tell, m; 0: they do not
  double zenith_deg = 0, azimuth_deg = 0;  ///< mean pointing of all rows, interleaved too
  sky::AltAz pointing_at_start;            ///< of the first shower, rad
  dl3::Events pointings;  ///< columns as `selected`: the first and the last shower, for a run in
                          ///< which none is selected
  std::uint64_t rows = 0;
  std::uint64_t without_time = 0, without_pointing = 0;  ///< rows that could not be used
};

/// Read DL2 files of one run, in pieces, in any order of files and rows.
/// @throws Error(missing_input); Error(bad_input) naming the file: Monte Carlo, no times, a column
/// missing, no shower, the same events twice, no pointing, files with other assumed positions.
[[nodiscard]] Dl2Run read_dl2_run(const std::vector<std::filesystem::path>& files,
                                  const dl3::EventRanges& ranges);

}  // namespace alisio::pipeline
