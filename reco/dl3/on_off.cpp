#include "reco/dl3/on_off.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "lib/base/error.hpp"

namespace alisio::dl3 {

std::size_t OnOffBinning::bin_count() const {
  return std::size_t(std::max(1.0, std::round(last / bin_width)));
}

OnOffCounts::OnOffCounts(const OnOffBinning& binning)
    : on(binning.bin_count()), off(binning.bin_count()), binning_(binning) {}

void OnOffCounts::count(double distance, std::int64_t& n, std::int64_t& norm,
                        std::vector<std::int64_t>& bins) {
  if (!(distance >= 0)) return;
  if (distance < binning_.cut) ++n;
  const bool below = distance < binning_.norm_high ||
                     (distance == binning_.norm_high && binning_.norm_high == binning_.last);
  if (distance >= binning_.norm_low && below) ++norm;
  if (distance > binning_.last) return;
  const auto bin = std::size_t(distance / binning_.last * double(bins.size()));
  ++bins[std::min(bin, bins.size() - 1)];
}

void OnOffCounts::add_on(double distance) {
  count(distance, n_on, norm_on, on);
}

void OnOffCounts::add_off(double distance) {
  count(distance, n_off, norm_off, off);
}

void OnOffCounts::add(const OnOffCounts& other) {
  if (on.size() != other.on.size())
    throw Error(ErrorKind::bug, "counts of other binnings were added");
  n_on += other.n_on;
  n_off += other.n_off;
  norm_on += other.norm_on;
  norm_off += other.norm_off;
  for (std::size_t i = 0; i < on.size(); ++i) {
    on[i] += other.on[i];
    off[i] += other.off[i];
  }
}

double exposure_ratio(const OnOffCounts& counts, Normalisation normalisation, int n_off_positions) {
  if (normalisation == Normalisation::positions) return 1.0 / n_off_positions;
  if (counts.norm_on == 0 || counts.norm_off == 0) return std::numeric_limits<double>::quiet_NaN();
  return double(counts.norm_on) / double(counts.norm_off);
}

Excess excess_of(const OnOffCounts& counts, Normalisation normalisation, int n_off_positions) {
  return excess_of(counts.n_on, counts.n_off,
                   exposure_ratio(counts, normalisation, n_off_positions));
}

std::vector<sky::CameraPoint> reflected_positions(sky::CameraPoint source, int n) {
  std::vector<sky::CameraPoint> positions;
  for (int k = 1; k <= n; ++k) {
    if (2 * k == n + 1) {  // half a turn, without the rounding of pi
      positions.push_back({-source.x, -source.y});
      continue;
    }
    const double angle = 2 * std::numbers::pi * k / (n + 1);
    const double c = std::cos(angle), s = std::sin(angle);
    positions.push_back({source.x * c - source.y * s, source.x * s + source.y * c});
  }
  return positions;
}

bool regions_overlap(double source_distance, int n, double radius) {
  return source_distance * std::sin(std::numbers::pi / (n + 1)) < radius;
}

}  // namespace alisio::dl3
