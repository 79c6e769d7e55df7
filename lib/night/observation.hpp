#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/run_catalogue.hpp"

namespace alisio::night {

/// Consecutive data runs of one source.
struct Observation {
  /// As the drive was told, "Crab"; of a source that was left and taken up again, "Crab_2".
  std::string source;
  std::vector<int> runs;  ///< ascending
};

/// Divide the data runs of a night by what the drive was asked to follow when they began: its
/// target log has lines `<unix s> TrackStart <right ascension> <declination> <name>`. A run that
/// begins between two trackings is of the next one, if that begins within ten minutes; runs without
/// a known start, or without a target, are of no observation.
/// @param target_log     may be empty
/// @param run_catalogue  is believed before the log
/// @throws Error(missing_input) if the log cannot be read.
[[nodiscard]] std::vector<Observation> find_observations(const std::vector<RunEntry>& runs,
                                                         const std::filesystem::path& target_log,
                                                         const RunCatalogue& run_catalogue = {});

}  // namespace alisio::night
