#pragma once
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/catalogue_command.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/models.hpp"

namespace alisio::night {

/// Which steps a night takes besides DL1.
struct Steps {
  bool run_summary = true, calibration = true, gain_select = false;
  bool cat_b = false, tailcuts = false, dl1ab = false, dl2 = true;
  bool muons = false, data_check = false, merge = false, report = false;
  bool dl3 = false, significance = false;
  /// Data that fail their quality gates go no further than DL1.
  bool stop_on_gates = false;
};

/// One data run that is to be processed, with what was chosen for it.
struct RunSetup {
  RunEntry entry;
  std::filesystem::path models;  ///< by what was configured; empty: none could be chosen
  std::string models_reason;
  double declination_deg = 0;           ///< that models are chosen for; NaN: it is not known
  std::string declination_by;           ///< who says so
  std::filesystem::path run_catalogue;  ///< that they were chosen by; empty: by none
};

/// A night before its state is looked at: what is on disk.
struct NightSetup {
  NightKey key;
  NightFolders folders;
  Steps steps;
  Catalogue catalogue;
  std::filesystem::path drive_log;   ///< empty: there is none
  std::string no_drive_log;          ///< why DL1 waits for one; empty: it does not
  double pointing_until_unix_s = 0;  ///< end of a drive log that grows, UTC; 0: it does not grow
  RunCatalogue run_catalogue;        ///< what its runs observed
  std::filesystem::path sources;     ///< catalogue of gamma-ray sources
  std::vector<std::filesystem::path> responses;          ///< of the instrument, for DL3
  std::filesystem::path ffactor_systematics;             ///< empty: there is none
  std::array<std::filesystem::path, 3> given_constants;  ///< by ConstantsKind; may be empty
  std::array<ConstantsShelf, 3> shelves;                 ///< by ConstantsKind
  CleaningLevels levels;                                 ///< of runs without levels of their own
  std::vector<ModelSet> model_sets;  ///< to choose from for each run; empty: one is named for all
  std::string filters = "52";  ///< of the calibration lamp, in the names of charge calibrations
  std::vector<int> asked;      ///< runs that were asked for; empty: all

  std::vector<RunSetup> runs;              ///< data runs that were asked for, ascending
  std::map<int, std::string> run_sources;  ///< by data run: what was observed, where it is known

  int growing_subruns = 0;   ///< left out: they are being written (see growing.hpp)
  std::set<int> taken_runs;  ///< of which more subruns may come

  [[nodiscard]] bool is_asked(int run) const;
};

/// What the setup takes from configuration and command line.
struct SetupRequest {
  NightKey key;
  std::filesystem::path r0, r0g, run_summaries, drive, calibration, tailcuts, pedestal_ids,
      products;
  std::array<std::filesystem::path, 3> given_constants;  ///< by ConstantsKind
  long look_back_days = 30;
  std::string filters = "52";              ///< of the calibration lamp
  std::filesystem::path models;            ///< file or folder
  bool models_by_pointing = false;         ///< choose by declination and night-sky level
  std::filesystem::path source_catalogue;  ///< RunCatalog file or the folder of such files
  CatalogueFill fill_catalogue;            ///< from elsewhere what that lacks; may be empty
  std::filesystem::path sources;           ///< catalogue of gamma-ray sources
  std::filesystem::path responses;         ///< of the instrument: a file or a folder; may be empty
  double nsb = 0;                          ///< p.e./ns
  CleaningLevels levels;                   ///< of dl1ab
  double picture_threshold = 0;            ///< that the models must be trained for, p.e.
  Steps steps;
  bool waits_for_drive_log = true;  ///< no DL1 is made without one
  std::vector<int> runs;            ///< empty: all
  /// Leave out subruns that have not been unchanged and whole for so long, s; nothing: take all.
  std::optional<double> settle_s;
};

/// Find the runs of a night, the pointing, the models and the constants that are there.
/// @throws Error(usage) if a run that was asked for is not of this night.
[[nodiscard]] NightSetup set_up_night(const SetupRequest& request, const FileProbe& probe);

}  // namespace alisio::night
