#include "lib/pipeline/data_quality.hpp"

namespace alisio::pipeline {

check::DataLimits data_limits(const config::Configuration& c) {
  const auto range = [&](const char* key) {
    const auto [low, high] = c.range(key);
    return GateRange{low, high};
  };
  check::DataLimits limits;
  limits.cosmics_rate = range("gates.data.cosmics_rate");
  limits.unusable_pixels = c.number("gates.data.unusable_pixels");
  limits.pedestal_charge = range("gates.data.pedestal_charge");
  limits.pedestal_spread = range("gates.data.pedestal_spread");
  limits.flatfield_charge = range("gates.data.flatfield_charge");
  limits.muon_efficiency = range("gates.data.muon_efficiency");
  limits.min_muon_rings = c.integer("gates.data.min_muon_rings");
  limits.ucts_jumps = c.integer("gates.data.ucts_jumps");
  limits.mistagged_events = c.number("gates.data.mistagged_events");
  limits.missing_subruns = c.integer("gates.data.missing_subruns");
  return limits;
}

}  // namespace alisio::pipeline
