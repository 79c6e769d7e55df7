#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "lib/base/gate.hpp"
#include "reco/check/class_check.hpp"

namespace alisio::check {

/// A few numbers that say how one subrun is: what gates judge and trends show. NaN, or -1 for
/// counts, stands for what is not known.
struct SubrunSummary {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  std::int64_t run = -1, subrun = -1;
  double time_start = nan, time_end = nan;  ///< of the first and last event, UTC unix s
  double elapsed_time = nan;                ///< s
  std::int64_t num_events = 0;
  std::array<std::int64_t, n_classes> num_class_events{};    ///< by EventClass
  std::array<std::int64_t, n_classes> num_cleaned_events{};  ///< by EventClass
  std::int64_t num_ucts_jumps = -1;
  /// Events whose tag contradicts their looks: flat-fields by one only of tag and looks.
  std::int64_t num_mistagged = -1;
  std::int64_t num_unknown = -1;       ///< events of no known type
  double alt_tel = nan, az_tel = nan;  ///< rad
  double ra_tel = nan, dec_tel = nan;  ///< deg
  double unusable_pixels = nan;        ///< fraction, see unusable_pixels()
  double pedestal_charge = nan;        ///< camera mean of the pixels' means, p.e.
  double pedestal_spread = nan;        ///< camera mean of their standard deviations, p.e.
  double flatfield_charge = nan, flatfield_spread = nan;  ///< the same of flat-fields, p.e.
  double flatfield_time = nan;         ///< camera mean of the mean pulse times, ns
  double flatfield_time_spread = nan;  ///< camera mean of the spread of relative_time, ns
  double pedestal_pulses_above_10 = nan, pedestal_pulses_above_30 = nan;  ///< fraction of pulses
  double cosmics_pulses_above_10 = nan, cosmics_pulses_above_30 = nan;    ///< fraction of pulses
  std::int64_t num_muon_rings = -1;                                       ///< good rings
  std::int64_t num_contained_rings = -1;  ///< those of them that tell the efficiency
  double muon_efficiency = nan;           ///< mean of contained rings

  [[nodiscard]] double rate(EventClass c) const {
    return elapsed_time > 0 ? double(num_class_events[std::size_t(c)]) / elapsed_time : nan;
  }
};

/// Flat-field charges that tell a pixel to be unusable: those below or above this range,
/// in medians of the pixels that nothing else is known against.
inline constexpr GateRange usual_flatfield_charge{0.5, 1.5};

/// Return 1 for each pixel that is of no use in a subrun: its calibration says so, or its charge is
/// the same in all events of all classes (its constants are zero, or nothing comes from it), or its
/// mean flat-field charge is far from the camera's, see usual_flatfield_charge: it died, or broke,
/// after its calibration run.
/// @param calibration [pixel], nonzero: unusable; empty: not known
/// @return [pixel]; empty if nothing is known
[[nodiscard]] std::vector<std::uint8_t> unusable_pixels(const ClassCheck* pedestals,
                                                        const ClassCheck* flatfield,
                                                        const ClassCheck* cosmics,
                                                        std::span<const std::uint8_t> calibration);

/// Fill what follows from the checks of the three classes (null: there is none).
/// @param calibration the pixels that the calibration calls unusable, as for unusable_pixels()
void fill_from_classes(SubrunSummary& summary, const ClassCheck* pedestals,
                       const ClassCheck* flatfield, const ClassCheck* cosmics,
                       std::span<const std::uint8_t> calibration = {});

/// Return what several subruns are together: counts added, means weighted with the events that
/// they are taken over: the muon efficiency with the contained rings, or, of a file that does not
/// tell their number, with the good ones.
[[nodiscard]] SubrunSummary total_of(std::span<const SubrunSummary> subruns);

}  // namespace alisio::check
