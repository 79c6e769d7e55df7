#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/io/hdf5/file.hpp"
#include "reco/dl3/event_selector.hpp"
#include "reco/dl3/simulation.hpp"

namespace alisio::pipeline {

/// A pointing that was simulated: zenith angle and azimuth of the first event that tells them,
/// rounded to 1e-5 deg as lstchain writes them, azimuth in [0, 360).
struct IrfNode {
  double zenith_deg = 0, azimuth_deg = 0;
};

/// Return "node_theta_23.630_az_100.758", as LST's simulations call their nodes;
/// azimuths that round to 360 are 0.
[[nodiscard]] std::string node_name(const IrfNode& node);

/// Return the node of a DL2 file of simulated events. Without events it is what the runs were
/// simulated at (min_alt, min_az of /simulation/run_config): their showers count all the same.
/// @throws Error(missing_input, bad_input) if it is none, or tells no pointing.
[[nodiscard]] IrfNode node_of(const std::filesystem::path& dl2);

/// Return what was simulated, from /simulation/run_config: its rows are runs of one simulation,
/// whose showers add up. NaN equals NaN there, other than in lstchain.
/// @throws Error(bad_input) if there is no such table, or its rows differ in what must be the same.
[[nodiscard]] dl3::Simulation read_simulation(const hdf5::File& file);

/// Return what several files amount to that are parts of one simulation.
/// @throws Error(bad_input) naming the file if one differs.
[[nodiscard]] dl3::Simulation read_simulation(const std::vector<std::filesystem::path>& files);

/// Simulated particles, by their numbers in sim_telarray and in the column mc_type.
enum class Particle { gamma = 0, electron = 1, proton = 101 };

/// Which events are read of Monte Carlo files, and how.
struct MonteCarloSelection {
  dl3::EventRanges ranges;
  std::vector<int> telescopes;
  std::vector<std::string> columns;     ///< that must be there, besides those of the ranges
  std::vector<std::string> optional;    ///< that are read where they are there
  bool source_dependent = false;        ///< columns of the source position "on" where it has them
  IrfNode node;                         ///< where every event must be pointed
  Particle particle = Particle::gamma;  ///< what every event must be of, if mc_type tells
};

/// Read the DL2 tables of files in pieces, one after the other, and hand each piece with the rows
/// that are selected to `take`.
/// @return the number of events read
/// @throws Error(bad_input) for missing columns and for events of another pointing or particle.
std::int64_t read_monte_carlo(
    const std::vector<std::filesystem::path>& files, const MonteCarloSelection& selection,
    const std::function<void(const dl3::Events&, const std::vector<std::size_t>&)>& take);

}  // namespace alisio::pipeline
