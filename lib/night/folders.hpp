#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "lib/base/ids.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// Two thresholds of cleaning, p.e.
struct CleaningLevels {
  double picture = 0, boundary = 0;
  std::optional<double> additional_nsb{};  ///< of the run that they were found for, p.e./ns
};

/// Return the name of the folder of what was cleaned with these levels: "tailcut84", "tailcut1005";
/// the observatory writes a boundary of 4 with one digit, others with two.
[[nodiscard]] std::string tailcut_folder(const CleaningLevels& levels);

/// Read the levels of a run from the file that find-tailcuts writes, ours or lstchain's, which
/// tells the night-sky background in the log beside it. @throws Error(bad_input).
[[nodiscard]] CleaningLevels read_levels(const std::filesystem::path& file);

/// Return the folder of a level of a production: <products>/DL1/<date>/<prod>.
[[nodiscard]] std::filesystem::path production_folder(const std::filesystem::path& products,
                                                      const char* level, const NightKey& night);

/// Return the tree of products that the folder of a level of a production stands in.
[[nodiscard]] std::filesystem::path products_around(const std::filesystem::path& production_folder);

/// Tell whether a file is one of a tree, also where it does not exist: what a state records of
/// another tree, as a copied state does, is not ours to remove or rename.
[[nodiscard]] bool stands_in(const std::filesystem::path& file, const std::filesystem::path& tree);

/// Return the journal of what was noted of a production, below its folder of DL1: decisions, and
/// products that were set aside or removed.
[[nodiscard]] std::filesystem::path notes_journal(const std::filesystem::path& dl1);

/// Where a production of a night lives.
struct NightFolders {
  std::filesystem::path dl1, dl2, dl3;  ///< <products>/{DL1,DL2,DL3}/<date>/<prod>
  std::filesystem::path calibration;    ///< root of the calibration tree
  std::filesystem::path run_summaries, tailcuts;
  std::filesystem::path r0g;           ///< of this date
  std::filesystem::path pedestal_ids;  ///< of this date
  std::string date;                    ///< YYYYMMDD
  std::string version;                 ///< of the constants made here, "v0.1.0"

  [[nodiscard]] std::filesystem::path constants(ConstantsKind kind) const;
  [[nodiscard]] std::filesystem::path cat_b() const;
  /// Folder of a stage's records: beside its products, at the level of the production.
  [[nodiscard]] std::filesystem::path log(const std::string& stage, bool dry_run = false) const;
  /// Folder of the journals of a job: one for all jobs of a data run, one for each kind of
  /// constants of a calibration run.
  [[nodiscard]] std::filesystem::path journal(const JobKey& key, bool dry_run = false) const;
};

}  // namespace alisio::night
