#pragma once
#include "lib/report/long_term.hpp"
#include "lib/report/run_data.hpp"

namespace alisio::report {

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

/// Append the runs of one collection to another.
void append_runs(LongTerm& table, LongTerm&& further);

}  // namespace alisio::report
