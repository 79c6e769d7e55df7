#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/sim/options.hpp"
#include "lib/sim/run_plan.hpp"

namespace alisio::sim {

/// What was done, for the caller to tell.
struct NightResult {
  bool already_there = false;
  std::size_t files = 0, events = 0, remade_because_damaged = 0;
  std::vector<RunPlan> runs;
};

/// Called now and then, never from two threads at once: events made and events in all.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

/// Write a night: R0/<date>, monitoring (drive logs; if wanted run summary and constants made from
/// the truth in the peers' layouts), truth (camera.ecsv, see camera_truth(); truth_RunRRRRR.csv),
/// alisio.yaml; at last simulation.json with the parameters and the hash of every file. If that
/// says the same night is there and all files are intact, nothing is done; files that are not are
/// made again.
/// @param cfg_folder holds camera/LSTCam
/// @throws Error(usage) if an option is out of range, or if `output` holds another night or files
///         that the simulation did not make; Error(resource) on disk trouble.
NightResult simulate_night(const NightOptions& options, const std::filesystem::path& cfg_folder,
                           const Progress& progress = {});

/// Return the text of the configuration with which `alisio night` processes the folder.
[[nodiscard]] std::string configuration_text(const NightDate& date);

}  // namespace alisio::sim
