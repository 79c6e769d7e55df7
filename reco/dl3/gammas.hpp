#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reco/dl3/cuts.hpp"
#include "reco/dl3/events.hpp"
#include "reco/dl3/response.hpp"

namespace alisio::dl3 {

/// What kind of response is made.
struct ResponseKind {
  bool point_like = false;        ///< behind a cut in direction; else of all directions
  bool source_dependent = false;  ///< the cut in direction is one in alpha, not in theta
  bool energy_dependent_gammaness = false;
  bool energy_dependent_theta = false;
  bool energy_dependent_alpha = false;

  [[nodiscard]] bool direction_by_energy() const {
    return point_like && (source_dependent ? energy_dependent_alpha : energy_dependent_theta);
  }
};

/// Simulated gammas in columns: what cuts and response need of those that pass the selection. 41
/// bytes an event, for Monte Carlo samples are large.
struct GammaSample {
  std::vector<double> true_energy, reco_energy;  ///< TeV
  std::vector<double> gammaness;
  std::vector<double> offset;  ///< of the true direction from the pointing, deg
  /// Between reconstructed and true direction, theta; alpha in source-dependent analysis; deg.
  std::vector<double> distance;
  std::vector<std::uint8_t> sign_right;  ///< the head of the image was told from its tail

  [[nodiscard]] std::size_t size() const { return true_energy.size(); }
  void reserve(std::size_t n);
};

/// Return the columns of DL2 that add_gammas() needs, and the Monte Carlo's own.
[[nodiscard]] std::vector<std::string> gamma_columns(const ResponseKind& kind);
/// The same of add_background().
[[nodiscard]] std::vector<std::string> background_columns(const ResponseKind& kind);

/// How rows become gammas of a sample.
struct SampleOptions {
  ResponseKind kind;
  double energy_scale = 1;    ///< factor on the true energies
  double max_offset_deg = 0;  ///< gammas from further off the pointing are left out
};

/// Append rows to a sample. Where the table has no disp_sign and reco_disp_sign all count as right.
/// @return how many of the rows hold a number that is needed and not finite, and were left out
std::size_t add_gammas(GammaSample& sample, const Events& events,
                       const std::vector<std::size_t>& rows, const SampleOptions& options);

/// The cuts of a response.
struct GammaCuts {
  ResponseKind kind;
  CutOptions options;
  std::optional<BinnedCut> gammaness;  ///< without: options.global_gammaness
  std::optional<BinnedCut> direction;  ///< theta or alpha; without: the global one

  [[nodiscard]] bool keeps_gammaness(double reco_energy_tev, double value) const;
  /// @param distance_deg theta or alpha; of a response that is not point-like all are kept
  [[nodiscard]] bool keeps_direction(double reco_energy_tev, double distance_deg) const;
};

/// Find the cuts on gammas, as lstchain 0.12: the one on gammaness on all of them, the one on the
/// direction on those that pass it; of theta, only where the sign is right, else the cut would
/// follow the gammas whose head was taken for the tail. @throws Error(bad_input) as find_cut().
[[nodiscard]] GammaCuts find_gamma_cuts(const GammaSample& sample, const ResponseKind& kind,
                                        const CutOptions& options, const Edges& reco_energy);

/// Count what passes the cuts.
[[nodiscard]] GammaCounts count_gammas(const GammaSample& sample, const GammaCuts& cuts,
                                       const GammaBins& bins);

/// Add the rows that pass the gammaness cut to the background, each with the weight that turns the
/// simulated flux into `spectrum`. @return as add_gammas().
std::size_t add_background(BackgroundCounts& counts, const Events& events,
                           const std::vector<std::size_t>& rows, const GammaCuts& cuts,
                           const Simulation& simulation, Spectrum spectrum, double energy_scale);

}  // namespace alisio::dl3
