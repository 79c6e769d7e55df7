#pragma once
#include <cstdint>

namespace alisio::dl3 {

/// Events counted on a source and off it, and what they amount to.
struct Excess {
  std::int64_t n_on = 0, n_off = 0;
  double alpha = 0;         ///< exposure on over exposure off
  double background = 0;    ///< events expected on the source without it, alpha * n_off
  double excess = 0;        ///< n_on - background
  double excess_error = 0;  ///< one standard deviation, sqrt(n_on + alpha^2 n_off)
  double significance = 0;  ///< Li & Ma, standard deviations
};

/// Return the significance of n_on events over alpha * n_off of background, in standard deviations:
/// formula (17) of Li & Ma 1983 (ApJ 272, 317). Negative for a deficit, as gammapy has it and pyirf
/// has not; 0 if nothing was counted; NaN unless alpha is positive and finite.
[[nodiscard]] double li_ma_significance(double n_on, double n_off, double alpha);

/// Return what counts amount to; everything but the counts is NaN if alpha is.
[[nodiscard]] Excess excess_of(std::int64_t n_on, std::int64_t n_off, double alpha);

}  // namespace alisio::dl3
