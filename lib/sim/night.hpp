#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "lib/base/ids.hpp"
#include "lib/sim/raw_event.hpp"

namespace alisio::sim {

/// A synthetic night. The same options give the same bytes, on any machine, for any thread count.
struct NightOptions {
  std::filesystem::path output;
  NightDate date{2024, 1, 15};
  std::uint64_t seed = 1;
  int data_runs = 1;
  int subruns = 2;               ///< of each data run
  int events = 300;              ///< of each subrun
  int calibration_events = 600;  ///< of the DRS4 run, and of the flat-field and pedestal run
  RawFormat format = RawFormat::r0;
  int threads = 0;  ///< 0: as many as processors
};

/// What was done, for the caller to tell.
struct NightResult {
  bool already_there = false;
  std::size_t files = 0, events = 0, remade_because_damaged = 0;
};

/// Called now and then, never from two threads at once: events made and events in all.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

/// Write a night: R0/<date>, monitoring (run summary, drive logs, constants made from the truth in
/// the peers' layouts), truth, alisio.yaml; at last simulation.json with the parameters and the
/// hash of every file. If that says the same night is there and all files are intact, nothing is
/// done; files that are not are made again.
/// @param cfg_folder holds camera/LSTCam
/// @throws Error(usage) if an option is out of range, or if `output` holds another night or files
///         that the simulation did not make; Error(resource) on disk trouble.
NightResult simulate_night(const NightOptions& options, const std::filesystem::path& cfg_folder,
                           const Progress& progress = {});

/// Return the text of the configuration with which `alisio night` processes the folder.
[[nodiscard]] std::string configuration_text(const NightDate& date);

}  // namespace alisio::sim
