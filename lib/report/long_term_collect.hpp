#pragma once
#include <filesystem>
#include <vector>

#include "lib/report/long_term.hpp"

namespace alisio::report {

/// The files that tell of one run.
struct RunFiles {
  int run = 0;
  std::vector<std::filesystem::path> checks;  ///< of the run, or of its subruns in order
  std::vector<std::filesystem::path> muons;   ///< the same; may be empty
};

/// Add a run to the tables.
///
/// Means and spreads of a run are those of all its events: the spread between subruns counts. For
/// files of lstchain, which lack the sums, means are weighted with the events of each subrun.
/// Pixels close to bright stars are left out of camera means, subrun by subrun. Contained muon
/// rings are those with a containment above 0.99, less than 1 p.e. outside and an efficiency
/// below 1. (lstchain's long-term check takes means of spreads, and counts pixels without any pulse
/// as arriving at 0 ns.)
/// @throws Error(missing_input, bad_input) naming the file; the tables are unchanged then.
void add_run(LongTerm& table, const RunFiles& files);

/// Sort the runs of all tables by number. @pre every run was added once.
void sort_runs(LongTerm& table);

}  // namespace alisio::report
