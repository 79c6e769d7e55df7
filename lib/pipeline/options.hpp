#pragma once
#include "calib/charge/image_producer.hpp"
#include "lib/config/configuration.hpp"
#include "reco/clean/cleaning.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::pipeline {

/// Translate the configuration into what calib and reco take. @throws Error(configuration) for
/// values that are well formed but not implemented.
/// @param run_start_utc_s unix: decides what the configuration leaves to the data
[[nodiscard]] calib::CalibrationOptions calibration_options(
    const config::Configuration& configuration, double run_start_utc_s);
[[nodiscard]] calib::TriggerSource trigger_source(const config::Configuration& configuration);
/// @param block the top-level key that holds the two thresholds and what belongs to them.
[[nodiscard]] clean::CleaningOptions cleaning_options(const config::Configuration& configuration,
                                                      const std::string& block = "tailcut");
/// @param effective_focal_length of the telescope, m.
[[nodiscard]] dl2::Options dl2_options(const config::Configuration& configuration,
                                       double effective_focal_length);

}  // namespace alisio::pipeline
