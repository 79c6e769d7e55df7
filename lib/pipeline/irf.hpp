#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/pipeline/monte_carlo.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// What one irf job is told: DL2 of simulated events of one pointing.
struct IrfRequest {
  IrfNode node;
  std::vector<std::filesystem::path> gammas;              ///< parts of one simulation
  std::vector<std::filesystem::path> protons, electrons;  ///< both or none: no background
  std::filesystem::path target;                           ///< irf_….fits or .fits.gz
};

/// Files of simulated events, of any number of pointings.
struct IrfInputs {
  std::vector<std::filesystem::path> gammas, protons, electrons;
};

/// Sort files by their pointings into one request a node, ordered by zenith angle, then azimuth;
/// every request gets the target `output_dir`/irf_node_theta_ZZ_az_AA.fits.gz.
/// @throws Error(missing_input, bad_input): a file is no Monte Carlo DL2, a node lacks its protons
/// or electrons while others have them, or has no gammas.
[[nodiscard]] std::vector<IrfRequest> irf_requests(const IrfInputs& inputs,
                                                   const std::filesystem::path& output_dir);

[[nodiscard]] ActivityNote irf_activity(const IrfRequest& request, const JobContext& context,
                                        const config::Configuration& configuration);

/// Make the instrument response of one pointing, as lstchain_create_irf_files: effective area,
/// energy dispersion, point spread (unless point-like), background (if there are protons and
/// electrons), and the cuts by energy. Files are read in pieces; of the gammas that the selection
/// keeps, 41 bytes each stay in memory.
/// @return the number of simulated events read.
/// @throws Error(missing_input, bad_input, configuration, resource): no gamma passes, for example.
std::int64_t irf(stage::StageRun& run, const IrfRequest& request,
                 const config::Configuration& configuration);

}  // namespace alisio::pipeline
