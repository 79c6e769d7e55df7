#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "lib/pipeline/monte_carlo.hpp"
#include "reco/dl3/gammas.hpp"
#include "reco/dl3/response.hpp"

namespace alisio::pipeline {

/// A response and what it holds for: what a file of instrument response says.
struct Response {
  IrfNode node;
  dl3::Simulation simulation;  ///< of the gammas
  std::vector<int> telescopes;
  double energy_scale = 1;  ///< factor on the true energies that it was made with
  dl3::GammaCuts cuts;
  dl3::GammaBins bins;
  dl3::Edges reco_energy;            ///< of the cuts, TeV
  std::vector<double> area;          ///< m^2, [offset][energy]
  std::vector<double> dispersion;    ///< [offset][migration][energy]
  std::vector<double> point_spread;  ///< 1/sr, [source offset][offset][energy]; empty: point-like
  dl3::Edges background_energy, background_offset;  ///< TeV, deg; empty: no background
  std::vector<double> background;                   ///< 1/(MeV s sr), [offset][energy]
};

/// Write a response as FITS tables of the format of gamma-ray astronomers (GADF 0.2), with the
/// names, units and cards of lstchain_create_irf_files: EFFECTIVE AREA, ENERGY DISPERSION,
/// BACKGROUND, PSF, GH_CUTS, RAD_MAX and AL_CUTS, those that there are. BACKGROUND runs energy
/// fastest, as the format says; lstchain 0.12.3 writes it turned, and gammapy reads that wrong.
/// @param packed     by gzip, as .fits.gz files are
/// @param attributes cards of the primary header: what the product says of its making
/// @throws Error(resource).
void write_response(const std::filesystem::path& path, bool packed, const Response& response,
                    const std::vector<std::pair<std::string, std::string>>& attributes);

}  // namespace alisio::pipeline
