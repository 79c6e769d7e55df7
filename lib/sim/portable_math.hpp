#pragma once
#include <cmath>

/// Elementary functions out of additions, multiplications and divisions only. Those of the C
/// library differ in the last digit between machines; these give the same bits wherever IEEE
/// arithmetic is kept, so that a simulated night depends on its parameters alone. Good to about
/// 1e-15.
namespace alisio::sim {

constexpr double pi = 3.14159265358979323846;

/// Return e to the x, 0 below -700.
[[nodiscard]] inline double portable_exp(double x) {
  if (x < -700) return 0;
  constexpr double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
  const double k = std::floor(x * 1.44269504088896340736 + 0.5);
  const double r = (x - k * ln2_high) - k * ln2_low;
  double sum = 1;
  for (int n = 14; n > 0; --n) sum = 1 + sum * r / n;
  return std::ldexp(sum, static_cast<int>(k));
}

/// Return the natural logarithm of a positive x.
[[nodiscard]] inline double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752440) {
    mantissa *= 2;
    --exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1), s2 = s * s;
  double sum = 0;
  for (int n = 23; n > 0; n -= 2) sum = sum * s2 + 1.0 / n;
  return 2 * s * sum + exponent * 0.69314718055994530942;
}

[[nodiscard]] inline double portable_log10(double x) {
  return portable_log(x) * 0.43429448190325182765;
}

/// Return x to the y for a positive x.
[[nodiscard]] inline double portable_pow(double x, double y) {
  return portable_exp(y * portable_log(x));
}

struct SinCos {
  double sin = 0, cos = 1;
};

/// Return sine and cosine of an angle of a few turns at most, rad.
[[nodiscard]] inline SinCos portable_sincos(double x) {
  const double k = std::floor(x / (pi / 2) + 0.5);
  const double r = x - k * (pi / 2), r2 = r * r;
  double s = 1, c = 1;
  for (int n = 20; n > 0; n -= 2) {
    s = 1 - s * r2 / (n * (n + 1));
    c = 1 - c * r2 / (n * (n - 1));
  }
  s *= r;
  switch (static_cast<long>(k) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

}  // namespace alisio::sim
