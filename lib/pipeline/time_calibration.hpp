#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "calib/measure/time_calibration.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one time_calibration job is told.
struct TimeCalibrationRequest {
  std::filesystem::path input;       ///< stream 1 of the first subrun; the others lie beside it
  std::filesystem::path output_dir;  ///< gets time_calibration.RunRRRRR.0000.h5
  std::filesystem::path drs4_pedestal;
  std::filesystem::path run_summary;  ///< empty: reference time from the first event
  bool all_subruns = false;           ///< read the whole run, not the given subrun only
  int threads = 1;
  /// Events to read; without it, as many as TimeCorrectionCalculate.max_events says.
  std::optional<std::int64_t> max_events;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

/// Return the note that announces the job.
[[nodiscard]] ActivityNote time_calibration_activity(const TimeCalibrationRequest& request,
                                                     const JobContext& context,
                                                     const config::Configuration& configuration);

/// Measure the sampling delays of the DRS4 chips from the flat-field events of a run, and write
/// them as lstchain's readers expect them. Channels with bins without pulses are interpolated or
/// flagged, and warned of.
/// @return the number of events read.
/// @throws Error(missing_input, bad_input, configuration, resource); bad_input for a run without
/// flat-field events.
std::int64_t time_calibration(stage::StageRun& run, const TimeCalibrationRequest& request,
                              const config::Configuration& configuration,
                              const instrument::Telescope& telescope);

/// Write the time calibration file: /fan and /fbn [gain][pixel][harmonic], ns, as the peers have
/// them; beside them /quality/{flag,counts,empty_bins} [gain][pixel].
void write_time_calibration(const std::filesystem::path& path,
                            const calib::MeasuredTimeCalibration& calibration, std::size_t n_pixels,
                            const std::string& configuration_json, const ProductMetadata& metadata);

}  // namespace alisio::pipeline
