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
constexpr std::size_t lanes = 8;

constexpr double fine_structure = 7.2973525643e-3;
constexpr double shortest_wave = 300e-9, longest_wave = 600e-9;  ///< m
constexpr double pedestal_variance = 1.1 * 1.1;                  ///< p.e.^2
constexpr double variance_per_pe = 1 + 0.5 * 0.5;                ///< with the single-p.e. spread

/// Half the error function, tabulated for interpolation by cubics: 4e-11 from the true one.
class HalfErf {
 public:
  static constexpr double end = 6;  ///< from here on it is 1/2

  HalfErf() {
    for (std::size_t k = 0; k < entries; ++k) {
      const double x = double(k) / per_unit;
      table_[k] = {0.5 * std::erf(x), std::numbers::inv_sqrtpi * std::exp(-x * x) / per_unit};
    }
  }
  struct Value {
    double value, slope;
  };
  [[nodiscard]] Value at(double x) const {
    const double place = std::abs(x) * per_unit;
    if (!(place < double(entries - 1))) return {std::copysign(0.5, x), 0};
    const auto k = static_cast<std::size_t>(place);
    const double t = place - double(k);
    const Value &a = table_[k], &b = table_[k + 1];
    const double rise = b.value - a.value;
    const double second = 3 * rise - 2 * a.slope - b.slope, third = a.slope + b.slope - 2 * rise;
    return {std::copysign(a.value + t * (a.slope + t * (second + t * third)), x),
            (a.slope + t * (2 * second + t * 3 * third)) * per_unit};
  }

 private:
  static constexpr double per_unit = 128;
  static constexpr std::size_t entries = static_cast<std::size_t>(end * per_unit) + 2;
  std::array<Value, entries> table_{};
};

const HalfErf& half_erf() {
  static const HalfErf table;
  return table;
}

/// Chords through a disk less a hole: factors of the half-chord and of the way to its middle. From
/// inside, light comes from one side; from outside, the peers count a whole chord.
struct Disk {
  double square, half, middle;
  Disk(double radius, double impact)
      : square(radius * radius), half(impact <= radius ? 1 : 2), middle(impact <= radius ? 1 : 0) {}
};

ALISIO_CLONES void fill_chords(std::size_t n, const double* __restrict cosine,
                               const double* __restrict sine, double x, double y, Disk mirror,
                               Disk hole, double* __restrict chord) {
  for (std::size_t k = 0; k < n; ++k) {
    const double along = x * cosine[k] - y * sine[k], across = y * cosine[k] + x * sine[k];
    const double square = across * across;
    const double in_mirror = mirror.square - square, in_hole = hole.square - square;
    const double half_mirror = std::sqrt(in_mirror > 0 ? in_mirror : 0);
    const double half_hole = std::sqrt(in_hole > 0 ? in_hole : 0);
    chord[k] = mirror.half * half_mirror + mirror.middle * along -
               (hole.half * half_hole + hole.middle * along);
  }
}

ALISIO_CLONES void average_three(std::size_t n, const double* __restrict raw,
                                 double* __restrict out) {
  for (std::size_t k = 1; k + 1 < n; ++k) out[k] = (raw[k - 1] + raw[k] + raw[k + 1]) / 3;
  out[0] = (raw[n - 1] + raw[0] + raw[1]) / 3;
  out[n - 1] = (raw[n - 2] + raw[n - 1] + raw[0]) / 3;
}

/// Expected light, with `factor` per metre of chord. Not cloned: vectors gather no faster.
void interpolate(std::size_t n, const std::int32_t* __restrict node,
                 const double* __restrict fraction, const double* __restrict table,
                 const double* __restrict factor, double scale, double* __restrict out) {
  for (std::size_t i = 0; i < n; ++i) {
    const double low = table[node[i]], high = table[node[i] + 1];
    out[i] = scale * factor[i] * (low + fraction[i] * (high - low));
  }
}

/// What one pass over the pixels adds up.
struct PixelSums {
  double squares;      ///< of the pulls
  double smallest;     ///< variance, (p.e.)^2
  double gradient;     ///< of the negative log-likelihood by log_efficiency
  double information;  ///< expected second derivative by log_efficiency
};

double sum_of(const double (&part)[lanes]) {
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

/// Per pixel: variance, and first and expected second derivative of the negative log-likelihood by
/// the expected light; and the sums over all.
ALISIO_CLONES PixelSums pixel_terms(std::size_t n, const double* __restrict charge,
                                    const double* __restrict expected, double* __restrict variance,
                                    double* __restrict by_expected,
                                    double* __restrict information) {
  double squares[lanes] = {}, gradient[lanes] = {}, curvature[lanes] = {}, least[lanes];
  std::fill_n(least, lanes, infinity);
  for (std::size_t start = 0; start < n; start += lanes) {
    for (std::size_t k = 0; k < lanes; ++k) {
      const std::size_t i = start + k;
      const double v = pedestal_variance + variance_per_pe * expected[i];
      const double off = charge[i] - expected[i], inverse = 1 / v;
      const double first =
          inverse * (0.5 * variance_per_pe - off - 0.5 * variance_per_pe * off * off * inverse);
      const double second = inverse + 0.5 * variance_per_pe * variance_per_pe * inverse * inverse;
      variance[i] = v;
      by_expected[i] = first;
      information[i] = second;
      squares[k] += off * off * inverse;
      gradient[k] += first * expected[i];
      curvature[k] += second * expected[i] * expected[i];
      least[k] = v < least[k] ? v : least[k];
    }
  }
  return {sum_of(squares), *std::min_element(least, least + lanes), sum_of(gradient),
          sum_of(curvature)};
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

/// The sum of many logarithms for the price of few: of products that are far from overflow.
ALISIO_CLONES double sum_logs(std::size_t n, const double* a) {
  constexpr std::size_t rows = 4;
  double total = 0;
  for (std::size_t start = 0; start < n; start += rows * lanes) {
    double part[lanes];
    std::fill_n(part, lanes, 1.0);
    for (std::size_t i = start; i < std::min(n, start + rows * lanes); i += lanes)
      for (std::size_t k = 0; k < lanes; ++k) part[k] *= a[i + k];
    total += std::log(((part[0] * part[1]) * (part[2] * part[3])) *
                      ((part[4] * part[5]) * (part[6] * part[7])));
  }
  return total;
}

}  // namespace

RingLikelihood::RingLikelihood(std::span<const float> image, std::span<const std::uint8_t> mask,
                               const Circle& ring, const RingCamera& camera,
                               LikelihoodScratch& scratch)
    : camera_(camera), s_(scratch), half_pixel_(camera.pixel_width_rad / 2) {
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
  s_.node_cos.resize(nodes_);
  s_.node_sin.resize(nodes_);
  for (std::size_t k = 0; k < nodes_; ++k) {
    const double angle = double(k) * step - pi;
    s_.node_cos[k] = std::cos(angle);
    s_.node_sin[k] = std::sin(angle);
  }
  for (std::size_t column = 0; column < s_.raw.size(); ++column) {
    s_.raw[column].resize(nodes_);
    s_.chord[column].resize(nodes_);
  }
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
  padded_ = (pixels_ + lanes - 1) / lanes * lanes;
  s_.node.resize(padded_, 0);
  for (auto* buffer : {&s_.charge, &s_.radial, &s_.fraction}) buffer->resize(padded_, 0);
  for (auto* buffer :
       {&s_.across, &s_.across_by_width, &s_.variance, &s_.by_expected, &s_.information})
    buffer->assign(padded_, 0);
  for (auto& buffer : s_.slope) buffer.assign(padded_, 0);
}

double RingLikelihood::node_step() const {
  return 2 * pi / double(nodes_ - 1);
}

void RingLikelihood::set_width(double width) {
  if (width == width_) return;
  width_ = width;
  const double inverse_width = 1 / (std::numbers::sqrt2 * width);
  const HalfErf& table = half_erf();
  for (std::size_t i = 0; i < pixels_; ++i) {
    const double outer = (s_.radial[i] + half_pixel_) * inverse_width;
    const double inner = (s_.radial[i] - half_pixel_) * inverse_width;
    const auto above = table.at(outer), below = table.at(inner);
    s_.across[i] = above.value - below.value;
    s_.across_by_width[i] = -(outer * above.slope - inner * below.slope);
  }
}

void RingLikelihood::set_chords(const RingPoint& point) {
  const double x = point[impact_x], y = point[impact_y], impact = std::hypot(x, y);
  fill_chords(nodes_, s_.node_cos.data(), s_.node_sin.data(), x, y,
              Disk(camera_.mirror_radius, impact), Disk(camera_.hole_radius, impact),
              s_.raw[0].data());
  average_nodes(0);
}

void RingLikelihood::set_slopes(const RingPoint& point) {
  const double x = point[impact_x], y = point[impact_y], impact = std::hypot(x, y);
  std::fill(s_.raw[1].begin(), s_.raw[1].end(), 0.0);
  std::fill(s_.raw[2].begin(), s_.raw[2].end(), 0.0);
  const auto add = [&](double sign, double radius) {
    const Disk disk(radius, impact);
    for (std::size_t k = 0; k < nodes_; ++k) {
      const double cosine = s_.node_cos[k], sine = s_.node_sin[k];
      const double across = y * cosine + x * sine;
      const double square = disk.square - across * across;
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

RingLikelihood::Profile RingLikelihood::profile(const RingPoint& point) {
  set_width(std::exp(point[log_width]));
  set_chords(point);
  const double scale = std::exp(point[log_efficiency]) * light_per_metre_;
  double* const expected = s_.slope[log_efficiency].data();
  interpolate(padded_, s_.node.data(), s_.fraction.data(), s_.chord[0].data(), s_.across.data(),
              scale, expected);
  const PixelSums sums = pixel_terms(padded_, s_.charge.data(), expected, s_.variance.data(),
                                     s_.by_expected.data(), s_.information.data());
  if (!(sums.smallest > 0)) return {infinity, 0, 0};
  const double padding = double(padded_ - pixels_) * std::log(pedestal_variance);
  const double shift = sums.information > 0 ? -sums.gradient / sums.information : 0;
  return {0.5 * (sums.squares + sum_logs(padded_, s_.variance.data()) - padding +
                 double(pixels_) * std::log(2 * pi)),
          shift, 0.5 * sums.gradient * shift};
}

LikelihoodValue RingLikelihood::evaluate(const RingPoint& point) {
  LikelihoodValue out;
  out.nll = profile(point).nll;
  if (!std::isfinite(out.nll)) return out;
  set_slopes(point);
  const double scale = std::exp(point[log_efficiency]) * light_per_metre_;
  const auto slope_by = [&](RingParameter parameter, std::size_t column,
                            const std::vector<double>& factor) {
    interpolate(padded_, s_.node.data(), s_.fraction.data(), s_.chord[column].data(), factor.data(),
                scale, s_.slope[parameter].data());
  };
  slope_by(impact_x, 1, s_.across);
  slope_by(impact_y, 2, s_.across);
  slope_by(log_width, 0, s_.across_by_width);
  for (std::size_t a = 0; a < n_ring_parameters; ++a) {
    out.gradient[a] = sum_products(padded_, s_.by_expected.data(), s_.slope[a].data());
    for (std::size_t b = 0; b <= a; ++b)
      out.information[a][b] =
          sum_products(padded_, s_.information.data(), s_.slope[a].data(), s_.slope[b].data());
  }
  return out;
}

}  // namespace alisio::muon
