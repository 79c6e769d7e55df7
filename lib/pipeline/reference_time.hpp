#pragma once
#include <filesystem>
#include <optional>

#include "calib/r0/event_clock.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// Return the reference time that a run summary gives for a run, and note its row as what the stage
/// takes of the file; nothing if there is no summary (an empty path) or it has none for the run,
/// which is warned of. Of a summary that a dry run would make nothing is known.
/// @throws Error(missing_input, bad_input).
std::optional<calib::ReferenceTime> use_reference_time(stage::StageRun& run,
                                                       const std::filesystem::path& run_summary,
                                                       int run_number);

}  // namespace alisio::pipeline
