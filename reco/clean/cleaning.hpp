#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/instrument/camera.hpp"

namespace alisio::clean {

/// How an image is cleaned; the defaults are those of LST's standard configuration and the names
/// those of its keys.
struct CleaningOptions {
  // Two thresholds.
  double picture_thresh = 8;   ///< p.e.
  double boundary_thresh = 4;  ///< p.e.
  bool keep_isolated_pixels = false;
  int min_number_picture_neighbors = 2;
  bool use_only_main_island = false;
  /// A pixel stays only if a neighbour's peak time differs by less than this, ns; none: no such
  /// cut.
  std::optional<double> delta_time = 2.0;

  /// Cut at a fraction of the brightest pixels, for bright images only.
  struct Dynamic {
    bool apply = true;
    double threshold = 267;  ///< mean charge of the 3 brightest pixels that switches it on, p.e.
    double fraction_cleaning_intensity = 0.03;  ///< of that mean
  } dynamic_cleaning;
};

/// What a thread reuses from image to image, so that nothing is allocated per event.
struct CleaningScratch {
  explicit CleaningScratch(std::size_t n_pixels = 0) { reserve(n_pixels); }
  void reserve(std::size_t n_pixels);

  std::vector<std::uint8_t> above, picture, boundary;  ///< [pixel], padded to whole words
  std::vector<std::uint16_t> candidates, stack;
  std::vector<std::uint16_t> island;  ///< [pixel], of selected pixels only
  /// Indices of the pixels in the final mask, increasing: clean_image leaves them here.
  std::vector<std::uint16_t> selected;
};

/// Counts as stored in DL1: both are -1 if the two thresholds left nothing.
struct CleaningCounts {
  std::int64_t n_pixels = -1;
  std::int64_t n_islands = -1;  ///< before the choice of the main island
};

/// Clean one image: two thresholds, time difference to neighbours, dynamic cut, islands, main
/// island, in this order (lstchain's chain for DL1).
///
/// Comparisons with the image are in float32, those with per-pixel thresholds in float64, as the
/// peers' are; a NaN charge is never selected, nor counted among
/// the brightest. The time cut looks at the mask before it and is not repeated.
/// @param image     charge [pixel], p.e.
/// @param peak_time [pixel], ns.
/// @param picture_thresholds one threshold per pixel (p.e.) in place of picture_thresh, or empty.
/// @param mask      [pixel], set to 1 for the pixels kept, else 0.
/// @param scratch   its `selected` lists the pixels kept.
CleaningCounts clean_image(std::span<const float> image, std::span<const float> peak_time,
                           const instrument::CameraGeometry& geometry,
                           const CleaningOptions& options,
                           std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                           CleaningScratch& scratch);
/// The same for an image in float64, as Cat-B corrections leave it: all comparisons in float64.
CleaningCounts clean_image(std::span<const double> image, std::span<const double> peak_time,
                           const instrument::CameraGeometry& geometry,
                           const CleaningOptions& options,
                           std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                           CleaningScratch& scratch);

}  // namespace alisio::clean
