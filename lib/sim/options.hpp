#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/sim/raw_event.hpp"

namespace alisio::sim {

/// What can go wrong with a run, on purpose.
enum class Fault {
  lamp_off,             ///< calibration run: events tagged as flat fields hold no light
  few_events,           ///< the run ends after 16 events
  dead_pixel,           ///< the camera's dead pixel is dead here too (it is in data runs)
  dead_pixels,          ///< three pixels of ten are flat
  mistagged_pedestals,  ///< data run: pedestals come at 100 Hz, four of five are tagged as showers,
                        ///< and one shower of fifty as pedestal
  ucts_jumps,           ///< the time stamper misses an event after a third and after two thirds
  missing_modules,      ///< modules 7 and 100 are not read out
  missing_stream        ///< the files of stream 3 are lost
};

/// Return "lamp-off", "few-events" ...
[[nodiscard]] const char* to_string(Fault fault) noexcept;

/// One run's fault.
struct RunFault {
  int run = 0;
  Fault fault = Fault::lamp_off;
  /// Parse "RUN=FAULT". @throws Error(usage) with what is known.
  static RunFault parse(std::string_view text);
  friend auto operator<=>(const RunFault&, const RunFault&) = default;
};

/// A synthetic night. The same options give the same bytes, on any machine, for any thread count.
struct NightOptions {
  std::filesystem::path output;
  NightDate date{2024, 1, 15};
  std::uint64_t seed = 1;
  int first_run = 11218;  ///< the DRS4 run; all others follow
  int data_runs = 1;
  int subruns = 2;   ///< of each data run
  int events = 300;  ///< of each subrun
  /// Flat-field and pedestal runs, at the start and then evenly between the data runs; the second
  /// stands before the first data run if there is only one.
  int calibration_runs = 1;
  int calibration_events = 600;  ///< of the DRS4 run, and of each subrun of the others
  int calibration_subruns = 1;   ///< of each flat-field and pedestal run
  RawFormat format = RawFormat::r0;
  /// Of data runs, by the event builder. Baselines are then subtracted from all runs: what the DRS4
  /// run shows is what is left.
  Preprocessing preprocessing;
  bool constants = true;    ///< write constants made from the truth
  bool run_summary = true;  ///< write the run summary
  std::vector<RunFault> faults;
  int threads = 0;  ///< 0: as many as processors
};

}  // namespace alisio::sim
