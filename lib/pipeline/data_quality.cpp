#include "lib/pipeline/data_quality.hpp"

#include "lib/pipeline/datacheck_file.hpp"

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

std::vector<Gate> check_data_file(std::string_view kind, const std::filesystem::path& file,
                                  const config::Configuration& configuration,
                                  const ExpectedSubruns& expected) {
  const std::vector<check::SubrunSummary> summaries = read_summaries(file);
  const check::DataLimits limits = data_limits(configuration);
  if (kind == "dl1_datacheck" && !summaries.empty())
    return check::subrun_gates(summaries.front(), limits);
  return check::run_gates(summaries, limits, expected);
}

}  // namespace alisio::pipeline
