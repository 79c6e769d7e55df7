#include "reco/params/image_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

#include "lib/base/error.hpp"
#include "reco/params/pairwise_sum.hpp"

namespace alisio::params {
namespace {

/// Second moments below this are rounding, m^2.
constexpr double kZeroMoment = std::numeric_limits<double>::epsilon();

double degrees_from_metres(double value, double focal_length) {
  return std::atan(value / focal_length) * (180 / std::numbers::pi);
}

/// The axes of the covariance matrix: eigenvalues (m^2) and the direction of the larger one.
struct Axes {
  double small, large, psi;
};

Axes principal_axes(double cxx, double cxy, double cyy) {
  const double mean = (cxx + cyy) / 2;
  const double half_span = std::hypot((cxx - cyy) / 2, cxy);
  const auto rounded = [](double moment) { return std::abs(moment) <= kZeroMoment ? 0 : moment; };
  double psi = std::atan2(2 * cxy, cxx - cyy) / 2;
  // A round image and one along y have the axis pi/2; -pi/2 is the same axis.
  if (cxy == 0) psi = cxx > cyy ? 0 : std::numbers::pi / 2;
  return {rounded(mean - half_span), rounded(mean + half_span), psi};
}

/// Room for the charges of selected pixels in the type of the image.
template <typename Real>
std::vector<Real>& charges_of(ParameterScratch& scratch) {
  if constexpr (std::is_same_v<Real, float>)
    return scratch.charge_f;
  else
    return scratch.charge;
}
template <typename Real>
std::vector<Real>& border_of(ParameterScratch& scratch) {
  if constexpr (std::is_same_v<Real, float>)
    return scratch.border_f;
  else
    return scratch.border;
}

template <typename Real>
ImageParameters parameters_of(std::span<const Real> image, std::span<const Real> peak_time,
                              std::span<const std::uint16_t> selected,
                              const instrument::CameraGeometry& geometry,
                              double equivalent_focal_length, ParameterScratch& scratch) {
  if (image.size() != geometry.n_pixels || peak_time.size() != geometry.n_pixels) {
    throw Error(ErrorKind::bug, "an image to describe does not fit the camera geometry",
                geometry.name);
  }
  if (scratch.dx.size() != geometry.n_pixels) scratch.reserve(geometry.n_pixels);
  ImageParameters out;
  const std::size_t n = selected.size();
  out.n_pixels = static_cast<std::int64_t>(n);
  if (n == 0) return out;

  double* const w = scratch.charge.data();
  Real* const w_f = charges_of<Real>(scratch).data();
  for (std::size_t i = 0; i < n; ++i) {
    w_f[i] = image[selected[i]];
    w[i] = static_cast<double>(w_f[i]);
  }
  const double size = pairwise_sum<double>(0, n, [&](std::size_t i) { return w[i]; });
  if (size == 0 || *std::min_element(w, w + n) < 0) return out;
  const auto weighted_mean = [&](const auto& value) {
    return pairwise_sum<double>(0, n, [&](std::size_t i) { return value(i) * w[i]; }) / size;
  };

  out.intensity = size;
  out.log_intensity = std::log10(size);
  out.x = weighted_mean([&](std::size_t i) { return geometry.x[selected[i]]; });
  out.y = weighted_mean([&](std::size_t i) { return geometry.y[selected[i]]; });
  out.r = std::hypot(out.x, out.y);
  out.phi = std::atan2(out.y, out.x);

  double* const dx = scratch.dx.data();
  double* const dy = scratch.dy.data();
  for (std::size_t i = 0; i < n; ++i) {
    dx[i] = geometry.x[selected[i]] - out.x;
    dy[i] = geometry.y[selected[i]] - out.y;
  }
  const double cxx = weighted_mean([&](std::size_t i) { return dx[i] * dx[i]; });
  const double cxy = weighted_mean([&](std::size_t i) { return dx[i] * dy[i]; });
  const double cyy = weighted_mean([&](std::size_t i) { return dy[i] * dy[i]; });
  const Axes axes = principal_axes(cxx, cxy, cyy);
  const double width = std::sqrt(axes.small), length = std::sqrt(axes.large);
  const bool extended = length != 0;

  double* const longitudinal = scratch.longitudinal.data();
  double cos_psi = ImageParameters::nan, sin_psi = ImageParameters::nan;
  if (extended) {
    out.psi = axes.psi;
    cos_psi = std::cos(axes.psi);
    sin_psi = std::sin(axes.psi);
    for (std::size_t i = 0; i < n; ++i) longitudinal[i] = dx[i] * cos_psi + dy[i] * sin_psi;
    const auto power = [&](int exponent) {
      return weighted_mean([&, exponent](std::size_t i) {
        const double square = longitudinal[i] * longitudinal[i];
        return exponent == 3 ? square * longitudinal[i] : square * square;
      });
    };
    const double length2 = length * length;
    out.skewness = power(3) / (length2 * length);
    out.kurtosis = power(4) / (length2 * length2);
  }

  // Uncertainties of the second moments along and across the axis, from those of the charges.
  const double a = (1 + std::cos(2 * out.psi)) / 2, b = (1 - std::cos(2 * out.psi)) / 2;
  const double c = std::sin(2 * out.psi);
  const auto uncertainty = [&](double of_xx, double of_yy, double of_xy, double axis) {
    const double sum = pairwise_sum<double>(0, n, [&](std::size_t i) {
      const double term = of_xx * ((dx[i] * dx[i] - cxx) / size) +
                          of_yy * ((dy[i] * dy[i] - cyy) / size) +
                          of_xy * ((dx[i] * dy[i] - cxy) / size);
      return term * term * w[i];
    });
    return degrees_from_metres(std::sqrt(sum) / (2 * axis), equivalent_focal_length);
  };
  if (extended) out.length_uncertainty = uncertainty(a, b, c, length);
  if (extended && width != 0) out.width_uncertainty = uncertainty(b, a, -c, width);
  out.length = degrees_from_metres(length, equivalent_focal_length);
  out.width = degrees_from_metres(width, equivalent_focal_length);
  out.wl = out.width / out.length;

  if (extended) {
    double* const time = scratch.time.data();
    for (std::size_t i = 0; i < n; ++i) time[i] = static_cast<double>(peak_time[selected[i]]);
    const TimeFit fit = fit_time({longitudinal, n}, {time, n}, scratch);
    out.time_gradient = fit.slope;
    out.intercept = fit.intercept;
  }

  // Leakage and concentration: sums in the type of the image, as the peers form them.
  std::vector<Real>& chosen_f = border_of<Real>(scratch);
  const auto sum_f = [&](const auto& inside, std::size_t* count) {
    std::size_t m = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (inside(i)) chosen_f[m++] = w_f[i];
    }
    if (count != nullptr) *count = m;
    return pairwise_sum<Real>(0, m, [&](std::size_t i) { return chosen_f[i]; });
  };
  const Real size_f = pairwise_sum<Real>(0, n, [&](std::size_t i) { return w_f[i]; });
  const auto leak = [&](const std::vector<std::uint8_t>& border, float* intensity, double* pixels) {
    std::size_t count = 0;
    *intensity = static_cast<float>(
        sum_f([&](std::size_t i) { return border[selected[i]] != 0; }, &count) / size_f);
    *pixels = static_cast<double>(count) / static_cast<double>(n);
  };
  leak(geometry.border_width_1, &out.leakage_intensity_width_1, &out.leakage_pixels_width_1);
  leak(geometry.border_width_2, &out.leakage_intensity_width_2, &out.leakage_pixels_width_2);

  const double near2 = geometry.pixel_width * geometry.pixel_width;
  const auto near = [&](std::size_t i) { return dx[i] * dx[i] + dy[i] * dy[i] < near2; };
  out.concentration_cog = static_cast<double>(sum_f(near, nullptr)) / size;
  out.concentration_core = 0;
  if (width != 0) {
    const auto in_ellipse = [&](std::size_t i) {
      const double across = dy[i] * cos_psi - dx[i] * sin_psi;
      return longitudinal[i] * longitudinal[i] / axes.large + across * across / axes.small <= 1;
    };
    out.concentration_core = static_cast<double>(sum_f(in_ellipse, nullptr)) / size;
  }
  out.concentration_pixel = *std::max_element(w, w + n) / size;
  return out;
}

}  // namespace

ImageParameters image_parameters(std::span<const float> image, std::span<const float> peak_time,
                                 std::span<const std::uint16_t> selected,
                                 const instrument::CameraGeometry& geometry,
                                 double equivalent_focal_length, ParameterScratch& scratch) {
  return parameters_of(image, peak_time, selected, geometry, equivalent_focal_length, scratch);
}

ImageParameters image_parameters(std::span<const double> image, std::span<const double> peak_time,
                                 std::span<const std::uint16_t> selected,
                                 const instrument::CameraGeometry& geometry,
                                 double equivalent_focal_length, ParameterScratch& scratch) {
  return parameters_of(image, peak_time, selected, geometry, equivalent_focal_length, scratch);
}

}  // namespace alisio::params
