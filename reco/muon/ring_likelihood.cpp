#include "reco/muon/ring_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

// The loops are written for the compiler's vectoriser; sums run over eight lanes, so that their
// order is the same whatever the width of the machine's registers.
#define ALISIO_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]

namespace alisio::muon {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t oversampling = 3;  ///< nodes of the chord table per pixel of the ring
using kernels::Disk;
using kernels::HalfErf;
using kernels::lanes;

constexpr double fine_structure = 7.2973525643e-3;
constexpr double shortest_wave = 300e-9, longest_wave = 600e-9;  ///< m

const HalfErf& half_erf() {
  static const HalfErf table;
  return table;
}

ALISIO_CLONES void average_three(std::size_t n, const double* __restrict raw,
                                 double* __restrict out) {
  for (std::size_t k = 1; k + 1 < n; ++k) out[k] = (raw[k - 1] + raw[k] + raw[k + 1]) / 3;
  out[0] = (raw[n - 1] + raw[0] + raw[1]) / 3;
  out[n - 1] = (raw[n - 2] + raw[n - 1] + raw[0]) / 3;
}

ALISIO_CLONES void multiply(std::size_t n, double scale, const double* __restrict factor,
                            double* __restrict values) {
  for (std::size_t i = 0; i < n; ++i) values[i] = scale * factor[i] * values[i];
}

double sum_of(const double (&part)[lanes]) {
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

ALISIO_CLONES double sum_products(std::size_t n, const double* a, const double* b) {
  double part[lanes] = {};
  for (std::size_t i = 0; i < n; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) part[k] += a[i + k] * b[i + k];
  return sum_of(part);
}

ALISIO_CLONES double sum_products(std::size_t n, const double* a, const double* b,
                                  const double* c) {
  double part[lanes] = {};
  for (std::size_t i = 0; i < n; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) part[k] += a[i + k] * b[i + k] * c[i + k];
  return sum_of(part);
}

}  // namespace

RingLikelihood::RingLikelihood(std::span<const float> image, std::span<const std::uint8_t> mask,
                               const Circle& ring, const RingCamera& camera,
                               LikelihoodScratch& scratch)
    : camera_(camera),
      s_(scratch),
      kernels_(kernels::available().front()),
      half_pixel_(camera.pixel_width_rad / 2) {
  constexpr double rad = pi / 180;
  const double radius = ring.radius * rad, lon = ring.lon * rad, lat = ring.lat * rad;
  const double around = 2 * pi * radius / camera.pixel_width_rad;
  constexpr double fewest = 1, most = 10000;
  nodes_ = oversampling * static_cast<std::size_t>(std::clamp(around, fewest, most));
  // A pixel's disk does not fill the square that the model integrates over.
  constexpr double disk_in_square = pi / 4;
  light_per_metre_ = fine_structure * (1 / shortest_wave - 1 / longest_wave) *
                     (camera.pixel_width_rad / radius) * 0.5 * std::sin(2 * radius) *
                     disk_in_square;

  const double step = node_step();
  const std::size_t padded_nodes = kernels::padded(nodes_);
  for (auto* buffer : {&s_.node_cos, &s_.node_sin, &s_.raw[0]}) buffer->assign(padded_nodes, 0);
  for (std::size_t k = 0; k < nodes_; ++k) {
    const double angle = double(k) * step - pi;
    s_.node_cos[k] = std::cos(angle);
    s_.node_sin[k] = std::sin(angle);
  }
  for (auto* buffer : {&s_.raw[1], &s_.raw[2], &s_.chord[0], &s_.chord[1], &s_.chord[2]})
    buffer->resize(nodes_);
  s_.charge.clear();
  s_.radial.clear();
  s_.fraction.clear();
  s_.node.clear();
  for (std::size_t p = 0; p < mask.size(); ++p) {
    if (mask[p] == 0) continue;
    const double dx = camera.lon_rad[p] - lon, dy = camera.lat_rad[p] - lat;
    s_.charge.push_back(image[p]);
    s_.radial.push_back(std::sqrt(dx * dx + dy * dy) - radius);
    const double place = (std::atan2(dy, dx) + pi) / step;
    const auto node = std::min(static_cast<std::size_t>(place), nodes_ - 2);
    s_.node.push_back(static_cast<std::int32_t>(node));
    s_.fraction.push_back(place - double(node));
  }
  pixels_ = s_.charge.size();
  padded_ = kernels::padded(pixels_);
  s_.node.resize(padded_, 0);
  for (auto* buffer : {&s_.charge, &s_.radial, &s_.fraction}) buffer->resize(padded_, 0);
  for (auto* buffer :
       {&s_.across, &s_.across_by_width, &s_.metres, &s_.by_expected, &s_.information})
    buffer->assign(padded_, 0);
  for (auto& buffer : s_.slope) buffer.assign(padded_, 0);
  s_.products.resize(padded_ / (lanes * kernels::rows_per_product) + 1);
  n_products_ =
      (padded_ + lanes * kernels::rows_per_product - 1) / (lanes * kernels::rows_per_product);
}

double RingLikelihood::node_step() const {
  return 2 * pi / double(nodes_ - 1);
}

void RingLikelihood::set_width(double log_of_width) {
  if (log_of_width == log_width_) return;
  log_width_ = log_of_width;
  const double width = std::exp(log_of_width);
  kernels_.spread(padded_, s_.radial.data(), half_pixel_, 1 / (std::numbers::sqrt2 * width),
                  half_erf(), {s_.across.data(), s_.across_by_width.data()});
  for (auto* buffer : {&s_.across, &s_.across_by_width})
    std::fill(buffer->begin() + std::ptrdiff_t(pixels_), buffer->end(), 0.0);
}

void RingLikelihood::set_place(double x, double y) {
  if (x == x_ && y == y_) return;
  x_ = x;
  y_ = y;
  const double impact = std::hypot(x, y);
  kernels_.fill_chords({s_.node_cos.size(), s_.node_cos.data(), s_.node_sin.data(), node_step()}, x,
                       y, Disk(camera_.mirror_radius, impact), Disk(camera_.hole_radius, impact),
                       s_.raw[0].data());
  average_nodes(0);
}

void RingLikelihood::set_slopes(const RingPoint& point) {
  const double x = point[impact_x], y = point[impact_y], impact = std::hypot(x, y);
  std::fill(s_.raw[1].begin(), s_.raw[1].end(), 0.0);
  std::fill(s_.raw[2].begin(), s_.raw[2].end(), 0.0);
  const auto add = [&](double sign, double radius) {
    const Disk disk(radius, impact);
    const double radius_square = radius * radius;
    for (std::size_t k = 0; k < nodes_; ++k) {
      const double cosine = s_.node_cos[k], sine = s_.node_sin[k];
      const double across = y * cosine + x * sine;
      const double square = radius_square - across * across;
      if (square < 0) continue;
      // At the rim the slope is infinite; a large one serves.
      constexpr double steepest = 20;
      const double by_across = -disk.half * across / std::max(std::sqrt(square), radius / steepest);
      s_.raw[1][k] += sign * (by_across * sine + disk.middle * cosine);
      s_.raw[2][k] += sign * (by_across * cosine - disk.middle * sine);
    }
  };
  add(1, camera_.mirror_radius);
  add(-1, camera_.hole_radius);
  average_nodes(1);
  average_nodes(2);
}

void RingLikelihood::average_nodes(std::size_t column) {
  average_three(nodes_, s_.raw[column].data(), s_.chord[column].data());
}

kernels::Pixels RingLikelihood::pixels() const {
  return {padded_, s_.charge.data(), s_.node.data(), s_.fraction.data(), s_.across.data()};
}

double RingLikelihood::scale_at(const RingPoint& point) {
  if (point[log_efficiency] != log_efficiency_) {
    log_efficiency_ = point[log_efficiency];
    scale_ = std::exp(log_efficiency_) * light_per_metre_;
  }
  return scale_;
}

RingLikelihood::Change RingLikelihood::move_to(const RingPoint& point) {
  set_width(point[log_width]);
  set_place(point[impact_x], point[impact_y]);
  sums_ = kernels_.sum(pixels(), s_.chord[0].data(), scale_at(point), s_.metres.data(),
                       s_.products.data());
  if (!(sums_.smallest > 0)) return {0, 0};
  const double shift = sums_.information > 0 ? -sums_.gradient / sums_.information : 0;
  return {shift, 0.5 * sums_.gradient * shift};
}

void RingLikelihood::change_efficiency(RingPoint& point, double shift) {
  point[log_efficiency] += shift;
  sums_ = kernels_.sum_value(pixels(), s_.metres.data(), scale_at(point), s_.products.data());
}

double RingLikelihood::nll() const {
  if (!(sums_.smallest > 0)) return infinity;
  double logs = 0;
  for (std::size_t i = 0; i < n_products_; ++i) logs += std::log(s_.products[i]);
  const double padding = double(padded_ - pixels_) * std::log(kernels::pedestal_variance);
  return 0.5 * (sums_.squares + logs - padding + double(pixels_) * std::log(2 * pi));
}

bool RingLikelihood::is_possible() const {
  bool ordinary = sums_.smallest > 0 && sums_.squares < infinity;
  for (std::size_t i = 0; i < n_products_; ++i)
    ordinary = ordinary && s_.products[i] > 0 && s_.products[i] < infinity;
  return ordinary || nll() < infinity;
}

LikelihoodValue RingLikelihood::evaluate(const RingPoint& point) {
  LikelihoodValue out;
  set_width(point[log_width]);
  set_place(point[impact_x], point[impact_y]);
  const double scale = scale_at(point);
  sums_ = kernels_.sum_and_keep(
      pixels(), s_.chord[0].data(), scale, s_.metres.data(), s_.products.data(),
      {s_.slope[log_efficiency].data(), s_.by_expected.data(), s_.information.data()});
  out.nll = nll();
  if (!std::isfinite(out.nll)) return out;
  set_slopes(point);
  kernels_.interpolate(pixels(), s_.chord[1].data(), s_.slope[impact_x].data());
  kernels_.interpolate(pixels(), s_.chord[2].data(), s_.slope[impact_y].data());
  s_.slope[log_width] = s_.metres;
  multiply(padded_, scale, s_.across.data(), s_.slope[impact_x].data());
  multiply(padded_, scale, s_.across.data(), s_.slope[impact_y].data());
  multiply(padded_, scale, s_.across_by_width.data(), s_.slope[log_width].data());
  for (std::size_t a = 0; a < n_ring_parameters; ++a) {
    out.gradient[a] = sum_products(padded_, s_.by_expected.data(), s_.slope[a].data());
    for (std::size_t b = 0; b <= a; ++b)
      out.information[a][b] =
          sum_products(padded_, s_.information.data(), s_.slope[a].data(), s_.slope[b].data());
  }
  return out;
}

}  // namespace alisio::muon
