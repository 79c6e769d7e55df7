#include "reco/params/process_block.hpp"

namespace alisio::params {
namespace {

template <typename Real>
ImageParameters process(std::span<const Real> image, std::span<const Real> peak_time,
                        const instrument::Telescope& telescope,
                        const clean::CleaningOptions& options,
                        std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                        Scratch& scratch) {
  const auto counts = clean::clean_image(image, peak_time, telescope.geometry, options,
                                         picture_thresholds, mask, scratch.cleaning);
  ImageParameters parameters;
  if (counts.n_pixels > 0)
    parameters = image_parameters(image, peak_time, scratch.cleaning.selected, telescope.geometry,
                                  telescope.optics.equivalent_focal_length, scratch.parameters);
  parameters.n_pixels = counts.n_pixels;
  parameters.n_islands = counts.n_islands;
  return parameters;
}

}  // namespace

ImageParameters process_image(std::span<const float> image, std::span<const float> peak_time,
                              const instrument::Telescope& telescope,
                              const clean::CleaningOptions& options,
                              std::span<const double> picture_thresholds,
                              std::span<std::uint8_t> mask, Scratch& scratch) {
  return process(image, peak_time, telescope, options, picture_thresholds, mask, scratch);
}

ImageParameters process_image(std::span<const double> image, std::span<const double> peak_time,
                              const instrument::Telescope& telescope,
                              const clean::CleaningOptions& options,
                              std::span<const double> picture_thresholds,
                              std::span<std::uint8_t> mask, Scratch& scratch) {
  return process(image, peak_time, telescope, options, picture_thresholds, mask, scratch);
}

void process_block(EventBlock& block, std::size_t first, std::size_t last,
                   const instrument::Telescope& telescope, const clean::CleaningOptions& options,
                   std::span<const double> picture_thresholds, Scratch& scratch) {
  for (std::size_t i = first; i < last; ++i)
    block.parameters[i] = process_image(
        std::span<const float>(block.image_of(i)), std::span<const float>(block.peak_time_of(i)),
        telescope, options, picture_thresholds, block.image_mask_of(i), scratch);
}

}  // namespace alisio::params
