#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Interleaved pedestal events found by their regular times, for data whose trigger tags are wrong.
namespace alisio::pedestals {

/// Return 1 for the events whose times are most evenly spaced, with about the given frequency.
/// Times are folded with 101 periods around the expected one (steps of 0.1 us), then with 1000
/// phases of the best period, into as many bins as there are events; the fullest bin holds the
/// pedestals, with a neighbour if that has more than a tenth of its events. (lstchain's
/// find_pedestals.)
/// @param times     UTC unix, s
/// @param frequency Hz
/// @throws Error(bad_input) if there are no events.
[[nodiscard]] std::vector<std::uint8_t> evenly_spaced(std::span<const double> times,
                                                      double frequency);

/// What is known of each event.
struct Events {
  std::span<const double> time;                 ///< UTC unix, s
  std::span<const double> intensity;            ///< p.e.; NaN if nothing survived the cleaning
  std::span<const double> concentration_pixel;  ///< share of the brightest pixel
};

struct Options {
  double frequency = 100;                  ///< Hz
  double flatfield_intensity = 3e4;        ///< p.e., a flat-field event has more …
  double flatfield_concentration = 0.005;  ///< … and is more even than this
  std::size_t brightest_dropped = 10;      ///< showers that fell into the window
};

/// Return 1 for each probable pedestal: evenly spaced, no flat-field event, not one of the
/// brightest of those found. Of equally bright events (nothing survived the cleaning) the latest
/// are dropped first. @throws Error(bad_input) if no event can be one.
[[nodiscard]] std::vector<std::uint8_t> find_pedestals(const Events& events,
                                                       const Options& options);

}  // namespace alisio::pedestals
