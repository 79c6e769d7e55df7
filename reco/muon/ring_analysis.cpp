#include "reco/muon/ring_analysis.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reco/params/pairwise_sum.hpp"

namespace alisio::muon {
namespace {

constexpr double deg = 180 / std::numbers::pi;

/// Clean the image with thresholds of four and two times its noise.
void clean_by_noise(std::span<const float> image, const RingCamera& camera, RingScratch& scratch) {
  const double noise = noise_of(image);
  clean::CleaningOptions options;
  options.picture_thresh = 4 * noise;
  options.boundary_thresh = 2 * noise;
  options.delta_time.reset();
  options.dynamic_cleaning.apply = false;
  clean::clean_image(image, scratch.no_times, *camera.geometry, options, {}, scratch.clean_mask,
                     scratch.cleaning);
}

/// Gather position, distance and charge of the pixels in a mask.
void gather(std::span<const std::uint8_t> mask, std::span<const float> image,
            const RingCamera& camera, RingScratch& scratch) {
  scratch.weights.clear();
  scratch.lon.clear();
  scratch.lat.clear();
  scratch.gathered_distance.clear();
  for (std::size_t p = 0; p < mask.size(); ++p) {
    if (mask[p] == 0) continue;
    scratch.weights.push_back(image[p]);
    scratch.lon.push_back(camera.lon_deg[p]);
    scratch.lat.push_back(camera.lat_deg[p]);
    scratch.gathered_distance.push_back(scratch.distance[p]);
  }
}

Circle fit_masked(std::span<const float> image, const RingCamera& camera, RingScratch& scratch) {
  gather(scratch.clean_mask, image, camera, scratch);
  const Circle ring = fit_circle(scratch.lon, scratch.lat, scratch.weights);
  for (std::size_t p = 0; p < image.size(); ++p) {
    const double x = camera.lon_deg[p] - ring.lon, y = camera.lat_deg[p] - ring.lat;
    scratch.distance[p] = std::sqrt(x * x + y * y);
  }
  return ring;
}

}  // namespace

std::string_view cut_name(RingCut cut) {
  switch (cut) {
    case RingCut::none:
      return "none";
    case RingCut::pixel_count:
      return "pixel_count";
    case RingCut::radial_stdev:
      return "radial_stdev";
    case RingCut::radial_kurtosis:
      return "radial_kurtosis";
    case RingCut::bright_pixels:
      return "bright_pixels";
    case RingCut::pixels_in_ring:
      return "pixels_in_ring";
    case RingCut::radius:
      return "radius";
    case RingCut::impact:
      return "impact";
  }
  return "unknown";
}

RingScratch::RingScratch(std::size_t n_pixels)
    : cleaning(n_pixels),
      clean_mask(n_pixels),
      ring_mask(n_pixels),
      distance(n_pixels),
      no_times(n_pixels) {
  for (auto* buffer : {&lon, &lat, &gathered_distance}) buffer->reserve(n_pixels);
  weights.reserve(n_pixels);
}

std::size_t count_bright(std::span<const float> image, const RingOptions& options) {
  return std::size_t(std::count_if(image.begin(), image.end(),
                                   [&](float charge) { return charge > options.bright_pe; }));
}

bool may_be_ring(std::size_t bright_pixels, const RingOptions& options) {
  return bright_pixels > options.min_bright && bright_pixels < options.max_bright;
}

RingResult analyse_ring(std::span<const float> image, const RingCamera& camera,
                        const RingOptions& options, RingScratch& scratch) {
  const std::size_t n = image.size();
  RingResult out;
  const std::size_t bright = count_bright(image, options);
  out.bright_pixels = std::int64_t(bright);
  if (!may_be_ring(bright, options)) return out;

  clean_by_noise(image, camera, scratch);
  out.ring = fit_masked(image, camera, scratch);
  // Two more fits without what lies far from the circle.
  for (int repeat = 0; repeat < 2; ++repeat) {
    const double limit = out.ring.radius * options.outlier_distance;
    for (std::size_t p = 0; p < n; ++p)
      if (!(std::abs(scratch.distance[p] - out.ring.radius) < limit)) scratch.clean_mask[p] = 0;
    out.ring = fit_masked(image, camera, scratch);
  }

  const double radius = out.ring.radius;
  std::int64_t around = 0;
  scratch.around.clear();
  for (std::size_t p = 0; p < n; ++p) {
    const double off = std::abs(scratch.distance[p] - radius);
    const bool inside = off < radius * options.integration_width;
    scratch.ring_mask[p] = inside ? 1 : 0;
    if (inside) {
      ++out.pixels_in_ring;
      out.charged_pixels_in_ring += image[p] != 0 ? 1 : 0;
      out.bright_pixels_in_ring += image[p] > options.bright_pe ? 1 : 0;
    } else if (off < radius * (options.integration_width + options.outer_width)) {
      ++around;
      scratch.around.push_back(image[p]);
    }
  }
  out.ring_size = params::pairwise_sum<float>(
      0, n, [&](std::size_t p) { return scratch.ring_mask[p] != 0 ? image[p] : 0.F; });
  out.size_outside = params::pairwise_sum<float>(0, n, [&](std::size_t p) {
    return scratch.ring_mask[p] == 0 && scratch.clean_mask[p] != 0 ? image[p] : 0.F;
  });
  if (around > 0)
    out.mean_pixel_charge_around =
        double(params::pairwise_sum<float>(0, scratch.around.size(),
                                           [&](std::size_t i) { return scratch.around[i]; })) /
        double(around);
  out.containment = containment(out.ring, camera.radius_deg);
  gather(scratch.clean_mask, image, camera, scratch);
  const RadialMoments moments = radial_moments(scratch.gathered_distance, scratch.weights);
  out.radial_stdev_deg = moments.stdev;
  out.radial_skewness = moments.skewness;
  out.radial_kurtosis = moments.excess_kurtosis;

  const auto min_pixels = std::int64_t(double(n) * options.min_pixel_fraction);
  out.cut = [&] {
    if (!(moments.stdev < options.max_radial_stdev_deg)) return RingCut::radial_stdev;
    if (!(moments.excess_kurtosis < options.max_radial_kurtosis)) return RingCut::radial_kurtosis;
    if (!(double(out.bright_pixels_in_ring) > options.min_bright_fraction * double(min_pixels)))
      return RingCut::bright_pixels;
    if (out.charged_pixels_in_ring <= min_pixels) return RingCut::pixels_in_ring;
    if (!(radius < options.max_radius_deg && radius > options.min_radius_deg))
      return RingCut::radius;
    return RingCut::impact;
  }();
  if (out.cut != RingCut::impact) return out;

  out.fit = fit_intensity(image, scratch.ring_mask, out.ring, camera, scratch.intensity);
  const double width = out.fit.light.width * deg;
  for (std::size_t p = 0; p < n; ++p)
    scratch.ring_mask[p] = std::abs(scratch.distance[p] - radius) < width ? 1 : 0;
  gather(scratch.ring_mask, image, camera, scratch);
  out.completeness = completeness(out.ring, scratch.lon, scratch.lat, scratch.weights,
                                  options.completeness_pe, options.completeness_bins);
  if (out.fit.light.impact < options.max_impact * camera.mirror_radius &&
      out.fit.light.impact > options.min_impact * camera.mirror_radius)
    out.cut = RingCut::none;
  return out;
}

}  // namespace alisio::muon
