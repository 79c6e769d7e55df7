#pragma once
#include <filesystem>
#include <string>

#include "lib/base/ids.hpp"

namespace alisio::night {

/// One calibration file for one data run, and why this one.
struct ConstantsChoice {
  std::filesystem::path file;  ///< empty: none was found
  int run = -1;                ///< run that the file was made from, -1 if its name does not say
  std::string reason;          ///< "explicit", "Run11218 of 20221215, nearest at or before …"
};

/// The constants of one data run.
struct RunConstants {
  ConstantsChoice drs4_pedestal, charge, time;
};

/// Files that the configuration names outright; an empty path leaves the choice to the search.
struct ExplicitConstants {
  std::filesystem::path drs4_pedestal, charge, time;
};

/// Choose the constants of a data run: the explicit file, else the file of the nearest run at or
/// before it, of this night or of the latest earlier one, in
/// <root>/Cat-A/{drs4_baseline,calibration,drs4_time_sampling_from_FF}/<date>/<version>/ ("pro"
/// before the highest version) or directly in <root>. The time calibration is the nearest at or
/// before the charge calibration's run.
[[nodiscard]] RunConstants choose_constants(const std::filesystem::path& root,
                                            const ExplicitConstants& given, const NightDate& date,
                                            int data_run);

}  // namespace alisio::night
