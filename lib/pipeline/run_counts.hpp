#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/significance_options.hpp"
#include "lib/sky/icrs.hpp"
#include "reco/dl3/effective_time.hpp"
#include "reco/dl3/events.hpp"
#include "reco/dl3/on_off.hpp"

/// One run of DL2, read and counted.
namespace alisio::pipeline {

/// What counting needs of a run.
struct RunEvents {
  std::int64_t events = 0;  ///< rows of the files
  /// Rows that pass the cut in gammaness and are no calibration: dragon_time, alt_tel, az_tel,
  /// reco_src_x, reco_src_y. None of source-dependent files, see count_alpha().
  dl3::Events selected;
  std::int64_t timeless = 0;  ///< rows without a time, which do not count
  dl3::EffectiveTime time;
  double span_s = 0;         ///< from the first shower to the last, s
  sky::Equatorial pointing;  ///< mean, deg; NaN without events
};

/// Return whether a DL2 file is of a source-dependent analysis.
[[nodiscard]] bool is_source_dependent(const std::filesystem::path& dl2);

/// Read the files of one run. Rows may be in any order; those without a time are left out, with a
/// warning.
/// @throws Error(bad_input) naming the file: simulations (they have no times), missing columns.
[[nodiscard]] RunEvents read_run(const std::vector<std::filesystem::path>& files,
                                 const SignificanceOptions& options, const sky::Site& site);

/// Count the selected events by theta^2 around the source and its reflected positions.
[[nodiscard]] dl3::OnOffCounts count_theta2(const dl3::Events& selected, sky::Equatorial source,
                                            const SignificanceOptions& options,
                                            const sky::Site& site);

/// What the columns of source-dependent files amount to.
struct AlphaCounts {
  dl3::OnOffCounts counts;
  std::int64_t selected = 0;               ///< events that pass the cut for the position on
  std::vector<std::string> off_positions;  ///< of the files, "off_180"
};

/// Count events of source-dependent files by alpha, for the position on and those off; each has its
/// own gammaness. @throws Error(bad_input) if a file has no position off, or not those of the
/// first.
[[nodiscard]] AlphaCounts count_alpha(const std::vector<std::filesystem::path>& files,
                                      const SignificanceOptions& options);

/// Return how far the place that source-dependent files assume for the source is from that of
/// another in the camera, deg: the median of the events. NaN if no event tells it.
/// @param focal_length  effective, m, of files that do not tell theirs
[[nodiscard]] double distance_from_assumed_deg(const std::vector<std::filesystem::path>& files,
                                               sky::Equatorial source, double focal_length,
                                               const sky::Site& site);

}  // namespace alisio::pipeline
