#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/plan.hpp"

namespace alisio::night {

/// Where a production of a night lives.
struct NightFolders {
  std::filesystem::path dl1, dl2;  ///< <products>/DL1/<date>/<prod>, <products>/DL2/<date>/<prod>
  [[nodiscard]] std::filesystem::path log(const std::string& stage, bool dry_run = false) const;
};

/// One run that is to be processed, with what was chosen for it.
struct RunSetup {
  RunEntry entry;
  RunConstants constants;
  std::filesystem::path models;  ///< empty: none could be chosen
  std::string models_reason;
  std::vector<std::size_t> tasks;  ///< positions in NightSetup::tasks
};

/// A night before its state is looked at.
struct NightSetup {
  NightKey key;
  NightFolders folders;
  Catalogue catalogue;
  std::filesystem::path drive_log;  ///< empty: there is none
  std::vector<RunSetup> runs;       ///< data runs that were asked for, ascending
  std::vector<SubrunTask> tasks;    ///< by run and subrun
};

/// What the setup takes from configuration and command line.
struct SetupRequest {
  NightKey key;
  std::filesystem::path r0, run_summaries, drive, calibration, products;
  ExplicitConstants given;
  std::filesystem::path models;            ///< file or folder
  bool models_by_pointing = false;         ///< choose by declination and night-sky level
  std::filesystem::path source_catalogue;  ///< RunCatalog file or the folder of such files
  double nsb = 0;                          ///< p.e./ns
  double picture_threshold = 0;            ///< p.e.
  bool dl2 = true;
  std::vector<int> runs;  ///< empty: all
};

/// Find the runs, pair each data run with its constants, pointing and models, and name the files of
/// every subrun. @throws Error(usage) if a run that was asked for is not of this night.
[[nodiscard]] NightSetup set_up_night(const SetupRequest& request, const FileProbe& probe);

/// Return the forest file that a path means: itself, or the only file of a folder (of several, the
/// only one that ends in .forest). @throws Error(configuration).
[[nodiscard]] std::filesystem::path forest_file_of(const std::filesystem::path& path);

/// Add the subruns that were made earlier and whose raw files are no longer there.
void add_recorded_subruns(NightSetup& setup, const StateSnapshot& state);

}  // namespace alisio::night
