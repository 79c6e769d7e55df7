#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "reco/clean/cleaning.hpp"
#include "reco/muon/intensity_fit.hpp"
#include "reco/muon/ring_camera.hpp"
#include "reco/muon/ring_fit.hpp"

/// Muon rings: a muon that hits or passes close to the mirror images as a ring of known brightness,
/// so that its light tells the telescope's optical efficiency. Cuts and steps are those of
/// lstchain.image.muon.analyze_muon_event.
namespace alisio::muon {

/// Limits of the analysis; the defaults are LST's.
struct RingOptions {
  float bright_pe = 10;               ///< a pixel above this counts as bright, p.e.
  std::size_t min_bright = 50;        ///< an image is looked at if more pixels are bright
  std::size_t max_bright = 500;       ///< and fewer than this
  double integration_width = 0.25;    ///< half-width of the ring, in radii
  double outer_width = 0.2;           ///< width of the strip around it, in radii
  double outlier_distance = 0.4;      ///< pixels farther from the circle leave the fit, in radii
  double max_radial_stdev_deg = 0.1;  ///< of the light along the radius
  double max_radial_kurtosis = 1;     ///< excess
  double min_pixel_fraction = 0.08;   ///< of the camera, that the ring must cover
  double min_bright_fraction = 0.1;   ///< of that number, that must be bright
  double min_radius_deg = 0.8, max_radius_deg = 1.5;
  double min_impact = 0.2, max_impact = 0.9;  ///< in mirror radii
  double completeness_pe = 30;                ///< light that makes an angular bin count, p.e.
  std::size_t completeness_bins = 30;
};

/// The first cut that an image does not pass, in the order in which they are applied.
enum class RingCut : std::uint8_t {
  none,             ///< a good ring
  pixel_count,      ///< too few or too many bright pixels in the common integration window
  radial_stdev,     ///< light too wide along the radius, or no ring could be fitted
  radial_kurtosis,  ///< light with long tails along the radius
  bright_pixels,    ///< too few bright pixels in the ring
  pixels_in_ring,   ///< too few pixels in the ring
  radius,           ///< too small or too large
  impact,           ///< muon too close to the mirror's middle, or too far from it
};

/// Return "none", "pixel_count", ...
[[nodiscard]] std::string_view cut_name(RingCut cut);

/// All that is measured on one image; what the first failed cut prevented is NaN.
struct RingResult {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  RingCut cut = RingCut::pixel_count;
  std::int64_t bright_pixels = 0;  ///< in the whole camera
  Circle ring{nan, nan, nan};
  float ring_size = 0;                      ///< light within the integration width, p.e.
  float size_outside = 0;                   ///< of cleaned pixels outside it, p.e.
  double mean_pixel_charge_around = nan;    ///< in the strip around the ring, p.e.
  std::int64_t pixels_in_ring = 0;          ///< within the integration width
  std::int64_t charged_pixels_in_ring = 0;  ///< of them, not exactly 0
  std::int64_t bright_pixels_in_ring = 0;
  double containment = nan;  ///< fraction of the circle inside the camera
  double radial_stdev_deg = nan, radial_skewness = nan, radial_kurtosis = nan;  ///< excess kurtosis
  IntensityFit fit;           ///< NaN unless the image passes all cuts before `impact`
  double completeness = nan;  ///< fraction of the circle that shines
  [[nodiscard]] bool good() const { return cut == RingCut::none; }
};

/// What a thread reuses from image to image.
struct RingScratch {
  explicit RingScratch(std::size_t n_pixels);
  clean::CleaningScratch cleaning;
  LikelihoodScratch intensity;
  std::vector<std::uint8_t> clean_mask, ring_mask;  ///< [pixel]
  std::vector<double> distance;                     ///< [pixel], to the centre, deg
  std::vector<float> no_times;                      ///< [pixel]
  // Of the pixels in a mask.
  std::vector<float> weights, around;
  std::vector<double> lon, lat, gathered_distance;
};

/// Count the pixels above `bright_pe`.
[[nodiscard]] std::size_t count_bright(std::span<const float> image, const RingOptions& options);

/// Say whether a number of bright pixels may be a ring's: flat-fields have more, most events fewer.
[[nodiscard]] bool may_be_ring(std::size_t bright_pixels, const RingOptions& options);

/// Look for a ring in an image: cleaning adapted to its noise, circle, light along the radius,
/// cuts, fit of the light.
/// @param image charge [pixel], p.e., summed in one window common to all pixels; 0 where unusable.
[[nodiscard]] RingResult analyse_ring(std::span<const float> image, const RingCamera& camera,
                                      const RingOptions& options, RingScratch& scratch);

}  // namespace alisio::muon
