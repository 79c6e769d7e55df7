#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "reco/check/class_check.hpp"
#include "reco/check/summary.hpp"

namespace alisio::report {

/// The files of one run that a report is made of.
struct RunFiles {
  int run = 0;
  std::vector<std::filesystem::path> datachecks;  ///< of the run, else of its subruns in order
  bool datacheck_of_run = false;
  std::vector<std::filesystem::path> muons;  ///< of the run, else of its subruns in order
  bool muons_of_run = false;
};

/// Find the data checks and muon files, ours and the peers', in folders and their subfolders, by
/// their names. Merged files are taken in place of those of subruns. Of the data checks of a run
/// in several folders, those deepest below the folder that was given: re-cleaned data lie in a
/// folder of their own beside the first ones. Folders named log are left out.
/// @param runs  the runs to look for; empty: all
/// @return ascending
[[nodiscard]] std::vector<RunFiles> find_run_files(
    const std::vector<std::filesystem::path>& folders, int telescope, const std::vector<int>& runs);

/// One class of events in one subrun.
struct SubrunPoint {
  std::int64_t subrun = -1;
  double time = 0;     ///< of the middle sampled event, UTC unix, s
  double elapsed = 0;  ///< s
  std::int64_t events = 0, cleaned_events = 0;
  double altitude = 0, azimuth = 0;                 ///< rad
  double pulses_above_10 = 0, pulses_above_30 = 0;  ///< fraction of pixels and events
  std::vector<std::int64_t> sampled_ids;            ///< a few events,
  std::vector<double> sampled_times;                ///< and when they were, UTC unix, s
};

/// What a report knows of one run.
struct RunData {
  int run = 0;
  std::string type = "DATA";  ///< as the run summary says
  ExpectedSubruns expected_subruns = {};
  std::array<check::ClassCheck, check::n_classes> totals;  ///< num_events 0: no such events
  std::array<std::vector<SubrunPoint>, check::n_classes> points;
  std::vector<check::SubrunSummary> summaries;
  bool has_check = false;  ///< a data check could be read
  pipeline::MuonTable muons;
  bool has_muons = false;
  std::vector<std::string> problems;        ///< files that could not be read, and why
  std::vector<std::filesystem::path> read;  ///< files that were

  [[nodiscard]] const check::ClassCheck& operator[](check::EventClass c) const {
    return totals[std::size_t(c)];
  }
  [[nodiscard]] bool has(check::EventClass c) const { return (*this)[c].num_events > 0; }
  /// The first event of the run as UTC unix s; NaN if not known.
  [[nodiscard]] double start() const;
};

/// Read the files of a run. A file that cannot be read, or is of another run, is left out and named
/// among the problems: a report is wanted most when something is wrong. @throws Error(interrupted)
/// alone.
[[nodiscard]] RunData load_run(const RunFiles& files);

/// The mean of some numbers, its standard error and their spread; NaN without numbers.
struct MeanOf {
  std::size_t count = 0;
  double mean, error, spread;
};
[[nodiscard]] MeanOf mean_of(const std::vector<double>& values);

/// A quantity of a run that reports compare with other nights.
struct Quantity {
  const char* name;
  const char* unit;
  int digits;
  double (*of)(const check::SubrunSummary&);
};
/// Return those that are compared.
[[nodiscard]] const std::vector<Quantity>& compared_quantities();

}  // namespace alisio::report
