#pragma once
#include <iosfwd>

#include "lib/night/status.hpp"

namespace alisio::night {

/// Print a night as LSTOSA's sequencer does: nineteen columns, one line a sequence, calibration
/// runs first. JobID is the last array of the run's jobs in Slurm. Percentages count the subruns
/// whose products are on record as they stand. Every field is one word, so that what reads those
/// tables reads this one.
void print_lstosa_table(const NightStatus& status, State& state, std::ostream& out);

}  // namespace alisio::night
