#pragma once
#include <cstddef>
#include <span>

#include "lib/event/event_block.hpp"
#include "lib/instrument/telescope.hpp"
#include "reco/clean/cleaning.hpp"
#include "reco/params/image_parameters.hpp"

namespace alisio::params {

/// One per thread.
struct Scratch {
  explicit Scratch(std::size_t n_pixels = 0) : cleaning(n_pixels), parameters(n_pixels) {}
  clean::CleaningScratch cleaning;
  ParameterScratch parameters;
};

/// Clean one image and compute its parameters, n_pixels and n_islands among them. Images in float64
/// are those that Cat-B has corrected.
/// @param picture_thresholds one per pixel (p.e.), or empty for options.picture_thresh.
/// @param mask [pixel], set to 1 for the pixels kept, else 0.
[[nodiscard]] ImageParameters process_image(std::span<const float> image,
                                            std::span<const float> peak_time,
                                            const instrument::Telescope& telescope,
                                            const clean::CleaningOptions& options,
                                            std::span<const double> picture_thresholds,
                                            std::span<std::uint8_t> mask, Scratch& scratch);
[[nodiscard]] ImageParameters process_image(std::span<const double> image,
                                            std::span<const double> peak_time,
                                            const instrument::Telescope& telescope,
                                            const clean::CleaningOptions& options,
                                            std::span<const double> picture_thresholds,
                                            std::span<std::uint8_t> mask, Scratch& scratch);

/// Clean the images of events [first, last) of a block and compute their parameters: fills
/// image_mask and parameters from image and peak_time. Ranges of one block may be processed by
/// several threads, each with its own scratch.
/// @param picture_thresholds one per pixel (p.e.), or empty for options.picture_thresh.
void process_block(EventBlock& block, std::size_t first, std::size_t last,
                   const instrument::Telescope& telescope, const clean::CleaningOptions& options,
                   std::span<const double> picture_thresholds, Scratch& scratch);

}  // namespace alisio::params
