#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/stage/runner.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::pipeline {

/// What one r0_to_dl1 job is told: files, and how much of the machine it may take.
struct R0ToDl1Request {
  std::filesystem::path input;       ///< stream 1 of the subrun; the other streams lie beside it
  std::filesystem::path output_dir;  ///< gets dl1_LST-<tel>.RunRRRRR.SSSS.h5
  std::filesystem::path drs4_pedestal, charge_calibration;
  std::filesystem::path time_calibration;  ///< empty: no DRS4 time correction
  std::filesystem::path drive_log;         ///< empty: pointing is NaN
  std::filesystem::path run_summary;       ///< empty: reference time from the first event
  std::filesystem::path pedestal_ids;      ///< empty: the trigger tells the pedestals
  /// Write interleaved/interleaved_LST-<tel>.RunRRRRR.SSSS.h5 too, for Cat-B.
  bool interleaved = false;
  /// Write muons_LST-<tel>.RunRRRRR.SSSS.fits too, unless the configuration says no.
  bool muons = true;
  int threads = 1;
  std::optional<std::int64_t> max_events;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

/// Facts that every activity's record starts from.
struct JobContext {
  std::string prod_id;
  std::string date;  ///< YYYYMMDD
  std::vector<std::string> command;
  bool dry_run = false;
  std::int64_t max_events = 0;  ///< as in ActivityNote
  bool overwrite = false;       ///< as in ActivityNote
};

/// Return the telescope, run and subrun that a raw file's name tells (LST-t.s.RunRRRRR.SSSS…).
/// @throws Error(bad_input) for any other name.
[[nodiscard]] SubrunId subrun_of(const std::filesystem::path& file);

/// Return the note that announces the job.
[[nodiscard]] ActivityNote r0_to_dl1_activity(const R0ToDl1Request& request,
                                              const JobContext& context,
                                              const config::Configuration& configuration);

/// Calibrate, clean and parametrise one subrun: R0 to DL1 in one pass over the events.
/// @param run    the activity; its ports open and publish every file.
/// @param rows   if not null, gets the parameters of all events, for dl1_to_dl2 in the same
/// process.
/// @param product if not null, gets the stamp of the DL1 file.
/// @return the number of events written.
/// @throws Error(missing_input, bad_input, resource).
std::int64_t r0_to_dl1(stage::StageRun& run, const R0ToDl1Request& request,
                       const config::Configuration& configuration,
                       const instrument::Telescope& telescope, dl2::Dl1Columns* rows,
                       stage::FileStamp* product);

}  // namespace alisio::pipeline
