#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "lib/sky/frames.hpp"
#include "reco/dl3/li_ma.hpp"

/// Events counted by their distance from a source, and from places where no source is.
namespace alisio::dl3 {

/// Where the ratio of the exposures on and off comes from.
enum class Normalisation {
  counts,    ///< events on and off in a range away from the source
  positions  ///< number of off positions: all are as far from the camera centre as the source
};

/// How a distance is cut and binned: theta^2 in deg^2, or the angle alpha in deg.
struct OnOffBinning {
  double cut = 0;                      ///< events below it count as on or off
  double last = 0;                     ///< end of the histograms, which start at 0
  double norm_low = 0, norm_high = 0;  ///< range of the normalisation, the high end excluded unless
                                       ///< it is `last`
  double bin_width = 0;

  /// Return the number of bins between 0 and `last`, at least 1.
  [[nodiscard]] std::size_t bin_count() const;
};

/// What was counted. Off events are those of all off positions together.
struct OnOffCounts {
  std::int64_t n_on = 0, n_off = 0;        ///< below the cut
  std::int64_t norm_on = 0, norm_off = 0;  ///< in the range of the normalisation
  std::vector<std::int64_t> on, off;       ///< [bin]

  explicit OnOffCounts(const OnOffBinning& binning);
  /// Count an event at a distance from the source; NaN is in no bin.
  void add_on(double distance);
  /// Count it at a distance from an off position.
  void add_off(double distance);
  /// Add counts of the same binning.
  void add(const OnOffCounts& other);

 private:
  void count(double distance, std::int64_t& n, std::int64_t& norm, std::vector<std::int64_t>& bins);
  OnOffBinning binning_;
};

/// Return exposure on over exposure off (alpha of Li & Ma). NaN if there are no events in the range
/// of the normalisation, on or off.
[[nodiscard]] double exposure_ratio(const OnOffCounts& counts, Normalisation normalisation,
                                    int n_off_positions);

/// Return what counts amount to with the exposure ratio of the same counts.
[[nodiscard]] Excess excess_of(const OnOffCounts& counts, Normalisation normalisation,
                               int n_off_positions);

/// Return off positions: the source turned about the camera centre by 360 deg / (n + 1) and
/// multiples of it. One position is the source mirrored.
[[nodiscard]] std::vector<sky::CameraPoint> reflected_positions(sky::CameraPoint source, int n);

/// Return whether circles around a source and its n reflected positions share events.
/// @param source_distance of the source from the camera centre
/// @param radius of the circles, in the same unit
[[nodiscard]] bool regions_overlap(double source_distance, int n, double radius);

}  // namespace alisio::dl3
