#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/base/gate.hpp"
#include "reco/check/summary.hpp"

/// Quality gates of data: pure functions of the numbers that a data check holds, so that the peers'
/// files are judged as well. What is not known is not judged: its gate is there, not measured.
namespace alisio::check {

struct DataLimits {
  GateRange cosmics_rate{100, 20000};   ///< Hz
  double unusable_pixels = 0.1;         ///< greatest fraction
  GateRange pedestal_charge{-1, 5};     ///< p.e.
  GateRange pedestal_spread{0.3, 6};    ///< p.e.
  GateRange flatfield_charge{40, 150};  ///< p.e.
  GateRange muon_efficiency{0.1, 0.3};  ///< mean of a run
  std::int64_t min_muon_rings = 50;     ///< contained ones; with fewer it is not judged
  std::int64_t ucts_jumps = 0;          ///< greatest number
  double mistagged_events = 0.01;       ///< greatest fraction
  std::int64_t missing_subruns = 0;     ///< greatest number
};

/// Judge one subrun. Its muon rings are too few to be judged, so there is no gate of them. Events
/// between which no time passes have a rate of 0.
[[nodiscard]] std::vector<Gate> subrun_gates(const SubrunSummary& subrun, const DataLimits& limits);

/// Return how many subruns a run should have: as many as are expected, and as the greatest of their
/// numbers tells.
[[nodiscard]] int full_number_of_subruns(std::span<const SubrunSummary> subruns,
                                         const ExpectedSubruns& expected);

/// Judge a run: its subruns together.
/// @param contained_rings, muon_efficiency of the run; a negative number: taken from the summaries
[[nodiscard]] std::vector<Gate> run_gates(std::span<const SubrunSummary> subruns,
                                          const DataLimits& limits,
                                          const ExpectedSubruns& expected = {},
                                          std::int64_t contained_rings = -1,
                                          double muon_efficiency = SubrunSummary::nan);

/// Judge a night: of the gates of its runs, those farthest out of their range.
[[nodiscard]] std::vector<Gate> night_gates(std::span<const std::vector<Gate>> runs);

}  // namespace alisio::check
