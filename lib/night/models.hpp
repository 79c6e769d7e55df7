#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace alisio::night {

/// Geographic latitude of the telescopes at the Roque de los Muchachos, degrees north.
inline constexpr double roque_latitude_deg = 28.7615;

/// One set of trained forests, for one declination line and one night-sky level.
struct ModelSet {
  std::filesystem::path path;
  double declination_deg = 0;
  double nsb = 0;  ///< additional night-sky background that it was trained with, p.e./ns
};

struct ModelChoice {
  ModelSet set;
  std::string reason;
};

/// Choose the set for a run. Night-sky level: the nearest of those trained for the picture
/// threshold (8: 0 to 0.22, 10: 0.38 and 0.50, 12: 0.81, 14: 1.25, 16: 1.76, 18: 2.34 p.e./ns).
/// Declination: the nearest line; but beyond the two lines that enclose the site's latitude, the
/// nearest that does not culminate lower than the pointing.
/// @throws Error(configuration) if nsb is negative or no set fits the threshold.
[[nodiscard]] ModelChoice choose_models(const std::vector<ModelSet>& sets, double declination_deg,
                                        double nsb, double picture_threshold,
                                        double latitude_deg = roque_latitude_deg);

/// List the sets below a folder: `[<prefix>]nsb_tuning_X.XX/dec_[min_]DDDD[.ext]`.
[[nodiscard]] std::vector<ModelSet> list_model_sets(const std::filesystem::path& folder);

}  // namespace alisio::night
