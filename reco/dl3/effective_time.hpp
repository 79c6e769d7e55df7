#pragma once
#include <span>
#include <vector>

namespace alisio::dl3 {

/// Where a break of data taking is seen: no event for so long, s (lstchain's limit).
inline constexpr double break_s = 0.01;

/// How long a telescope took data, and how long it was open for a shower.
struct EffectiveTime {
  double elapsed_s = 0;    ///< time between events, breaks left out
  double effective_s = 0;  ///< elapsed time less the dead time
  double dead_s = 0;       ///< after each event; 0 if it could not be measured
  double rate_hz = 0;      ///< of events without dead time; 0 if it could not be measured
};

/// Measure the effective time of showers, as get_effective_time of lstchain 0.12: the smallest time
/// to the preceding trigger is the dead time d, its mean is d + 1/rate for a Poisson process, and
/// the open fraction is 1 / (1 + rate d). Without two different times to a preceding trigger there
/// is nothing to measure: then all the elapsed time is effective (lstchain fails, or says 0 s).
/// @param times_s  of all events that are tagged as showers, before cuts; ascending (steps back in
///                 time count as none)
/// @param delta_s  of the same events, since the preceding trigger of any kind; times that are not
///                 within (0, break_s) do not count
[[nodiscard]] EffectiveTime effective_time(std::span<const double> times_s,
                                           std::span<const double> delta_s);

/// A stretch of time, s.
struct TimeInterval {
  double start = 0, stop = 0;
};

/// Return the stretches in which the telescope took data: from event to event, cut where a pause is
/// longer than break_s and than 30 times the median time between events, which a Poisson process
/// reaches once in 10^9 events. Stretches of a single event have no length and are left out.
/// @param times_s of all events that are tagged as showers, before cuts; ascending
[[nodiscard]] std::vector<TimeInterval> good_time_intervals(std::span<const double> times_s);

/// Return the sum of the lengths, s.
[[nodiscard]] double total_length(std::span<const TimeInterval> intervals);

}  // namespace alisio::dl3
