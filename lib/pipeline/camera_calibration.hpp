#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "calib/measure/camera_calibration.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one camera_calibration job is told.
struct CameraCalibrationRequest {
  std::filesystem::path input;       ///< stream 1 of the first subrun; the others lie beside it
  std::filesystem::path output_dir;  ///< gets calibration_filters_52.RunRRRRR.0000.h5
  std::filesystem::path drs4_pedestal;
  std::filesystem::path time_calibration;     ///< empty: no DRS4 time correction
  std::filesystem::path run_summary;          ///< empty: reference time from the first event
  std::filesystem::path ffactor_systematics;  ///< empty: no quadratic term
  bool all_subruns = false;                   ///< read the whole run, not the given subrun only
  int threads = 1;
  std::optional<std::int64_t> max_events;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

/// Translate a block of the configuration, `camera_calibration` or `cat_b`.
[[nodiscard]] calib::CollectorOptions collector_options(const config::Configuration& configuration,
                                                        const std::string& block);
[[nodiscard]] calib::ExtractionWindows extraction_windows(
    const config::Configuration& configuration, const std::string& block, double sampling_rate);

/// Return the note that announces the job.
[[nodiscard]] ActivityNote camera_calibration_activity(const CameraCalibrationRequest& request,
                                                       const JobContext& context,
                                                       const config::Configuration& configuration);

/// Measure the charge calibration of a run of flat-field and pedestal events, and write it as
/// lstchain's readers expect it. Reads until both samples are full; of a shorter run, what there is
/// gives the constants, with a warning. The verdict of the quality gates goes with the product.
/// @return the number of events read.
/// @throws Error(missing_input, bad_input, resource); bad_input if either kind of events is
/// missing.
std::int64_t camera_calibration(stage::StageRun& run, const CameraCalibrationRequest& request,
                                const config::Configuration& configuration,
                                const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
