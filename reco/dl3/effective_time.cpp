#include "reco/dl3/effective_time.hpp"

#include <algorithm>
#include <limits>

#include "lib/base/median.hpp"

namespace alisio::dl3 {

EffectiveTime effective_time(std::span<const double> times_s, std::span<const double> delta_s) {
  EffectiveTime out;
  for (std::size_t i = 1; i < times_s.size(); ++i)
    if (const double step = times_s[i] - times_s[i - 1]; step > 0 && step < break_s)
      out.elapsed_s += step;
  out.effective_s = out.elapsed_s;

  double sum = 0, least = std::numeric_limits<double>::infinity();
  std::size_t count = 0;
  for (const double delta : delta_s) {
    if (!(delta > 0 && delta < break_s)) continue;
    sum += delta;
    least = std::min(least, delta);
    ++count;
  }
  const double excess = count > 0 ? sum / double(count) - least : 0;
  if (count < 2 || !(excess > 0)) return out;
  out.dead_s = least;
  out.rate_hz = 1 / excess;
  out.effective_s = out.elapsed_s / (1 + out.rate_hz * out.dead_s);
  return out;
}

std::vector<TimeInterval> good_time_intervals(std::span<const double> times_s) {
  std::vector<TimeInterval> intervals;
  if (times_s.size() < 2) return intervals;
  std::vector<double> steps;
  for (std::size_t i = 1; i < times_s.size(); ++i) steps.push_back(times_s[i] - times_s[i - 1]);
  const double longest = std::max(break_s, 30 * upper_median(std::move(steps)));

  double start = times_s.front();
  const auto close = [&](double stop) {
    if (stop > start) intervals.push_back({start, stop});
  };
  for (std::size_t i = 1; i < times_s.size(); ++i) {
    if (times_s[i] - times_s[i - 1] < longest) continue;
    close(times_s[i - 1]);
    start = times_s[i];
  }
  close(times_s.back());
  return intervals;
}

double total_length(std::span<const TimeInterval> intervals) {
  double sum = 0;
  for (const TimeInterval& interval : intervals) sum += interval.stop - interval.start;
  return sum;
}

}  // namespace alisio::dl3
