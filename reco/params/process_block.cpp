#include "reco/params/process_block.hpp"

namespace alisio::params {

void process_block(EventBlock& block, std::size_t first, std::size_t last,
                   const instrument::Telescope& telescope, const clean::CleaningOptions& options,
                   std::span<const double> picture_thresholds, Scratch& scratch) {
  for (std::size_t i = first; i < last; ++i) {
    const auto image = block.image_of(i);
    const auto peak_time = block.peak_time_of(i);
    const auto counts =
        clean::clean_image(image, peak_time, telescope.geometry, options, picture_thresholds,
                           block.image_mask_of(i), scratch.cleaning);
    auto& parameters = block.parameters[i];
    parameters = ImageParameters{};
    if (counts.n_pixels > 0) {
      parameters = image_parameters(image, peak_time, scratch.cleaning.selected, telescope.geometry,
                                    telescope.optics.equivalent_focal_length, scratch.parameters);
    }
    parameters.n_pixels = counts.n_pixels;
    parameters.n_islands = counts.n_islands;
  }
}

}  // namespace alisio::params
