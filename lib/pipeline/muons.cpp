#include "lib/pipeline/muons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numbers>

namespace alisio::pipeline {
namespace {

constexpr calib::Window common_window{8, 4};
constexpr double deg = 180 / std::numbers::pi;

MuonRing row_of(const muon::RingResult& result) {
  MuonRing row;
  row.ring_size = result.ring_size;
  row.size_outside = result.size_outside;
  row.ring_center_x = result.ring.lon;
  row.ring_center_y = result.ring.lat;
  row.ring_radius = result.ring.radius;
  row.ring_width = result.fit.light.width * deg;
  row.good_ring = result.good();
  row.muon_efficiency = result.fit.light.efficiency;
  row.ring_containment = result.containment;
  row.ring_completeness = result.completeness;
  row.impact_parameter = result.fit.light.impact;
  row.impact_x_array = result.fit.light.impact * std::cos(result.fit.light.phi);
  row.impact_y_array = result.fit.light.impact * std::sin(result.fit.light.phi);
  row.radial_stdev = result.radial_stdev_deg;
  row.radial_skewness = result.radial_skewness;
  row.radial_excess_kurtosis = result.radial_kurtosis;
  row.num_pixels_in_ring = result.pixels_in_ring;
  row.mean_pixel_charge_around_ring = result.mean_pixel_charge_around;
  row.cut = muon::cut_name(result.cut);
  row.bright_pixels_common_window = result.bright_pixels;
  row.bright_pixels_in_ring = result.bright_pixels_in_ring;
  row.charged_pixels_in_ring = result.charged_pixels_in_ring;
  row.fit_nll = result.fit.nll;
  return row;
}

}  // namespace

struct MuonFinder::Scratch {
  explicit Scratch(std::size_t n_pixels) : image(n_pixels), bright(n_pixels), rings(n_pixels) {}
  std::vector<float> image, waveforms;
  std::vector<std::uint8_t> bright;
  muon::RingScratch rings;
};

MuonFinder::MuonFinder(const calib::ImageProducer& producer, const instrument::Telescope& telescope)
    : producer_(producer),
      camera_(telescope),
      scratches_([this] { return std::make_unique<Scratch>(camera_.n_pixels()); }) {
  const std::span<const std::uint8_t> unusable = producer.unusable_pixels();
  const std::size_t n = camera_.n_pixels();
  unusable_high_.assign(unusable.begin(), unusable.begin() + std::ptrdiff_t(n));
  for (std::size_t p = 0; p < n; ++p) unusable_.push_back(unusable[p] | unusable[n + p]);
}

MuonFinder::~MuonFinder() = default;

std::vector<MuonRing> MuonFinder::find(const calib::WorkBlock& block) {
  return scratches_.with_scratch([&](Scratch& scratch) { return find(block, scratch); });
}

std::vector<MuonRing> MuonFinder::find(const calib::WorkBlock& block, Scratch& scratch) const {
  std::vector<MuonRing> candidates;
  const std::size_t n = camera_.n_pixels();
  for (std::size_t e = 0; e < block.events.size; ++e) {
    const float* const image = &block.events.image[e * n];
    std::size_t bright = 0;
    for (std::size_t p = 0; p < n; ++p)
      bright += image[p] > options_.bright_pe && unusable_high_[p] == 0 ? 1 : 0;
    if (!muon::may_be_ring(bright, options_)) continue;

    producer_.waveforms_in_pe(block, e, scratch.waveforms);
    producer_.sum_in_common_window(block, e, scratch.waveforms, common_window, unusable_,
                                   scratch.image);
    MuonRing row = row_of(muon::analyse_ring(scratch.image, camera_, options_, scratch.rings));
    std::transform(scratch.image.begin(), scratch.image.end(), scratch.bright.begin(),
                   [&](float charge) { return charge > options_.bright_pe ? 1 : 0; });
    const auto peaks = producer_.stacked_peaks(block, e, scratch.waveforms, scratch.bright);
    row.hg_peak_sample = std::int64_t(peaks[0]);
    row.lg_peak_sample = std::int64_t(peaks[1]);
    row.event_id = block.events.event_id[e];
    row.event_time = block.events.time_unix_s[e];
    row.bright_pixels = std::int64_t(bright);
    candidates.push_back(std::move(row));
  }
  return candidates;
}

void MuonFinder::add(std::vector<MuonRing> candidates, std::size_t events) {
  table_.events = std::max<std::int64_t>(table_.events, 0) + std::int64_t(events);
  for (MuonRing& row : candidates) {
    if (row.good_ring) table_.rings.push_back(row);
    table_.candidates.push_back(std::move(row));
  }
}

}  // namespace alisio::pipeline
