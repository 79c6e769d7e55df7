#pragma once
#include <filesystem>
#include <functional>

#include "lib/io/text/run_summary.hpp"
#include "lib/sim/camera_model.hpp"
#include "lib/sim/run_plan.hpp"
#include "lib/sim/track.hpp"
#include "lib/sim/waveforms.hpp"

namespace alisio::sim {

/// Streams of a run.
constexpr int n_streams = 4;
/// Night sky of calibration runs as part of the data's: they look at a darker patch.
constexpr double calibration_night_sky = 0.5;

/// Everything that the runs of a night share; not changed while they are made.
struct NightModel {
  const NightOptions& options;
  CameraModel camera;
  PulseTables tables;
  Track track;
  std::function<void()> count_event;
};

/// What becomes known of a run while it is made.
struct RunMade {
  text::RunSummaryRow summary;
  double time_min = 0, time_max = 0;  ///< of the events, unix UTC s
};

/// Return where a raw file of the night lies.
[[nodiscard]] std::filesystem::path raw_file(const NightOptions& options, int stream, int run,
                                             int subrun);

/// Write the raw files of a run and the table of what its events hold. @throws Error(resource).
RunMade make_run(const NightModel& night, const RunPlan& plan);

}  // namespace alisio::sim
