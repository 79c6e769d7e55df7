#include "reco/tailcuts/tailcuts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::tailcuts {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

/// Quantile by linear interpolation between order statistics, in float32 as numpy's for float32
/// values. NaN for no values.
float quantile(std::vector<float>& values, double fraction) {
  if (values.empty()) return kNone;
  const float place = static_cast<float>(values.size() - 1) * static_cast<float>(fraction);
  const auto below = std::min(static_cast<std::size_t>(place), values.size() - 1);
  const auto at = values.begin() + std::ptrdiff_t(below);
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  const float low = *at, high = *std::min_element(at + 1, values.end());
  const float weight = place - static_cast<float>(below);
  const float step = high - low;
  return weight >= 0.5F ? high - step * (1 - weight) : low + step * weight;
}

/// Median of the values that are not NaN; NaN if there are none.
template <typename T>
T median(std::vector<T> values) {
  std::erase_if(values, [](T value) { return std::isnan(value); });
  if (values.empty()) return std::numeric_limits<T>::quiet_NaN();
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// Median of the distances from the median, NaN left out.
template <typename T>
T median_deviation(const std::vector<T>& values) {
  const T centre = median(values);
  std::vector<T> distances;
  distances.reserve(values.size());
  for (const T value : values) distances.push_back(std::abs(value - centre));
  return median(std::move(distances));
}

}  // namespace

SubrunLevel subrun_level(std::span<const float> charges, std::size_t n_pixels,
                         std::span<const std::uint8_t> unusable, const Options& options) {
  if (n_pixels == 0 || charges.size() % n_pixels != 0 || unusable.size() != n_pixels)
    throw Error(ErrorKind::bug, "charges and pixels do not fit", "noise level of pedestals");
  const std::size_t events = charges.size() / n_pixels;
  SubrunLevel result;
  result.pedestal_events = std::int64_t(events);
  result.enough_events = result.pedestal_events >= options.min_pedestal_events;
  if (!result.enough_events || events == 0) return result;

  std::vector<float> level(n_pixels, kNone), values;
  for (std::size_t i = 0; i < n_pixels; ++i) {
    values.clear();
    for (std::size_t event = 0; event < events; ++event)
      if (const float q = charges[event * n_pixels + i]; !std::isnan(q)) values.push_back(q);
    const float q = quantile(values, options.quantile);
    // A dead pixel measures no noise.
    if (q > 0) level[i] = q;
  }
  const float centre = median(level), deviation = median_deviation(level);
  std::vector<float> kept;
  kept.reserve(n_pixels);
  for (std::size_t i = 0; i < n_pixels; ++i) {
    if (unusable[i] != 0) continue;
    if (std::isfinite(level[i])) ++result.valid_pixels;
    const bool outlier =
        std::abs(level[i] - centre) / deviation > static_cast<float>(options.outlier_deviations);
    if (!outlier) kept.push_back(level[i]);
  }
  if (result.valid_pixels >= options.min_valid_pixels) result.level = median(std::move(kept));
  return result;
}

RunLevel run_level(std::span<const SubrunLevel> subruns, const Options& options) {
  RunLevel run;
  run.subruns = subruns.size();
  std::vector<SubrunLevel> counted;
  for (const SubrunLevel& subrun : subruns)
    if (subrun.enough_events) counted.push_back(subrun);
  const auto fail = [&](std::string why) {
    run.level = std::numeric_limits<double>::quiet_NaN();
    run.fault = std::move(why);
    return run;
  };
  if (counted.empty())
    return fail(fmt::format("no subrun has {} pedestal events", options.min_pedestal_events));

  std::vector<double> statistics;
  for (const SubrunLevel& subrun : counted) statistics.push_back(double(subrun.pedestal_events));
  const double needed = options.min_relative_statistics * median(statistics);
  std::vector<double> levels;
  for (const SubrunLevel& subrun : counted) {
    if (double(subrun.pedestal_events) > needed)
      levels.push_back(double(subrun.level));
    else
      ++run.low_statistics;
  }
  const double centre = median(levels);
  if (std::isnan(centre))
    return fail(
        fmt::format("no subrun has {} pixels with a noise level", options.min_valid_pixels));
  const double deviation = median_deviation(levels);
  std::vector<double> kept;
  for (const double level : levels) {
    const double distance = std::abs(level - centre);
    // One subrun, or equal ones, have no scatter to compare with.
    if (distance == 0 || distance / deviation < options.outlier_deviations)
      kept.push_back(level);
    else
      ++run.outliers;
  }
  run.used = kept.size();
  if (double(run.used) < options.min_used_fraction * double(run.subruns))
    return fail(fmt::format("only {} of {} subruns give a noise level", run.used, run.subruns));
  run.level = median(std::move(kept));
  return run;
}

int picture_threshold(double level) {
  struct Row {
    double below;
    int threshold;
  };
  constexpr std::array rows{Row{5.85, 8}, Row{7.25, 10}, Row{8.75, 12}, Row{10.3, 14},
                            Row{11.67, 16}};
  constexpr int highest = 18;
  for (const Row& row : rows)
    if (level < row.below) return row.threshold;
  return highest;
}

double additional_nsb(double level) {
  constexpr double dark_level = 3.95147396, linear = 0.12642504, quadratic = 0.01718627;
  const double excess = level - dark_level;
  return linear * excess + quadratic * excess * excess;
}

std::vector<std::size_t> sampled_subruns(std::size_t n, std::size_t most) {
  if (most == 0) throw Error(ErrorKind::bug, "no subrun is to be looked at", "tailcuts");
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < n; i += 1 + n / most) chosen.push_back(i);
  return chosen;
}

}  // namespace alisio::tailcuts
