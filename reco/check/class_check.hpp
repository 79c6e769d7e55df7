#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "reco/check/histograms.hpp"

namespace alisio::check {

/// The three kinds of events that are checked apart.
/// - flatfield: tagged so and looking so (intensity > 50000 p.e., concentration_pixel < 0.005);
/// - pedestals: tagged as sky pedestals;
/// - cosmics: everything else, and so the mis-tagged flat-fields, too.
enum class EventClass : std::uint8_t { pedestals, flatfield, cosmics };
inline constexpr std::size_t n_classes = 3;
inline constexpr std::array<EventClass, n_classes> event_classes{
    EventClass::pedestals, EventClass::flatfield, EventClass::cosmics};

/// Return the name that a class has in files: "pedestals", "flatfield", "cosmics".
[[nodiscard]] std::string_view class_name(EventClass c);

/// How often, and the sums from which mean and spread of each pixel follow exactly, also of several
/// subruns together.
struct Moments {
  std::vector<std::int64_t> count;  ///< [pixel]
  std::vector<double> sum, sum2;    ///< [pixel], of the values and of their squares

  void resize(std::size_t n_pixels);
  Moments& operator+=(const Moments& other);
  /// Mean and standard deviation (ddof 0) of a pixel; NaN without entries.
  [[nodiscard]] double mean(std::size_t pixel) const;
  [[nodiscard]] double stddev(std::size_t pixel) const;
  [[nodiscard]] std::vector<double> means() const;
  [[nodiscard]] std::vector<double> stddevs() const;
};

/// Thresholds of the pulses that are counted, p.e.
inline constexpr std::array<int, 5> pulse_thresholds{10, 30, 100, 300, 1000};
/// Events of which times are kept as samples.
inline constexpr std::size_t n_samples = 50;

/// What the check knows of one class of events of one subrun, or, added up, of several subruns.
struct ClassCheck {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  ClassCheck() = default;
  explicit ClassCheck(std::size_t n_pixels) { resize(n_pixels); }
  void resize(std::size_t n_pixels);

  std::int64_t run = -1;       ///< -1: not known (the peers' files do not say)
  std::int64_t subrun = -1;    ///< of the first, if several
  std::int64_t n_subruns = 1;  ///< how many are added up
  double elapsed_time = 0;     ///< s, from the first to the last event of any class; summed
  std::int64_t num_events = 0;
  std::int64_t num_cleaned_events = 0;                            ///< with an image after cleaning
  std::map<int, std::int64_t> trigger_types, ucts_trigger_types;  ///< trigger bits: events
  std::int64_t num_ucts_jumps = 0;                                ///< -1: not known
  double alt_tel = nan, az_tel = nan;  ///< pointing in the middle of the (middle) subrun, rad
  double ra_tel = nan, dec_tel = nan;  ///< the same, ICRS, deg

  // n_samples events spread evenly, the last repeated if there are fewer.
  std::vector<std::int64_t> sampled_event_ids;
  std::vector<double> ucts_time, tib_time, dragon_time;  ///< UTC unix, s

  Counts histograms;

  // [pixel]
  std::vector<std::int64_t> cog_within_pixel;                   ///< images centred in the pixel
  std::vector<std::int64_t> cog_within_pixel_intensity_gt_200;  ///< those above 200 p.e.
  std::vector<std::int64_t> num_nearby_stars;  ///< zeros: no catalogue of stars is used
  std::array<std::vector<std::int64_t>, pulse_thresholds.size()> pulses_above;
  Moments charge;  ///< p.e.
  // Times, ns, of pulses above 1 p.e.; not filled for pedestals. Relative ones are less the median
  // of the event; those above 30 p.e. are relative ones, of cosmics only.
  Moments time, relative_time, time_above_030_pe;
  /// Whether the moments are exact: not if read from a file of the peers, which lacks the numbers
  /// of pulses that its means are taken over; then all events are taken to have counted.
  bool exact = true;

  [[nodiscard]] std::size_t n_pixels() const { return charge.count.size(); }
  /// Events per second. NaN if no time elapsed.
  [[nodiscard]] double rate() const;
};

/// Adds up subruns of one class, in their order: run-wise quantities, with the spread between
/// subruns in their standard deviations. The pointing is that of the middle one.
class ClassSum {
 public:
  void add(const ClassCheck& row);
  [[nodiscard]] bool empty() const { return pointings_.empty(); }
  /// Return the sum; num_events is 0 if nothing was added.
  [[nodiscard]] ClassCheck finish() const;

 private:
  struct Pointing {
    double alt, az, ra, dec;
  };
  ClassCheck total_;
  std::vector<Pointing> pointings_;
};

/// The same of rows that are there.
[[nodiscard]] ClassCheck sum_of(std::span<const ClassCheck> rows);

}  // namespace alisio::check
