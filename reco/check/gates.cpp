#include "reco/check/gates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace alisio::check {
namespace {

/// The range of what has a greatest value only.
GateRange at_most(double high) {
  return {-std::numeric_limits<double>::infinity(), high};
}

Gate gate_of(const char* name, double value, const char* unit, GateRange range) {
  return std::isnan(value) ? unmeasured_gate(name, unit, range)
                           : make_gate(name, value, unit, range);
}

double known(std::int64_t count) {
  return count < 0 ? SubrunSummary::nan : double(count);
}

/// Events that no time passes between, one event say, have no rate that could be right.
double cosmics_rate(const SubrunSummary& s) {
  const bool no_time = s.num_events > 0 && !(s.elapsed_time > 0);
  return no_time ? 0 : s.rate(EventClass::cosmics);
}

double mistagged(const SubrunSummary& s) {
  if (s.num_mistagged < 0 || s.num_events == 0) return SubrunSummary::nan;
  return double(s.num_mistagged + std::max<std::int64_t>(s.num_unknown, 0)) / double(s.num_events);
}

/// The gates of one subrun, or of several together.
std::vector<Gate> gates_of(const SubrunSummary& s, const DataLimits& limits) {
  return {gate_of("cosmics_rate", cosmics_rate(s), "Hz", limits.cosmics_rate),
          gate_of("unusable_pixels", s.unusable_pixels, "", at_most(limits.unusable_pixels)),
          gate_of("pedestal_charge", s.pedestal_charge, "p.e.", limits.pedestal_charge),
          gate_of("pedestal_spread", s.pedestal_spread, "p.e.", limits.pedestal_spread),
          gate_of("flatfield_charge", s.flatfield_charge, "p.e.", limits.flatfield_charge),
          gate_of("ucts_jumps", known(s.num_ucts_jumps), "", at_most(double(limits.ucts_jumps))),
          gate_of("mistagged_events", mistagged(s), "", at_most(limits.mistagged_events))};
}

Gate muon_gate(std::int64_t contained_rings, double efficiency, const DataLimits& limits) {
  const std::int64_t wanted = std::max<std::int64_t>(1, limits.min_muon_rings);
  if (contained_rings < 0)
    return unmeasured_gate("muon_efficiency", "", limits.muon_efficiency,
                           "the number of contained rings is not known");
  if (contained_rings < wanted)
    return unmeasured_gate("muon_efficiency", "", limits.muon_efficiency,
                           fmt::format("too few rings ({}, at least {})", contained_rings, wanted));
  return gate_of("muon_efficiency", efficiency, "", limits.muon_efficiency);
}

}  // namespace

int full_number_of_subruns(std::span<const SubrunSummary> subruns,
                           const ExpectedSubruns& expected) {
  int number = expected.number;
  for (const SubrunSummary& s : subruns) number = std::max(number, static_cast<int>(s.subrun) + 1);
  return number;
}

std::vector<Gate> subrun_gates(const SubrunSummary& subrun, const DataLimits& limits) {
  return gates_of(subrun, limits);
}

std::vector<Gate> run_gates(std::span<const SubrunSummary> subruns, const DataLimits& limits,
                            const ExpectedSubruns& expected, std::int64_t contained_rings,
                            double muon_efficiency) {
  const SubrunSummary total = total_of(subruns);
  std::vector<Gate> gates = gates_of(total, limits);
  if (contained_rings < 0) {
    contained_rings = total.num_contained_rings;
    muon_efficiency = total.muon_efficiency;
  }
  gates.push_back(muon_gate(contained_rings, muon_efficiency, limits));
  std::set<int> numbers;
  for (const SubrunSummary& s : subruns) numbers.insert(static_cast<int>(s.subrun));
  gates.push_back(make_gate("missing_subruns", double(expected.missing(numbers).size()), "",
                            at_most(double(limits.missing_subruns))));
  return gates;
}

std::vector<Gate> night_gates(std::span<const std::vector<Gate>> runs) {
  std::vector<Gate> gates;
  for (const std::vector<Gate>& run : runs) gates = worse_of(gates, run);
  return gates;
}

}  // namespace alisio::check
