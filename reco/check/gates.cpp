#include "reco/check/gates.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace alisio::check {
namespace {

/// The gates of one subrun, or of several together.
std::vector<Gate> gates_of(const SubrunSummary& s, const DataLimits& limits) {
  std::vector<Gate> gates;
  const auto add = [&](const char* name, double value, const char* unit, GateRange range) {
    if (!std::isnan(value)) gates.push_back(make_gate(name, value, unit, range));
  };
  add("cosmics_rate", s.rate(EventClass::cosmics), "Hz", limits.cosmics_rate);
  add("unusable_pixels", s.unusable_pixels, "", {0, limits.unusable_pixels});
  add("pedestal_charge", s.pedestal_charge, "p.e.", limits.pedestal_charge);
  add("pedestal_spread", s.pedestal_spread, "p.e.", limits.pedestal_spread);
  add("flatfield_charge", s.flatfield_charge, "p.e.", limits.flatfield_charge);
  if (s.num_ucts_jumps >= 0)
    add("ucts_jumps", double(s.num_ucts_jumps), "", {0, double(limits.ucts_jumps)});
  if (s.num_mistagged >= 0 && s.num_events > 0)
    add("mistagged_events",
        double(s.num_mistagged + std::max<std::int64_t>(s.num_unknown, 0)) / double(s.num_events),
        "", {0, limits.mistagged_events});
  return gates;
}

}  // namespace

std::int64_t full_number_of_subruns(std::span<const SubrunSummary> subruns, std::int64_t expected) {
  for (const SubrunSummary& s : subruns) expected = std::max<std::int64_t>(expected, s.subrun + 1);
  return std::max<std::int64_t>(0, expected);
}

std::vector<Gate> subrun_gates(const SubrunSummary& subrun, const DataLimits& limits) {
  return gates_of(subrun, limits);
}

std::vector<Gate> run_gates(std::span<const SubrunSummary> subruns, const DataLimits& limits,
                            std::int64_t expected_subruns, std::int64_t muon_rings,
                            double muon_efficiency) {
  const SubrunSummary total = total_of(subruns);
  std::vector<Gate> gates = gates_of(total, limits);
  if (muon_rings < 0) {
    muon_rings = total.num_muon_rings;
    muon_efficiency = total.muon_efficiency;
  }
  if (muon_rings >= std::max<std::int64_t>(1, limits.min_muon_rings))
    gates.push_back(make_gate("muon_efficiency", muon_efficiency, "", limits.muon_efficiency));
  std::set<std::int64_t> numbers;
  for (const SubrunSummary& s : subruns) numbers.insert(s.subrun);
  const std::int64_t missing =
      full_number_of_subruns(subruns, expected_subruns) - std::int64_t(numbers.size());
  gates.push_back(
      make_gate("missing_subruns", double(missing), "", {0, double(limits.missing_subruns)}));
  return gates;
}

std::vector<Gate> night_gates(std::span<const std::vector<Gate>> runs) {
  std::vector<Gate> gates;
  for (const std::vector<Gate>& run : runs) gates = worse_of(gates, run);
  return gates;
}

}  // namespace alisio::check
