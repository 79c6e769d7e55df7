#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "calib/measure/drs4_pedestal.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one drs4_pedestal job is told.
struct Drs4PedestalRequest {
  std::filesystem::path input;       ///< stream 1 of the first subrun; the others lie beside it
  std::filesystem::path output_dir;  ///< gets drs4_pedestal.RunRRRRR.0000.h5
  bool all_subruns = false;          ///< read the whole run, not the given subrun only
  int threads = 1;
  /// Events to read; without it, as many as DRS4PedestalAndSpikeHeight.max_events says.
  std::optional<std::int64_t> max_events;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

/// Return the note that announces the job.
[[nodiscard]] ActivityNote drs4_pedestal_activity(const Drs4PedestalRequest& request,
                                                  const JobContext& context,
                                                  const config::Configuration& configuration);

/// Measure baseline and spikes of the DRS4 capacitors in a run of random triggers, and write them
/// as lstchain's readers expect them. What cannot be measured gets a usual value and a count of 0,
/// and is warned of.
/// @return the number of events read.
/// @throws Error(missing_input, bad_input, configuration, resource); bad_input for a run of another
/// kind, configuration if a number of left-out samples is negative or leaves none.
std::int64_t drs4_pedestal(stage::StageRun& run, const Drs4PedestalRequest& request,
                           const config::Configuration& configuration,
                           const instrument::Telescope& telescope);

/// Write the DRS4 pedestal file: table /r1/monitoring/drs4_baseline/tel_<number> with one row.
void write_drs4_pedestal(const std::filesystem::path& path,
                         const calib::MeasuredDrs4Pedestal& pedestal, std::int64_t telescope,
                         const ProductMetadata& metadata);

}  // namespace alisio::pipeline
