#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

/// Cleaning levels of a run from the noise of its pedestal events.
namespace alisio::tailcuts {

/// What a level needs to be trusted; the defaults are lstchain's.
struct Options {
  double quantile = 0.95;                  ///< of a pixel's charge over the pedestal events
  std::int64_t min_pedestal_events = 100;  ///< of a subrun
  std::int64_t min_valid_pixels = 1000;    ///< of a subrun
  double outlier_deviations = 5;           ///< in median absolute deviations
  double min_relative_statistics = 0.5;    ///< of the median number of pedestals of a subrun
  double min_used_fraction = 0.5;          ///< of the subruns looked at
};

/// The noise level of one subrun.
struct SubrunLevel {
  std::int64_t pedestal_events = 0;
  std::int64_t valid_pixels = 0;
  /// Camera median of the pixels' charge quantiles, p.e.; NaN if the subrun gives none.
  float level = std::numeric_limits<float>::quiet_NaN();
  bool enough_events = false;  ///< false: the subrun does not count at all
};

/// Measure the noise level of one subrun: the quantile of every pixel's charge, then the median
/// over the camera without unusable pixels and outliers. In float32, as the peers'.
/// @param charges  [event][pixel], p.e., of the pedestal events; NaN charges are left out
/// @param unusable [pixel], 1 for a pixel that is unusable in either gain
[[nodiscard]] SubrunLevel subrun_level(std::span<const float> charges, std::size_t n_pixels,
                                       std::span<const std::uint8_t> unusable,
                                       const Options& options);

/// The noise level of a run.
struct RunLevel {
  double level = std::numeric_limits<double>::quiet_NaN();  ///< p.e.; NaN: none could be measured
  std::size_t subruns = 0;                                  ///< looked at
  std::size_t low_statistics = 0, outliers = 0, used = 0;   ///< subruns
  std::string fault;                                        ///< why there is no level, else empty
  [[nodiscard]] bool measured() const { return fault.empty(); }
};

/// Return the median over the subruns, without those of low statistics and outliers.
[[nodiscard]] RunLevel run_level(std::span<const SubrunLevel> subruns, const Options& options);

/// Return the picture threshold for a noise level, p.e. (lstchain's table: 8 to 18 in steps of 2).
[[nodiscard]] int picture_threshold(double level);

/// Return the night-sky background to be added to dark simulations to match the level, p.e./ns
/// (lstchain's parabola).
[[nodiscard]] double additional_nsb(double level);

/// Return which of n subruns are looked at: every (1 + n / most)-th, from the first.
[[nodiscard]] std::vector<std::size_t> sampled_subruns(std::size_t n, std::size_t most);

}  // namespace alisio::tailcuts
