#pragma once
#include <span>
#include <string>
#include <vector>

#include "lib/sky/frames.hpp"
#include "reco/dl2/dl2.hpp"

/// The analysis for an assumed source position (lstchain's source_dependent).
namespace alisio::dl2 {

/// A position that events are analysed for: the source, or one turned about the camera centre.
struct AssumedPosition {
  std::string name;     ///< "on", "off_180"
  double turn_deg = 0;  ///< about the camera centre, from x to y
};

/// Return the positions of a wobble observation: "on", then those off, at 360 deg / (n + 1) and
/// multiples of it.
[[nodiscard]] std::vector<AssumedPosition> assumed_positions(int n_off);

/// Return places turned about the camera centre.
[[nodiscard]] std::vector<sky::CameraPoint> turned(std::span<const sky::CameraPoint> places,
                                                   double turn_deg);

/// Return the images of a table as seen from a place in the camera, one an event, as lstchain's
/// calc_source_dependent_parameters.
[[nodiscard]] SourceColumns source_columns(const Dl1Columns& dl1,
                                           std::span<const sky::CameraPoint> places);

}  // namespace alisio::dl2
