#include "reco/pedestals/find_pedestals.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.hpp"

namespace alisio::pedestals {
namespace {

constexpr int kPeriodSteps = 50;      ///< to either side
constexpr double kPeriodStep = 1e-7;  ///< s
constexpr std::size_t kPhaseSteps = 1000;
constexpr double kNeighbourShare = 0.1;

/// Return `count` values from 0 to `last`, both included; rounding as in numpy's linspace.
std::vector<double> even_steps(double last, std::size_t count) {
  std::vector<double> values(count);
  const double step = last / double(count - 1);
  for (std::size_t i = 0; i < count; ++i) values[i] = double(i) * step;
  values.back() = last;
  return values;
}

/// Remainder of a positive time and a period, exactly as fmod, without its loop over bits: the
/// quotient is below 2^53, so one fused step leaves no rounding.
double remainder_of(double time, double period) {
  double rest = std::fma(-std::floor(time / period), period, time);
  if (rest < 0) rest += period;
  if (rest >= period) rest -= period;
  return rest;
}

/// A histogram of equal bins; a value on an edge belongs to the upper bin, the last edge to the
/// last.
struct Histogram {
  std::vector<double> edges;
  std::vector<std::uint32_t> counts;

  void reset(double last, std::size_t bins) {
    edges = even_steps(last, bins + 1);
    counts.assign(bins, 0);
  }
  void add(double value) {
    const std::size_t bins = counts.size();
    if (!(value >= 0 && value <= edges[bins])) return;
    auto bin = std::min(std::size_t(value / edges[bins] * double(bins)), bins - 1);
    // The quotient can be off by its rounding.
    if (value < edges[bin]) --bin;
    if (bin != bins - 1 && value >= edges[bin + 1]) ++bin;
    ++counts[bin];
  }
  [[nodiscard]] std::size_t fullest() const {
    return std::size_t(std::ranges::max_element(counts) - counts.begin());
  }
};

}  // namespace

std::vector<std::uint8_t> evenly_spaced(std::span<const double> times, double frequency) {
  const std::size_t n = times.size();
  if (n == 0)
    throw Error(ErrorKind::bad_input, "there are no events among which pedestals could be",
                "pedestal search");
  const double expected = 1 / frequency;
  Histogram histogram;
  std::uint32_t most = 0;
  double period = expected;
  for (int i = -kPeriodSteps; i <= kPeriodSteps; ++i) {
    const double tried = expected + i * kPeriodStep;
    histogram.reset(expected, n);
    for (const double time : times) histogram.add(remainder_of(time, tried));
    const std::uint32_t peak = histogram.counts[histogram.fullest()];
    if (peak < most) continue;
    most = peak;
    period = tried;
  }

  most = 0;
  double phase = 0;
  Histogram best;
  const std::vector<double> phases = even_steps(period, kPhaseSteps);
  for (const double tried : phases) {
    histogram.reset(period, n);
    for (const double time : times) histogram.add(remainder_of(time + tried, period));
    const std::uint32_t peak = histogram.counts[histogram.fullest()];
    if (peak < most) continue;
    most = peak;
    phase = tried;
    std::swap(best, histogram);
  }

  const std::size_t centre = best.fullest();
  const std::size_t before = (centre + n - 1) % n, after = (centre + 1) % n;
  const auto has_share = [&](std::size_t bin) {
    return best.counts[bin] > kNeighbourShare * best.counts[centre];
  };
  const std::size_t first = has_share(before) ? before : centre;
  const std::size_t last = has_share(after) ? after : centre;
  const double low = best.edges[first], high = best.edges[last + 1];
  std::vector<std::uint8_t> found(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double folded = remainder_of(times[i] + phase, period);
    found[i] = last >= first ? folded > low && folded < high : folded < high || folded > low;
  }
  return found;
}

std::vector<std::uint8_t> find_pedestals(const Events& events, const Options& options) {
  const std::size_t n = events.time.size();
  if (events.intensity.size() != n || events.concentration_pixel.size() != n)
    throw Error(ErrorKind::bug, "columns of different lengths", "pedestal search");
  std::vector<std::size_t> candidates;
  std::vector<double> times;
  for (std::size_t i = 0; i < n; ++i) {
    const bool flatfield = events.intensity[i] > options.flatfield_intensity &&
                           events.concentration_pixel[i] < options.flatfield_concentration;
    if (flatfield) continue;
    candidates.push_back(i);
    times.push_back(events.time[i]);
  }
  const std::vector<std::uint8_t> even = evenly_spaced(times, options.frequency);
  std::vector<std::size_t> found;
  for (std::size_t k = 0; k < candidates.size(); ++k)
    if (even[k] != 0) found.push_back(candidates[k]);

  std::vector<std::size_t> by_brightness = found;
  const auto charge = [&](std::size_t i) {
    return std::isnan(events.intensity[i]) ? 0.0 : events.intensity[i];
  };
  std::ranges::sort(by_brightness, [&](std::size_t a, std::size_t b) {
    return charge(a) != charge(b) ? charge(a) > charge(b) : a > b;
  });
  std::vector<std::uint8_t> mask(n, 0);
  for (std::size_t k = options.brightest_dropped; k < by_brightness.size(); ++k)
    mask[by_brightness[k]] = 1;
  return mask;
}

}  // namespace alisio::pedestals
