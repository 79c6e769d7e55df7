#pragma once
#include <filesystem>
#include <optional>

#include "calib/r0/event_clock.hpp"

namespace alisio::pipeline {

/// Return the reference time that a run summary gives for a run; nothing if there is no summary
/// (an empty path) or it has none for the run, which is warned of.
/// @throws Error(missing_input, bad_input).
[[nodiscard]] std::optional<calib::ReferenceTime> reference_time(
    const std::filesystem::path& run_summary, int run);

}  // namespace alisio::pipeline
