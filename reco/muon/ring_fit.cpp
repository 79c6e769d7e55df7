#include "reco/muon/ring_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "reco/params/pairwise_sum.hpp"

namespace alisio::muon {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

double noise_of(std::span<const float> image) {
  constexpr double lowest = -15, bin_width = 0.5, quantile = 0.318;
  constexpr std::size_t bins = 30;
  std::array<std::int64_t, bins> counts{};
  for (const float charge : image) {
    if (!(charge <= 0 && charge >= lowest)) continue;
    const auto bin = static_cast<std::size_t>((double(charge) - lowest) / bin_width);
    ++counts[std::min(bin, bins - 1)];
  }
  std::int64_t total = 0;
  for (const std::int64_t count : counts) total += count;
  std::size_t best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  std::int64_t below = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    below += counts[bin];
    const double distance = std::abs(double(below) - quantile * double(total));
    if (distance < best_distance) {
      best_distance = distance;
      best = bin;
    }
  }
  return std::abs(lowest + bin_width * double(best));
}

Circle fit_circle(std::span<const double> lon, std::span<const double> lat,
                  std::span<const float> weights) {
  const std::size_t n = weights.size();
  const auto sum = [&](const auto& term) { return params::pairwise_sum<double>(0, n, term); };
  const double total = params::pairwise_sum<float>(0, n, [&](std::size_t i) { return weights[i]; });
  const double mean_lon = sum([&](std::size_t i) { return lon[i] * weights[i]; }) / total;
  const double mean_lat = sum([&](std::size_t i) { return lat[i] * weights[i]; }) / total;
  const auto moment = [&](std::span<const double> x, double mean, const auto& other) {
    return sum([&](std::size_t i) { return weights[i] * (x[i] - mean) * other(i); });
  };
  const auto by_lon = [&](std::size_t i) { return lon[i]; };
  const auto by_lat = [&](std::size_t i) { return lat[i]; };
  const auto by_square = [&](std::size_t i) { return lon[i] * lon[i] + lat[i] * lat[i]; };
  const double a1 = moment(lon, mean_lon, by_lon), a2 = moment(lat, mean_lat, by_lon);
  const double b1 = moment(lon, mean_lon, by_lat), b2 = moment(lat, mean_lat, by_lat);
  const double c1 = 0.5 * moment(lon, mean_lon, by_square),
               c2 = 0.5 * moment(lat, mean_lat, by_square);
  Circle ring;
  ring.lon = (b2 * c1 - b1 * c2) / (a1 * b2 - a2 * b1);
  ring.lat = (a2 * c1 - a1 * c2) / (a2 * b1 - a1 * b2);
  ring.radius = std::sqrt(sum([&](std::size_t i) {
                            const double x = ring.lon - lon[i], y = ring.lat - lat[i];
                            return weights[i] * (x * x + y * y);
                          }) /
                          total);
  return ring;
}

double containment(const Circle& ring, double camera_radius_deg) {
  const double distance = std::hypot(ring.lon, ring.lat);
  if (distance <= std::abs(camera_radius_deg - ring.radius)) return 1;
  if (distance > ring.radius + camera_radius_deg) return 0;
  const double to_chord =
      (ring.radius * ring.radius - camera_radius_deg * camera_radius_deg + distance * distance) /
      (2 * distance);
  return std::acos(to_chord / ring.radius) / std::numbers::pi;
}

RadialMoments radial_moments(std::span<const double> distance_deg, std::span<const float> charge) {
  double total = 0, sum = 0;
  for (std::size_t i = 0; i < charge.size(); ++i) {
    total += charge[i];
    sum += double(charge[i]) * distance_deg[i];
  }
  if (total == 0) return {nan, nan, nan};
  const double mean = sum / total;
  double second = 0, third = 0, fourth = 0;
  for (std::size_t i = 0; i < charge.size(); ++i) {
    const double off = distance_deg[i] - mean, square = off * off;
    second += charge[i] * square;
    third += charge[i] * square * off;
    fourth += charge[i] * square * square;
  }
  const double stdev = std::sqrt(second / total);
  return {stdev, third / total / (stdev * stdev * stdev),
          fourth / total / (stdev * stdev * stdev * stdev) - 3};
}

double completeness(const Circle& ring, std::span<const double> lon, std::span<const double> lat,
                    std::span<const float> charge, double threshold, std::size_t bins) {
  constexpr std::size_t most_bins = 360;
  std::array<double, most_bins> light{};
  bins = std::min(bins, most_bins);
  for (std::size_t i = 0; i < charge.size(); ++i) {
    const double angle = std::atan2(lat[i] - ring.lat, lon[i] - ring.lon);
    const auto bin = static_cast<std::size_t>((angle + std::numbers::pi) / (2 * std::numbers::pi) *
                                              double(bins));
    light[std::min(bin, bins - 1)] += charge[i];
  }
  const auto shining = std::count_if(light.begin(), light.begin() + std::ptrdiff_t(bins),
                                     [&](double sum) { return sum > threshold; });
  return double(shining) / double(bins);
}

}  // namespace alisio::muon
