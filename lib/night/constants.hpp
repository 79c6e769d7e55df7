#pragma once
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::night {

enum class ConstantsKind { drs4_pedestal, charge, time };
inline constexpr std::array<ConstantsKind, 3> constants_kinds{
    ConstantsKind::drs4_pedestal, ConstantsKind::charge, ConstantsKind::time};

/// What is to be known of a kind of constants.
struct ConstantsFacts {
  const char* port;      ///< through which stages read them
  const char* stage;     ///< that makes them
  const char* run_type;  ///< of the runs that they are made from
  const char* folder;    ///< below Cat-A
  const char* words;
};
[[nodiscard]] const ConstantsFacts& facts_of(ConstantsKind kind);

/// A calibration file of the tree.
struct ConstantsFile {
  int run = -1;  ///< that it was made from; -1 if its name does not say
  std::filesystem::path file;
  std::string version;  ///< name of its folder, "pro" or "v0.1.0"; empty: in the root itself
  long nights_earlier = 0;
};

/// The calibration files of one kind. Of each run the preferred file comes first: "pro" before the
/// highest version.
struct ConstantsShelf {
  std::vector<ConstantsFile> tonight, earlier, undated;  ///< nearest first: highest run, last night
};

/// Find the files <root>/Cat-A/<kind>/<date>/<version>/<name>.RunRRRRR.SSSS.<ending> of a night and
/// of the nights before it, and those that lie in <root> itself.
/// @param look_back_days how many nights back; negative: any number
[[nodiscard]] ConstantsShelf find_constants(const std::filesystem::path& root, ConstantsKind kind,
                                            const NightDate& date, long look_back_days);

/// Return the F-factor systematics of a night: the latest file up to it, else the oldest; empty if
/// there is none. <root>/Cat-A/ffactor_systematics/<date>/pro/ffactor_systematics_<date>.h5
[[nodiscard]] std::filesystem::path find_ffactor_systematics(const std::filesystem::path& root,
                                                             const NightDate& date);

/// One calibration file for one run, and why this one.
struct ConstantsChoice {
  std::filesystem::path file;  ///< empty: there is none
  int run = -1;                ///< run that the file is made from, -1 if its name does not say
  std::string reason;          ///< "nearest at or before run 11220, of this night"
  std::vector<std::string> passed_over;  ///< better placed ones, and why they were not taken
  std::vector<std::string> vetoed;       ///< files of those that operators took out
  bool coming = false;                   ///< still to be made

  /// Return all of it in one line, as it is recorded.
  [[nodiscard]] std::string text() const;
};

}  // namespace alisio::night
